"""What is wrong with a configuration, or at least odd: only what can be told from the files, and few false alarms.

A setting is called unknown only where the specification of its configuration is in the archive; elsewhere a name is
called misspelt where it is nearly one that is documented. What a search head or a forwarder refers to may be defined on
another machine, so such references are hints where data is forwarded.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher, get_close_matches
from typing import NamedTuple

from assay.domain.splunk.conf import DEFAULT
from assay.domain.splunk.layers import Effective, Layer, Winner
from assay.domain.splunk.specs import Spec
from assay.pipelines.configs.model import Finding
from assay.pipelines.configs.rules.lookups import FILES, missing_files
from assay.pipelines.configs.rules.projecting import as_flag
from assay.pipelines.configs.rules.serverclasses import ServerClass

ERROR, WARNING, HINT = "error", "warning", "hint"
SEVERITIES = (ERROR, WARNING, HINT)
"""What must be looked at first, first."""
_REFERRING = ("TRANSFORMS", "RULESET", "REPORT")
_PLAIN = "<redacted plain"
_NO_GROUPS = frozenset(("", "*", "nogroup"))
# One letter of so many is a slip; of fewer it is another word. The share of letters that two names have in common.
_SHORTEST_NEAR = 8
_NEAR = 0.88
_NEAR_WORD = 0.6
_PARTS = re.compile(r"[_.\-]")


class Facts(NamedTuple):
    """What is known without the archive: documented names by configuration, and what Splunk defines itself."""

    settings: Mapping[str, Spec]
    indexes: frozenset[str]
    transforms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Material:
    """What is looked at. `everywhere` are the same configurations with disabled apps and other machines' apps."""

    confs: Mapping[str, Effective]
    everywhere: Mapping[str, Effective]
    layers: Mapping[str, list[Layer]]
    specs: Mapping[str, Spec]
    own_specs: frozenset[str]
    """Configurations whose full specification is in the archive: Splunk's own, or the app's that made it up."""
    classes: list[ServerClass] = field(default_factory=list)
    has_deployment_apps: bool = False
    lookups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The files in the folders of lookups, by app; nothing where the archive was packed without them."""


_NOTHING = Effective("", {})


def findings(material: Material, facts: Facts) -> list[Finding]:
    """Everything that was found, by rule and place."""
    found: list[Finding] = []
    for rule in _RULES:
        found += rule(material, facts)
    return sorted(found, key=lambda one: (one.rule, one.path, one.line, one.key, one.stanza))


def _said(
    rule: str, severity: str, conf: str, stanza: str, key: str, winner: Winner, message: str
) -> Finding:
    return Finding(rule, severity, conf, stanza, key, winner.path, winner.line, message)


def _is_shipped(path: str) -> bool:
    """Whether a file is Splunk's own, which nobody here can correct."""
    return "/system/default/" in f"/{path}"


def _enabled(effective: Effective) -> Iterator[tuple[str, dict[str, Winner]]]:
    for name, stanza in effective.stanzas.items():
        if as_flag(effective.value(name, "disabled"), False) is not True:
            yield name, stanza.settings


def _undefined_indexes(material: Material, facts: Facts) -> Iterator[Finding]:
    known = material.everywhere.get("indexes", _NOTHING).stanzas
    if not known:
        return
    own = material.confs.get("indexes", _NOTHING).stanzas
    forwards = bool(material.confs.get("outputs", _NOTHING).value("tcpout", "defaultGroup"))
    for conf, stanza, key, winner in _index_uses(material):
        name = winner.value.strip()
        if not name or "$" in name or name in own or name in facts.indexes or _is_shipped(winner.path):
            continue
        severity = HINT if forwards or name in known else WARNING
        where = "only in a disabled app or for another machine" if name in known else "nowhere in the archive"
        message = f"the index {name} is defined {where}"
        yield _said("undefined-index", severity, conf, stanza, key, winner, message)


def _index_uses(material: Material) -> Iterator[tuple[str, str, str, Winner]]:
    for name, settings in _enabled(material.confs.get("inputs", _NOTHING)):
        if "index" in settings:
            yield "inputs", name, "index", settings["index"]
    transforms = material.confs.get("transforms", _NOTHING)
    for name, stanza in transforms.stanzas.items():
        is_index = transforms.value(name, "DEST_KEY") == "_MetaData:Index"
        if is_index and "FORMAT" in stanza.settings:
            yield "transforms", name, "FORMAT", stanza.settings["FORMAT"]


def _dangling_transforms(material: Material, facts: Facts) -> Iterator[Finding]:
    own = material.confs.get("transforms", _NOTHING).stanzas
    known = material.everywhere.get("transforms", _NOTHING).stanzas
    for stanza, settings in _stanzas(material.confs.get("props")):
        for key, winner in settings.items():
            for name in _references(key, winner.value):
                # What a lookup calls by its file's name lies in a folder of lookups.
                if name in own or name in facts.transforms or name.endswith(FILES):
                    continue
                rule = "in-disabled-app" if name in known else "dangling-transform"
                where = "only in an app that is disabled" if name in known else "nowhere"
                what = "lookup" if key.startswith("LOOKUP") else "transform"
                message = f"the {what} {name} is defined {where}"
                yield _said(rule, WARNING, "props", stanza, key, winner, message)


def _stanzas(effective: Effective | None) -> Iterator[tuple[str, dict[str, Winner]]]:
    for name, stanza in (effective or _NOTHING).stanzas.items():
        yield name, stanza.settings


def _references(key: str, value: str) -> list[str]:
    family, hyphen, _ = key.partition("-")
    if not hyphen:
        return []
    if family in _REFERRING:
        return [part.strip() for part in value.split(",") if part.strip()]
    if family == "LOOKUP" and value.strip():
        return [value.split(maxsplit=1)[0].strip('"')]
    return []


def _dangling_outputs(material: Material, _facts: Facts) -> Iterator[Finding]:
    outputs = material.confs.get("outputs", _NOTHING)
    uses: list[tuple[str, str, str, Winner]] = []
    tcpout = outputs.stanzas.get("tcpout")
    if tcpout is not None and "defaultGroup" in tcpout.settings:
        uses.append(("outputs", "tcpout", "defaultGroup", tcpout.settings["defaultGroup"]))
    for name, settings in _enabled(material.confs.get("inputs", _NOTHING)):
        if "_TCP_ROUTING" in settings:
            uses.append(("inputs", name, "_TCP_ROUTING", settings["_TCP_ROUTING"]))
    transforms = material.confs.get("transforms", _NOTHING)
    for name, settings in _stanzas(transforms):
        if transforms.value(name, "DEST_KEY") == "_TCP_ROUTING" and "FORMAT" in settings:
            uses.append(("transforms", name, "FORMAT", settings["FORMAT"]))
    for conf, stanza, key, winner in uses:
        for group in (part.strip() for part in winner.value.split(",")):
            if (
                group
                and group not in ("*", "nogroup")
                and "$" not in group
                and f"tcpout:{group}" not in outputs.stanzas
            ):
                yield _said(
                    "dangling-output",
                    ERROR,
                    conf,
                    stanza,
                    key,
                    winner,
                    f"there is no [tcpout:{group}] in outputs.conf",
                )


def _duplicate_inputs(material: Material, _facts: Facts) -> Iterator[Finding]:
    owners: dict[str, dict[str, tuple[str, int]]] = {}
    for layer in material.layers.get("inputs", ()):
        if _is_shipped(layer.path):
            continue
        owner = layer.place.app or "system"
        for stanza in layer.stanzas:
            if "://" in stanza.name and stanza.settings:
                owners.setdefault(stanza.name.rstrip("/"), {}).setdefault(owner, (layer.path, stanza.line))
    for name, apps in owners.items():
        if len(apps) > 1:
            path, line = next(iter(apps.values()))
            message = f"{len(apps)} places configure this input: {', '.join(sorted(apps))}"
            yield Finding("duplicate-input", WARNING, "inputs", name, "", path, line, message)


def _missing_apps(material: Material, _facts: Facts) -> Iterator[Finding]:
    for one in material.classes:
        for app in one.apps:
            if material.has_deployment_apps and not app.is_present:
                stanza = f"serverClass:{one.name}:app:{app.name}"
                message = f"deployment-apps holds no app {app.name}"
                yield Finding("missing-app", ERROR, "serverclass", stanza, "", app.path, app.line, message)


def _missing_lookups(material: Material, _facts: Facts) -> Iterator[Finding]:
    if not material.lookups:
        return
    present = frozenset().union(*material.lookups.values())
    apps = {layer.path: layer.place.app for layers in material.layers.values() for layer in layers}
    for conf, stanza, key, winner, file in missing_files(material.confs, present):
        if not _is_shipped(winner.path):
            # Some pack the lookups of some apps only.
            severity = WARNING if apps.get(winner.path) in material.lookups else HINT
            message = f"no folder of lookups in the archive holds {file}"
            yield _said("missing-lookup-file", severity, conf, stanza, key, winner, message)


def _settings(
    material: Material, check: Callable[[str, str, str], str | None]
) -> Iterator[tuple[Layer, str, str, int, str]]:
    for conf, layers in material.layers.items():
        for layer in layers:
            if _is_shipped(layer.path):
                continue
            for stanza in layer.stanzas:
                for one in stanza.settings:
                    message = check(conf, stanza.name, one.key)
                    if message is not None:
                        yield layer, stanza.name, one.key, one.line, message


def _unknown_settings(material: Material, facts: Facts) -> Iterator[Finding]:
    known = _Known(material, facts)
    for layer, stanza, key, line, message in _settings(material, known.check):
        is_sure = layer.place.name in material.own_specs
        rule = "misspelt-setting" if message.startswith("did") or not is_sure else "unknown-setting"
        yield Finding(
            rule, WARNING if is_sure else HINT, layer.place.name, stanza, key, layer.path, line, message
        )


class _Known:
    """Tells whether names are documented, each combination looked at once."""

    def __init__(self, material: Material, facts: Facts) -> None:
        self._material = material
        self._facts = facts
        self._seen: dict[tuple[str, str, str], str | None] = {}
        self._names: dict[str, dict[str, str]] = {}

    def check(self, conf: str, stanza: str, key: str) -> str | None:
        """What is wrong with a setting's name; None where nothing is known to be."""
        scheme = stanza.partition("://")[0] if "://" in stanza else stanza
        asked = (conf, scheme if conf == "inputs" else stanza, key)
        if asked not in self._seen:
            self._seen[asked] = self._checked(conf, stanza, key)
        return self._seen[asked]

    def _checked(self, conf: str, stanza: str, key: str) -> str | None:
        spec, fact = self._material.specs.get(conf), self._facts.settings.get(conf)
        if (spec is not None and spec.knows(stanza, key)) or (fact is not None and fact.knows(stanza, key)):
            return None
        if key.startswith("_") or (spec is None and fact is None):
            return None
        if conf in self._material.own_specs and spec is not None and spec.covers(stanza):
            return f"{conf}.conf.spec does not know it"
        near = self._near(conf, key)
        return None if near is None else f"did you mean {near}?"

    def _near(self, conf: str, key: str) -> str | None:
        if conf not in self._names:
            spec, fact = self._material.specs.get(conf), self._facts.settings.get(conf)
            found = {name for one in (spec, fact) if one is not None for name in _all_names(one)}
            self._names[conf] = {name.lower(): name for name in sorted(found)}
        names = self._names[conf]
        lowered = key.lower()
        if lowered in names and names[lowered] != key:
            return names[lowered]
        if len(key) < _SHORTEST_NEAR:
            return None
        for near in get_close_matches(lowered, names, n=3, cutoff=_NEAR):
            # A number more or less is another setting of the same family.
            if near.rstrip("0123456789") != lowered.rstrip("0123456789") and _is_slip(near, lowered):
                return names[near]
        return None


def _is_slip(name: str, other: str) -> bool:
    """Whether two names differ by letters; `input_one_type` and `input_two_type` differ by a word."""
    words, others = _PARTS.split(name), _PARTS.split(other)
    return len(words) != len(others) or all(
        SequenceMatcher(None, one, two).ratio() >= _NEAR_WORD
        for one, two in zip(words, others, strict=True)
        if one != two
    )


def _all_names(spec: Spec) -> Iterable[str]:
    yield from spec.everywhere.names
    for documented in spec.stanzas.values():
        yield from documented.names


def _repeated_defaults(material: Material, _facts: Facts) -> Iterator[Finding]:
    shipped = _by_scope(material.layers, "default")
    for place, (value, path, line) in _by_scope(material.layers, "local").items():
        conf, _, app, stanza, key = place
        if app and place in shipped and shipped[place][0] == value:
            message = "local says what default says: the next upgrade's default will be hidden"
            yield Finding("local-repeats-default", HINT, conf, stanza, key, path, line, message)


def _plain_secrets(material: Material, _facts: Facts) -> Iterator[Finding]:
    message = "a secret stands here that is not encrypted"
    for conf, effective in material.confs.items():
        for name, settings in _stanzas(effective):
            # Tokens of the HTTP event collector are never encrypted.
            if conf == "inputs" and name.startswith("http://"):
                continue
            for key, winner in settings.items():
                if winner.value.startswith(_PLAIN) and not _is_shipped(winner.path):
                    yield _said("plain-secret", WARNING, conf, name, key, winner, message)


def hidden_upgrades(before: Mapping[str, list[Layer]], after: Mapping[str, list[Layer]]) -> Iterator[Finding]:
    """Settings whose default changed between two runs and never shows, since the app's `local` hides it."""
    old = _by_scope(before, "default")
    local = _by_scope(after, "local")
    for place, (value, _, _) in _by_scope(after, "default").items():
        was = old.get(place)
        mine = local.get(place)
        if was is None or mine is None or was[0] == value or mine[0] == value or place[3] == DEFAULT:
            continue
        conf, _, _, stanza, key = place
        message = f"the default went from {was[0]!r} to {value!r}, and local keeps {mine[0]!r}"
        yield Finding("local-hides-upgrade", WARNING, conf, stanza, key, mine[1], mine[2], message)


# (conf, area, app, stanza, key) -> (value, path, line)
_Places = dict[tuple[str, str, str, str, str], tuple[str, str, int]]


def _by_scope(confs: Mapping[str, list[Layer]], scope: str) -> _Places:
    return {
        (conf, area, app, stanza.name, one.key): (one.value, layer.path, one.line)
        for conf, layers in confs.items()
        for layer in layers
        if layer.place.scope == scope
        for area, app in ((layer.place.area.value, layer.place.app),)
        for stanza in layer.stanzas
        for one in stanza.settings
    }


_RULES = (
    _undefined_indexes,
    _dangling_transforms,
    _dangling_outputs,
    _duplicate_inputs,
    _missing_apps,
    _missing_lookups,
    _unknown_settings,
    _repeated_defaults,
    _plain_secrets,
)
