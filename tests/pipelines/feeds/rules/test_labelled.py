"""When a name counts as right: strictly, with aliases, leniently."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.pipelines.feeds.model.extraction import Extraction, Value
from assay.pipelines.feeds.rules.evaluating import Scores
from assay.pipelines.feeds.rules.labelled import Aliases, Labelled, Truth, from_line, nearly
from assay.pipelines.feeds.rules.names import Names

WORDS = st.lists(st.sampled_from(("adobe", "commerce", "exynos", "1380", "b2b", "a")), min_size=1, max_size=4)
NAMES = WORDS.map(" ".join)


@pytest.mark.parametrize(
    ("name", "right", "is_near"),
    [
        ("commerce", "commerce", True),
        ("exynos", "exynos 1380", True),
        ("adobe commerce", "commerce", True),
        ("commerce b2b", "b2b commerce", True),
        ("windows", "windows server 2019", False),
        ("windows server 2022", "windows server 2019", False),
        ("commerce", "commercetools", False),
        ("", "commerce", False),
    ],
)
def test_leniently_one_name_contains_the_other_and_half_its_letters(
    name: str, right: str, is_near: bool
) -> None:
    assert nearly(name, [right]) is is_near
    assert nearly(right, [name]) is is_near


@given(NAMES, NAMES, NAMES)
def test_what_is_right_strictly_is_right_leniently(name: str, other: str, third: str) -> None:
    assert nearly(name, [other, name])
    assert nearly(name, [other, third]) == nearly(name, [third, other])
    assert not nearly(name, [])


def record(*pairs: tuple[str, str]) -> Labelled:
    """A text of which the CNA says the first pair, and CISA the others."""
    one = from_line(b'{"text": "Adobe Commerce before 2.4 reads files.", "name": "CVE-2026-1"}')
    return replace(one, truth=Truth(cna=pairs[:1], cisa=pairs[1:]))


def test_the_evaluation_has_a_row_for_each_measure_and_each_is_at_least_as_kind() -> None:
    aliases = Aliases([record(("Adobe", "Magento"), ("Adobe", "Commerce"))])
    scores = Scores(Names(), aliases)
    for said in ("Commerce", "Adobe Commerce", "Magento", "Reader"):
        value = Value(value=said, confidence=0.9)
        scores.count(
            record(("Adobe", "Commerce")),
            Extraction(vendor=Value(value="Adobe", confidence=0.9), product=value),
        )
    rows = {row.field: row for row in scores.report("rules").fields}
    assert rows["vendor"].right == rows["vendor, aliases"].right == rows["vendor, lenient"].right == 1.0
    assert [rows[f"product{way}"].right for way in ("", ", aliases", ", lenient")] == [0.25, 0.75, 0.5]
    assert rows["product, new, lenient"].right == 0.5
    assert {row.labels for name, row in rows.items() if name.startswith("product")} == {4}
    assert {row.accepted for name, row in rows.items() if name.startswith("product")} == {1.0}
