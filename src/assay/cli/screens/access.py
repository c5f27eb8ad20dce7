"""People, tokens and the audit log on a terminal."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from assay.auth.model import AuditRow, Person, Token
from assay.cli.output import cut, spoken, table, text
from assay.domain.wording import age, clean, moment

if TYPE_CHECKING:
    from rich.console import RenderableType


def people_screen(people: Sequence[Person], now: datetime) -> "list[RenderableType]":
    """Everybody, by name."""
    if not people:
        return [spoken("Nobody yet: `assay users add NAME --role admin` adds somebody.")]
    made = table("name", "role", "signs in by", "last signed in", "sessions", right=("sessions",))
    for one in people:
        way = one.issuer or ("password" if one.has_password else "link")
        made.add_row(
            text(one.name, "dim" if one.is_disabled else "bold"),
            one.role.value,
            text("disabled" if one.is_disabled else way),
            "never" if one.signed_in_at is None else age(one.signed_in_at, now),
            str(one.sessions),
        )
    return [made]


def tokens_screen(tokens: Sequence[Token], now: datetime) -> "list[RenderableType]":
    """Tokens, newest first."""
    if not tokens:
        return [spoken("No token: `assay tokens add NAME` makes one.")]
    made = table("id", "name", "owner", "role", "scopes", "used", "ends", right=("id",))
    for one in tokens:
        made.add_row(
            str(one.id),
            text(one.name),
            text(one.owner or "-"),
            one.role.value,
            ", ".join(one.scopes) or "all",
            "never" if one.used_at is None else f"{age(one.used_at, now)} from {clean(one.used_from or '?')}",
            _end(one, now),
        )
    return [made]


def _end(token: Token, now: datetime) -> str:
    if token.revoked_at is not None:
        return f"revoked by {clean(token.revoked_by or '?')}"
    if token.expires_at is None:
        return "never"
    return "expired" if token.expires_at <= now else moment(token.expires_at)


def audit_screen(rows: Sequence[AuditRow], more: int | None) -> "list[RenderableType]":
    """Rows of the audit log, newest first."""
    if not rows:
        return [spoken("Nothing that matches was changed.")]
    made = table("id", "when", "who", "what", "to what", "detail", right=("id",))
    for row in rows:
        made.add_row(
            str(row.id),
            moment(row.at),
            text(f"{row.name} ({row.kind})"),
            text(row.action),
            text(row.subject),
            cut(json.dumps(row.detail) if row.detail else ""),
        )
    told: list[RenderableType] = [made]
    if more is not None:
        told.append(spoken(f"The next page: `assay audit --before {more}`"))
    return told
