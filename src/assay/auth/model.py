"""The words of signing in: who acts, what a role may do, how long what is secret holds."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from assay.errors import Forbidden


class Role(StrEnum):
    """What somebody may do; each includes those before it."""

    VIEWER = "viewer"
    """Look at everything but people, tokens and the audit log."""
    ANALYST = "analyst"
    """Judge vulnerabilities, run sources, retry jobs, acknowledge alerts."""
    ADMIN = "admin"
    """Change people, tokens, schedules and settings."""

    def includes(self, other: "Role") -> bool:
        """Whether whoever has this role may do what the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Kind(StrEnum):
    """How somebody is known."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105 - a kind, no secret
    LOCAL = "local"
    """Whoever uses the command line on the machine itself."""
    PUBLIC = "public"
    """Nobody in particular."""


class Scope(StrEnum):
    """A part of the web service; a token with scopes may enter those parts only."""

    READ = "read"
    """Look, and ask what needs a POST to be asked."""
    SCAN = "scan"
    """Ask for advisories as scanners and package managers do: OSV's API, npm's audit, OSV's bucket."""
    METRICS = "metrics"
    """`/metrics` and `/health`."""
    CHANGE = "change"
    """What changes something, outside `/admin`."""
    ADMIN = "admin"
    """`/admin`."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts. `role` is None for somebody who may do nothing but what is public.

    `id` is the person's or the token's number. Without `scopes` a token may enter every part that its role may.
    """

    kind: Kind
    name: str
    role: Role | None
    id: int | None = None
    scopes: frozenset[Scope] = frozenset()
    person_id: int | None = None
    """Whose token it is, or who it is."""

    def may(self, role: Role) -> bool:
        """Whether this one has the role, or one that includes it."""
        return self.role is not None and self.role.includes(role)


PUBLIC = Principal(Kind.PUBLIC, "public", None)


class How(StrEnum):
    """How somebody signed in."""

    PASSWORD = "password"  # noqa: S105 - a way, no secret
    LINK = "link"
    PROVIDER = "provider"


class Purpose(StrEnum):
    """What a one-time link is good for."""

    SIGN_IN = "sign-in"
    PASSWORD = "password"  # noqa: S105 - a purpose, no secret
    """Choose a password, and be signed in."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long what is secret holds, and when guessing is slowed down."""

    idle: timedelta = timedelta(hours=12)
    """A session that is not used for so long has ended."""
    longest: timedelta = timedelta(days=7)
    """Every session has ended by then."""
    link: timedelta = timedelta(minutes=15)
    invitation: timedelta = timedelta(hours=72)
    """For a link with which a password is chosen."""
    window: timedelta = timedelta(minutes=15)
    """Tries that are older are forgotten."""
    free_by_name: int = 5
    """Wrong passwords for one name before the next try has to wait."""
    free_by_address: int = 20
    shortest_password: int = 12


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in."""

    id: int
    name: str
    role: Role
    has_password: bool
    issuer: str | None
    is_disabled: bool
    created_at: datetime
    password_at: datetime | None
    signed_in_at: datetime | None
    sessions: int


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in that has not ended."""

    how: How
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class Token:
    """What a program shows to be let in; its secret is known to nobody but its owner."""

    id: int
    name: str
    owner: str | None
    role: Role
    scopes: tuple[Scope, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    used_at: datetime | None
    used_from: str | None
    revoked_at: datetime | None
    revoked_by: str | None


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter that a person has given a name: the query string of a page."""

    id: int
    page: str
    name: str
    query: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the audit log."""

    id: int
    at: datetime
    kind: Kind
    principal_id: int | None
    name: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """Whom a provider of identities vouches for, and as what. `role` is None where the settings say none.

    A role that is the provider's word counts at every sign-in, any other only at the first.
    """

    issuer: str
    subject: str
    name: str
    role: Role | None
    is_role_told: bool


class TooSoon(Forbidden):
    """Too many wrong passwords of late; the next try may be made after so many seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many wrong passwords of late: try again in {seconds} s")
        self.seconds = seconds


def digest_of(secret: str) -> bytes:
    """What is kept of a random secret."""
    return hashlib.sha256(secret.encode()).digest()
