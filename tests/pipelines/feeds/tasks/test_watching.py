"""What touches the watched products on a real catalog, as it and they change."""

from datetime import UTC, datetime, timedelta

import pytest

from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import Context
from assay.catalog.commands import merge, purge
from assay.catalog.model import Product as Affected
from assay.catalog.queries import Filters, find_id, search
from assay.errors import NotFound
from assay.jobs.deferring import defer
from assay.jobs.model import Cancelled
from assay.kit.db import Connection
from assay.pipelines.feeds.commands import products as commands
from assay.pipelines.feeds.model.entries import Received, Weight
from assay.pipelines.feeds.model.products import ProductOrigin, Wanted
from assay.pipelines.feeds.queries import products as queries
from assay.pipelines.feeds.store import entries
from assay.pipelines.feeds.tasks import watching
from assay.web.monitored import narrowed
from factories import a_claim, an_affected, drop, quiet, reading_claims, take
from jobs import hands

WHO = Principal(Kind.LOCAL, "ada", Role.ADMIN)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LODASH = a_claim("GHSA-aaaa-aaaa-aaaa", affected=(an_affected("lodash", ecosystem="npm"),))
TAR = a_claim("GHSA-bbbb-bbbb-bbbb", affected=(an_affected("tar", ecosystem="npm"),))
FORTIOS = a_claim("CVE-2024-1", source="cve", products=(Affected(vendor="Fortinet", product="FortiOS"),))
WINDOWS = a_claim("CVE-2024-2", source="cve", products=(Affected(vendor="Microsoft", product="Windows"),))


@pytest.fixture
def ctx(make_context) -> Context:
    return reading_claims(make_context())


def watched(ctx: Context, *wanted: Wanted) -> list[int]:
    with ctx.db.transaction() as conn:
        return [key for one in wanted if (key := commands.add(conn, one, WHO, NOW)[0]) is not None]


def looked(ctx: Context) -> watching.Watching:
    """What the task does, in its job."""
    with ctx.db.transaction() as conn:
        defer(conn, watching.watch)
        ticket = hands.take(conn, hands.a_worker(conn))
        assert ticket is not None
    found = watching.look(ctx, hands.held(ticket, ctx.db))
    with ctx.db.transaction() as conn:
        assert hands.finish(conn, ticket) == 1
    return found


def touched(ctx: Context) -> set[str]:
    with ctx.db.transaction() as conn:
        names = {find_id(conn, one.own): one.own for one in (LODASH, TAR, FORTIOS, WINDOWS)}
        return {names[key] for key in queries.touched_ids(conn)}


def test_new_products_are_looked_for_in_everything_that_is_there(ctx):
    take(ctx, LODASH, TAR, FORTIOS, WINDOWS)
    first, second = watched(ctx, Wanted(purl="pkg:npm/lodash@4"), Wanted(vendor="fortinet inc"))
    with ctx.db.transaction() as conn:
        assert [one.touched for one in queries.list_products(conn)] == [None, None]
    assert looked(ctx).changed == 2
    assert touched(ctx) == {"GHSA-aaaa-aaaa-aaaa", "CVE-2024-1"}
    with ctx.db.transaction() as conn:
        assert {one.id: one.touched for one in queries.list_products(conn)} == {first: 1, second: 1}
        key = find_id(conn, "CVE-2024-1")
        assert [one.id for one in queries.touched_by(conn, key)] == [second]
        assert queries.touched_among(conn, [key, 99]) == {key}
    again = looked(ctx)
    assert (again.read, again.changed, again.weighed) == (0, 0, 0)


def test_what_changes_in_the_catalog_is_followed(ctx):
    watched(ctx, Wanted(purl="pkg:npm/lodash"), Wanted("Fortinet", "FortiOS"))
    looked(ctx)
    take(ctx, LODASH, TAR, FORTIOS)
    found = looked(ctx)
    assert (found.read, found.changed) == (3, 2)
    assert touched(ctx) == {"GHSA-aaaa-aaaa-aaaa", "CVE-2024-1"}
    take(ctx, replace_affected("lodash-es"), replace_products("FortiWeb"))
    assert looked(ctx).changed == 2
    assert touched(ctx) == set()
    take(ctx, LODASH, FORTIOS)
    assert looked(ctx).changed == 2
    drop(ctx, [LODASH])
    # It is withdrawn, which the filter by state tells; it is forgotten with its last claim.
    assert looked(ctx).changed == 0
    with ctx.db.transaction() as conn:
        assert purge(conn, ctx.clock(), timedelta(0)) == 1
    merge(ctx, quiet)
    assert looked(ctx).changed == 1
    assert touched(ctx) == {"CVE-2024-1"}


def replace_affected(name: str):
    return a_claim("GHSA-aaaa-aaaa-aaaa", affected=(an_affected(name, ecosystem="npm"),))


def replace_products(name: str):
    return a_claim("CVE-2024-1", source="cve", products=(Affected(vendor="Fortinet", product=name),))


def test_a_line_of_the_log_that_comes_late_is_not_missed(ctx):
    watched(ctx, Wanted(purl="pkg:npm/lodash"))
    looked(ctx)
    take(ctx, LODASH)
    with ctx.db.connection() as late:
        # Another part of a merge: it has its number already, and is not committed yet.
        key = find_id(late, "GHSA-aaaa-aaaa-aaaa")
        late.execute(
            "INSERT INTO catalog.changes (vulnerability_id, at, what) VALUES (%s, now(), 'changed')", (key,)
        )
        take(ctx, TAR)
        assert looked(ctx).read == 0
        late.commit()
    assert looked(ctx).read == 2
    with ctx.db.transaction() as conn:
        seq, _ = watching.store.lock_watching(conn)
        assert seq == conn.execute("SELECT max(seq) FROM catalog.changes").fetchone()[0]


def test_whoever_is_killed_in_the_middle_is_followed_by_one_who_ends_it(ctx, monkeypatch):
    monkeypatch.setattr(watching, "_PART", 1)
    take(ctx, LODASH, TAR, FORTIOS, WINDOWS)
    watched(ctx, Wanted(purl="pkg:npm/tar"), Wanted(vendor="Microsoft"))
    with ctx.db.transaction() as conn:
        defer(conn, watching.watch)
        ticket = hands.take(conn, hands.a_worker(conn))
    calls = iter([False, False, True])
    with pytest.raises(Cancelled):
        watching.look(ctx, hands.held(ticket, ctx.db, is_cancelled=lambda: next(calls)))
    with ctx.db.transaction() as conn:
        assert hands.finish(conn, ticket) == 1
        assert all(one.touched is None for one in queries.list_products(conn))
    looked(ctx)
    assert touched(ctx) == {"GHSA-bbbb-bbbb-bbbb", "CVE-2024-2"}


def test_the_edition_grows_with_every_change_and_with_no_other(ctx):
    def edition() -> int:
        with ctx.db.transaction() as conn:
            return queries.watch_edition(conn)

    take(ctx, LODASH)
    before = edition()
    looked(ctx)
    assert edition() == before
    (key,) = watched(ctx, Wanted(purl="pkg:npm/lodash"))
    assert (before := edition()) > 0
    looked(ctx)
    assert edition() > before
    before = edition()
    take(ctx, TAR)
    looked(ctx)
    assert edition() == before
    with ctx.db.transaction() as conn:
        commands.remove(conn, [key], WHO)
    assert edition() > before
    assert touched(ctx) == set()


def test_lists_are_narrowed(ctx):
    take(ctx, LODASH, TAR, FORTIOS)
    watched(ctx, Wanted(purl="pkg:npm/lodash"), Wanted(vendor="Fortinet"))
    looked(ctx)

    def names(monitored: bool | None, **filters) -> set[str]:
        with ctx.db.transaction() as conn:
            page = search(conn, narrowed(conn, Filters(**filters), monitored))
        return {hit.name for hit in page.hits}

    assert names(None) == {"GHSA-aaaa-aaaa-aaaa", "GHSA-bbbb-bbbb-bbbb", "CVE-2024-1"}
    assert names(True) == {"GHSA-aaaa-aaaa-aaaa", "CVE-2024-1"}
    assert names(False) == {"GHSA-bbbb-bbbb-bbbb"}
    assert names(True, ecosystem="npm") == {"GHSA-aaaa-aaaa-aaaa"}
    assert names(True, package="tar") == set()
    assert names(False, text="CVE-2024-1") == set()


def entry(conn: Connection, title: str) -> None:
    (source,) = conn.execute(
        "INSERT INTO feeds.sources (name, kind, address, interval_seconds, next_at, created_by, created_at, changed_at)"
        " VALUES (%s, 'feed', 'https://example.org', 3600, %s, 'ann', %s, %s) RETURNING id",
        (title, NOW, NOW, NOW),
    ).fetchone()
    received = Received(key="1", media_type="text/plain", raw=b"Remote code execution.", title=title)
    entries.add(conn, source, [received], lambda _: Weight(0, is_monitored=False), NOW)


def weights(ctx: Context) -> dict[str, tuple[int, bool]]:
    with ctx.db.transaction() as conn:
        rows = conn.execute("SELECT title, priority, is_monitored FROM feeds.raw_entries").fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def test_waiting_entries_are_weighed_by_the_products_as_they_are_now(ctx):
    with ctx.db.transaction() as conn:
        entry(conn, "FortiOS of Fortinet")
        entry(conn, "Something else")
    (key,) = watched(ctx, Wanted(vendor="Fortinet"))
    assert looked(ctx).weighed == 2
    assert weights(ctx) == {"FortiOS of Fortinet": (120, True), "Something else": (20, False)}
    with ctx.db.transaction() as conn:
        commands.remove(conn, [key], WHO)
    assert looked(ctx).weighed == 1
    assert weights(ctx)["FortiOS of Fortinet"] == (20, False)
    assert looked(ctx).weighed == 0


def test_the_run_ledger_tells_what_came_of_it(ctx):
    take(ctx, LODASH)
    watched(ctx, Wanted(purl="pkg:npm/lodash"))
    looked(ctx)
    with ctx.db.transaction() as conn:
        (row,) = conn.execute("SELECT step, outcome, counts FROM jobs.runs WHERE room = 'feeds'").fetchall()
    assert row == ("watch", "completed", {"read": 1, "changed": 1, "weighed": 0})


def test_a_change_is_looked_after_at_once_and_noted(ctx):
    watched(ctx, Wanted(purl="pkg:npm/lodash"), Wanted("Apache", "HTTP Server"))
    with ctx.db.transaction() as conn:
        # The second change finds the job of the first still waiting.
        assert conn.execute("SELECT count(*) FROM jobs.procrastinate_jobs").fetchone() == (1,)
        audit = conn.execute("SELECT name, action, subject FROM auth.audit ORDER BY id").fetchall()
    assert audit == [("ada", "products.add", "pkg:npm/lodash"), ("ada", "products.add", "Apache HTTP Server")]


def test_the_same_product_twice_is_one(ctx):
    assert (
        len(
            watched(
                ctx,
                Wanted("Apache"),
                Wanted(" Apache "),
                Wanted(purl="pkg:npm/a@1"),
                Wanted(purl="pkg:npm/a"),
            )
        )
        == 2
    )
    with ctx.db.transaction() as conn:
        assert queries.count_products(conn) == 2
        found = queries.find_product(conn, Wanted("Apache"))
        assert (found.shown, found.origin, found.created_by) == ("Apache", ProductOrigin.PERSON, "ada")
        with pytest.raises(NotFound):
            queries.find_product(conn, Wanted(product="Apache"))
        with pytest.raises(NotFound):
            commands.remove(conn, [found.id, 2**40], WHO)


def test_an_import_counts_what_came_of_each_line(ctx):
    with ctx.db.transaction() as conn:
        came = commands.import_csv(conn, b"vendor\nApache\nIBM\nApache\nn/a\n", WHO, NOW)
        again = commands.import_csv(conn, "vendor\nApache\nIBM\n".encode("utf-8-sig"), WHO, NOW)
        scanned = commands.import_purls(
            conn,
            ["pkg:npm/a@1", "pkg:npm/a@2", "pkg:golang/x.test/y@v1", "pkg:no/x"],
            ProductOrigin.SCAN,
            WHO,
            NOW,
            note="shop",
        )
        listed = queries.list_products(conn, text="pkg:")
    assert (came.added, came.known, [one.line for one in came.refused]) == (2, 1, [5])
    assert (again.added, again.known, again.refused) == (0, 2, ())
    assert (scanned.added, scanned.known, len(scanned.refused)) == (2, 0, 1)
    assert [(one.shown, one.origin, one.note) for one in listed] == [
        ("pkg:golang/x.test/y", ProductOrigin.SCAN, "shop"), ("pkg:npm/a", ProductOrigin.SCAN, "shop"),
    ]  # fmt: skip
