"""The layers of one configuration, from which everything else is resolved."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any

from assay.domain.splunk.conf import DEFAULT, Conf, Setting, Stanza, unpack
from assay.domain.splunk.layers import GLOBAL, Context, Layer, is_foreign, ordered, rank
from assay.domain.splunk.meta import Exports, exports
from assay.domain.splunk.places import Area, Kind, Place, Target, seat
from assay.kit import sql
from assay.kit.compression import decompress
from assay.kit.db import Connection
from assay.pipelines.configs.queries.files import ConfFile, containing, list_files
from assay.pipelines.configs.queries.runs import list_apps

_SQL = sql.beside(__file__)
META = ".meta"
_AT_ONCE = 2000
_line = attrgetter("line")


@dataclass(frozen=True, slots=True)
class View:
    """Whose effective configuration is asked for. `apps` are those that a client is given; None for all there are."""

    target: Target = Target.INSTANCE
    context: Context = GLOBAL
    apps: frozenset[str] | None = None
    has_disabled: bool = False
    """Apps that are disabled take part as if they were not."""


INSTANCE = View()


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
        "like": containing(text),
    }
    rows = conn.execute(_SQL["list_names"].text, values, binary=True).fetchall()
    return sorted((row[0] for row in rows), key=str.encode)


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
    conn: Connection, run: int, conf: str, files: AbstractSet[int], names: list[str] | None
) -> dict[int, list[Stanza]]:
    """The stanzas of some files, all or those of some names, by file, in their order."""
    whole = _load_whole(conn, run, conf, files) if names is None else {}
    rest = files - whole.keys()
    # A run of before files were kept whole has none.
    return {**whole, **_load_rows(conn, run, conf, rest, names)} if rest else whole


def _load_whole(conn: Connection, run: int, conf: str, files: AbstractSet[int]) -> dict[int, list[Stanza]]:
    """The stanzas of those files that are kept whole: one row a file costs a third of one row a setting."""
    with conn.cursor() as cursor:
        rows = cursor.execute(_SQL["list_contents"].text, {"run": run, "conf": conf}, binary=True)
        return {file: unpack(decompress(stanzas)) for file, stanzas in rows if file in files}


def _load_rows(
    conn: Connection, run: int, conf: str, files: AbstractSet[int], names: list[str] | None
) -> dict[int, list[Stanza]]:
    found: dict[int, list[Stanza]] = {file: [] for file in files}
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
    values = {"run": run, "conf": conf, "stanzas": list(into)}
    with conn.cursor() as cursor:
        # While the server finds the next rows these are taken in: half the time of waiting for all of 112,000.
        rows = cursor.stream(_SQL["list_settings_of"].text, values, binary=True, size=_AT_ONCE)
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
