"""Which client is given which app: serverclass.conf as its specification reads it.

A list of a server class takes the place of both of `[global]`, and an app's of the class's (serverclass.conf.spec,
"overriding"). Filters are matched against the client's name, address, DNS name, host and id; machine and package types
narrow what they let through.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assay.domain.splunk.layers import Effective
from assay.domain.splunk.patterns import accepts

_CLASS, _APP = "serverClass:", ":app:"
_FROM_FILE = "from_pathname"


@dataclass(frozen=True, slots=True)
class Client:
    """A deployment client, as far as it is known."""

    name: str
    ip: str = ""
    dns: str = ""
    host: str = ""
    instance: str = ""
    machine_type: str = ""
    package_type: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What filters are matched against."""
        return tuple(one for one in (self.name, self.ip, self.dns, self.host, self.instance) if one)


@dataclass(frozen=True, slots=True)
class Filter:
    """Who is let through. `is_open` lets everybody through who is not listed; `files` are lists in other files."""

    whitelist: tuple[str, ...]
    blacklist: tuple[str, ...]
    is_open: bool
    machine_types: tuple[str, ...]
    package_types: tuple[str, ...]
    files: tuple[str, ...]

    def lets(self, client: Client) -> bool:
        """Whether a client is let through."""
        listed = any(accepts(one, name) for one in self.whitelist for name in client.names)
        barred = any(accepts(one, name) for one in self.blacklist for name in client.names)
        if not ((listed or not barred) if self.is_open else (listed and not barred)):
            return False
        return _is_typed(self.machine_types, client.machine_type) and _is_typed(
            self.package_types, client.package_type
        )


def _is_typed(wanted: Sequence[str], has: str) -> bool:
    return not wanted or (bool(has) and any(accepts(one, has) for one in wanted))


@dataclass(frozen=True, slots=True)
class GivenApp:
    """An app of a server class. `is_present` is whether the archive has it; `filter` its own where it has one."""

    name: str
    is_present: bool
    version: str | None
    filter: Filter
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class ServerClass:
    """A server class with its apps, and those clients of a list that it takes."""

    name: str
    filter: Filter
    apps: tuple[GivenApp, ...]
    clients: tuple[str, ...]
    path: str
    line: int


def server_classes(
    effective: Effective, present: Mapping[str, str | None], clients: Iterable[Client] = ()
) -> list[ServerClass]:
    """Every server class by name; `present` are the versions of the apps that can be given."""
    known = list(clients)
    general = _own(effective, "global")
    names: dict[str, list[str]] = {}
    for stanza in effective.stanzas:
        if stanza.startswith(_CLASS):
            name, is_app, _ = stanza.removeprefix(_CLASS).partition(_APP)
            apps = names.setdefault(name, [])
            if is_app:
                apps.append(stanza)
    found = []
    for name, apps in sorted(names.items()):
        stanza = f"{_CLASS}{name}"
        own = _own(effective, stanza)
        rule = _filter(own, general)
        header = effective.stanzas[stanza if stanza in effective.stanzas else apps[0]]
        found.append(
            ServerClass(
                name=name,
                filter=rule,
                apps=tuple(_given(effective, app, present, own, general) for app in sorted(apps)),
                clients=tuple(client.name for client in known if rule.lets(client)),
                path=header.path,
                line=header.line,
            )
        )
    return found


def deliveries(classes: Iterable[ServerClass], clients: Iterable[Client]) -> dict[str, dict[str, list[str]]]:
    """Client -> app -> the server classes that give it."""
    found: dict[str, dict[str, list[str]]] = {}
    every = list(classes)
    for client in clients:
        apps = found.setdefault(client.name, {})
        for one in every:
            if not one.filter.lets(client):
                continue
            for app in one.apps:
                if app.filter.lets(client):
                    apps.setdefault(app.name, []).append(one.name)
    return found


def _given(
    effective: Effective,
    stanza: str,
    present: Mapping[str, str | None],
    own: Mapping[str, str],
    general: Mapping[str, str],
) -> GivenApp:
    name = stanza.partition(_APP)[2]
    header = effective.stanzas[stanza]
    return GivenApp(
        name=name,
        is_present=name in present,
        version=present.get(name),
        filter=_filter(_own(effective, stanza), own, general),
        path=header.path,
        line=header.line,
    )


def _own(effective: Effective, stanza: str) -> dict[str, str]:
    found = effective.stanzas.get(stanza)
    return {} if found is None else {key: winner.value for key, winner in found.settings.items()}


def _filter(*levels: Mapping[str, str]) -> Filter:
    """The filter that holds, the most particular level first."""
    lists = next((level for level in levels if any(map(_is_list, level))), {})

    def said(key: str) -> str:
        return next((level[key] for level in levels if key in level), "")

    def listed(kind: str) -> tuple[str, ...]:
        return tuple(
            value for key, value in lists.items() if key.startswith(f"{kind}.") and _FROM_FILE not in key
        )

    return Filter(
        whitelist=listed("whitelist"),
        blacklist=listed("blacklist"),
        is_open=said("filterType") == "blacklist",
        machine_types=_parts(said("machineTypesFilter")),
        package_types=_parts(said("packageTypesFilter")),
        files=tuple(value for key, value in lists.items() if key.endswith(_FROM_FILE)),
    )


def _is_list(key: str) -> bool:
    return key.startswith(("whitelist.", "blacklist."))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
