"""Changes to the pipeline's own tables, one function per statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Json

from assay.kit import sql
from assay.kit.db import Connection, copy_rows, writable
from assay.pipelines.configs.model import App, Typed

_SQL = sql.beside(__file__)
_PARTS = ("settings", "contents", "stanzas", "files", "problems", "documented", "apps", "objects", "lookups")


class FileRow(NamedTuple):
    """A file as it is kept; `configs.files` says what each column means."""

    number: int
    path: str
    area: str
    app: str
    owner: str
    scope: str
    kind: str
    conf: str
    sha256: bytes
    bytes: int
    encoding: str
    stanzas: int
    settings: int


class StanzaRow(NamedTuple):
    """An occurrence of a stanza as it is kept."""

    number: int
    file: int
    conf: str
    name: str
    line: int
    is_implicit: bool


class ContentRow(NamedTuple):
    """The stanzas of a file in one piece, as they are kept: packed and compressed."""

    file: int
    conf: str
    stanzas: bytes


class ProblemRow(NamedTuple):
    """A problem as it is kept."""

    path: str
    line: int
    code: str
    detail: str


class DocumentedRow(NamedTuple):
    """What a specification documents, as it is kept."""

    app: str
    conf: str
    stanza: str | None
    name: str
    is_open: bool


class LookupRow(NamedTuple):
    """A file in a folder of lookups, as it is kept."""

    area: str
    app: str
    owner: str
    name: str


# (file, stanza, conf, key, value, line, end line, whether it was a secret)
SettingRow = tuple[int, int, str, str, str, int, int, bool]


@dataclass(slots=True)
class Rows:
    """What is kept of an archive besides its settings, which are too many to hold."""

    files: list[FileRow] = field(default_factory=list)
    stanzas: list[StanzaRow] = field(default_factory=list)
    contents: list[ContentRow] = field(default_factory=list)
    problems: list[ProblemRow] = field(default_factory=list)
    documented: list[DocumentedRow] = field(default_factory=list)
    lookups: list[LookupRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Upload:
    """What is noted of an upload."""

    id: UUID
    kind: str
    label: str
    file_name: str
    sha256: str
    bytes: int
    uploaded_by: str


def add_run(conn: Connection, upload: Upload, now: datetime) -> bool:
    """Note an upload; False where the same one is there and has not failed."""
    values = {
        "id": upload.id,
        "kind": upload.kind,
        "label": writable(upload.label),
        "file_name": writable(upload.file_name),
        "sha256": upload.sha256,
        "bytes": upload.bytes,
        "uploaded_by": upload.uploaded_by,
        "now": now,
    }
    return conn.execute(_SQL["add_run"].text, values).fetchone() is not None


def find_standing(conn: Connection, sha256: str, kind: str, label: str) -> UUID | None:
    """The run of an upload that has not failed."""
    values = {"sha256": sha256, "kind": kind, "label": writable(label)}
    row = conn.execute(_SQL["find_standing"].text, values).fetchone()
    return None if row is None else row[0]


def set_job(conn: Connection, run_id: UUID, job_id: int) -> None:
    """Say which job parses a run."""
    conn.execute(_SQL["set_job"].text, {"id": run_id, "job_id": job_id})


def lock_run(conn: Connection, run_id: UUID) -> tuple[int, str] | None:
    """(number, status) of a run, kept from everybody else until the transaction ends."""
    row = conn.execute(_SQL["lock_run"].text, {"id": run_id}).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def copy_settings(conn: Connection, run: int, rows: Iterable[SettingRow]) -> None:
    """Keep settings as they come."""
    columns = ("run", "file", "stanza", "conf", "key", "value", "line", "end_line", "is_secret")
    types = ("int8", "int4", "int4", "text", "text", "text", "int4", "int4", "bool")
    copy_rows(conn, "configs.settings", columns, types, ((run, *row) for row in rows))


def copy_rest(conn: Connection, run: int, rows: Rows) -> None:
    """Keep what else an archive holds."""
    files = ("number", "path", "area", "app", "owner", "scope", "kind", "conf", "sha256", "bytes", "encoding")
    texts = ("text",) * 7
    copy_rows(
        conn,
        "configs.files",
        ("run", *files, "stanzas", "settings"),
        ("int8", "int4", *texts, "bytea", "int8", "text", "int4", "int4"),
        ((run, *row) for row in rows.files),
    )
    copy_rows(
        conn,
        "configs.stanzas",
        ("run", "number", "file", "conf", "name", "line", "is_implicit"),
        ("int8", "int4", "int4", "text", "text", "int4", "bool"),
        ((run, *row) for row in rows.stanzas),
    )
    copy_rows(
        conn,
        "configs.contents",
        ("run", "file", "conf", "stanzas"),
        ("int8", "int4", "text", "bytea"),
        ((run, *row) for row in rows.contents),
    )
    copy_rows(
        conn,
        "configs.problems",
        ("run", "path", "line", "code", "detail"),
        ("int8", "text", "int4", "text", "text"),
        ((run, *row) for row in rows.problems),
    )
    copy_rows(
        conn,
        "configs.documented",
        ("run", "app", "conf", "stanza", "name", "is_open"),
        ("int8", "text", "text", "text", "text", "bool"),
        ((run, *row) for row in rows.documented),
    )
    copy_rows(
        conn,
        "configs.lookups",
        ("run", "area", "app", "owner", "name"),
        ("int8", "text", "text", "text", "text"),
        ((run, *row) for row in rows.lookups),
    )


def supersede(conn: Connection, run: int, files: Sequence[int]) -> None:
    """Forget the settings of files whose path came again."""
    values = {"run": run, "files": list(files)}
    conn.execute(_SQL["supersede_files"].text, values)
    conn.execute(_SQL["delete_superseded_settings"].text, values)


def copy_apps(conn: Connection, run: int, apps: Iterable[App]) -> None:
    """Keep the apps of a run."""
    copy_rows(
        conn,
        "configs.apps",
        ("run", "area", "app", "is_enabled", "version", "label", "author"),
        ("int8", "text", "text", "bool", "text", "text", "text"),
        ((run, one.area, one.app, one.is_enabled, one.version, one.label, one.author) for one in apps),
    )


def copy_objects(conn: Connection, run: int, objects: Iterable[Typed]) -> None:
    """Keep the typed projections of a run."""
    copy_rows(
        conn,
        "configs.objects",
        ("run", "kind", "name", "app", "path", "line", "is_disabled", "fields"),
        ("int8", "text", "text", "text", "text", "int4", "bool", "jsonb"),
        (
            (run, one.kind, one.name, one.app, one.path, one.line, one.is_disabled, Json(one.fields))
            for one in objects
        ),
    )


def complete_run(
    conn: Connection,
    run_id: UUID,
    *,
    started_at: datetime,
    now: datetime,
    counts: Mapping[str, int],
    notes: Sequence[str],
) -> None:
    """Say that a run is complete."""
    values: dict[str, Any] = {
        "id": run_id,
        "started_at": started_at,
        "now": now,
        "counts": Json(dict(counts)),
        "notes": list(notes),
    }
    conn.execute(_SQL["complete_run"].text, values)


def fail_run(conn: Connection, run_id: UUID, error: str, started_at: datetime) -> None:
    """Say why a run cannot be completed."""
    conn.execute(_SQL["fail_run"].text, {"id": run_id, "error": writable(error), "started_at": started_at})


def delete_rows(conn: Connection, run: int) -> None:
    """Forget everything that was read for a run."""
    for part in _PARTS:
        conn.execute(_SQL[f"delete_{part}"].text, {"run": run})


def delete_run(conn: Connection, run_id: UUID) -> str | None:
    """Forget a run; returns its document's name where no other run is of it."""
    row = conn.execute(_SQL["delete_run"].text, {"id": run_id}).fetchone()
    if row is None:
        return None
    left = conn.execute(_SQL["count_uses"].text, {"sha256": row[0]}).fetchone()
    return None if left is None or left[0] else str(row[0])
