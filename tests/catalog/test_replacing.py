"""Replacing: a key stays with its vulnerability whatever happens to its name, and every former name leads on."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from assay.catalog.rules.merging import Held, Merged, merge
from assay.catalog.rules.replacing import Plan, digest, plan_replacements
from factories import a_claim, a_policy

POLICY = a_policy()


@dataclass
class Row:
    """A vulnerability that is in the catalog."""

    id: int
    name: str
    names: list[str]
    former: list[str] = field(default_factory=list)
    digest: bytes = b""
    claim_ids: list[int] = field(default_factory=list)


def result(*names: str, claim: int = 1, summary: str | None = None) -> Merged:
    said = a_claim(names[0], aliases=names[1:], summary=summary)
    return merge(tuple(sorted(names)), [Held(claim, said)], POLICY)


def keys(plan: Plan) -> dict[str, int | None]:
    return {entry.merged.name: entry.key for entry in plan.replacements}


def former(plan: Plan) -> dict[str, str]:
    return {name: plan.replacements[position].merged.name for name, position in plan.former}


def test_an_advisory_that_gets_its_cve_id_keeps_its_key():
    plan = plan_replacements([result("CVE-2024-1000", "GHSA-a")], [Row(7, "GHSA-a", ["GHSA-a"])])
    assert (keys(plan), plan.removed, plan.former) == ({"CVE-2024-1000": 7}, [], [])


def test_a_new_vulnerability_has_no_key_yet():
    assert keys(plan_replacements([result("A-1")], [])) == {"A-1": None}


def test_of_two_that_become_one_the_older_key_stays():
    rows = [Row(9, "GHSA-b", ["GHSA-b"]), Row(4, "GHSA-c", ["GHSA-c"])]
    plan = plan_replacements([result("CVE-2024-1000", "GHSA-b", "GHSA-c")], rows)
    assert (keys(plan), plan.removed) == ({"CVE-2024-1000": 4}, [9])


def test_of_two_that_become_one_the_one_with_the_name_stays():
    rows = [Row(4, "GHSA-b", ["GHSA-b"]), Row(9, "CVE-2024-1000", ["CVE-2024-1000"])]
    plan = plan_replacements([result("CVE-2024-1000", "GHSA-b")], rows)
    assert (keys(plan), plan.removed) == ({"CVE-2024-1000": 9}, [4])


def test_of_one_that_becomes_two_the_one_with_the_name_keeps_the_key():
    row = Row(4, "CVE-2024-1000", ["CVE-2024-1000", "GHSA-b"])
    plan = plan_replacements([result("GHSA-b"), result("CVE-2024-1000", claim=2)], [row])
    assert (keys(plan), plan.removed) == ({"CVE-2024-1000": 4, "GHSA-b": None}, [])


def test_a_name_that_nobody_gives_any_more_leads_where_it_led():
    row = Row(4, "CVE-2024-1000", ["CVE-2024-1000", "GHSA-b"], ["GHSA-old"])
    plan = plan_replacements([result("CVE-2024-1000")], [row])
    assert former(plan) == {"GHSA-b": "CVE-2024-1000", "GHSA-old": "CVE-2024-1000"}


def test_the_former_names_of_one_that_was_taken_in_lead_there():
    rows = [Row(4, "GHSA-b", ["GHSA-b", "PYSEC-1"], ["GHSA-old"]), Row(2, "CVE-2024-1000", ["CVE-2024-1000"])]
    plan = plan_replacements([result("CVE-2024-1000", "GHSA-b")], rows)
    assert former(plan) == {"PYSEC-1": "CVE-2024-1000", "GHSA-old": "CVE-2024-1000"}


def test_a_former_name_that_somebody_gives_again_is_no_former_name():
    row = Row(4, "CVE-2024-1000", ["CVE-2024-1000"], ["GHSA-b"])
    plan = plan_replacements([result("CVE-2024-1000"), result("GHSA-b", claim=2)], [row])
    assert plan.former == []


def test_a_name_that_was_banned_from_a_vulnerability_leads_there_no_more():
    row = Row(4, "CVE-2024-1000", ["CVE-2024-1000", "GHSA-b"], ["GHSA-old"])
    plan = plan_replacements([result("CVE-2024-1000")], [row], {("CVE-2024-1000", "GHSA-b")})
    assert former(plan) == {"GHSA-old": "CVE-2024-1000"}


def test_without_any_claim_everything_goes():
    plan = plan_replacements([], [Row(4, "GHSA-b", ["GHSA-b"], ["GHSA-old"])])
    assert plan == Plan([], [4], [])


def test_what_is_as_it_was_is_not_written():
    merged = result("GHSA-b")
    row = Row(4, "GHSA-b", ["GHSA-b"], digest=digest(merged), claim_ids=[1])
    (entry,) = plan_replacements([merged], [row]).replacements
    assert entry.is_unchanged
    for other in (
        Row(4, "GHSA-b", ["GHSA-b"], digest=digest(merged), claim_ids=[2]),
        Row(4, "GHSA-b", ["GHSA-b", "X-1"], digest=digest(merged), claim_ids=[1]),
        Row(4, "GHSA-b", ["GHSA-b"], digest=digest(result("GHSA-b", summary="new")), claim_ids=[1]),
    ):
        (entry,) = plan_replacements([merged], [other]).replacements
        assert not entry.is_unchanged


def test_the_fields_that_changed_are_named():
    (entry,) = plan_replacements([result("GHSA-b", "PYSEC-1", summary="new")], []).replacements
    assert entry.changed_fields(result("GHSA-b").document) == ["aliases", "summary"]
    assert entry.changed_fields(entry.merged.document) == []


NAMES = ("CVE-2024-1000", "CVE-2024-2000", "GHSA-a", "GHSA-b", "GHSA-c", "PYSEC-1", "PYSEC-2")


@st.composite
def partitions(draw: st.DrawFn) -> list[list[str]]:
    """Some of the names in groups, without order."""
    labels = draw(st.lists(st.integers(0, 4), min_size=len(NAMES), max_size=len(NAMES)))
    groups: dict[int, list[str]] = {}
    for name, label in zip(NAMES, labels, strict=True):
        if label:
            groups.setdefault(label, []).append(name)
    return list(groups.values())


@given(partitions(), partitions(), st.randoms(use_true_random=False))
def test_keys_are_given_once_and_nothing_is_lost(before: list[list[str]], after: list[list[str]], random):
    merged = [result(*names, claim=number) for number, names in enumerate(after, start=1)]
    rows = [
        Row(10 + number, result(*names).name, names, [f"OLD-{number}"]) for number, names in enumerate(before)
    ]
    plan = plan_replacements(merged, rows)
    kept = [entry.key for entry in plan.replacements if entry.key is not None]
    assert len(set(kept)) == len(kept)
    assert set(kept) | set(plan.removed) == {row.id for row in rows}
    assert not set(kept) & set(plan.removed)
    given_names = {name for names in after for name in names}
    leading = former(plan)
    assert not leading.keys() & given_names
    for row in rows:
        if given_names.intersection(row.names):
            assert {*row.names, *row.former} <= leading.keys() | given_names
            holders = {
                entry.merged.name
                for entry in plan.replacements
                if set(entry.merged.identifiers) & set(row.names)
            }
            assert all(leading[name] in holders for name in (*row.names, *row.former) if name in leading)
    random.shuffle(merged)
    random.shuffle(rows)
    again = plan_replacements(merged, rows)
    assert (keys(again), sorted(again.removed), former(again)) == (keys(plan), sorted(plan.removed), leading)


@given(partitions())
def test_the_same_vulnerabilities_keep_their_keys(groups: list[list[str]]):
    merged = [result(*names) for names in groups]
    rows = [Row(number, entry.name, list(entry.identifiers)) for number, entry in enumerate(merged, start=1)]
    plan = plan_replacements(merged, rows)
    assert keys(plan) == {row.name: row.id for row in rows}
    assert (plan.removed, plan.former) == ([], [])
