"""The pipeline's decisions as laws: what is read, what is believed, which copy stands."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.catalog.model import Claim
from assay.pipelines.advisories.model import RecordSource
from assay.pipelines.advisories.rules import (
    FEW_LOST,
    UNREAD,
    Candidate,
    Entry,
    as_listed,
    batches,
    choose_copy,
    content_hash,
    plan_reading,
    read_changes,
    refusal,
)
from assay.pipelines.advisories.sources import discover


@dataclass(frozen=True)
class Listed:
    """A member of an archive."""

    name: str
    fingerprint: bytes
    size: int = 10
    fault: str | None = None


def locate(name: str) -> str | None:
    """`a/x.json` and `b/x.json` are copies of the record `x`."""
    match = re.fullmatch(r"(?:.*/)?([^/\\]+)\.json", name)
    return match[1] if match else None


names = st.builds("{}/{}.json".format, st.sampled_from("abc"), st.sampled_from("uvwxyz"))
members = st.lists(
    st.builds(
        Listed,
        names | st.just("README.md"),
        st.sampled_from((b"1", b"2", b"3")),
        st.integers(0, 50),
        st.sampled_from((None, None, None, "encrypted")),
    ),
    unique_by=lambda member: member.name,
)
entries = st.dictionaries(names, st.builds(Entry, st.sampled_from((b"1", b"2", UNREAD)), st.booleans()))


@given(members, entries)
def test_every_record_is_read_or_unchanged_or_set_aside(listed: list[Listed], last: dict[str, Entry]) -> None:
    plan = plan_reading(listed, locate, last)
    to_read = [member for _, copies in plan.changed for member in copies]
    assert plan.records == sum(locate(member.name) is not None for member in listed)
    assert plan.records == len(to_read) + len(plan.faulty) + plan.unchanged + plan.kept_bad
    assert all(member.fault is None for member in to_read)
    assert all(member.fault is not None for _, member in plan.faulty)
    assert {record for record, _ in plan.changed}.isdisjoint(plan.gone)
    here = {locate(member.name) for member in listed}
    assert set(plan.gone) == {locate(name) for name in last} - here


@given(members, entries)
def test_what_is_not_read_is_what_it_was_with_all_its_copies(
    listed: list[Listed], last: dict[str, Entry]
) -> None:
    plan = plan_reading(listed, locate, last)
    touched = {record for record, _ in plan.changed} | {record for record, _ in plan.faulty}
    here = {member.name: member.fingerprint for member in listed if locate(member.name) is not None}
    for record in {locate(name) for name in here} - touched:
        now = {name: print_ for name, print_ in here.items() if locate(name) == record}
        before = {name: entry.fingerprint for name, entry in last.items() if locate(name) == record}
        assert now == before


@given(members, entries)
def test_copies_of_a_record_are_read_together(listed: list[Listed], last: dict[str, Entry]) -> None:
    plan = plan_reading(listed, locate, last)
    for record, copies in plan.changed:
        sound = {m.name for m in listed if locate(m.name) == record and m.fault is None}
        assert {copy.name for copy in copies} == sound


@given(members)
def test_listing_planned_again_reads_nothing(listed: list[Listed]) -> None:
    last = {member.name: Entry(member.fingerprint, is_bad=False) for member in listed}
    plan = plan_reading(listed, locate, last)
    assert (plan.changed, plan.faulty, plan.gone, plan.unchanged) == ([], [], [], plan.records)


def test_list_of_changes_leaves_copies_that_it_does_not_carry() -> None:
    last = {"a/x.json": Entry(b"1", is_bad=False), "b/x.json": Entry(b"2", is_bad=True)}
    same = [Listed("a/x.json", b"1")]
    assert plan_reading(same, locate, last, is_full=False).changed == []
    assert [record for record, _ in plan_reading(same, locate, last).changed] == ["x"]


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("x.json", "x"),
        ("x.json#2", "x"),
        ("x.json#17", "x"),
        ("a\\x.json", "x"),
        ("..\\x.json#2", "x"),
        ("x.json#", None),
        ("x.txt#2", None),
        ("README.md", None),
        ("#2", None),
        ("\\", None),
    ],
)
def test_names_as_archives_list_them(name: str, record: str | None) -> None:
    assert as_listed(locate)(name) == record


@given(st.text())
def test_name_that_is_located_is_left_alone(name: str) -> None:
    assert as_listed(lambda _: "always")(name) == "always"


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_loss_is_believed_up_to_a_tenth(records: int, gone: int, had: int) -> None:
    gone = min(gone, had)
    why = refusal(records, gone, had, accept_loss=False)
    assert (why is None) == (gone <= max(FEW_LOST, had / 10))
    assert refusal(records, gone, had, accept_loss=True) is None
    assert refusal(0, gone, had, accept_loss=True) is not None


sizes = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=3), max_size=30)


@given(sizes, st.integers(1, 7), st.integers(1, 60))
def test_batches_lose_and_split_nothing(sizes: list[list[int]], most: int, most_bytes: int) -> None:
    changed = [
        (f"r{n}", [Listed(f"{c}/r{n}.json", b"", size) for c, size in enumerate(copies)])
        for n, copies in enumerate(sizes)
    ]
    packed = list(batches(changed, most=most, most_bytes=most_bytes))
    assert [entry for batch in packed for entry in batch] == changed
    for batch in packed:
        assert 0 < len(batch) <= most
        # Only the last record may take a batch over its size.
        assert sum(member.size for _, copies in batch[:-1] for member in copies) < most_bytes


def candidate(place: str, raw: bytes, modified: datetime | None) -> Candidate:
    claim = Claim(source="osv", record_id="x", own="X-1", modified=modified)
    return Candidate(place, raw, claim, b"")


T0 = datetime(2024, 5, 1, tzinfo=UTC)
candidates = st.lists(
    st.tuples(st.sampled_from((b"1", b"2", b"3")), st.sampled_from((None, T0, T0 + timedelta(days=1)))),
    min_size=2,
    max_size=6,
).map(lambda drawn: [candidate(f"{place}.json", raw, when) for place, (raw, when) in enumerate(drawn)])


@given(candidates, st.randoms(use_true_random=False))
def test_copy_that_stands_depends_on_no_order(copies: Sequence[Candidate], dice: object) -> None:
    standing, others = choose_copy(copies)
    turned = list(copies)
    dice.shuffle(turned)  # type: ignore[attr-defined]
    again, rest = choose_copy(turned)
    assert again == standing
    assert {(c.locator, why.reason) for c, why in rest} == {(c.locator, why.reason) for c, why in others}
    assert len(others) == len(copies) - 1
    assert standing not in [other for other, _ in others]
    dated = [c.claim.modified for c in copies if c.claim.modified is not None]
    assert standing.claim.modified == (max(dated) if dated else None)
    for other, why in others:
        assert why.reason == ("duplicate" if other.raw == standing.raw else "duplicate-differs")


def test_hash_leaves_out_what_changes_by_itself() -> None:
    volatile = re.compile(rb'"modified"\s*:\s*"[^"]*"')
    one = b'{"id": "X", "modified": "2024-01-01", "summary": "a"}'
    later = one.replace(b"2024-01-01", b"2025-01-01T00:00:00Z")
    other = one.replace(b'"a"', b'"b"')
    assert content_hash(one, volatile) == content_hash(later, volatile)
    assert content_hash(one, volatile) != content_hash(other, volatile)
    assert content_hash(one, None) != content_hash(later, None)
    assert content_hash(one, volatile, 1) != content_hash(one, volatile, 2)
    assert len(content_hash(b"", None)) == 16


@given(st.text())
def test_any_text_is_changes_and_bad_rows(text: str) -> None:
    changes, bad = read_changes(text)
    assert len(changes) + len(bad) == sum(bool(line.strip()) for line in text.splitlines())
    assert all(change.modified.tzinfo is not None and change.name for change in changes)


def test_list_of_changes_as_osv_writes_it() -> None:
    text = (
        "2024-05-02T10:11:12.123456Z,npm/GHSA-aaaa-bbbb-cccc\n"
        "2024-05-01T00:00:00+02:00,PyPI/PYSEC-2024-1\r\n"
        "\n"
        "2024-04-30T00:00:00Z,AlmaLinux:8/ALSA-2024:1\n"
    )
    changes, bad = read_changes(text)
    assert bad == []
    assert [change.name for change in changes] == [
        "npm/GHSA-aaaa-bbbb-cccc",
        "PyPI/PYSEC-2024-1",
        "AlmaLinux:8/ALSA-2024:1",
    ]
    assert changes[0].modified == datetime(2024, 5, 2, 10, 11, 12, 123456, tzinfo=UTC)
    _, bad = read_changes("2024-05-02T10:11:12Z,\nnever,npm/X-1\n2024-05-02T10:11:12,npm/X-1\n,\n")
    assert [number for number, _ in bad] == [1, 2, 3, 4]


VOLATILE = [source for source in discover().values() if isinstance(source, RecordSource) and source.volatile]
SNIPPETS = st.sampled_from(
    (
        b'"modified"',
        b'"dateUpdated"',
        b'"timestamp"',
        b"date:",
        b"pubdate:",
        b": ",
        b'"',
        b"\\",
        b"\r",
        b"\n",
        b"x",
    )
)


@pytest.mark.parametrize("source", VOLATILE, ids=lambda source: source.name)
@given(pieces=st.lists(SNIPPETS, max_size=30))
def test_marks_change_no_fingerprint(source: RecordSource, pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    assert source.volatile_marks
    plain = content_hash(raw, source.volatile, source.reader_version)
    assert content_hash(raw, source.volatile, source.reader_version, marks=source.volatile_marks) == plain
