"""The forests that rank names, their probabilities, and the calibration that ships."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.pipelines.feeds.rules.ranking import Calibration, Choice, Curve, Forest, Ranking, fitted, shares
from assay.pipelines.feeds.rules.signals import PRODUCT_SIGNALS, VENDOR_SIGNALS

NUMBERS = st.floats(-50, 500, allow_nan=False)


def walked(forest: Forest, row: list[float]) -> float:
    """What each tree says, node by node."""
    total = forest.base
    for asked, limits, low, high in forest.trees:
        node = 0
        while asked[node] >= 0:
            node = low[node] if row[asked[node]] <= limits[node] else high[node]
        total += limits[node]
    return total


@pytest.mark.parametrize("field", ["vendor", "product"])
@given(data=st.data())
def test_all_trees_at_once_say_what_each_says_alone(field: str, data: st.DataObject) -> None:
    forest: Forest = getattr(fitted(), field)
    row = data.draw(st.lists(NUMBERS, min_size=len(forest.signals), max_size=len(forest.signals)))
    assert Ranking(forest).weight(row) == pytest.approx(walked(forest, row), abs=1e-6)


@given(st.lists(st.floats(-800, 800, allow_nan=False), max_size=12))
def test_candidates_compete_for_one_probability(weights: list[float]) -> None:
    told = shares(weights)
    assert len(told) == len(weights)
    assert all(0.0 <= one <= 1.0 for one in told)
    assert sum(told) <= 1.0 + 1e-9
    for one, share in zip(weights, told, strict=True):
        for other, other_share in zip(weights, told, strict=True):
            assert one < other or share >= other_share


def test_a_rival_takes_from_a_candidate_and_none_of_them_has_its_part() -> None:
    assert shares([0.0]) == [0.5]
    assert shares([3.0])[0] > shares([3.0, 2.0])[0]
    assert shares([]) == []


@pytest.mark.parametrize("field", ["vendor_calibration", "product_calibration"])
@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("is_made", [False, True])
def test_who_scores_higher_is_surer_within_probabilities(field: str, is_known: bool, is_made: bool) -> None:
    calibration: Calibration = getattr(fitted(), field)
    choice = Choice(0.5, 0.01, 0.1, is_known=is_known, is_in_text=True, is_made=is_made)
    told = [
        calibration.read(choice._replace(score=score).signals())
        for score in (0.0, 0.1, 0.3, 0.5, 0.8, 0.95, 1.0)
    ]
    assert told == sorted(told)
    assert told[0] >= 0.0
    assert told[-1] <= 1.0
    assert told[0] < told[-1]


def test_a_calibration_without_a_curve_is_a_logistic_line() -> None:
    assert Calibration(weights=(0.0, 1.0)).read((0.0,)) == 0.5
    assert Calibration(weights=(1.0, 2.0)).read((-0.5,)) == 0.5
    assert Calibration(weights=(0.0, 1.0), curve=Curve(at=(0.0, 1.0), right=(0.2, 0.4))).read((0.5,)) == (
        pytest.approx(0.3)
    )


def test_that_the_vendor_is_known_to_make_the_product_speaks_for_both() -> None:
    for calibration in (fitted().vendor_calibration, fitted().product_calibration):
        choice = Choice(0.9, 0.05, 0.5, is_known=True, is_in_text=True, is_made=False)
        assert calibration.read(choice._replace(is_made=True).signals()) >= calibration.read(choice.signals())


def test_the_shipped_model_has_the_signals_that_are_computed() -> None:
    assert fitted().vendor.signals == VENDOR_SIGNALS
    assert fitted().product.signals == PRODUCT_SIGNALS
    assert len(set(PRODUCT_SIGNALS)) == len(PRODUCT_SIGNALS)
