"""Grouping: whatever the order of arrival, every name is in one group, and no group holds two CVE ids."""

import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.catalog.rules.grouping import AliasGroup, Decisions, Naming, alias_groups, components, pair
from assay.domain.identifiers import is_cve
from assay.pipelines.advisories.sources import osv

SAMPLE = Path(__file__).resolve().parents[2] / "sample" / "osv.zip"

CVES = tuple(f"CVE-2024-{number}" for number in (9999, 10000, 10001, 20000))
OTHERS = (
    "GHSA-aaaa-aaaa-aaaa",
    "GHSA-bbbb-bbbb-bbbb",
    "PYSEC-2024-1",
    "RUSTSEC-2024-0001",
    "BIT-a-2024-1",
    "GO-2024-1",
)
NAMES = CVES + OTHERS


@st.composite
def namings(draw: st.DrawFn) -> list[Naming]:
    found = []
    for claim in range(1, draw(st.integers(1, 9)) + 1):
        identifiers = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)))
        own = draw(st.sampled_from((None, identifiers[0])))
        found.append(Naming(claim, own, identifiers))
    return found


# Fewer examples than usual, of more claims: fifteen laws look at the same space.
few = settings(max_examples=60)
pairs = st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True).map(lambda two: pair(*two))


def pin_classes(pins: Iterable[tuple[str, str]], names: Iterable[str]) -> dict[str, frozenset[str]]:
    """For each name all that pins join it to, itself included."""
    classes = {name: {name} for name in names}
    for left, right in pins:
        if left in classes and right in classes and classes[left] is not classes[right]:
            joined = classes[left] | classes[right]
            for name in joined:
                classes[name] = joined
    return {name: frozenset(together) for name, together in classes.items()}


@st.composite
def decisions(draw: st.DrawFn) -> Decisions:
    """Pins and bans that do not contradict each other."""
    pins = frozenset(draw(st.lists(pairs, max_size=3)))
    classes = pin_classes(pins, NAMES)
    bans = frozenset(two for two in draw(st.lists(pairs, max_size=3)) if two[1] not in classes[two[0]])
    return Decisions(pins, bans)


def all_names(given_names: Sequence[Naming]) -> set[str]:
    return {name for naming in given_names for name in naming.identifiers}


def group_of(groups: Iterable[AliasGroup]) -> dict[str, AliasGroup]:
    return {name: group for group in groups for name in group.identifiers}


def sets(groups: Iterable[AliasGroup]) -> set[tuple[frozenset[str], frozenset[int]]]:
    return {(frozenset(group.identifiers), frozenset(group.claims)) for group in groups}


@few
@given(namings(), decisions(), st.randoms(use_true_random=False))
def test_the_order_of_claims_does_not_matter(found: list[Naming], decided: Decisions, random):
    shuffled = [
        Naming(n.claim, n.own, tuple(random.sample(n.identifiers, len(n.identifiers)))) for n in found
    ]
    random.shuffle(shuffled)
    assert sets(alias_groups(shuffled, decided)) == sets(alias_groups(found, decided))


@few
@given(namings(), st.lists(pairs, max_size=3))
def test_every_name_is_in_one_group_and_every_claim_in_some(found: list[Naming], pins: list[tuple[str, str]]):
    groups = alias_groups(found, Decisions(frozenset(pins)))
    assert Counter(name for group in groups for name in group.identifiers) == Counter(all_names(found))
    assert {claim for group in groups for claim in group.claims} == {naming.claim for naming in found}
    for group in groups:
        assert group.claims
        assert list(group.identifiers) == sorted(group.identifiers)
        assert list(group.claims) == sorted(set(group.claims))


@few
@given(namings(), decisions())
def test_with_decisions_too_every_name_that_was_not_banned_from_its_record_is_in_one_group(
    found: list[Naming], decided: Decisions
):
    groups = alias_groups(found, decided)
    given_names = {
        name
        for n in found
        for name in n.identifiers
        if n.own in (None, name) or pair(n.own, name) not in decided.bans
    }
    assert Counter(name for group in groups for name in group.identifiers) == Counter(given_names)
    assert {claim for group in groups for claim in group.claims} == {naming.claim for naming in found}
    assert all(group.claims for group in groups)


@few
@given(namings(), decisions())
def test_a_record_is_no_claim_on_what_a_person_said_it_is_not(found: list[Naming], decided: Decisions):
    for group in alias_groups(found, decided):
        naming_it = [naming for naming in found if set(naming.identifiers) & set(group.identifiers)]
        apart = {
            naming.claim
            for naming in naming_it
            if {pair(naming.own or "", n) for n in group.identifiers} & decided.bans
        }
        # Only where nobody else names what is left of a ban does it stay with those that were banned from it.
        assert not apart & set(group.claims) or apart == {naming.claim for naming in naming_it}


@few
@given(namings(), st.lists(pairs, max_size=3))
def test_a_claim_on_cve_ids_is_in_the_group_of_each_and_in_no_other(
    found: list[Naming], pins: list[tuple[str, str]]
):
    groups = alias_groups(found, Decisions(frozenset(pins)))
    where = group_of(groups)
    for naming in found:
        named = [name for name in naming.identifiers if is_cve(name)]
        if named:
            expected = {where[name].identifiers for name in named}
            assert {group.identifiers for group in groups if naming.claim in group.claims} == expected


@few
@given(namings(), st.lists(pairs, max_size=3), st.lists(pairs, max_size=3))
def test_decisions_about_absent_names_change_nothing(found, pins, bans):
    absent = Decisions(
        frozenset(pair(left, f"OTHER-{right}") for left, right in pins),
        frozenset(pair(left, f"OTHER-{right}") for left, right in bans),
    )
    assert sets(alias_groups(found, absent)) == sets(alias_groups(found))


@few
@given(namings(), namings())
def test_claims_that_share_no_name_do_not_touch_each_other(found: list[Naming], others: list[Naming]):
    apart = [
        Naming(n.claim + 100, n.own and f"X-{n.own}", tuple(f"X-{i}" for i in n.identifiers)) for n in others
    ]
    together = sets(alias_groups([*found, *apart]))
    assert together == sets(alias_groups(found)) | sets(alias_groups(apart))


@few
@given(namings(), st.data())
def test_a_claim_that_repeats_what_one_says_moves_no_name(found: list[Naming], data: st.DataObject):
    again = data.draw(st.sampled_from(found))
    repeated = [*found, Naming(99, again.own, again.identifiers)]
    assert {g.identifiers for g in alias_groups(repeated)} == {g.identifiers for g in alias_groups(found)}


@few
@given(namings(), st.lists(pairs, max_size=3))
def test_components_are_closed_under_shared_names_and_pins(found: list[Naming], pins: list[tuple[str, str]]):
    positions = components([(n.claim, n.identifiers) for n in found], pins)
    assert sorted(position for part in positions for position in part) == list(range(len(found)))
    holder: dict[str, int] = {}
    for number, part in enumerate(positions):
        for position in part:
            for name in found[position].identifiers:
                assert holder.setdefault(name, number) == number
    for left, right in pins:
        if left in holder and right in holder:
            assert holder[left] == holder[right]


@few
@given(namings())
def test_a_component_can_be_grouped_alone(found: list[Naming]):
    alone = set()
    for part in components([(n.claim, n.identifiers) for n in found]):
        alone |= sets(alias_groups([found[position] for position in part]))
    assert alone == sets(alias_groups(found))


def test_names_join_through_a_chain():
    chain = [
        Naming(1, "A-1", ("A-1", "A-2")),
        Naming(2, "A-3", ("A-3", "A-2")),
        Naming(3, "A-3", ("A-3", "A-4")),
    ]
    assert alias_groups(chain) == [AliasGroup(("A-1", "A-2", "A-3", "A-4"), (1, 2, 3))]


def test_a_record_on_several_cve_ids_is_a_claim_on_each_and_no_bridge():
    """RUSTSEC-2021-0079-like: a bundle in one record, and the records of two of its CVE ids."""
    bundle = Naming(
        1, "RUSTSEC-2021-0079", ("RUSTSEC-2021-0079", "CVE-2021-3", "CVE-2021-1000", "CVE-2021-2000")
    )
    first = Naming(2, "GHSA-aaaa-aaaa-aaaa", ("GHSA-aaaa-aaaa-aaaa", "CVE-2021-1000"))
    second = Naming(3, "GHSA-bbbb-bbbb-bbbb", ("GHSA-bbbb-bbbb-bbbb", "CVE-2021-2000"))
    groups = {group.identifiers: group.claims for group in alias_groups([bundle, first, second])}
    # `CVE-2021-3` has too few digits to be a CVE id: it is a name like any other.
    assert groups == {
        ("CVE-2021-1000", "CVE-2021-3", "GHSA-aaaa-aaaa-aaaa", "RUSTSEC-2021-0079"): (1, 2),
        ("CVE-2021-2000", "GHSA-bbbb-bbbb-bbbb"): (1, 3),
    }


def test_a_bundle_says_less_about_a_name_than_a_record_about_itself():
    """The bundle lists GHSA-b among others; GHSA-b's own record says which CVE id it is."""
    bundle = Naming(1, "BIT-x-1", ("BIT-x-1", "CVE-2021-1000", "CVE-2021-2000", "GHSA-bbbb-bbbb-bbbb"))
    own = Naming(2, "GHSA-bbbb-bbbb-bbbb", ("GHSA-bbbb-bbbb-bbbb", "CVE-2021-2000"))
    where = group_of(alias_groups([bundle, own]))
    assert where["GHSA-bbbb-bbbb-bbbb"] is where["CVE-2021-2000"]
    assert where["BIT-x-1"] is where["CVE-2021-1000"]


def test_a_pin_joins_two_names_that_are_no_cve_ids():
    apart = [Naming(1, "GHSA-a", ("GHSA-a", "CVE-2024-1000")), Naming(2, "GHSA-b", ("GHSA-b",))]
    pinned = Decisions(frozenset({("GHSA-a", "GHSA-b")}))
    assert sets(alias_groups(apart, pinned)) == {
        (frozenset({"CVE-2024-1000", "GHSA-a", "GHSA-b"}), frozenset({1, 2}))
    }


def test_a_pin_of_aliases_does_not_pin_their_cve_ids():
    apart = [
        Naming(1, "GHSA-a", ("GHSA-a", "CVE-2024-1000")),
        Naming(2, "GHSA-b", ("GHSA-b", "CVE-2024-2000")),
    ]
    where = group_of(alias_groups(apart, Decisions(frozenset({("GHSA-a", "GHSA-b")}))))
    assert where["GHSA-a"] is where["GHSA-b"]
    assert where["CVE-2024-1000"] is not where["CVE-2024-2000"]


def test_a_claim_without_names_is_in_no_group():
    assert alias_groups([Naming(1, None, ()), Naming(2, "A-1", ("A-1",))]) == [AliasGroup(("A-1",), (2,))]


def test_no_claims_no_groups():
    assert alias_groups([]) == []


@pytest.fixture(scope="module")
def real() -> list[Naming]:
    with zipfile.ZipFile(SAMPLE) as archive:
        found = []
        for number, name in enumerate(archive.namelist(), start=1):
            record_id = osv.locate(name)
            if record_id is not None:
                claim = osv.read(record_id, archive.read(name))
                found.append(Naming(number, claim.own, claim.identifiers))
    return found


@settings(max_examples=5, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_the_sample_keeps_the_laws_in_any_order(real: list[Naming], random):
    groups = alias_groups(real)
    assert Counter(name for group in groups for name in group.identifiers) == Counter(all_names(real))
    assert all(sum(map(is_cve, group.identifiers)) <= 1 for group in groups)
    shuffled = random.sample(real, len(real))
    assert sets(alias_groups(shuffled)) == sets(groups)


def test_the_sample_has_bundles_and_they_are_claims_on_each_of_their_cve_ids(real: list[Naming]):
    where = group_of(alias_groups(real))
    bundles = [naming for naming in real if sum(map(is_cve, naming.identifiers)) > 1]
    assert len(bundles) > 10
    held = defaultdict(set)
    for naming in bundles:
        for name in filter(is_cve, naming.identifiers):
            assert naming.claim in where[name].claims
            held[naming.claim].add(where[name].identifiers)
    assert all(len(groups) > 1 for groups in held.values())
