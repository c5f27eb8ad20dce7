"""The words of configuration archives."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

ROOM = "configs"


class UploadKind(StrEnum):
    """What an upload is, as whoever sends it says."""

    INSTANCE_ETC = "instance_etc"
    """`etc/` of a search head, an indexer or a forwarder."""
    DS_ETC = "ds_etc"
    """`etc/` of a deployment server."""
    APP_BUNDLE = "app_bundle"
    """One app, or several packed together."""
    SINGLE_CONF = "single_conf"


class Status(StrEnum):
    """How far a run is."""

    PENDING = "pending"
    """Waits to be tried again."""
    STORED = "stored"
    """Waits for a worker."""
    PARSING = "parsing"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One upload and what came of it. `error` says why it failed, or why it is tried again."""

    id: UUID
    number: int
    kind: str
    label: str
    file_name: str
    sha256: str
    bytes: int
    status: str
    uploaded_by: str
    uploaded_at: datetime
    job_id: int | None
    started_at: datetime | None
    completed_at: datetime | None
    error: str | None
    counts: Mapping[str, int]
    notes: list[str]

    @property
    def seconds(self) -> float | None:
        """From upload to complete."""
        return None if self.completed_at is None else (self.completed_at - self.uploaded_at).total_seconds()

    def shown(self) -> dict[str, Any]:
        """The run as programs are told."""
        return {
            "id": str(self.id),
            "kind": self.kind,
            "label": self.label,
            "file_name": self.file_name,
            "sha256": self.sha256,
            "bytes": self.bytes,
            "status": self.status,
            "uploaded_by": self.uploaded_by,
            "uploaded_at": self.uploaded_at,
            "job": self.job_id,
            "started_at": self.started_at,
            "completed_at": self.completed_at,
            "seconds": self.seconds,
            "error": self.error,
            "counts": dict(self.counts),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """One setting that a search found."""

    path: str
    area: str
    app: str
    conf: str
    stanza: str
    key: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class App:
    """An app of a run, with what its app.conf says."""

    area: str
    app: str
    is_enabled: bool
    version: str | None
    label: str | None
    author: str | None


@dataclass(frozen=True, slots=True)
class Typed:
    """One stanza of a well-known configuration, its well-known settings in their types."""

    kind: str
    name: str
    app: str
    path: str
    line: int
    is_disabled: bool
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A place that splunkd reads otherwise than people think, or a member that was not read."""

    path: str
    line: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, or at least odd, with a configuration: `rule` says which kind, `severity` how much it matters."""

    rule: str
    severity: str
    conf: str
    stanza: str
    key: str
    path: str
    line: int
    message: str
