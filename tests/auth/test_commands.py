"""People, filters and retention on a real database."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from assay.auth import queries
from assay.auth.commands import (
    Act,
    add_person,
    add_token,
    change_role,
    disable,
    enable,
    local_admin,
    make_link,
    note_token,
    principal_of,
    remove_filter,
    remove_old_sign_ins,
    save_filter,
    sign_in_by_link,
    sign_in_by_password,
)
from assay.auth.model import Kind, Policy, Principal, Purpose, Role, TooSoon
from assay.errors import Conflict, Forbidden, NotFound, Permanent

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LOCAL = Principal(Kind.LOCAL, "op", Role.ADMIN)


@pytest.fixture
def act(conn):
    return Act(conn, Policy(), NOW, LOCAL, None)


def test_the_last_admin_stays(act):
    add_person(act, "ada", Role.ADMIN)
    for leave in (lambda: disable(act, "ada"), lambda: change_role(act, "ada", Role.ANALYST)):
        with pytest.raises(Conflict, match="only admin"):
            leave()
    add_person(act, "eve", Role.ADMIN)
    assert disable(act, "ADA").is_disabled
    with pytest.raises(Conflict):
        disable(act, "eve")
    assert not enable(act, "ada").is_disabled
    assert queries.count_admins(act.conn) == 2


def test_what_changes_nothing_is_not_noted(act):
    ada = add_person(act, "ada", Role.VIEWER)
    change_role(act, ada.id, Role.VIEWER)
    enable(act, ada.id)
    assert [row.action for row in queries.list_records(act.conn, queries.AuditFilter())] == ["people.add"]
    with pytest.raises(NotFound):
        change_role(act, "nobody", Role.VIEWER)


def test_whoever_uses_the_machine_is_an_admin_unless_somebody_said_otherwise(act):
    assert local_admin(act).role is Role.ADMIN
    assert local_admin(act).name == "op"
    add_person(act, "ada", Role.ADMIN)
    change_role(act, "op", Role.VIEWER)
    with pytest.raises(Conflict, match="no admin"):
        local_admin(act)
    disable(act, "op")
    with pytest.raises(Conflict, match="disabled"):
        local_admin(act)


def test_a_token_never_may_more_than_its_owner_at_that_moment(act):
    ada = add_person(act, "ada", Role.ADMIN)
    add_person(act, "eve", Role.ADMIN)
    secret = add_token(act, "ci", Role.ADMIN, person_id=ada.id).secret
    found = queries.find_token(act.conn, secret, NOW)
    assert (principal_of(found).name, principal_of(found).role) == ("ada/ci", Role.ADMIN)
    change_role(act, "ada", Role.VIEWER)
    assert principal_of(queries.find_token(act.conn, secret, NOW)).role is Role.VIEWER
    disable(act, "ada")
    assert queries.find_token(act.conn, secret, NOW) is None


def test_a_token_expires(act):
    secret = add_token(act, "ci", Role.VIEWER, expires_at=NOW + timedelta(days=1)).secret
    assert queries.find_token(act.conn, secret, NOW + timedelta(hours=23))
    assert queries.find_token(act.conn, secret, NOW + timedelta(hours=25)) is None


def test_filters_are_kept_for_their_person(act):
    ada, eve = (add_person(act, name, Role.VIEWER).id for name in ("ada", "eve"))
    first = save_filter(act.conn, ada, "vulnerabilities", " kev  only ", "?kev=1", NOW)
    assert save_filter(act.conn, ada, "vulnerabilities", "kev only", "kev=1&epss=0.5", NOW) == first
    save_filter(act.conn, ada, "jobs", "dead", "status=failed", NOW)
    assert [(one.name, one.query) for one in queries.saved_filters(act.conn, ada, "vulnerabilities")] == [
        ("kev only", "kev=1&epss=0.5")
    ]
    assert len(queries.saved_filters(act.conn, ada)) == 2
    assert queries.saved_filters(act.conn, eve) == []
    with pytest.raises(NotFound):
        remove_filter(act.conn, eve, first)
    assert remove_filter(act.conn, ada, first) == "kev only"
    for name, query in (("", "a"), ("a" * 101, "a"), ("a", "x" * 2001), ("a", "x\n")):
        with pytest.raises(Permanent):
            save_filter(act.conn, ada, "jobs", name, query, NOW)


def test_many_filters_are_enough(act):
    ada = add_person(act, "ada", Role.VIEWER).id
    for number in range(100):
        save_filter(act.conn, ada, "jobs", f"{number}", "", NOW)
    with pytest.raises(Conflict):
        save_filter(act.conn, ada, "jobs", "one more", "", NOW)


def test_trying_many_at_a_time_gains_nothing(ctx):
    """Each counts as wrong before it is looked at. The clock stands still, so that none has waited long enough."""
    told = []
    ctx = replace(ctx, clock=lambda: NOW)

    def guess() -> None:
        try:
            sign_in_by_password(ctx, "ada", "wrong", "192.0.2.1")
        except (TooSoon, Forbidden) as error:
            told.append(type(error))

    threads = [threading.Thread(target=guess) for _ in range(ctx.sign_in.free_by_name * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count(Forbidden) == ctx.sign_in.free_by_name
    assert told.count(TooSoon) == ctx.sign_in.free_by_name


def test_a_link_is_used_by_one_of_many(ctx):
    with ctx.db.transaction() as conn:
        act = Act(conn, ctx.sign_in, ctx.clock(), LOCAL)
        add_person(act, "ada", Role.VIEWER)
        secret = make_link(act, "ada", Purpose.SIGN_IN)
    told = []

    def follow() -> None:
        try:
            told.append(sign_in_by_link(ctx, secret, None).who.name)
        except Forbidden:
            told.append(None)

    threads = [threading.Thread(target=follow) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told, key=str) == [None, None, None, None, "ada"]


def test_what_nobody_can_use_is_removed_at_night(ctx):
    with ctx.db.transaction() as conn:
        act = Act(conn, ctx.sign_in, ctx.clock(), LOCAL)
        add_person(act, "ada", Role.VIEWER)
        links = [make_link(act, "ada", Purpose.SIGN_IN) for _ in range(2)]
        token = add_token(act, "ci", Role.VIEWER)
        note_token(conn, token.token.id, act.now, "192.0.2.1")
    sign_in_by_link(ctx, links[0], "192.0.2.1")
    with pytest.raises(Forbidden):
        sign_in_by_password(ctx, "ada", "wrong", "192.0.2.1")
    remove_old_sign_ins.function(ctx, None)
    tables = ("sessions", "links", "tries")
    counts = f"SELECT {', '.join(f'(SELECT count(*) FROM auth.{table})' for table in tables)}"
    with ctx.db.transaction() as conn:
        assert conn.execute(counts).fetchone() == (1, 2, 1)
        conn.execute("UPDATE auth.sessions SET idle_until = now() - interval '1 second'")
        conn.execute("UPDATE auth.links SET used_at = now() - interval '2 days'")
        conn.execute("UPDATE auth.tries SET at = now() - interval '2 days'")
    remove_old_sign_ins.function(ctx, None)
    with ctx.db.transaction() as conn:
        assert conn.execute(counts).fetchone() == (0, 0, 0)
        assert len(queries.list_tokens(conn, ctx.clock())) == 1
        runs = conn.execute("SELECT outcome FROM jobs.runs WHERE room = 'auth' ORDER BY id").fetchall()
    assert runs == [("unchanged",), ("completed",)]
