"""Packages against the catalog: the match table answers as the records themselves would."""

import json
from datetime import UTC, datetime

import pytest

from assay.bootstrap import Context
from assay.catalog import commands, queries
from assay.catalog.model import Claim
from assay.catalog.queries import Finding, Pin, matching
from assay.domain.osv import Affected, Event, Package, Range
from factories import Arena, a_claim, an_affected, take

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def ctx(arena: Arena) -> Context:
    arena.clear()
    return arena.ctx


def found(ctx: Context, *pins: Pin) -> list[tuple[int, str, bool, str | None]]:
    """Findings with the names of their vulnerabilities."""
    with ctx.db.transaction() as conn:
        findings = queries.match(conn, pins)
        briefs = queries.find_briefs(conn, [finding.vulnerability_id for finding in findings])
    return sorted((f.position, briefs[f.vulnerability_id].name, f.is_unknown, f.fixed) for f in findings)


def a_range(name: str, *events: Event, ecosystem: str = "PyPI", versions: tuple[str, ...] = ()) -> Affected:
    return Affected(Package(ecosystem, name), ranges=(Range("ECOSYSTEM", events=events),), versions=versions)


TWICE = (Event(introduced="1.0"), Event(fixed="1.2"), Event(introduced="2.0"), Event(last_affected="2.5"))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.9", []),
        ("1.0", [(0, "GHSA-1", False, "1.2")]),
        ("1.0.0", [(0, "GHSA-1", False, "1.2")]),
        ("1.2rc1", [(0, "GHSA-1", False, "1.2")]),
        ("1.2", []),
        ("2.5", [(0, "GHSA-1", False, None)]),
        ("2.5.post1", []),
        ("3.0.0", [(0, "GHSA-1", False, None)]),
        ("\uff11.0", [(0, "GHSA-1", True, "1.2")]),
        (None, [(0, "GHSA-1", False, "1.2")]),
    ],
)
def test_a_version_is_matched_by_its_order(
    ctx: Context, version: str | None, expected: list[tuple[int, str, bool, str | None]]
):
    take(ctx, a_claim("GHSA-1", affected=(a_range("Some.Package", *TWICE, versions=("1.1", "3.0")),)))
    assert found(ctx, Pin("PyPI", "some_package", version)) == expected
    assert found(ctx, Pin("npm", "some_package", version)) == []


def test_many_packages_are_one_statement_and_keep_their_places(ctx: Context):
    take(
        ctx,
        a_claim("GHSA-1", affected=(an_affected("a"),)),
        a_claim("GHSA-2", affected=(an_affected("a"), an_affected("b", ecosystem="npm"))),
    )
    pins = [
        Pin("npm", "b", "1.0.0"),
        Pin("PyPI", "x", "1.0"),
        Pin("PyPI", "a", "1.0"),
        Pin("npm", "b", "1.0.0"),
    ]
    assert found(ctx, *pins) == [
        (0, "GHSA-2", False, "1.2"),
        (2, "GHSA-1", False, "1.2"),
        (2, "GHSA-2", False, "1.2"),
        (3, "GHSA-2", False, "1.2"),
    ]
    assert found(ctx) == []


def test_what_is_withdrawn_matches_nothing_and_matches_again_when_it_is_back(ctx: Context):
    live = a_claim("GHSA-1", affected=(an_affected("a"),))
    gone = a_claim("GHSA-1", affected=(an_affected("a"),), withdrawn=datetime(2024, 1, 1, tzinfo=UTC))
    for claim, count in ((live, 1), (gone, 0), (live, 1)):
        take(ctx, claim)
        assert len(found(ctx, Pin("PyPI", "a", "1.0"))) == count


@pytest.mark.parametrize(
    ("asked", "said", "matches"),
    [
        ("Debian:12", "Debian:12", True),
        ("Debian:11", "Debian:12", False),
        ("Debian", "Debian:12", True),
        ("Debian:12", "Debian", True),
        ("Ubuntu:12", "Debian:12", False),
    ],
)
def test_a_release_matches_itself_and_what_names_none(ctx: Context, asked: str, said: str, matches: bool):
    take(ctx, a_claim("DSA-1", affected=(an_affected("curl", ecosystem=said, fixed="7.88-2"),)))
    assert bool(found(ctx, Pin(asked, "curl", "7.88-1"))) is matches


def test_tags_without_an_order_are_matched_as_texts(ctx: Context):
    entry = Affected(Package("OSS-Fuzz", "zlib"), versions=("v1.2", "v1.3"))
    take(ctx, a_claim("OSV-2024-1", affected=(entry,)))
    assert found(ctx, Pin("OSS-Fuzz", "zlib", "v1.2")) == [(0, "OSV-2024-1", False, None)]
    assert found(ctx, Pin("OSS-Fuzz", "zlib", "v1.4")) == []


def test_an_unread_range_is_unknown_and_hides_no_other(ctx: Context):
    unread = a_range("a", Event(introduced="0"), Event(fixed="\uff11.2"))
    take(ctx, a_claim("GHSA-1", affected=(unread,)), a_claim("GHSA-2", affected=(an_affected("a"),)))
    assert found(ctx, Pin("PyPI", "a", "1.0")) == [(0, "GHSA-1", True, None), (0, "GHSA-2", False, "1.2")]


def test_a_commit_finds_who_names_it(ctx: Context):
    events = (Event(introduced=SHA), Event(fixed="f" * 40))
    entry = Affected(ranges=(Range("GIT", repo="https://example.org/z", events=events),))
    take(ctx, a_claim("OSV-2024-1", affected=(entry,)))
    with ctx.db.transaction() as conn:
        (named,) = queries.affecting_commits(conn, [bytes.fromhex(SHA), b"\xff" * 20])
        assert named[0] == bytes.fromhex(SHA)
        assert queries.affecting_commits(conn, [b"\xff" * 20]) == []


def test_text_that_postgresql_cannot_hold_is_asked_all_the_same(ctx: Context):
    take(ctx, a_claim("GHSA-1", affected=(an_affected("a"),)))
    assert found(ctx, Pin("PyPI", "a\0", "1.0"), Pin("Py\udc80", "a", "1\0"))[0][:2] == (0, "GHSA-1")


def test_the_export_holds_every_record_once_withdrawn_ones_too(ctx: Context):
    claims: list[Claim] = [a_claim(f"GHSA-{n}", affected=(an_affected("a"),)) for n in range(3)]
    gone = a_claim(
        "GO-1", affected=(an_affected("b", ecosystem="Go"),), withdrawn=datetime(2024, 1, 1, tzinfo=UTC)
    )
    take(ctx, *claims, gone)
    with ctx.db.transaction() as conn:
        assert queries.list_ecosystems(conn) == ["Go", "PyPI"]
        assert [name for name, _, _ in queries.export(conn, "PyPI")] == ["GHSA-0", "GHSA-1", "GHSA-2"]
        everything = [json.loads(document)["id"] for _, _, document in queries.export(conn)]
    assert sorted(everything) == ["GHSA-0", "GHSA-1", "GHSA-2", "GO-1"]


def test_the_export_goes_on_behind_a_page(ctx: Context, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(matching, "_EXPORTED", 2)
    take(ctx, *(a_claim(f"GHSA-{n}", affected=(an_affected("a"),)) for n in range(5)))
    with ctx.db.transaction() as conn:
        assert len(list(queries.export(conn))) == 5


def test_the_surest_of_two_findings_is_told():
    unknown, plain, fixed = (Finding(0, 1, True, None), Finding(0, 1, False, None), Finding(0, 1, False, "2"))
    assert min([unknown, plain, fixed], key=matching._most_certain) == fixed


def test_a_rebuild_gives_the_same_rows(ctx: Context):
    take(ctx, a_claim("GHSA-1", affected=(a_range("a", *TWICE, versions=("3.0",)),)))
    before = found(ctx, Pin("PyPI", "a", "1.1"), Pin("PyPI", "a", "3.0"))
    with ctx.db.transaction() as conn:
        conn.execute("DELETE FROM catalog.affected")
    commands.rebuild(ctx, lambda done, total: None)
    assert found(ctx, Pin("PyPI", "a", "1.1"), Pin("PyPI", "a", "3.0")) == before
