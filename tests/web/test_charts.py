"""Charts draw what they are given, whole and to scale."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.web import charts


@dataclass(frozen=True)
class Bar:
    day: date
    severities: dict[str, int]


days = st.lists(
    st.dictionaries(st.sampled_from(charts.SEVERITIES), st.integers(0, 10**6)), min_size=1, max_size=60
).map(lambda found: [Bar(date(2026, 1, 1) + timedelta(days=place), one) for place, one in enumerate(found)])


@given(days)
def test_a_trend_is_well_formed_and_heights_are_in_proportion(found):
    root = ET.fromstring(charts.trend(found, 'a "label" <b>'))
    assert root.get("aria-label") == 'a "label" <b>'
    bars = root.findall("g")
    assert len(bars) == len(found)
    top = charts.ceiling(max(sum(one.severities.values()) for one in found))
    for bar, one in zip(bars, found, strict=True):
        assert bar.find("title").text == charts.in_words(one)
        heights = [float(rect.get("height")) for rect in bar.findall("rect") if rect.get("class") != "hit"]
        assert sum(heights) == pytest.approx(122 * sum(one.severities.values()) / top, abs=0.1)


@given(st.integers(0, 10**9))
def test_the_top_of_the_scale_is_round_and_near(most):
    top = charts.ceiling(most)
    assert top >= most
    assert re.fullmatch(r"[125]0*", str(top))
    assert top <= max(2, most * 5)


@given(st.floats(allow_nan=False))
def test_a_meter_never_leaves_its_track(share):
    root = ET.fromstring(charts.meter(share))
    assert 0 <= float(root.findall("rect")[1].get("width")) <= 60


def test_no_days_and_no_values_are_no_chart():
    assert charts.trend([], "nothing") == ""
    assert charts.spark([0.5], "one") == ""


def test_a_line_goes_through_its_values():
    root = ET.fromstring(charts.spark([0.0, 0.5, 1.0], "up"))
    points = [tuple(map(float, pair.split(","))) for pair in root.find("polyline").get("points").split()]
    assert [x for x, _ in points] == [1, 120, 239]
    assert [y for _, y in points] == [39, 21, 3]
