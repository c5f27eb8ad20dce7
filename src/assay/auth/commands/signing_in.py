"""Signing in and out."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Protocol

from assay.auth import queries, store
from assay.auth.commands.acting import Act, record_change
from assay.auth.commands.passwords import hashed, is_outdated, is_right
from assay.auth.commands.people import set_password
from assay.auth.model import PUBLIC, How, Kind, Policy, Principal, Purpose, TooSoon, digest_of
from assay.auth.rules import network_of, wait_after
from assay.errors import Forbidden
from assay.kit.clock import Clock
from assay.kit.db import Connection, Database, writable

_LONGEST_AGENT = 200


class Needs(Protocol):
    """The frozen Context, as this room sees it."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def sign_in(self) -> Policy: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has begun. `secret` is known to nobody but whoever signed in."""

    who: Principal
    secret: str
    ends_at: datetime


def sign_in_by_password(
    ctx: Needs, name: str, password: str, address: str | None, agent: str | None = None
) -> Opened:
    """A session of whoever has this name and password.

    Raises Forbidden, in the same words and the same time whether the name or the password is wrong, and TooSoon after
    too many wrong ones for the name or from the address. A password counts as wrong while it is looked at, so
    trying many at a time gains nothing.
    """
    tried, network = writable(name).strip().casefold()[:100], network_of(address)
    with ctx.db.transaction() as conn:
        _check_tries(conn, ctx.sign_in, tried, network, ctx.clock())
        found = queries.find_password(conn, tried)
    kept = None if found is None or found[3] else found[2]
    if not is_right(kept, password):
        with ctx.db.transaction() as conn:
            # A name that nobody has may be a password in the wrong field.
            said = "unknown name" if found is None else found[1]
            record_change(conn, PUBLIC, "auth.sign_in_failed", said, {"how": How.PASSWORD.value}, address)
        raise _wrong()
    assert found is not None, "nobody's password is never right"
    assert kept is not None, "the same"
    renewed = hashed(password) if is_outdated(kept) else None
    with ctx.db.transaction() as conn:
        # It may have been changed, and its person disabled, since it was looked up.
        if queries.find_password(conn, tried) != found:
            raise _wrong()
        if renewed is not None:
            store.rehash_password(conn, found[0], kept, renewed)
        store.forgive_tries(conn, tried, network)
        return open_session(ctx, conn, found[0], How.PASSWORD, address, agent)


def _wrong() -> Forbidden:
    return Forbidden("the name or the password is wrong")


def _check_tries(conn: Connection, policy: Policy, name: str, network: str, now: datetime) -> None:
    store.lock_tries(conn, name, network)
    by_name, last_by_name, by_address, last_by_address = store.count_tries(
        conn, name, network, now - policy.window
    )
    wait = max(
        wait_after(by_name, policy.free_by_name, last_by_name, now),
        wait_after(by_address, policy.free_by_address, last_by_address, now),
    )
    if wait:
        raise TooSoon(ceil(wait.total_seconds()))
    store.add_try(conn, name, network, now)


def open_session(
    ctx: Needs, conn: Connection, person_id: int, how: How, address: str | None, agent: str | None
) -> Opened:
    """A session of somebody who is known by now, with its note in the audit log."""
    now, policy, secret = ctx.clock(), ctx.sign_in, secrets.token_urlsafe(32)
    person = queries.get_person(conn, person_id, now)
    ends_at = now + policy.longest
    store.add_session(
        conn,
        {
            "hash": digest_of(secret),
            "person_id": person_id,
            "how": how.value,
            "now": now,
            "idle_until": min(now + policy.idle, ends_at),
            "ends_at": ends_at,
            "address": address,
            "agent": None if agent is None else writable(agent)[:_LONGEST_AGENT],
        },
    )
    store.signed_in(conn, person_id, now)
    who = Principal(Kind.PERSON, person.name, person.role, person_id, person_id=person_id)
    record_change(conn, who, "auth.sign_in", person.name, {"how": how.value}, address)
    return Opened(who, secret, ends_at)


def sign_in_by_link(
    ctx: Needs,
    secret: str,
    address: str | None,
    agent: str | None = None,
    password: str | None = None,
) -> Opened:
    """A session of the link's person; the link is used up. With a password it is theirs from now on.

    Raises Forbidden for a link that was used, is too old, or was never given, and Permanent for a password that
    will not do, after which the link is still good.
    """
    purpose = Purpose.SIGN_IN if password is None else Purpose.PASSWORD
    with noted(ctx, How.LINK, address), ctx.db.transaction() as conn:
        now = ctx.clock()
        found = store.use_link(conn, digest_of(secret), purpose.value, now)
        if found is None:
            raise Forbidden("this link was used already, or is too old: ask for another one")
        key, name = found
        if password is not None:
            who = Principal(Kind.PERSON, name, None, key, person_id=key)
            set_password(Act(conn, ctx.sign_in, now, who, address), key, password)
        return open_session(ctx, conn, key, How.LINK, address, agent)


@contextmanager
def noted(ctx: Needs, how: How, address: str | None) -> Iterator[None]:
    """Whoever is not let in by the block is noted in the audit log."""
    try:
        yield
    except Forbidden as error:
        with ctx.db.transaction() as conn:
            detail = {"how": how.value, "reason": str(error)}
            record_change(conn, PUBLIC, "auth.sign_in_failed", "unknown name", detail, address)
        raise


def change_password(
    ctx: Needs, who: Principal, session: str, before: str, after: str, address: str | None
) -> None:
    """Give somebody who is signed in another password; all their other sessions end.

    Raises Forbidden where the present password is wrong, TooSoon after too many of those, Permanent for a new one
    that will not do.
    """
    assert who.id is not None, "only a person has a password"
    network = network_of(address)
    tried = who.name.casefold()
    with ctx.db.transaction() as conn:
        _check_tries(conn, ctx.sign_in, tried, network, ctx.clock())
        found = queries.find_password(conn, who.name)
    # Who came by a link and has no password yet has none to tell.
    if found is not None and found[2] is not None and not is_right(found[2], before):
        raise Forbidden("the present password is wrong")
    with ctx.db.transaction() as conn:
        now = ctx.clock()
        act = Act(conn, ctx.sign_in, now, who, address)
        store.forgive_tries(conn, tried, network)
        kept = queries.find_session(conn, session, now)
        set_password(act, who.id, after)
        if kept is not None:
            _renew(ctx, conn, who.id, session, address)


def _renew(ctx: Needs, conn: Connection, person_id: int, session: str, address: str | None) -> None:
    now = ctx.clock()
    values = {"hash": digest_of(session), "person_id": person_id, "how": How.PASSWORD.value, "now": now}
    ends_at = now + ctx.sign_in.longest
    ends = {"idle_until": min(now + ctx.sign_in.idle, ends_at), "ends_at": ends_at}
    store.add_session(conn, values | ends | {"address": address, "agent": None})


def keep_session(ctx: Needs, secret: str) -> None:
    """A session was used, and does not end for not being used."""
    with ctx.db.transaction() as conn:
        now = ctx.clock()
        store.see_session(conn, digest_of(secret), now, now + ctx.sign_in.idle)


def sign_out(ctx: Needs, who: Principal, secret: str, address: str | None) -> None:
    """End a session; nothing where it has ended."""
    with ctx.db.transaction() as conn:
        if store.end_session(conn, digest_of(secret)) is not None:
            record_change(conn, who, "auth.sign_out", who.name, None, address)


def sign_out_everywhere(act: Act, person: int | str) -> int:
    """How many sessions of a person were ended. Raises NotFound."""
    found = queries.get_person(act.conn, person, act.now)
    ended = store.end_sessions(act.conn, found.id)
    act.note("auth.sign_out_everywhere", found.name, sessions=ended)
    return ended
