"""The words of signing in: who acts, and what a role may do."""

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts. `role` is None for somebody who may do nothing but what is public."""

    kind: Kind
    name: str
    role: Role | None
    id: int | None = None

    def may(self, role: Role) -> bool:
        """Whether this one has the role, or one that includes it."""
        return self.role is not None and self.role.includes(role)


PUBLIC = Principal(Kind.PUBLIC, "public", None)
