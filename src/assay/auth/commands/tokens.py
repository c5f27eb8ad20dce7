"""Tokens: what programs show to be let in."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from assay.auth import queries, store
from assay.auth.commands.acting import Act
from assay.auth.model import Kind, Principal, Role, Scope, Token, digest_of
from assay.auth.queries import FoundToken
from assay.auth.rules import check_grant, checked_token_name, lesser
from assay.errors import Conflict, NotFound, Permanent
from assay.kit.db import Connection

# What tools that look for leaked secrets can find.
PREFIX = "assay_"


@dataclass(frozen=True, slots=True)
class Made:
    """A new token with its secret, which is told this once."""

    token: Token
    secret: str


def add_token(
    act: Act,
    name: str,
    role: Role,
    *,
    scopes: Iterable[Scope] = (),
    person_id: int | None = None,
    expires_at: datetime | None = None,
) -> Made:
    """A new token of a person, or of a program that is nobody's.

    Raises Forbidden for more than its maker has, Conflict where its owner has a token of that name, Permanent for a
    name or a time that will not do.
    """
    name = checked_token_name(name)
    wanted = sorted(set(scopes))
    check_grant(act.who, role, wanted)
    if expires_at is not None and expires_at <= act.now:
        raise Permanent("a token that has expired already is of no use: name a time to come")
    secret = PREFIX + secrets.token_urlsafe(32)
    key = store.add_token(
        act.conn,
        {
            "hash": digest_of(secret),
            "name": name,
            "person_id": person_id,
            "role": role.value,
            "scopes": [scope.value for scope in wanted],
            "now": act.now,
            "created_by": act.who.name,
            "expires_at": expires_at,
        },
    )
    if key is None:
        raise Conflict(f"there is a token {name} already: revoke it first, or choose another name")
    made = queries.get_token(act.conn, key, act.now)
    act.note(
        "tokens.add",
        name,
        id=key,
        role=role.value,
        scopes=[scope.value for scope in wanted],
        owner=made.owner,
        expires_at=None if expires_at is None else expires_at.isoformat(),
    )
    return Made(made, secret)


def revoke_token(act: Act, token_id: int, *, person_id: int | None = None) -> Token:
    """The token, which is good for nothing from now on; twice is no harm. Raises NotFound."""
    found = queries.get_token(act.conn, token_id, act.now, person_id=person_id)
    if store.revoke_token(act.conn, token_id, act.who.name, act.now) is not None:
        act.note("tokens.revoke", found.name, id=token_id, owner=found.owner)
    return queries.get_token(act.conn, token_id, act.now)


def find_token_by_name(act: Act, name: str) -> Token:
    """The one token that is good and has this name. Raises NotFound, and Conflict where several owners have one."""
    found = [one for one in queries.list_tokens(act.conn, act.now) if one.name.casefold() == name.casefold()]
    if not found:
        raise NotFound(f"no token is called {name!r}")
    if len(found) > 1:
        raise Conflict(f"several tokens are called {name!r}: name one by its number")
    return found[0]


def principal_of(found: FoundToken) -> Principal:
    """Who acts with a token: never more than its owner is at this moment."""
    name = found.name if found.owner is None else f"{found.owner}/{found.name}"
    role = lesser(found.role, found.owner_role)
    return Principal(Kind.TOKEN, name, role, found.id, found.scopes, found.person_id)


def note_token(conn: Connection, token_id: int, now: datetime, address: str | None) -> None:
    """Keep when and from where a token was used; written once a minute at most."""
    store.see_token(conn, token_id, now, address)
