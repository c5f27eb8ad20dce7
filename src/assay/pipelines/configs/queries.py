"""What the pipeline can show: runs, and the layers from which everything else is resolved."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from assay.domain.splunk.conf import DEFAULT, Conf, Setting, Stanza
from assay.domain.splunk.layers import GLOBAL, Context, Layer, is_foreign, ordered, rank
from assay.domain.splunk.meta import Exports, exports
from assay.domain.splunk.places import Area, Kind, Place, Target, seat
from assay.errors import NotFound, Permanent
from assay.kit import sql
from assay.kit.db import Connection, writable
from assay.pipelines.configs.model import App, Hit, Run, Trouble, Typed

_SQL = sql.beside(__file__)
META = ".meta"
_AT_ONCE = 2000
_line = attrgetter("line")
_SHORTEST_ID = 4


@dataclass(frozen=True, slots=True)
class View:
    """Whose effective configuration is asked for. `apps` are those that a client is given; None for all there are."""

    target: Target = Target.INSTANCE
    context: Context = GLOBAL
    apps: frozenset[str] | None = None
    has_disabled: bool = False
    """Apps that are disabled take part as if they were not."""


INSTANCE = View()


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


def get_run(conn: Connection, run_id: UUID) -> Run:
    """One run. Raises NotFound."""
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        row = cursor.execute(_SQL["get_run"].text, {"id": run_id}).fetchone()
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    return row


def find_run(conn: Connection, name: str) -> Run:
    """The run that a person means: by its id, the beginning of it, its label (the newest such), or `latest`."""
    if name == "latest":
        newest = list_runs(conn, limit=1)
        if not newest:
            raise NotFound("nothing was uploaded yet: `assay configs upload FILE`")
        return newest[0]
    wanted = writable(name)
    prefix = wanted.lower() if len(wanted) >= _SHORTEST_ID and not set(wanted) & set("%_\\") else "-"
    rows = conn.execute(_SQL["find_by_prefix"].text, {"prefix": prefix, "label": wanted}).fetchall()
    if not rows:
        raise NotFound(f"no run is called {name!r}: `assay configs runs` lists them")
    if len(rows) > 1 and str(rows[0][0]).startswith(prefix) and str(rows[1][0]).startswith(prefix):
        raise NotFound(f"{name!r} begins the ids of several runs: give more of it")
    return get_run(conn, rows[0][0])


def complete_run(conn: Connection, name: str | UUID) -> Run:
    """A run of which something can be asked. Raises NotFound, and Permanent that says how far it is."""
    run = get_run(conn, name) if isinstance(name, UUID) else find_run(conn, name)
    if run.status != "complete":
        raise Permanent(
            f"the run {run.label} ({run.id}) is {run.status}" + (f": {run.error}" if run.error else "")
        )
    return run


def list_runs(
    conn: Connection, *, label: str | None = None, before: int | None = None, limit: int = 50
) -> list[Run]:
    """Runs, the newest first; `before` is the number of the last one of the page before."""
    values = {"label": None if label is None else writable(label), "before": before, "limit": limit}
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(_SQL["list_runs"].text, values).fetchall()


def list_confs(conn: Connection, run: Run) -> list[ConfCount]:
    """The configurations of a run."""
    return [ConfCount(*row) for row in conn.execute(_SQL["list_confs"].text, {"run": run.number})]


def list_files(conn: Connection, run: int, conf: str | None = None) -> list[ConfFile]:
    """The files of a run that take part, in the order of the archive."""
    rows = conn.execute(_SQL["list_files"].text, {"run": run, "conf": conf}, binary=True)
    return [_file(row) for row in rows]


def _file(row: tuple[Any, ...]) -> ConfFile:
    number, path, area, app, owner, scope, kind, conf, size, stanzas, settings = row
    place = Place(Area(area), app, owner, scope, Kind(kind), conf)
    return ConfFile(number, path, place, size, stanzas, settings)


def load_layers(
    conn: Connection, run: int, conf: str, view: View = INSTANCE, names: Iterable[str] | None = None
) -> list[Layer]:
    """The layers of one configuration that take part, the strongest first; only the stanzas of some names if given.

    What a named stanza inherits comes along.
    """
    seated = _seated(conn, run, conf, view)
    if not seated:
        return []
    read = _load_stanzas(
        conn, run, conf, seated.keys(), None if names is None else _with_parents(conf, names)
    )
    foreign = _exports(conn, run, view) if view.context.app else {}
    layers = [
        Layer(place, file.path, _visible(conf, read[number], place, view.context, foreign))
        for number, (file, place) in seated.items()
    ]
    return ordered(layers, view.context)


def _seated(conn: Connection, run: int, conf: str, view: View) -> dict[int, tuple[ConfFile, Place]]:
    """The files of one configuration that take part, by number, each with its seat."""
    # A disabled app's own app.conf is what says so.
    apps = [] if conf == "app" or view.has_disabled else list_apps(conn, run)
    off = {(one.area, one.app) for one in apps if not one.is_enabled}
    return {
        file.number: (file, place)
        for file in list_files(conn, run, conf)
        if (place := _seat(file.place, view)) is not None
        and (file.place.area.value, file.place.app) not in off
    }


def list_names(conn: Connection, run: int, conf: str, view: View, text: str = "") -> list[str]:
    """The stanzas of one configuration that take part and in whose name a text occurs, in the order of their bytes.

    In the context of an app there may be some that another app does not export.
    """
    values = {
        "run": run,
        "conf": conf,
        "files": list(_seated(conn, run, conf, view)),
        "like": f"%{_like(writable(text))}%" if text else None,
    }
    rows = conn.execute(_SQL["list_names"].text, values, binary=True).fetchall()
    return sorted((row[0] for row in rows), key=str.encode)


def list_folders(conn: Connection, run: Run, text: str = "") -> list[Folder]:
    """The folders of a run in whose name a text occurs: the system's, the apps', and the users' apps."""
    values = {"run": run.number, "like": f"%{_like(writable(text))}%" if text else None}
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


def load_files(conn: Connection, run: int, conf: str) -> list[Layer]:
    """Every file of one configuration, of whatever machine, in the order of the archive."""
    files = {file.number: file for file in list_files(conn, run, conf) if file.place.kind is Kind.CONF}
    read = _load_stanzas(conn, run, conf, files.keys(), None)
    return [Layer(file.place, file.path, read[number]) for number, file in files.items()]


def _seat(place: Place, view: View) -> Place | None:
    if place.kind is not Kind.CONF:
        return None
    seated = seat(place, view.target)
    if seated is None or rank(seated, view.context) is None:
        return None
    return seated if view.apps is None or not seated.app or seated.app in view.apps else None


def _with_parents(conf: str, names: Iterable[str]) -> list[str]:
    wanted = set(names)
    if conf == "inputs":
        wanted |= {name.partition("://")[0] for name in wanted if "://" in name}
    return [*wanted, DEFAULT]


def _load_stanzas(
    conn: Connection, run: int, conf: str, files: Collection[int], names: list[str] | None
) -> Mapping[int, list[Stanza]]:
    """The stanzas of some files, by file, in their order."""
    found: dict[int, list[Stanza]] = defaultdict(list)
    into: dict[int, list[Setting]] = {}
    values: dict[str, Any] = {"run": run, "conf": conf, "names": names}
    with conn.cursor() as cursor:
        stanzas = sorted(
            cursor.stream(_SQL["list_stanzas"].text, values, binary=True, size=_AT_ONCE), key=itemgetter(0)
        )
    for number, file, name, line, is_implicit in stanzas:
        if file in files:
            settings: list[Setting] = []
            into[number] = settings
            found[file].append(Stanza(name, line, settings, is_implicit))
    statement = "list_settings" if names is None else "list_settings_of"
    values = {"run": run, "conf": conf, "stanzas": list(into)}
    with conn.cursor() as cursor:
        # While the server finds the next rows these are taken in: half the time of waiting for all of 112,000.
        rows = cursor.stream(_SQL[statement].text, values, binary=True, size=_AT_ONCE)
        for stanza, key, value, line, end in rows:
            held = into.get(stanza)
            if held is not None:
                held.append(Setting(key, value, line, end))
    # They lie in the order of the archive, as good as always; the server would sort them on its disk.
    for settings in into.values():
        settings.sort(key=_line)
    return found


def _exports(conn: Connection, run: int, view: View) -> Mapping[str, Exports]:
    """What each app shows to others."""
    files = {
        file.number: (file, place)
        for file in list_files(conn, run, META)
        if (place := seat(file.place, view.target)) is not None and place.area is not Area.USER
    }
    read = _load_stanzas(conn, run, META, files.keys(), None)
    by_app: dict[str, list[tuple[bool, Conf]]] = defaultdict(list)
    for number, (file, place) in files.items():
        by_app[place.app].append((file.place.scope != "local", Conf(read[number], [])))
    return {
        app: exports(conf for _, conf in sorted(entries, key=lambda pair: pair[0]))
        for app, entries in by_app.items()
    }


def _visible(
    conf: str, stanzas: list[Stanza], place: Place, context: Context, shown: Mapping[str, Exports]
) -> list[Stanza]:
    if not is_foreign(place, context):
        return stanzas
    said = shown.get(place.app)
    if said is None:
        return []
    kept = []
    for stanza in stanzas:
        settings = [one for one in stanza.settings if said.reaches_others(conf, stanza.name, one.key)]
        if settings or said.reaches_others(conf, stanza.name):
            kept.append(Stanza(stanza.name, stanza.line, settings, stanza.is_implicit))
    return kept


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
    like = None if text is None else "%" + _like(writable(text)) + "%"
    values = {
        "run": run.number,
        "like": like,
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


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def list_problems(conn: Connection, run: Run) -> list[Trouble]:
    """What was odd about a run's files."""
    with conn.cursor(row_factory=class_row(Trouble)) as cursor:
        return cursor.execute(_SQL["list_problems"].text, {"run": run.number}).fetchall()


def list_apps(conn: Connection, run: int) -> list[App]:
    """The apps of a run, by area and name."""
    with conn.cursor(row_factory=class_row(App), binary=True) as cursor:
        return cursor.execute(_SQL["list_apps"].text, {"run": run}).fetchall()


def list_objects(conn: Connection, run: Run, kind: str) -> list[Typed]:
    """The typed projections of one kind, by name."""
    with conn.cursor(row_factory=class_row(Typed)) as cursor:
        return cursor.execute(_SQL["list_objects"].text, {"run": run.number, "kind": kind}).fetchall()


def list_documented(conn: Connection, run: Run) -> list[tuple[str, str, str | None, str, bool]]:
    """(app, conf, stanza, name, whether it is a beginning) of everything that the run's specifications document."""
    return [
        tuple(row) for row in conn.execute(_SQL["list_documented"].text, {"run": run.number}, binary=True)
    ]


def count_settings(conn: Connection, run: Run) -> int:
    """How many settings of configuration files are kept of a run."""
    row = conn.execute(_SQL["count_settings"].text, {"run": run.number}).fetchone()
    assert row is not None
    return int(row[0])
