"""How entries are read at this moment: which language model is asked, and when what it read needs no review."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Language:
    """The settings of the section `llm`, without its secrets; see there for what each means."""

    enabled: bool
    model: str | None
    address: str
    kind: str
    threshold: float
    interval_minutes: int
    batch: int
    connect_seconds: float
    answer_seconds: float
    context_tokens: int
    keep_alive: str

    @property
    def is_asked(self) -> bool:
        """Whether any model is asked; otherwise rules alone read the entries."""
        return self.enabled and bool(self.model)

    @property
    def place(self) -> str:
        """Which model this is, and where: what a server's health is about."""
        return f"{self.kind} {self.model} at {self.address}"


@dataclass(frozen=True, slots=True)
class ModelHealth:
    """How the model did lately. Until `closed_until` nobody asks it; it is about one place only."""

    place: str
    failures: int
    closed_until: datetime | None
    last_error: str | None
    failed_at: datetime | None
    answered_at: datetime | None
