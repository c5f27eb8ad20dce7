"""What the catalog shows: every filter alone and with the others, pages without gaps, faults, and indexes used."""

import json
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.bootstrap import Context
from assay.catalog import commands, queries
from assay.catalog.model import Exploited, Scored
from assay.catalog.queries import Filters, Sort, filtering, listing, showing
from assay.catalog.queries.filtering import filter_values, with_filters
from assay.domain.severity import Band
from assay.errors import Conflict, NotFound
from assay.kit.db import Connection
from factories import (
    V2,
    V31,
    V31_LOW,
    Arena,
    a_claim,
    a_severity,
    a_time,
    an_affected,
    take,
)

CLAIMS = [
    a_claim(
        "GHSA-aaaa-aaaa-aaaa",
        aliases=["CVE-2024-1000"],
        summary="Deserialisation of untrusted gadgets",
        severity=(a_severity(V31),),
        affected=(an_affected("Zope_Page"), an_affected("left-pad", ecosystem="npm")),
        published=a_time(0),
        modified=a_time(5),
    ),
    a_claim("CVE-2024-1000", source="kev", exploited=Exploited(date(2024, 2, 1))),
    a_claim("CVE-2024-1000", source="cve", summary="Gadgets", modified=a_time(1)),
    a_claim(
        "PYSEC-2024-1",
        details="Reads secrets.\nAnd more.",
        severity=(a_severity(V31_LOW),),
        affected=(an_affected("zope-page", ecosystem="PyPI"),),
        modified=a_time(5),
    ),
    a_claim(
        "DSA-1",
        summary="Overflow",
        severity=(a_severity(V2),),
        affected=(an_affected("curl", ecosystem="Debian:12"),),
        modified=a_time(3),
    ),
    a_claim("CVE-2024-2000", source="cve", summary="100%_done", modified=None),
    a_claim("CVE-2024-3000", source="cve", is_rejected=True, withdrawn=a_time(4), modified=a_time(4)),
    a_claim(
        "GO-2024-1",
        summary="Withdrawn overflow",
        withdrawn=a_time(4),
        modified=a_time(4),
        affected=(an_affected("example.org/x", ecosystem="Go"),),
    ),
    a_claim("CVE-2024-4000", source="cve", summary="Disputed", is_disputed=True, modified=a_time(2)),
]
NAMES = {"CVE-2024-1000", "PYSEC-2024-1", "DSA-1", "CVE-2024-2000", "CVE-2024-4000"}
RETRACTED = {"CVE-2024-3000", "GO-2024-1"}


@pytest.fixture(scope="module")
def filled(arena: Arena) -> Context:
    """A catalog with the claims above; nobody changes it."""
    arena.clear()
    with arena.ctx.db.transaction() as conn:
        scores = [Scored("CVE-2024-1000", 0.97, 0.99), Scored("CVE-2024-2000", 0.1, None)]
        commands.take_scores(conn, date(2024, 3, 1), "v", "doc", scores)
    take(arena.ctx, *CLAIMS)
    return arena.ctx


def found(ctx: Context, **filters: Any) -> set[str]:
    with ctx.db.transaction() as conn:
        page = queries.search(conn, Filters(**filters))
    assert page.next_cursor is None
    return {hit.name for hit in page.hits}


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, NAMES),
        ({"withdrawn": True}, NAMES | RETRACTED),
        ({"text": "gadget"}, {"CVE-2024-1000"}),
        ({"text": "deserialisation gadgets"}, {"CVE-2024-1000"}),
        ({"text": "gadgets -deserialisation"}, set()),
        ({"text": "secrets"}, {"PYSEC-2024-1"}),
        ({"text": "overflow"}, {"DSA-1"}),
        ({"text": "overflow", "withdrawn": True}, {"DSA-1", "GO-2024-1"}),
        ({"text": "overflow or gadgets"}, {"DSA-1", "CVE-2024-1000"}),
        ({"text": "curl"}, {"DSA-1"}),
        ({"text": "unheard"}, set()),
        ({"text": "100%_done"}, {"CVE-2024-2000"}),
        ({"text": "'\"&|!():*<->"}, set()),
        ({"ecosystem": "PyPI"}, {"CVE-2024-1000", "PYSEC-2024-1"}),
        ({"ecosystem": "npm"}, {"CVE-2024-1000"}),
        ({"ecosystem": "Debian"}, {"DSA-1"}),
        ({"ecosystem": "Debian:12"}, {"DSA-1"}),
        ({"ecosystem": "Debian:1"}, set()),
        ({"ecosystem": "Deb"}, set()),
        ({"ecosystem": "%"}, set()),
        ({"ecosystem": "De_ian"}, set()),
        ({"package": "zope-page"}, {"CVE-2024-1000", "PYSEC-2024-1"}),
        ({"package": "Zope.Page", "ecosystem": "PyPI"}, {"CVE-2024-1000", "PYSEC-2024-1"}),
        ({"package": "zope-page", "ecosystem": "npm"}, set()),
        ({"package": "curl", "ecosystem": "Debian"}, {"DSA-1"}),
        ({"package": "curl", "ecosystem": "Debian:11"}, set()),
        ({"package": "%"}, set()),
        ({"min_severity": Band.LOW}, {"CVE-2024-1000", "PYSEC-2024-1", "DSA-1"}),
        ({"min_severity": Band.HIGH}, {"CVE-2024-1000", "DSA-1"}),
        ({"min_severity": Band.CRITICAL}, {"CVE-2024-1000"}),
        ({"exploited": True}, {"CVE-2024-1000"}),
        ({"min_epss": 0.1}, {"CVE-2024-1000", "CVE-2024-2000"}),
        ({"min_epss": 0.97}, {"CVE-2024-1000"}),
        ({"min_epss": 0.98}, set()),
        ({"min_epss": 0.0}, {"CVE-2024-1000", "CVE-2024-2000"}),
        ({"since": a_time(3)}, {"CVE-2024-1000", "PYSEC-2024-1", "DSA-1"}),
        ({"since": a_time(5)}, {"CVE-2024-1000", "PYSEC-2024-1"}),
        ({"since": a_time(5) + timedelta(seconds=1)}, set()),
        ({"source": "kev"}, {"CVE-2024-1000"}),
        ({"source": "cve"}, {"CVE-2024-1000", "CVE-2024-2000", "CVE-2024-4000"}),
        (
            {"source": "cve", "withdrawn": True},
            {"CVE-2024-1000", "CVE-2024-2000", "CVE-2024-3000", "CVE-2024-4000"},
        ),
        ({"source": "c"}, set()),
    ],
)
def test_each_filter(filled: Context, filters: dict[str, Any], names: set[str]):
    assert found(filled, **filters) == names


one_each = {
    "text": st.sampled_from(["gadgets", "overflow"]),
    "ecosystem": st.sampled_from(["PyPI", "Debian", "npm"]),
    "package": st.sampled_from(["zope-page", "curl"]),
    "min_severity": st.sampled_from([Band.LOW, Band.HIGH]),
    "exploited": st.just(value=True),
    "min_epss": st.sampled_from([0.05, 0.5]),
    "since": st.sampled_from([a_time(2), a_time(5)]),
    "source": st.sampled_from(["osv", "cve"]),
}


@settings(max_examples=40)
@given(filters=st.fixed_dictionaries({}, optional=one_each))
def test_filters_together_let_pass_what_each_lets_pass(filled: Context, filters: dict[str, Any]):
    expected = set(NAMES)
    for name, value in filters.items():
        # A package's name is normalised as its ecosystem does; here both spellings are the normal one.
        expected &= found(filled, **{name: value})
    came = found(filled, **filters)
    if {"ecosystem", "package"} <= filters.keys():
        assert came <= expected
    else:
        assert came == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_visit_each_once_newest_first(filled: Context, limit: int):
    hits = []
    cursor = None
    with filled.db.transaction() as conn:
        while True:
            page = queries.search(conn, Filters(withdrawn=True), limit=limit, cursor=cursor)
            assert 0 < len(page.hits) <= limit
            hits += page.hits
            cursor = page.next_cursor
            if cursor is None:
                break
    assert len(hits) == len({hit.id for hit in hits}) == len(NAMES | RETRACTED)
    order = [(hit.modified_at.timestamp() if hit.modified_at else float("-inf"), hit.id) for hit in hits]
    assert order == sorted(order, reverse=True)


def test_a_limit_out_of_bounds_is_brought_into_them(filled: Context):
    with filled.db.transaction() as conn:
        assert len(queries.search(conn, Filters(), limit=0).hits) == 1
        assert len(queries.search(conn, Filters(), limit=-5).hits) == 1
        assert len(queries.search(conn, Filters(), limit=10**9).hits) == len(NAMES)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "....",
        "ÄÖÜ",
        "MjAyNC0wMS0wMQ",
        "MjAyNC0wMS0wMSAxIDI",
        # `2024-01-01 9223372036854775808`: no bigint.
        "MjAyNC0wMS0wMSA5MjIzMzcyMDM2ODU0Nzc1ODA4",
        # `9999-12-31T23:59:59-23:00 1`: a time that is none in UTC.
        "OTk5OS0xMi0zMVQyMzo1OTo1OS0yMzowMCAx",
        "/w",
    ],
)
def test_what_is_no_cursor_is_refused(filled: Context, cursor: str):
    with pytest.raises(Conflict, match="not the cursor"), filled.db.transaction() as conn:
        queries.search(conn, Filters(), cursor=cursor)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 100_000])
@pytest.mark.parametrize("name", ["text", "package", "ecosystem", "source"])
def test_no_text_that_a_person_can_send_breaks_a_search(filled: Context, name: str, text: str):
    assert found(filled, **{name: text}) == set()


@pytest.mark.parametrize("name", ["", " ", "a\x00b", "\ud800", "CVE-2024-", "x" * 100_000, "CVE-2024-10000"])
def test_a_name_that_finds_nothing_is_not_found(filled: Context, name: str):
    with pytest.raises(NotFound), filled.db.transaction() as conn:
        queries.get(conn, name)


def test_a_name_that_is_not_found_brings_similar_ones_to_mind(filled: Context):
    with pytest.raises(NotFound, match=r"CVE-2024-1000, CVE-2024-2000"), filled.db.transaction() as conn:
        queries.get(conn, "cve-2024-")


@pytest.mark.parametrize(
    "name", ["CVE-2024-1000", " cve-2024-1000,", "ghsa-AAAA-aaaa-aaaa", "GHSA-aaaa-aaaa-aaaa"]
)
def test_every_name_finds_it_however_it_is_written(filled: Context, name: str):
    with filled.db.transaction() as conn:
        vulnerability = queries.get(conn, name)
        assert vulnerability.name == "CVE-2024-1000"
        assert (vulnerability.severity, vulnerability.cvss_version) == ("critical", "3.1")
        assert (vulnerability.is_exploited, vulnerability.exploited_on) == (True, date(2024, 2, 1))
        assert vulnerability.sources == ["cve", "kev", "osv"]
        assert msgspec.json.decode(vulnerability.document)["id"] == "CVE-2024-1000"
        assert queries.list_names(conn, vulnerability.id) == [
            ("CVE-2024-1000", 3),
            ("GHSA-aaaa-aaaa-aaaa", 1),
        ]
        claims = queries.list_claims(conn, vulnerability.claim_ids)
        assert {(claim.source, claim.record_id) for claim in claims} == {
            ("osv", "GHSA-aaaa-aaaa-aaaa"),
            ("kev", "CVE-2024-1000"),
            ("cve", "CVE-2024-1000"),
        }
        assert [(change.what, change.fields) for change in queries.list_changes(conn, vulnerability.id)] == [
            ("added", None)
        ]


def test_what_nobody_summarised_is_shown_by_its_first_line(filled: Context):
    with filled.db.transaction() as conn:
        hits = {hit.name: hit.summary for hit in queries.search(conn, Filters()).hits}
    assert hits["PYSEC-2024-1"].startswith("Reads secrets.")
    assert hits["CVE-2024-1000"] == "Deserialisation of untrusted gadgets"


def test_the_figures(filled: Context):
    with filled.db.transaction() as conn:
        stats = queries.stats(conn)
    assert stats.states == {"published": 4, "disputed": 1, "withdrawn": 1, "rejected": 1}
    assert stats.severities == {"critical": 1, "low": 1, "high": 1, "UNRATED": 4}
    assert stats.claims == {"osv": (4, 0), "cve": (4, 0), "kev": (1, 0)}
    assert ("PyPI", 2, 1) in stats.ecosystems
    assert (stats.identifiers, stats.exploited, stats.with_epss, stats.merged) == (8, 1, 2, 1)
    assert (stats.dirty_claims, stats.last_change > 0, stats.scored_on, stats.decisions) == (
        0,
        True,
        date(2024, 3, 1),
        0,
    )


def test_the_digest_tells_neither_keys_nor_order(arena: Arena):
    digests = set()
    for claims in (CLAIMS, CLAIMS[::-1]):
        arena.clear()
        for claim in claims:
            take(arena.ctx, claim)
        with arena.ctx.db.transaction() as conn:
            digests.add(queries.catalog_digest(conn))
    take(arena.ctx, a_claim("DSA-1", summary="Another overflow"))
    with arena.ctx.db.transaction() as conn:
        digests.add(queries.catalog_digest(conn))
    assert len(digests) == 2


BROKEN = {
    "documents_without_vulnerability": "DELETE FROM catalog.vulnerabilities WHERE name = 'DSA-1'",
    "vulnerabilities_without_document": "DELETE FROM catalog.finished",
    "names_that_find_nothing": "UPDATE catalog.identifiers SET vulnerability_id = 999999 WHERE identifier = 'DSA-1'",
    "vulnerabilities_that_their_name_does_not_find": (
        "UPDATE catalog.vulnerabilities SET name = 'DSA-2' WHERE name = 'DSA-1'"
    ),
    "packages_without_vulnerability": (
        "INSERT INTO catalog.affected VALUES (999999, 'npm', '', 'x', NULL, NULL, false, true, false)"
    ),
    "packages_of_another_state": "UPDATE catalog.affected SET is_live = false",
    "facets_without_vulnerability": "DELETE FROM catalog.vulnerabilities WHERE name = 'DSA-1'",
    "vulnerabilities_without_facets": "DELETE FROM catalog.facets WHERE name = 'DSA-1'",
    "facets_that_say_otherwise": "UPDATE catalog.facets SET needs_review = true WHERE name = 'DSA-1'",
    "tallies_that_say_otherwise": "DELETE FROM catalog.tallies",
    "commits_without_vulnerability": "INSERT INTO catalog.commits VALUES ('\\x01', 999999)",
    "names_of_claims_that_find_nothing": "DELETE FROM catalog.identifiers WHERE identifier = 'DSA-1'",
    "vulnerabilities_with_two_cves": (
        "UPDATE catalog.identifiers SET vulnerability_id = "
        "(SELECT id FROM catalog.vulnerabilities WHERE name = 'CVE-2024-1000') "
        "WHERE identifier = 'CVE-2024-2000'"
    ),
}


@pytest.mark.parametrize(("fault", "statement"), BROKEN.items(), ids=BROKEN.keys())
def test_each_kind_of_damage_is_found(arena: Arena, fault: str, statement: str):
    arena.clear()
    take(arena.ctx, *CLAIMS)
    with arena.ctx.db.transaction() as conn:
        assert set(queries.find_faults(conn).values()) == {0}
        assert fault in queries.find_faults(conn)
        conn.execute(statement)
        assert queries.find_faults(conn)[fault] > 0


def test_every_fault_that_is_looked_for_is_tried(conn: Connection):
    assert set(queries.find_faults(conn)) == set(BROKEN)


@pytest.fixture(scope="module")
def large(arena: Arena) -> Context:
    """A catalog with enough rows for the planner to have a choice."""
    arena.clear()
    with arena.ctx.db.connection(autocommit=True) as conn:
        conn.execute(
            "INSERT INTO catalog.vulnerabilities (id, name, state, summary, sources, claim_ids, confidence, "
            "needs_review, is_exploited, changed_at, modified_at, digest, words) "
            "SELECT n, 'CVE-2024-' || 10000 + n, 'published', 'w' || n, '{osv}', '{}', 1, false, false, now(), "
            "now() - n * interval '1 minute', '', 'w' || n FROM generate_series(1, 20000) AS n"
        )
        conn.execute(
            "INSERT INTO catalog.identifiers "
            "SELECT 'CVE-2024-' || 10000 + n, n, '{}' FROM generate_series(1, 20000) AS n"
        )
        conn.execute(
            "INSERT INTO catalog.affected "
            "SELECT n, 'npm', '', 'p' || n, '\\x01', NULL, false, true, false FROM generate_series(1, 20000) AS n"
        )
        conn.execute(
            "INSERT INTO catalog.facets SELECT n, now() - n * interval '1 minute', "
            "'2024-01-01'::timestamptz + n * interval '7 minutes', 1, (n % 1000) / 1000.0, (n % 6) * 1000, 0, "
            "n % 100 = 0, false, false, 'CVE-2024-' || 10000 + n FROM generate_series(1, 20000) AS n"
        )
        conn.execute("VACUUM ANALYZE catalog.facets")
        conn.execute("VACUUM ANALYZE catalog.vulnerabilities")
        conn.execute("VACUUM ANALYZE catalog.identifiers")
        conn.execute("VACUUM ANALYZE catalog.affected")
    return arena.ctx


def explained(conn: Connection, text: str, values: dict[str, Any]) -> str:
    row = conn.execute("EXPLAIN (FORMAT JSON) " + text, values, prepare=False).fetchone()  # type: ignore[arg-type] # ours
    assert row is not None
    return json.dumps(row[0])


def plan(ctx: Context, statement: str, values: dict[str, Any]) -> str:
    with ctx.db.transaction() as conn:
        return explained(conn, showing._SQL[statement].text, values)


@pytest.mark.parametrize(
    ("filters", "sort", "index"),
    [
        (Filters(), Sort.MODIFIED, "facets_by_modified"),
        (Filters(), Sort.PUBLISHED, "facets_by_published"),
        (Filters(), Sort.SEVERITY, "facets_by_gravity"),
        (Filters(), Sort.EPSS, "facets_by_epss"),
        (Filters(), Sort.NAME, "facets_by_name"),
        (Filters(text="w77"), Sort.MODIFIED, "facets_"),
        (Filters(package="p77"), Sort.NAME, "facets_"),
        (Filters(min_epss=0.5), Sort.EPSS, "facets_by_epss"),
        (Filters(severities=[Band.CRITICAL]), Sort.SEVERITY, "facets_by_gravity"),
        (Filters(since=a_time(0)), Sort.MODIFIED, "facets_by_modified"),
    ],
)
@pytest.mark.parametrize("place", [{}, {"after_id": 5}])
def test_a_page_is_found_by_index_and_no_table_is_read_whole(
    large: Context, filters: Filters, sort: Sort, index: str, place: dict[str, Any]
):
    after = {Sort.SEVERITY: "5000", Sort.EPSS: "0.7", Sort.NAME: "CVE-2024-2"}.get(sort, "2024-03-01")
    with large.db.transaction() as conn:
        beginning = {"limit": 51, "after_id": None, "after": after if place else None}
        values = filter_values(conn, filters) | beginning | place
        text = explained(
            conn,
            listing._ordered(with_filters(listing._SQL["search"].text), sort, is_descending=True),
            values,
        )
    assert index in text
    assert "Seq Scan" not in text


@pytest.mark.parametrize(
    ("statement", "index"), [("find_worded", "vulnerabilities_search"), ("find_affecting", "affected_match")]
)
def test_words_and_packages_are_found_by_index(large: Context, statement: str, index: str):
    values = {"text": "w77", "limit": 10, "package": "p77", "ecosystem": "npm", "release": None}
    with large.db.transaction() as conn:
        text = explained(conn, filtering._SQL[statement].text, values)
    assert index in text
    assert "Seq Scan" not in text


@pytest.mark.parametrize("statement", ["find_name", "similar_names"])
def test_a_name_is_found_by_index(large: Context, statement: str):
    text = plan(large, statement, {"identifier": "CVE-2024-10077", "start": "CVE-2024-1"})
    assert "identifiers_pkey" in text
    assert "Seq Scan" not in text
