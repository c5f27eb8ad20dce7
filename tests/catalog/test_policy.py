"""The merge policy: data, read strictly, with errors that name the entry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.bootstrap.loading import load_policy
from assay.catalog.rules.policy import FIELDS, read_policy
from assay.errors import Permanent
from factories import a_claim, a_policy, as_toml


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("priority = [", "not TOML"),
        ("", "priority"),
        ("priority = 'osv'", "priority"),
        ("priority = ['osv', 1]", "priority"),
        ("priority = ['osv', 'cve', 'osv']", "priority"),
        ("priority = ['osv']\nprioritty = []", "prioritty"),
        ("priority = ['osv']\nnames = ['CVE', 'CVE']", "names"),
        ("priority = ['osv']\ncvss = ['3.2']", "cvss"),
        ("priority = ['osv']\ncvss = [3.1]", "cvss"),
        ("priority = ['osv']\ncvss = ['3.1', '3.1']", "cvss"),
        ("priority = ['osv']\nreview_below = 1.1", "review_below"),
        ("priority = ['osv']\nreview_below = nan", "review_below"),
        ("priority = ['osv']\nreview_below = true", "review_below"),
        ("priority = ['osv']\nreview_below = '0.5'", "review_below"),
        ("priority = ['osv']\nfields = []", "fields"),
        ("priority = ['osv']\n[fields]\ncolour = ['osv']", "colour"),
        ("priority = ['osv']\n[fields]\nsummary = 'osv'", "fields.summary"),
        ("priority = ['osv']\n[fields]\nsummary = ['osv', 'osv']", "fields.summary"),
        ("priority = ['osv']\nspeaks_only_for = 1", "speaks_only_for"),
        ("priority = ['osv']\n[speaks_only_for]\nkev = 'exploited'", "speaks_only_for.kev"),
        ("priority = ['osv']\n[speaks_only_for]\nkev = ['colour']", "speaks_only_for.kev"),
    ],
)
def test_a_wrong_entry_is_named_with_its_file(text: str, names: str):
    with pytest.raises(Permanent, match=names) as caught:
        read_policy(text, "my.toml")
    assert str(caught.value).startswith("my.toml: ")


def test_the_policy_that_ships_is_as_the_design_says():
    policy = load_policy(None)
    order = [
        policy.rank(a_claim(source=source)) for source in ("osv", "gitlab", "cve", "extraction", "record")
    ]
    assert order == sorted(set(order))
    assert policy.rank(a_claim(source="kev")) > order[-1]
    kev, osv = a_claim(source="kev"), a_claim(source="osv")
    assert policy.rank(kev, "exploited") < policy.rank(osv, "exploited")
    assert [field for field in sorted(FIELDS) if policy.speaks(kev, field)] == ["exploited"]
    assert all(policy.speaks(osv, field) for field in FIELDS)
    assert policy.cvss == ("4.0", "3.1", "3.0", "2.0")


def test_the_policy_of_the_tests_is_the_one_that_ships():
    assert a_policy() == load_policy(None)


def test_one_database_of_a_source_may_have_a_rank_of_its_own():
    policy = a_policy(priority=["osv/GHSA", "gitlab", "osv", "osv/MAL"])
    ranks = [
        policy.rank(a_claim("GHSA-aaaa-aaaa-aaaa")),
        policy.rank(a_claim(None, aliases=["CVE-2024-1000"], source="gitlab")),
        policy.rank(a_claim("PYSEC-2024-1")),
        policy.rank(a_claim("MAL-2024-1")),
        policy.rank(a_claim("GHSA-aaaa-aaaa-aaaa", source="cve")),
    ]
    assert ranks == sorted(set(ranks))


def test_a_field_may_have_an_order_of_its_own_and_the_others_follow_theirs():
    policy = a_policy(fields={"cvss": ["cve", "osv/GHSA"]})
    listed = [
        a_claim(source="cve"),
        a_claim("GHSA-aaaa-aaaa-aaaa"),
        a_claim("PYSEC-1"),
        a_claim(source="gitlab"),
    ]
    ranks = [policy.rank(claim, "cvss") for claim in listed]
    assert ranks == sorted(set(ranks))
    assert policy.rank(listed[0], "summary") > policy.rank(listed[1], "summary")


sources = st.lists(st.sampled_from(["osv", "gitlab", "cve", "kev", "osv/GHSA"]), unique=True)


@given(sources, st.dictionaries(st.sampled_from(sorted(FIELDS)), sources), st.floats(0, 1))
def test_what_is_written_is_read(priority, fields, review_below):
    entries = {"priority": priority, "fields": fields, "review_below": review_below}
    policy = read_policy(as_toml(entries), "my.toml")
    assert list(policy.ranks) == priority
    assert {field: list(order) for field, order in policy.field_ranks.items()} == fields
    assert policy.review_below == review_below
