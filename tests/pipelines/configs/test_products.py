"""Apps are found among the products that CVE records name, as sure as their names are alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.pipelines.configs.rules.products import likeness, most_certain, standing

# As the CVE list writes them: CVE-2024-36982, CVE-2023-22934 (Splunk Cloud), CVE-2024-36991 (one version by name).
ENTERPRISE = (">= 9.2, < 9.2.2", ">= 9.1, < 9.1.5", ">= 9.0, < 9.0.10")


@pytest.mark.parametrize(
    ("version", "ranges", "is_affected", "fixed"),
    [
        ("9.2.0", ENTERPRISE, True, "9.2.2"),
        ("9.2", ENTERPRISE, True, "9.2.2"),
        ("9.2.2", ENTERPRISE, False, None),
        ("9.0.9", ENTERPRISE, True, "9.0.10"),
        ("8.2.12", ENTERPRISE, False, None),
        ("9.0.1", (">= -, < 9.0.2209.3",), True, "9.0.2209.3"),
        ("5.56.0+09ad75911", ("<= 5.56",), True, None),
        ("7.1.2", ("7.1.2",), True, None),
        ("7.1.3", ("7.1.2",), False, None),
        ("7.1.3", ("*",), True, None),
        # What cannot be compared is unclear, never safe.
        ("dev", ENTERPRISE, None, None),
        (None, ENTERPRISE, None, None),
        ("9.2.0", ("before the summer",), None, None),
        ("9.2.0", ("before the summer", ">= 9.2, < 9.2.2"), True, "9.2.2"),
        ("9.2.0", (), None, None),
    ],
)
def test_versions(version, ranges, is_affected, fixed):
    found = standing(version, ranges)
    assert (found.is_affected, found.fixed) == (is_affected, fixed)


def test_a_product_of_which_every_version_is_affected():
    assert standing("1.0", (), "affected").is_affected is True


@pytest.mark.parametrize(
    ("product", "folder", "label", "confidence"),
    [
        ("Splunk Enterprise", "", "Splunk Enterprise", 0.95),
        ("splunk", "", "Splunk Enterprise", 0.95),
        ("Splunk Cloud Platform", "", "Splunk Enterprise", None),
        ("Splunk Enterprise", "splunk_app", "Splunk", None),
        (
            "Splunk Enterprise Security (ES)",
            "SplunkEnterpriseSecuritySuite",
            "Splunk Enterprise Security",
            0.9,
        ),
        ("Splunk Enterprise Security (ES)", "SplunkEnterpriseSecuritySuite", "Enterprise Security", 0.6),
        ("Splunk Add-on Builder", "splunk_add-on_builder", None, 0.85),
        ("Splunk App for Lookup File Editing", "lookup_editor", "Lookup File Editing", 0.6),
        ("Splunk App for Stream", "splunk_app_stream", "Splunk Stream", None),
        ("Splunk App", "app", "App", None),
    ],
)
def test_names(product, folder, label, confidence):
    found = likeness(product, folder, label)
    assert (None if found is None else found.confidence) == confidence


def test_of_several_products_that_which_tells_most():
    sure, near = likeness("Splunk Enterprise", "", None), likeness("splunk", "", None)
    assert sure is not None
    assert near is not None
    affected, unclear, safe = standing("1", ("1",)), standing(None, ("1",)), standing("1", ("2",))
    assert most_certain([(near, unclear), (sure, affected)]) == (sure, affected)
    assert most_certain([(sure, safe)]) is None
    assert most_certain([]) is None


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=4))
def test_nothing_that_anybody_writes_raises(version, ranges):
    standing(version, ranges)
    likeness(version, version, version)
