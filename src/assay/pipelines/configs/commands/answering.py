"""Answers about a run: what holds, where data goes, which client is given what, what changed, what is wrong."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files as resources
from typing import Any

from assay.domain.splunk import btool
from assay.domain.splunk.layers import Effective, Layer, resolve
from assay.domain.splunk.places import Target, locate
from assay.domain.splunk.specs import Spec
from assay.errors import NotFound, Permanent
from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.model import Finding, Run, Typed
from assay.pipelines.configs.queries import INSTANCE, View
from assay.pipelines.configs.rules import differing, explaining, linting, routing, serverclasses
from assay.pipelines.configs.rules.projecting import PROJECTIONS, projected

Client = serverclasses.Client
ServerClass = serverclasses.ServerClass
deliveries = serverclasses.deliveries
Difference = differing.Difference
Graph = routing.Graph
Node = routing.Node
Edge = routing.Edge
RULES = explaining.RULES
SEVERITIES = linting.SEVERITIES
mermaid = routing.mermaid
KINDS = tuple(PROJECTIONS)

_ROUTED = ("inputs", "props", "transforms", "outputs", "indexes")


def effective(
    conn: Connection, run: Run, conf: str, view: View = INSTANCE, stanzas: Iterable[str] | None = None
) -> Effective:
    """What one configuration comes to, of all stanzas or some with what they inherit.

    Raises NotFound for a configuration that the run does not have.
    """
    name = conf.removesuffix(".conf")
    wanted = None if stanzas is None else list(stanzas)
    layers = queries.load_layers(conn, run.number, name, view, wanted)
    if not layers:
        known = [one.conf for one in queries.list_confs(conn, run)]
        if name not in known:
            raise NotFound(f"the run has no {name}.conf; it has {', '.join(known[:60]) or 'none'}")
    return resolve(name, layers)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which stanzas: of these names or all, those in whose name a text occurs, and of them so many."""

    names: Sequence[str] | None = None
    text: str = ""
    skip: int = 0
    limit: int | None = None


EVERYTHING = Choice()


@dataclass(frozen=True, slots=True)
class Part:
    """Some stanzas of a configuration as `shown` tells them, of how many."""

    conf: str
    stanzas: list[dict[str, Any]]
    total: int


def part(
    conn: Connection,
    run: Run,
    conf: str,
    view: View = INSTANCE,
    choice: Choice = EVERYTHING,
    *,
    is_expanded: bool = False,
) -> Part:
    """What the stanzas of a choice come to, in the order of their bytes; it costs what they cost, not what all do.

    Raises NotFound.
    """
    name = conf.removesuffix(".conf")
    if view.context.app:
        # What other apps export is only known of what was read.
        found = effective(conn, run, name, view, choice.names)
        names = sorted(found.stanzas, key=str.encode)
    else:
        names = queries.list_names(conn, run.number, name, view, choice.text)
        found = Effective(name, {})
    wanted = [
        one
        for one in names
        if choice.text.lower() in one.lower() and (choice.names is None or one in choice.names)
    ]
    page = wanted[choice.skip :][: choice.limit]
    if not view.context.app:
        found = effective(conn, run, name, view, page if len(page) < len(names) else None)
    return Part(name, shown(found, page, is_expanded=is_expanded), len(wanted))


def listing(found: Effective, stanzas: Iterable[str] | None = None, *, debug: bool = True, home: str) -> str:
    """The answer as `btool list` prints it."""
    return btool.listing(found, debug=debug, home=home, stanzas=stanzas, below_home=below_home)


def below_home(path: str) -> str:
    """Where a file of an archive lies below Splunk's home."""
    place = locate(path)
    return path if place is None or not (place.app or place.area.value == "system") else place.path


def shown(found: Effective, names: Iterable[str], *, is_expanded: bool) -> list[dict[str, Any]]:
    """Stanzas as programs are told: every setting with the value that holds, its place, and what it shadows."""
    answer = []
    for name in sorted(names, key=str.encode):
        stanza = found.stanzas[name]
        settings = found.expanded(name) if is_expanded else stanza.settings
        answer.append(
            {
                "stanza": name,
                "path": stanza.path,
                "line": stanza.line,
                "settings": [
                    {
                        "key": key,
                        "value": winner.value,
                        "path": winner.path,
                        "line": winner.line,
                        "inherited_from": None if winner.stanza == name else winner.stanza,
                        "shadowed": [
                            {
                                "value": one.value,
                                "path": one.path,
                                "line": one.line,
                                "inherited_from": None if one.stanza == name else one.stanza,
                            }
                            for one in winner.shadowed
                        ],
                    }
                    for key, winner in sorted(settings.items(), key=lambda pair: pair[0].encode())
                ],
            }
        )
    return answer


def typed(conn: Connection, run: Run, kind: str, view: View = INSTANCE) -> list[Typed]:
    """The stanzas of a well-known configuration in types. Raises NotFound for one that is not known so well."""
    kind = kind.removesuffix(".conf")
    if kind not in PROJECTIONS:
        raise NotFound(f"{kind} is not listed in types; there are {', '.join(PROJECTIONS)}")
    if view == INSTANCE:
        return queries.list_objects(conn, run, kind)
    found = projected(resolve(kind, queries.load_layers(conn, run.number, kind, view)))
    return sorted(found, key=lambda one: one.name.encode())


def data_routes(conn: Connection, run: Run, view: View = INSTANCE, around: str | None = None) -> Graph:
    """Where data goes, of everything or only around the stations in whose name a text occurs."""
    confs = {conf: resolve(conf, queries.load_layers(conn, run.number, conf, view)) for conf in _ROUTED}
    graph = routing.Routing(confs).build()
    return graph if around is None else graph.around(around)


def server_classes(conn: Connection, run: Run, clients: Iterable[Client] = ()) -> list[ServerClass]:
    """The server classes with the apps that they give, and those clients of a list that they take."""
    found = resolve("serverclass", queries.load_layers(conn, run.number, "serverclass"))
    present = {
        one.app: one.version for one in queries.list_apps(conn, run.number) if one.area == "deployment-app"
    }
    return serverclasses.server_classes(found, present, clients)


def view_of(
    conn: Connection, run: Run, *, target: str, app: str = "", user: str = "", server_class: str | None = None
) -> View:
    """Whose configuration a person means. Raises Permanent for words that say nothing, NotFound for a server class."""
    try:
        view = View(Target(target))
    except ValueError:
        raise Permanent(f"no target is called {target!r}; there are {', '.join(Target)}") from None
    if user and not app:
        raise Permanent("a user's configuration is that of an app: name the app, too")
    view = replace(view, context=replace(view.context, app=app, user=user))
    if server_class is None:
        return view
    for one in server_classes(conn, run):
        if one.name == server_class:
            return replace(view, target=Target.DEPLOYMENT, apps=frozenset(given.name for given in one.apps))
    raise NotFound(f"the run has no server class {server_class!r}")


def differences(
    conn: Connection, before: Run, after: Run, *, only_effective: bool, conf: str | None = None
) -> list[Difference]:
    """What differs between two runs, in the files or only in what holds on the machine they are of."""
    wanted = {one.conf for run in (before, after) for one in queries.list_confs(conn, run)}
    if conf is not None:
        wanted &= {conf.removesuffix(".conf")}
    found: list[Difference] = []
    for name in sorted(wanted):
        if only_effective:
            pair = [_in_force(conn, run, name) for run in (before, after)]
            found += differing.differences_in_force(*pair)
        else:
            texts = [_written(conn, run, name) for run in (before, after)]
            found += differing.differences_written(*texts)
    return found


def _in_force(conn: Connection, run: Run, conf: str) -> dict[tuple[str, str, str], tuple[str, str]]:
    layers = queries.load_layers(conn, run.number, conf)
    return differing.in_force(resolve(conf, layers), {layer.path: layer.place.path for layer in layers})


def _written(conn: Connection, run: Run, conf: str) -> dict[tuple[str, str, str, str], str]:
    return differing.written(conf, queries.load_files(conn, run.number, conf))


def lint(conn: Connection, run: Run, since: Run | None = None) -> list[Finding]:
    """What is wrong with a run, the worst first; with an older one also which changed defaults local settings hide."""
    layers = _all_layers(conn, run)
    confs = {conf: resolve(conf, of) for conf, of in layers.items()}
    specs, own = _specs(conn, run)
    everything = replace(INSTANCE, has_disabled=True)
    everywhere = {
        conf: resolve(conf, queries.load_files(conn, run.number, conf))
        if conf == "indexes"
        else resolve(conf, queries.load_layers(conn, run.number, conf, everything))
        for conf in ("indexes", "transforms")
    }
    apps = queries.list_apps(conn, run.number)
    material = linting.Material(
        confs=confs,
        everywhere=everywhere,
        layers=layers,
        specs=specs,
        own_specs=own,
        classes=server_classes(conn, run),
        has_deployment_apps=any(one.area == "deployment-app" for one in apps),
        lookups=queries.list_lookups(conn, run.number),
    )
    found = linting.findings(material, _facts())
    if since is not None:
        found += linting.hidden_upgrades(_all_layers(conn, since), layers)
    return sorted(found, key=lambda one: SEVERITIES.index(one.severity))


def _all_layers(conn: Connection, run: Run) -> dict[str, list[Layer]]:
    return {
        one.conf: queries.load_layers(conn, run.number, one.conf) for one in queries.list_confs(conn, run)
    }


def _specs(conn: Connection, run: Run) -> tuple[dict[str, Spec], frozenset[str]]:
    """What the run's specifications document, and which configurations they document wholly."""
    specs: dict[str, Spec] = {}
    own: set[str] = set()
    shared = _facts().settings.keys() | _STANDARD
    for app, conf, stanza, name, is_open in queries.list_documented(conn, run):
        spec = specs.setdefault(conf, Spec())
        documented = spec.everywhere if stanza is None else spec.stanza(stanza)
        if name or is_open:
            (documented.beginnings if is_open else documented.names).add(name)
        # Apps document what they add to Splunk's configurations, and all of their own ones.
        if not app or conf not in shared:
            own.add(conf)
    return specs, frozenset(own)


# Configurations of Splunk's own that apps add to, besides those whose names are known.
_STANDARD = frozenset(
    (
        *("alert_actions", "app", "authentication", "authorize", "checklist", "collections", "commands"),
        *("datamodels", "distsearch", "eventgen", "eventtypes", "fields", "health", "limits", "multikv"),
        *("restmap", "searchbnf", "segmenters", "server", "tags", "times", "transactiontypes", "ui-prefs"),
        *("user-prefs", "viewstates", "visualizations", "web", "wmi", "workflow_actions"),
    )
)


@cache
def _facts() -> linting.Facts:
    text = (resources("assay.pipelines.configs") / "policy" / "settings.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)
    built_in = known.pop("built_in")
    settings = {}
    for conf, names in known.items():
        spec = settings[conf] = Spec()
        spec.everywhere.names.update(names["names"])
        spec.everywhere.beginnings.update(names["open"])
    return linting.Facts(settings, frozenset(built_in["indexes"]), frozenset(built_in["transforms"]))
