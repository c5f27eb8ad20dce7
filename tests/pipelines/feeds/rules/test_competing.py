"""Statements about products that do not belong together."""

import pytest

from assay.pipelines.feeds.model.extraction import Prose
from assay.pipelines.feeds.model.names import Known
from assay.pipelines.feeds.rules.candidates import find_candidates
from assay.pipelines.feeds.rules.competing import states_another
from assay.pipelines.feeds.rules.names import Names

NAMES = Names(
    [
        Known("acme", "rocket", "Acme", "Rocket", 3),
        Known("acme", "sled", "Acme", "Sled", 3),
        Known("umbrella", "shade", "Umbrella", "Shade", 3),
    ]
)
TITLE = "CVE-2026-1: Rocket reads files"


def is_stated(body: str, vendor: str = "acme", product: str = "rocket") -> bool:
    """Whether another product is stated in a text about Rocket."""
    found = find_candidates(Prose(text=f"{TITLE}\n\n{body}", title_end=len(TITLE)), NAMES)
    return states_another(found, NAMES, vendor, product)


@pytest.mark.parametrize(
    "body",
    [
        "A flaw in Acme Rocket before 1.2 lets people read files. This issue affects Umbrella Shade before 9.9.9.",
        "This issue affects Umbrella Shade before 9.9.9.\n\nA flaw in Acme Rocket lets people read files.",
        "A flaw in Acme Rocket before 1.2 lets people read files, as does Shade through 3.1.",
    ],
)
def test_a_statement_about_somebody_elses_product_competes(body: str) -> None:
    assert is_stated(body)


@pytest.mark.parametrize(
    "body",
    [
        "A flaw in Acme Rocket before 1.2 lets people read files.",
        "A flaw in Acme Rocket before 1.2 and Acme Sled before 3.4 lets people read files.",
        "A flaw in Rocket before 1.2 and Sled before 3.4 lets people read files.",
        "A flaw in Acme Rocket before 1.2 lets people read files of Umbrella Shade.",
        "This issue affects Rocket: from 1.0 before 1.2. Something else before 3.0 is not affected.",
    ],
)
def test_what_belongs_together_or_states_nothing_does_not_compete(body: str) -> None:
    assert not is_stated(body)


def test_who_believes_the_false_statement_is_told_of_the_true_one() -> None:
    body = "This issue affects Umbrella Shade before 9.9.9.\n\nA flaw in Acme Rocket before 1.2 lets people read files."
    assert is_stated(body, "umbrella", "shade")
