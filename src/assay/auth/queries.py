"""What the room can show: who somebody is, people, tokens, saved filters, the audit log."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from assay.auth.model import (
    AuditRow,
    How,
    Kind,
    Person,
    Principal,
    Purpose,
    Role,
    SavedFilter,
    Scope,
    Session,
    Token,
    digest_of,
)
from assay.errors import NotFound
from assay.kit import sql
from assay.kit.db import Connection

_SQL = sql.beside(__file__)

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Found:
    """Who shows a secret, and when it was last seen."""

    who: Principal
    seen_at: datetime | None


def find_session(conn: Connection, secret: str, now: datetime) -> Found | None:
    """Whose session this is; None for one that has ended, or of somebody who is disabled."""
    row = conn.execute(_SQL["find_session"].text, {"hash": digest_of(secret), "now": now}).fetchone()
    if row is None:
        return None
    key, name, role, seen_at = row
    return Found(Principal(Kind.PERSON, name, Role(role), key, person_id=key), seen_at)


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A token that is good. `owner` and `owner_role` are None where it belongs to nobody."""

    id: int
    name: str
    role: Role
    scopes: frozenset[Scope]
    used_at: datetime | None
    person_id: int | None
    owner: str | None
    owner_role: Role | None


def find_token(conn: Connection, secret: str, now: datetime) -> FoundToken | None:
    """What a token is good for; None for one that is revoked, expired, or of somebody who is disabled."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SQL["find_token"].text, {"hash": digest_of(secret), "now": now}).fetchone()
    if row is None:
        return None
    owner_role = None if row["owner_role"] is None else Role(row["owner_role"])
    changes = {
        "role": Role(row["role"]),
        "scopes": frozenset(map(Scope, row["scopes"])),
        "owner_role": owner_role,
    }
    return FoundToken(**(row | changes))


def find_password(conn: Connection, name: str) -> tuple[int, str, str | None, bool] | None:
    """(number, name, hash, whether disabled) of a person; None for nobody."""
    row: tuple[int, str, str | None, bool] | None = conn.execute(
        _SQL["find_password"].text, {"name": name}
    ).fetchone()
    return row


def find_link(conn: Connection, secret: str, now: datetime) -> tuple[str, Purpose] | None:
    """Whose link this is and what for; None for one that is not good (any more)."""
    row = conn.execute(_SQL["find_link"].text, {"hash": digest_of(secret), "now": now}).fetchone()
    return None if row is None else (row[0], Purpose(row[1]))


def find_subject(conn: Connection, issuer: str, subject: str) -> tuple[int, str, Role, bool] | None:
    """(number, name, role, whether disabled) of whom a provider knows; None for nobody."""
    row = conn.execute(_SQL["find_subject"].text, {"issuer": issuer, "subject": subject}).fetchone()
    return None if row is None else (row[0], row[1], Role(row[2]), row[3])


def list_people(conn: Connection, now: datetime) -> list[Person]:
    """Everybody, by name."""
    return _people(conn, now, None, None)


def get_person(conn: Connection, person: int | str, now: datetime) -> Person:
    """One person, by number or by name in any case. Raises NotFound."""
    by_id, by_name = (person, None) if isinstance(person, int) else (None, person)
    found = _people(conn, now, by_id, by_name)
    if not found:
        raise NotFound(f"nobody is called {person!r}" if by_id is None else f"there is no person {person}")
    return found[0]


def _people(conn: Connection, now: datetime, key: int | None, name: str | None) -> list[Person]:
    with conn.cursor(row_factory=class_row(Person)) as cursor:
        found = cursor.execute(_SQL["list_people"].text, {"id": key, "name": name, "now": now}).fetchall()
    return [replace(one, role=Role(one.role)) for one in found]


def list_sessions(conn: Connection, person_id: int, now: datetime) -> list[Session]:
    """A person's sessions, the last used first."""
    with conn.cursor(row_factory=class_row(Session)) as cursor:
        found = cursor.execute(_SQL["list_sessions"].text, {"person_id": person_id, "now": now}).fetchall()
    return [replace(one, how=How(one.how)) for one in found]


def list_tokens(
    conn: Connection, now: datetime, *, person_id: int | None = None, every: bool = False
) -> list[Token]:
    """Tokens, newest first: those that are good, or every one that is known."""
    return _tokens(conn, {"id": None, "person_id": person_id, "is_all": every, "now": now})


def get_token(conn: Connection, token_id: int, now: datetime, *, person_id: int | None = None) -> Token:
    """One token, of one person where that is said. Raises NotFound."""
    found = _tokens(conn, {"id": token_id, "person_id": person_id, "is_all": True, "now": now})
    if not found:
        raise NotFound(f"there is no token {token_id}")
    return found[0]


def _tokens(conn: Connection, values: dict[str, Any]) -> list[Token]:
    with conn.cursor(row_factory=class_row(Token)) as cursor:
        found = cursor.execute(_SQL["list_tokens"].text, values).fetchall()
    return [replace(one, role=Role(one.role), scopes=tuple(map(Scope, one.scopes))) for one in found]


def saved_filters(conn: Connection, person_id: int, page: str | None = None) -> list[SavedFilter]:
    """The filters that a person keeps, of one page or of all, by name."""
    with conn.cursor(row_factory=class_row(SavedFilter)) as cursor:
        return cursor.execute(_SQL["list_filters"].text, {"person_id": person_id, "page": page}).fetchall()


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows of the audit log are asked for. `action` may end in a dot: all that begin so."""

    name: str | None = None
    kind: Kind | None = None
    action: str | None = None
    subject: str | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_records(
    conn: Connection, wanted: AuditFilter, *, before: int | None = None, limit: int = 50
) -> list[AuditRow]:
    """Rows of the audit log, newest first; the next page is `before` the last one's number."""
    with conn.cursor(row_factory=class_row(AuditRow)) as cursor:
        values = asdict(wanted) | {"before": before, "limit": limit}
        found = cursor.execute(_SQL["list_records"].text, values).fetchall()
    return [replace(one, kind=Kind(one.kind)) for one in found]


def every_record(conn: Connection, wanted: AuditFilter) -> Iterator[AuditRow]:
    """All rows that are asked for, newest first, some at a time."""
    before: int | None = None
    while page := list_records(conn, wanted, before=before, limit=_PAGE):
        yield from page
        before = page[-1].id


def count_admins(conn: Connection) -> int:
    """How many admins may sign in."""
    row = conn.execute(_SQL["count_admins"].text).fetchone()
    assert row is not None
    return int(row[0])
