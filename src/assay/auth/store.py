"""Changes to the tables of signing in, one function per statement."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from assay.auth.model import Principal
from assay.kit import sql
from assay.kit.db import Connection, writable

_SQL = sql.beside(__file__)


def record_change(
    conn: Connection,
    who: Principal,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    address: str | None,
) -> None:
    """Write one row of the audit log."""
    conn.execute(
        _SQL["record_change"].text,
        {
            "kind": who.kind.value,
            "principal_id": who.id,
            "name": who.name,
            "action": action,
            "subject": writable(subject),
            "detail": Jsonb(dict(detail)),
            "address": address,
        },
    )


def _first(conn: Connection, name: str, values: Mapping[str, Any]) -> Any:
    """The first column of the first row, None where there is no row."""
    row = conn.execute(_SQL[name].text, values).fetchone()
    return None if row is None else row[0]


def add_person(
    conn: Connection,
    name: str,
    role: str,
    password: str | None,
    now: datetime,
    *,
    provider: tuple[str, str] = ("", ""),
) -> int | None:
    """The number of a new person; None where somebody has the name. `provider` is issuer and subject."""
    issuer, subject = (one or None for one in provider)
    values = {"name": name, "role": role, "password": password, "issuer": issuer, "subject": subject}
    found: int | None = _first(conn, "add_person", values | {"now": now})
    return found


def lock_admins(conn: Connection) -> list[int]:
    """The admins who may sign in, held until the transaction ends."""
    return [row[0] for row in conn.execute(_SQL["lock_admins"].text).fetchall()]


def set_role(conn: Connection, person_id: int, role: str) -> None:
    """Give a person another role."""
    conn.execute(_SQL["set_role"].text, {"id": person_id, "role": role})


def set_disabled(conn: Connection, person_id: int, *, is_disabled: bool) -> None:
    """Let a person sign in, or no more."""
    conn.execute(_SQL["set_disabled"].text, {"id": person_id, "is_disabled": is_disabled})


def set_password(conn: Connection, person_id: int, password: str | None, now: datetime) -> None:
    """Keep the hash of a new password."""
    conn.execute(_SQL["set_password"].text, {"id": person_id, "password": password, "now": now})


def rehash_password(conn: Connection, person_id: int, before: str, password: str) -> None:
    """Keep another hash of the same password."""
    conn.execute(_SQL["rehash_password"].text, {"id": person_id, "before": before, "password": password})


def signed_in(conn: Connection, person_id: int, now: datetime) -> None:
    """Note when a person signed in."""
    conn.execute(_SQL["signed_in"].text, {"id": person_id, "now": now})


def add_session(conn: Connection, values: Mapping[str, Any]) -> None:
    """Keep a new session."""
    conn.execute(_SQL["add_session"].text, values)


def see_session(conn: Connection, digest: bytes, now: datetime, idle_until: datetime) -> None:
    """Note that a session was used."""
    conn.execute(_SQL["see_session"].text, {"hash": digest, "now": now, "idle_until": idle_until})


def end_session(conn: Connection, digest: bytes) -> int | None:
    """Whose session was ended; None where there is none."""
    found: int | None = _first(conn, "end_session", {"hash": digest})
    return found


def end_sessions(conn: Connection, person_id: int, but: bytes | None = None) -> int:
    """The number of a person's sessions that were ended."""
    return conn.execute(_SQL["end_sessions"].text, {"person_id": person_id, "but": but}).rowcount


def add_token(conn: Connection, values: Mapping[str, Any]) -> int | None:
    """The number of a new token; None where its owner has one of that name."""
    found: int | None = _first(conn, "add_token", values)
    return found


def see_token(conn: Connection, token_id: int, now: datetime, address: str | None) -> None:
    """Note that a token was used."""
    conn.execute(_SQL["see_token"].text, {"id": token_id, "now": now, "address": address})


def revoke_token(conn: Connection, token_id: int, who: str, now: datetime) -> str | None:
    """The name of the token that was revoked; None where there was none to revoke."""
    found: str | None = _first(conn, "revoke_token", {"id": token_id, "who": who, "now": now})
    return found


def add_link(conn: Connection, values: Mapping[str, Any]) -> None:
    """Keep a new one-time link."""
    conn.execute(_SQL["add_link"].text, values)


def use_link(conn: Connection, digest: bytes, purpose: str, now: datetime) -> tuple[int, str] | None:
    """Whose link it was, number and name; None for one that is not good."""
    values = {"hash": digest, "purpose": purpose, "now": now}
    row: tuple[int, str] | None = conn.execute(_SQL["use_link"].text, values).fetchone()
    return row


def end_links(conn: Connection, person_id: int, now: datetime) -> None:
    """Let a person's links be good for nothing."""
    conn.execute(_SQL["end_links"].text, {"person_id": person_id, "now": now})


def lock_tries(conn: Connection, name: str, address: str) -> None:
    """Let nobody else try this name, or from this address, until the transaction ends."""
    conn.execute(_SQL["lock_tries"].text, {"name": name, "address": address})


def count_tries(
    conn: Connection, name: str, address: str, since: datetime
) -> tuple[int, datetime | None, int, datetime | None]:
    """Wrong passwords for the name and the last one's time, then the same for the address."""
    values = {"name": name, "address": address, "since": since}
    row = conn.execute(_SQL["count_tries"].text, values).fetchone()
    assert row is not None
    by_name, last_by_name, by_address, last_by_address = row
    return by_name, last_by_name, by_address, last_by_address


def add_try(conn: Connection, name: str, address: str, now: datetime) -> None:
    """Count a password as wrong, until it is found right."""
    conn.execute(_SQL["add_try"].text, {"name": name, "address": address, "now": now})


def forgive_tries(conn: Connection, name: str, address: str) -> None:
    """Forget the wrong passwords for a name from an address."""
    conn.execute(_SQL["forgive_tries"].text, {"name": name, "address": address})


def add_journey(conn: Connection, values: Mapping[str, Any]) -> None:
    """Keep what belongs to a question to a provider."""
    conn.execute(_SQL["add_journey"].text, values)


def end_journey(conn: Connection, digest: bytes) -> tuple[str, str, str, datetime] | None:
    """(nonce, verifier, where it goes to, when it began) of a journey, which is over then."""
    row: tuple[str, str, str, datetime] | None = conn.execute(
        _SQL["end_journey"].text, {"hash": digest}
    ).fetchone()
    return row


def save_filter(conn: Connection, person_id: int, page: str, name: str, query: str, now: datetime) -> int:
    """The number of a filter that is kept under this name."""
    values = {"person_id": person_id, "page": page, "name": name, "query": query, "now": now}
    return int(_first(conn, "save_filter", values))


def count_filters(conn: Connection, person_id: int) -> int:
    """How many filters a person keeps."""
    return int(_first(conn, "count_filters", {"person_id": person_id}))


def remove_filter(conn: Connection, person_id: int, filter_id: int) -> str | None:
    """The name of the filter that was forgotten; None where there is none."""
    found: str | None = _first(conn, "remove_filter", {"id": filter_id, "person_id": person_id})
    return found


def remove_old(conn: Connection, now: datetime) -> dict[str, int]:
    """How many sessions, links, tries, journeys and tokens were removed because nobody can use them."""
    kinds = ("sessions", "links", "tries", "journeys", "tokens")
    return {kind: conn.execute(_SQL[f"remove_old_{kind}"].text, {"now": now}).rowcount for kind in kinds}
