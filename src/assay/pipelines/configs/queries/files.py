"""The files of a run: where they lie, what stands in them line by line, and the search through all."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import psycopg
from psycopg.rows import class_row

from assay.domain.splunk.conf import Setting, Stanza
from assay.domain.splunk.places import Area, Kind, Place, Target, areas_of
from assay.errors import NotFound, Permanent
from assay.kit import sql
from assay.kit.db import Connection, writable
from assay.pipelines.configs.model import Hit, Run

_SQL = sql.beside(__file__)
_line = attrgetter("line")


@dataclass(frozen=True, slots=True)
class ConfFile:
    """One file of a run."""

    number: int
    path: str
    place: Place
    bytes: int
    stanzas: int
    settings: int


@dataclass(frozen=True, slots=True)
class FilePart:
    """Some stanzas of a file, how many come before them, and a line of the part before and of the one after."""

    stanzas: list[Stanza]
    skipped: int
    previous: int | None
    following: int | None


@dataclass(frozen=True, slots=True)
class Folder:
    """What lies in one app's folder, the system's or a user's; `owner` is the user."""

    area: Area
    app: str
    owner: str
    files: int
    stanzas: int
    settings: int


@dataclass(frozen=True, slots=True)
class ConfCount:
    """How much of one configuration there is in a run."""

    conf: str
    files: int
    stanzas: int
    settings: int


def list_confs(conn: Connection, run: Run) -> list[ConfCount]:
    """The configurations of a run."""
    return [ConfCount(*row) for row in conn.execute(_SQL["list_confs"].text, {"run": run.number})]


def list_files(conn: Connection, run: int, conf: str | None = None) -> list[ConfFile]:
    """The files of a run that take part, in the order of the archive."""
    rows = conn.execute(_SQL["list_files"].text, {"run": run, "conf": conf}, binary=True)
    return [_file(row) for row in rows]


def list_folders(conn: Connection, run: Run, text: str = "") -> list[Folder]:
    """The folders of a run in whose name a text occurs: the system's, the apps', and the users' apps."""
    values = {"run": run.number, "like": containing(text)}
    return [
        Folder(Area(area), app, owner, *counts)
        for area, app, owner, *counts in conn.execute(_SQL["list_folders"].text, values)
    ]


def list_folder(conn: Connection, run: Run, area: Area, app: str, owner: str) -> list[ConfFile]:
    """The files of one folder, by scope and name."""
    values = {"run": run.number, "area": area.value, "app": writable(app), "owner": writable(owner)}
    return [_file(row) for row in conn.execute(_SQL["list_folder"].text, values, binary=True)]


def get_file(conn: Connection, run: Run, number: int) -> ConfFile:
    """One file of a run. Raises NotFound."""
    row = conn.execute(_SQL["get_file"].text, {"run": run.number, "number": number}, binary=True).fetchone()
    if row is None:
        raise NotFound(f"the run has no file {number}")
    return _file(row)


def _file(row: tuple[Any, ...]) -> ConfFile:
    number, path, area, app, owner, scope, kind, conf, size, stanzas, settings = row
    place = Place(Area(area), app, owner, scope, Kind(kind), conf)
    return ConfFile(number, path, place, size, stanzas, settings)


def load_file(conn: Connection, run: Run, file: ConfFile, *, line: int, limit: int) -> FilePart:
    """The part of a file, `limit` stanzas long, in which a line stands; the parts are the same for every line."""
    conf = file.place.name
    values = {"run": run.number, "conf": conf, "file": file.number}
    heads = conn.execute(_SQL["list_stanzas_of_file"].text, values, binary=True).fetchall()
    at = max(0, sum(1 for head in heads if head[2] <= line) - 1) // limit * limit
    found = {
        number: Stanza(name, begins, [], is_implicit)
        for number, name, begins, is_implicit in heads[at : at + limit]
    }
    wanted = {"run": run.number, "conf": conf, "stanzas": list(found)}
    for stanza, key, value, begins, end in conn.execute(
        _SQL["list_settings_of"].text, wanted, binary=True
    ).fetchall():
        found[stanza].settings.append(Setting(key, value, begins, end))
    for one in found.values():
        one.settings.sort(key=_line)
    return FilePart(
        stanzas=list(found.values()),
        skipped=at,
        previous=heads[at - limit][2] if at else None,
        following=heads[at + limit][2] if at + limit < len(heads) else None,
    )


def search(
    conn: Connection,
    run: Run,
    *,
    text: str | None = None,
    regex: str | None = None,
    conf: str | None = None,
    app: str | None = None,
    limit: int = 1000,
) -> Sequence[Hit]:
    """Settings in whose stanza, key or value a text occurs, in letters of any case, or a regular expression matches.

    Secrets are found by their key or fingerprint only. Raises Permanent for an expression that is none.
    """
    values = {
        "run": run.number,
        "like": containing(text),
        "regex": None if regex is None else writable(regex),
        "conf": conf,
        "app": app,
        "limit": limit,
    }
    with conn.cursor(row_factory=class_row(Hit), binary=True) as cursor:
        try:
            return cursor.execute(_SQL["search"].text, values).fetchall()
        except psycopg.errors.InvalidRegularExpression as error:
            raise Permanent(f"{regex!r} is no regular expression: {error.diag.message_primary}") from error


def list_lookups(conn: Connection, run: int) -> dict[str, frozenset[str]]:
    """The files in the folders of lookups of the machine that `etc/` is of, by app."""
    areas = [area.value for area in areas_of(Target.INSTANCE)]
    found: dict[str, set[str]] = {}
    for app, name in conn.execute(_SQL["list_lookups"].text, {"run": run, "areas": areas}):
        found.setdefault(app, set()).add(name)
    return {app: frozenset(names) for app, names in found.items()}


def count_settings(conn: Connection, run: Run) -> int:
    """How many settings of configuration files are kept of a run."""
    row = conn.execute(_SQL["count_settings"].text, {"run": run.number}).fetchone()
    assert row is not None
    return int(row[0])


def containing(text: str | None) -> str | None:
    """What LIKE matches where the text occurs; None where none is asked for."""
    if not text:
        return None
    escaped = writable(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
