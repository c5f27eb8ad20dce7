"""What the catalog is asked to do: take claims, decide about names, rebuild, try a policy, purge."""

from datetime import timedelta

import msgspec
import pytest

from assay.bootstrap import Context
from assay.catalog import commands, queries
from assay.catalog.commands import Submitted
from assay.catalog.model import Claim
from assay.domain.osv import Document
from assay.errors import Conflict, NotFound, Permanent
from assay.kit.compression import decompress
from assay.kit.db import Connection
from factories import (
    NOW,
    Arena,
    a_claim,
    a_time,
    an_affected,
    as_toml,
    drop,
    quiet,
    submit,
    take,
)

GHSA = a_claim("GHSA-aaaa-aaaa-aaaa", summary="A hole", affected=(an_affected(),), modified=a_time(1))
CVE = a_claim("CVE-2024-1000", source="cve", summary="A hole in example", modified=a_time(2))
BOTH = msgspec.structs.replace(GHSA, aliases=("CVE-2024-1000",))


@pytest.fixture
def ctx(arena: Arena) -> Context:
    arena.clear()
    return arena.ctx


def shown(ctx: Context, name: str) -> queries.Vulnerability:
    with ctx.db.transaction() as conn:
        return queries.get(conn, name)


def document(ctx: Context, name: str) -> Document:
    return msgspec.json.decode(shown(ctx, name).document, type=Document)


def history(ctx: Context, key: int) -> list[tuple[str, list[str] | None]]:
    """What happened to a vulnerability, oldest first."""
    with ctx.db.transaction() as conn:
        return [(change.what, change.fields) for change in reversed(queries.list_changes(conn, key))]


def one(conn: Connection, statement: str) -> object:
    row = conn.execute(statement).fetchone()
    return row and row[0]


def faults(ctx: Context) -> dict[str, int]:
    with ctx.db.transaction() as conn:
        return {name: count for name, count in queries.find_faults(conn).items() if count}


def test_claims_are_new_changed_or_unchanged(conn: Connection):
    other = a_claim("GHSA-bbbb-bbbb-bbbb")
    assert submit(conn, GHSA, other) == Submitted(new=2)
    assert submit(conn, GHSA, other) == Submitted(unchanged=2)
    assert submit(conn, BOTH, other) == Submitted(changed=1, unchanged=1)
    assert commands.tombstone(conn, "osv", [other.record_id, "unheard of"], "gone", NOW) == 1
    assert commands.tombstone(conn, "osv", [other.record_id], "gone", NOW) == 0
    assert commands.tombstone(conn, "osv", [], "gone", NOW) == 0
    assert submit(conn, BOTH, other) == Submitted(changed=1, unchanged=1)
    row = conn.execute(
        "SELECT tombstoned_at, reason FROM catalog.claims WHERE record_id = %s", (other.record_id,)
    )
    assert row.fetchone() == (None, None)


def test_a_changed_record_comes_back_from_its_tombstone(conn: Connection):
    submit(conn, GHSA)
    commands.tombstone(conn, "osv", [GHSA.record_id], "gone", NOW)
    assert submit(conn, BOTH, now=NOW + timedelta(days=1), document="later") == Submitted(changed=1)
    (claim,) = queries.list_claims(conn, [int(str(one(conn, "SELECT id FROM catalog.claims")))])
    assert (claim.tombstoned_at, claim.reason, claim.document) == (None, None, "later")
    assert claim.seen_at == NOW + timedelta(days=1)


def test_the_same_record_id_of_two_sources_is_two_claims(conn: Connection):
    assert submit(conn, GHSA, msgspec.structs.replace(GHSA, source="gitlab")) == Submitted(new=2)


def test_one_transaction_may_change_the_same_claim_twice(conn: Connection):
    submit(conn, GHSA)
    for version in ("one", "two", "three"):
        submit(conn, msgspec.structs.replace(GHSA, summary=version))
    raw = one(conn, "SELECT raw FROM catalog.claims")
    assert isinstance(raw, bytes)
    assert msgspec.json.decode(decompress(raw), type=Claim).summary == "three"


def test_nothing_to_submit(conn: Connection):
    assert commands.submit(conn, "osv", "doc", [], NOW) == Submitted()


def test_the_same_twice_leaves_no_trace(ctx: Context):
    take(ctx, GHSA, CVE)
    before = shown(ctx, "CVE-2024-1000")
    again = take(ctx, GHSA, CVE, now=NOW + timedelta(days=9))
    assert (again.added, again.changed, again.removed, again.unchanged) == (0, 0, 0, 0)
    assert shown(ctx, "CVE-2024-1000") == before
    with ctx.db.transaction() as conn:
        assert one(conn, "SELECT count(*) FROM catalog.changes") == 2
        assert one(conn, "SELECT count(*) FROM catalog.dirty_claims") == 0


def test_an_alias_that_comes_later_joins_two_vulnerabilities(ctx: Context):
    take(ctx, GHSA)
    take(ctx, CVE)
    first, second = shown(ctx, GHSA.record_id), shown(ctx, "CVE-2024-1000")
    assert first.id != second.id
    counts = take(ctx, BOTH)
    assert (counts.added, counts.changed, counts.removed) == (0, 1, 1)
    joined = shown(ctx, GHSA.record_id)
    assert (joined.id, joined.name) == (second.id, "CVE-2024-1000")
    assert joined == shown(ctx, "CVE-2024-1000")
    assert history(ctx, first.id) == [("added", None), ("removed", None)]
    (_, fields) = history(ctx, second.id)[-1]
    assert fields is not None
    assert {"aliases", "affected", "summary"} <= set(fields)
    with ctx.db.transaction() as conn:
        rows = conn.execute(
            "SELECT before FROM catalog.changes WHERE before IS NOT NULL ORDER BY seq"
        ).fetchall()
    assert {decompress(row[0]) for row in rows} == {first.document, second.document}
    assert faults(ctx) == {}


def test_an_advisory_that_gets_its_cve_id_keeps_its_key_and_both_names(ctx: Context):
    take(ctx, GHSA)
    key = shown(ctx, GHSA.record_id).id
    counts = take(ctx, BOTH)
    assert (counts.added, counts.changed, counts.removed) == (0, 1, 0)
    assert shown(ctx, "cve-2024-1000").id == shown(ctx, "ghsa-AAAA-aaaa-aaaa,").id == key
    assert shown(ctx, "CVE-2024-1000").name == "CVE-2024-1000"


def test_a_name_that_no_claim_gives_any_more_still_finds_its_vulnerability(ctx: Context):
    take(ctx, BOTH)
    key = shown(ctx, "CVE-2024-1000").id
    take(ctx, GHSA)
    assert shown(ctx, "CVE-2024-1000").id == key
    assert shown(ctx, "CVE-2024-1000").name == GHSA.record_id
    assert document(ctx, "CVE-2024-1000").aliases == ()
    with ctx.db.transaction() as conn:
        assert queries.list_names(conn, key) == [("CVE-2024-1000", 0), (GHSA.record_id, 1)]
    # Somebody else gives the name: then it is that one's.
    take(ctx, CVE)
    assert shown(ctx, "CVE-2024-1000").id != key
    assert faults(ctx) == {}


def test_a_split_leaves_the_key_with_the_name(ctx: Context):
    take(ctx, BOTH, CVE)
    key = shown(ctx, "CVE-2024-1000").id
    counts = take(ctx, GHSA)
    assert (counts.added, counts.changed) == (1, 1)
    assert shown(ctx, "CVE-2024-1000").id == key
    assert shown(ctx, GHSA.record_id).id != key
    assert history(ctx, shown(ctx, GHSA.record_id).id) == [("added", None)]


def test_what_is_gone_is_withdrawn_and_comes_back_as_it_was(ctx: Context):
    take(ctx, GHSA)
    before = shown(ctx, GHSA.record_id)
    drop(ctx, [GHSA])
    gone = shown(ctx, GHSA.record_id)
    assert (gone.id, gone.state, gone.withdrawn_at, gone.summary) == (before.id, "withdrawn", NOW, "A hole")
    take(ctx, GHSA)
    back = shown(ctx, GHSA.record_id)
    assert (back.state, back.document, back.id) == ("published", before.document, before.id)
    assert [what for what, _ in history(ctx, before.id)] == ["added", "changed", "changed"]


def test_purging_deletes_what_was_gone_for_long_and_nothing_else(ctx: Context):
    retention = timedelta(days=90)
    recent, live = a_claim("GHSA-bbbb-bbbb-bbbb"), a_claim("GHSA-cccc-cccc-cccc")
    shared = msgspec.structs.replace(CVE, record_id="gone")
    take(ctx, GHSA, recent, live, shared, msgspec.structs.replace(CVE, record_id="stays"))
    drop(ctx, [GHSA, shared], NOW - retention - timedelta(seconds=1))
    drop(ctx, [recent], NOW - retention)
    with ctx.db.transaction() as conn:
        assert commands.purge(conn, NOW, retention) == 2
        assert commands.purge(conn, NOW, retention) == 0
    counts = commands.merge(ctx, quiet)
    assert (counts.removed, counts.changed) == (1, 1)
    with pytest.raises(NotFound):
        shown(ctx, GHSA.record_id)
    assert shown(ctx, "GHSA-bbbb-bbbb-bbbb").state == "withdrawn"
    assert shown(ctx, "GHSA-cccc-cccc-cccc").state == "published"
    assert len(shown(ctx, "CVE-2024-1000").claim_ids) == 1
    assert faults(ctx) == {}
    # It returns with another key: it was deleted for good.
    assert take(ctx, GHSA).added == 1


def test_a_pin_joins_and_is_taken_back(ctx: Context):
    take(ctx, GHSA, CVE)
    key = shown(ctx, "CVE-2024-1000").id
    with ctx.db.transaction() as conn:
        names = (" cve-2024-1000", "GHSA-AAAA-aaaa-aaaa")
        commands.decide(conn, "pin", names, reason="the same", by="ada", now=NOW)
    commands.merge(ctx, quiet)
    assert shown(ctx, GHSA.record_id).id == key
    with ctx.db.transaction() as conn:
        (held,) = queries.list_decisions(conn)
        assert (held.kind, held.left, held.right, held.decided_by) == (
            "pin",
            *sorted(("CVE-2024-1000", GHSA.record_id)),
            "ada",
        )
        commands.undecide(conn, ("CVE-2024-1000", GHSA.record_id))
    commands.merge(ctx, quiet)
    assert shown(ctx, "CVE-2024-1000").id == key
    assert shown(ctx, GHSA.record_id).id != key
    assert faults(ctx) == {}


def test_a_ban_survives_that_the_record_says_otherwise_again(ctx: Context):
    take(ctx, BOTH, CVE)
    with ctx.db.transaction() as conn:
        commands.decide(
            conn, "ban", ("CVE-2024-1000", GHSA.record_id), reason="not the same", by="ada", now=NOW
        )
    commands.merge(ctx, quiet)
    assert shown(ctx, GHSA.record_id).id != shown(ctx, "CVE-2024-1000").id
    take(ctx, msgspec.structs.replace(BOTH, summary="changed"))
    assert shown(ctx, GHSA.record_id).name == GHSA.record_id
    assert shown(ctx, GHSA.record_id).summary == "changed"
    assert shown(ctx, "CVE-2024-1000").summary == CVE.summary
    assert faults(ctx) == {}


def test_a_later_decision_on_the_same_pair_replaces_the_earlier(ctx: Context):
    take(ctx, GHSA, CVE)
    for kind in ("pin", "ban", "pin"):
        with ctx.db.transaction() as conn:
            commands.decide(conn, kind, ("CVE-2024-1000", GHSA.record_id), reason=kind, by="ada", now=NOW)
        commands.merge(ctx, quiet)
        assert (shown(ctx, GHSA.record_id).id == shown(ctx, "CVE-2024-1000").id) is (kind == "pin")
    with ctx.db.transaction() as conn:
        assert [held.kind for held in queries.list_decisions(conn)] == ["pin"]


@pytest.mark.parametrize("names", [("A-1", "A-1"), ("cve-2024-1000", "CVE-2024-1000,"), (" ", "A-1")])
def test_a_decision_is_about_two_names(conn: Connection, names: tuple[str, str]):
    with pytest.raises(Conflict, match="two different names"):
        commands.decide(conn, "ban", names, reason="r", by="ada", now=NOW)


def test_a_pin_needs_names_that_are_known_and_a_ban_does_not(ctx: Context):
    take(ctx, GHSA)
    with pytest.raises(NotFound, match="CVE-2024-9999"), ctx.db.transaction() as conn:
        commands.decide(conn, "pin", (GHSA.record_id, "CVE-2024-9999"), reason="r", by="ada", now=NOW)
    with ctx.db.transaction() as conn:
        commands.decide(conn, "ban", (GHSA.record_id, "CVE-2024-1000"), reason="r", by="ada", now=NOW)
    take(ctx, BOTH)
    assert shown(ctx, GHSA.record_id).name == GHSA.record_id
    with pytest.raises(NotFound), ctx.db.transaction() as conn:
        commands.undecide(conn, ("A-1", "B-1"))


def test_explaining_says_who_said_what(ctx: Context):
    take(ctx, BOTH, CVE)
    with ctx.db.transaction() as conn:
        words = {word.field: word for word in commands.explain(ctx, conn, GHSA.record_id)}
    assert (words["summary"].by.claim, words["summary"].by.value) == (f"osv:{GHSA.record_id}", "A hole")
    assert [(word.claim, word.value) for word in words["summary"].against] == [
        ("cve:CVE-2024-1000", "A hole in example")
    ]
    assert words["modified"].by.claim == "cve:CVE-2024-1000"
    assert words["affected/PyPI/example"].by.value[0]["package"]["name"] == "example"


DAMAGE = {
    "a document is gone": "DELETE FROM catalog.finished",
    "a document is another": "UPDATE catalog.finished SET document = (SELECT max(document) FROM catalog.finished)",
    "a row is gone": "DELETE FROM catalog.vulnerabilities WHERE name = 'CVE-2024-1000'",
    "all rows are gone": "DELETE FROM catalog.vulnerabilities",
    "a column is another": "UPDATE catalog.vulnerabilities SET summary = 'forged', is_exploited = true",
    "the words are others": "UPDATE catalog.vulnerabilities SET words = 'forged'",
    "the claims are others": "UPDATE catalog.vulnerabilities SET claim_ids = '{}'",
    "a name is another": "UPDATE catalog.vulnerabilities SET name = 'FORGED-1' WHERE name = 'CVE-2024-1000'",
    "the names are gone": "DELETE FROM catalog.identifiers",
    "one name is gone": "DELETE FROM catalog.identifiers WHERE identifier = 'CVE-2024-1000'",
    "the names lead elsewhere": "UPDATE catalog.identifiers SET vulnerability_id = 999",
    "the names are crossed": (
        "UPDATE catalog.identifiers SET vulnerability_id = (SELECT max(id) FROM catalog.vulnerabilities)"
    ),
    "nobody gives the names": "UPDATE catalog.identifiers SET asserted_by = '{}'",
    "the packages are gone": "DELETE FROM catalog.affected",
    "packages are too many": (
        "INSERT INTO catalog.affected SELECT id, 'npm', '', 'forged', '\\x01', '\\x02', false, true, false "
        "FROM catalog.vulnerabilities"
    ),
    "a package of nothing": (
        "INSERT INTO catalog.affected VALUES (999, 'npm', '', 'forged', NULL, NULL, false, true, false)"
    ),
    "the bounds are others": "UPDATE catalog.affected SET lower = '\\x01', upper = NULL, fixed = 'forged'",
    "the commits are gone": "DELETE FROM catalog.commits",
    "commits of nothing": "INSERT INTO catalog.commits VALUES ('\\x01', 999)",
    "what is in force is forged": "UPDATE catalog.affected SET is_live = NOT is_live",
    "the fingerprints are others": "UPDATE catalog.vulnerabilities SET digest = '\\x00'",
    "everything is gone": "TRUNCATE catalog.vulnerabilities, catalog.finished, catalog.identifiers, catalog.affected, "
    "catalog.commits",
}
_EVERYTHING = """
    SELECT v.name, v.state, v.summary, v.severity, v.is_exploited, v.sources, v.claim_ids, v.words, v.digest,
           v.modified_at,
           f.document, f.provenance,
           (SELECT array_agg((i.identifier, i.asserted_by) ORDER BY i.identifier) FROM catalog.identifiers AS i
            WHERE i.vulnerability_id = v.id),
           (SELECT array_agg((a.ecosystem, a.release, a.name, a.lower, a.upper, a.is_upper_included, a.is_live,
                              a.is_unread, a.fixed, a.listed) ORDER BY a.name, a.lower)
            FROM catalog.affected AS a WHERE a.vulnerability_id = v.id),
           (SELECT array_agg(c.commit ORDER BY c.commit) FROM catalog.commits AS c WHERE c.vulnerability_id = v.id)
    FROM catalog.vulnerabilities AS v LEFT JOIN catalog.finished AS f ON f.vulnerability_id = v.id
    ORDER BY v.name, v.id
"""


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_rebuild_repairs_what_was_damaged(ctx: Context, statement: str):
    take(
        ctx,
        BOTH,
        CVE,
        a_claim("PYSEC-2024-1", affected=(an_affected("b"), an_affected("c"))),
        a_claim("GO-2024-1"),
    )
    with ctx.db.transaction() as conn:
        sound = conn.execute(_EVERYTHING).fetchall()
        digest = queries.catalog_digest(conn)
        conn.execute(statement)
        left = dict(
            conn.execute("SELECT name, id FROM catalog.vulnerabilities WHERE claim_ids <> '{}'").fetchall()
        )
    rebuilt = commands.rebuild(ctx, quiet)
    with ctx.db.transaction() as conn:
        assert conn.execute(_EVERYTHING).fetchall() == sound
        keys = dict(conn.execute("SELECT name, id FROM catalog.vulnerabilities").fetchall())
        assert {name: keys[name] for name in left if name in keys} == {
            n: key for n, key in left.items() if n in keys
        }
    assert rebuilt.digest_after == digest
    assert faults(ctx) == {}
    again = commands.rebuild(ctx, quiet)
    assert (again.counts.added, again.counts.changed, again.counts.removed, again.orphans) == (0, 0, 0, 0)


def test_a_rebuild_keeps_keys_history_and_the_time_of_the_last_change(ctx: Context):
    take(ctx, BOTH, CVE)
    take(ctx, msgspec.structs.replace(CVE, summary="new"))
    before = shown(ctx, "CVE-2024-1000")
    log = history(ctx, before.id)
    rebuilt = commands.rebuild(ctx, quiet)
    assert rebuilt.counts.unchanged == 1
    assert shown(ctx, "CVE-2024-1000") == before
    assert history(ctx, before.id) == log


def test_a_rebuild_removes_what_no_claim_speaks_for(ctx: Context):
    take(ctx, BOTH, CVE, a_claim("GO-2024-1"))
    with ctx.db.transaction() as conn:
        conn.execute("DELETE FROM catalog.claims WHERE record_id = 'GO-2024-1'")
    assert commands.rebuild(ctx, quiet).orphans == 1
    with pytest.raises(NotFound):
        shown(ctx, "GO-2024-1")


POLICY = {"priority": ["cve", "osv"], "fields": {"exploited": ["kev"], "products": ["cve"]}}


def test_trying_a_policy_counts_what_it_would_change_and_writes_nothing(ctx: Context):
    take(ctx, BOTH, CVE, a_claim("GO-2024-1", aliases=["PYSEC-2024-1"]))
    with ctx.db.transaction() as conn:
        sound = conn.execute(_EVERYTHING).fetchall()
    diff = commands.policy_diff(ctx, as_toml(POLICY), "mine.toml", quiet)
    assert (diff.vulnerabilities, diff.differing) == (2, 1)
    assert diff.fields["summary"] == 1
    assert [name for name, _ in diff.examples] == ["CVE-2024-1000"]
    with ctx.db.transaction() as conn:
        assert conn.execute(_EVERYTHING).fetchall() == sound
        assert one(conn, "SELECT count(*) FROM catalog.dirty_claims") == 0
    same = commands.policy_diff(
        ctx, as_toml(POLICY | {"priority": ["osv", "gitlab", "cve"]}), "mine.toml", quiet
    )
    assert (same.vulnerabilities, same.differing, same.fields, same.examples) == (2, 0, {}, [])


def test_a_policy_that_is_none_is_refused_before_anything_is_read(ctx: Context):
    with pytest.raises(Permanent, match=r"mine\.toml: priority"):
        commands.policy_diff(ctx, "priority = 1", "mine.toml", quiet)


def test_a_name_preferred_by_another_policy_is_a_difference(ctx: Context):
    take(ctx, BOTH)
    diff = commands.policy_diff(ctx, as_toml(POLICY | {"names": ["GHSA"]}), "mine.toml", quiet)
    assert diff.differing == 1
    assert {"id", "aliases"} <= diff.fields.keys()
    assert diff.examples[0][0] == GHSA.record_id
