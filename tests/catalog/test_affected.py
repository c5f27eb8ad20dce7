"""Affected versions: per package one claim's word, and a disagreement only where versions really differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.catalog.rules.affected import Ranked, contradicts, merge_affected, package_key, packages
from assay.domain.osv import Affected, Event, Package, Range
from factories import a_claim, an_affected


def entry(*events: Event, kind: str = "SEMVER", versions: tuple[str, ...] = ()) -> Affected:
    return Affected(
        Package("Go", "example.org/x"),
        ranges=(Range(kind, events=events),) if events else (),
        versions=versions,
    )


def fixed(version: str) -> tuple[Event, Event]:
    return Event(introduced="0"), Event(fixed=version)


@pytest.mark.parametrize(
    ("ours", "theirs", "differ"),
    [
        (entry(*fixed("1.0")), entry(*fixed("1.0")), False),
        (entry(*fixed("1.0")), entry(*fixed("1.1")), True),
        (entry(*fixed("v1.0+incompatible")), entry(*fixed("1.0")), False),
        (entry(Event(introduced="0.0.0"), Event(fixed="1")), entry(*fixed("1")), False),
        (entry(Event(fixed="1")), entry(*fixed("1")), False),
        (entry(Event(introduced="0.5"), Event(fixed="1")), entry(*fixed("1")), True),
        (entry(Event(introduced="0"), Event(last_affected="1")), entry(*fixed("1")), True),
        (entry(Event(introduced="0")), entry(*fixed("1")), True),
        (entry(*fixed("1")), entry(versions=("0.1",)), False),
        (entry(versions=("0.1", "0.2")), entry(versions=("v0.2", "0.1")), False),
        (entry(versions=("0.1", "0.2")), entry(versions=("0.1",)), True),
        (entry(), entry(*fixed("1")), False),
        (entry(*fixed("abc"), kind="GIT"), entry(*fixed("1")), False),
        (entry(*fixed("abc"), kind="GIT"), entry(*fixed("def"), kind="GIT"), False),
    ],
)
def test_when_two_claims_contradict_each_other(ours: Affected, theirs: Affected, differ: bool):
    assert contradicts([ours], [theirs]) is differ
    assert contradicts([theirs], [ours]) is differ


@pytest.mark.parametrize(
    ("one", "key"),
    [
        (an_affected("Zope_Page.Templates"), ("PyPI", "zope-page-templates")),
        (an_affected("Newtonsoft.Json", ecosystem="NuGet"), ("NuGet", "newtonsoft.json")),
        (an_affected("Some.Name", ecosystem="npm"), ("npm", "Some.Name")),
        (an_affected("curl", ecosystem="Debian:12"), ("Debian:12", "curl")),
        (Affected(ranges=(Range("GIT", "https://example.org/a/b.git"),)), ("GIT", "example.org/a/b")),
        (Affected(ranges=(Range("GIT"), Range("GIT", "https://example.org/a/"))), ("GIT", "example.org/a")),
        (Affected(versions=("1",)), ("GIT", "")),
    ],
)
def test_a_package_is_known_by_its_ecosystem_and_normalised_name(one: Affected, key: tuple[str, str]):
    assert package_key(one) == key


def test_packages_are_listed_once_in_the_order_of_the_document():
    listed = (an_affected("b"), an_affected("a"), an_affected("B"))
    assert packages(listed) == (("PyPI", "b"), ("PyPI", "a"))


def test_the_most_trusted_claim_on_a_package_says_all_about_it():
    ours = a_claim(affected=(an_affected("a", fixed="1"), an_affected("A", fixed="2")))
    theirs = a_claim(source="cve", affected=(an_affected("a", fixed="3"), an_affected("b", fixed="1")))
    merged, said = merge_affected([Ranked(0, ours), Ranked(3, theirs)])
    assert merged == (*ours.affected, theirs.affected[1])
    assert said == {"affected/PyPI/a": (0, (3,)), "affected/PyPI/b": (3, ())}


def test_nobody_speaks():
    assert merge_affected([]) == ((), {})
    assert merge_affected([Ranked(0, a_claim())]) == ((), {})


entries = st.lists(
    st.builds(an_affected, st.sampled_from("abA"), fixed=st.sampled_from(["1", "2", None])), max_size=4
).map(tuple)


@given(st.lists(entries, max_size=4))
def test_no_package_mixes_two_claims(listed: list[tuple[Affected, ...]]):
    ranked = [Ranked(place, a_claim(record_id=str(place), affected=one)) for place, one in enumerate(listed)]
    merged, said = merge_affected(ranked)
    assert set(packages(merged)) == {package_key(entry) for one in listed for entry in one}
    for key in packages(merged):
        first = next(place for place, one in enumerate(listed) if key in packages(one))
        assert [e for e in merged if package_key(e) == key] == [
            e for e in listed[first] if package_key(e) == key
        ]
        by, against = said["affected/" + "/".join(key)]
        assert by == first
        assert all(place > first and key in packages(listed[place]) for place in against)


@given(entries, entries)
def test_contradiction_is_mutual_and_nobody_contradicts_himself(ours, theirs):
    assert contradicts(ours, theirs) == contradicts(theirs, ours)
    assert not contradicts(ours, ours)
