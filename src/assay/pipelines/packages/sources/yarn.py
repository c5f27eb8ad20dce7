"""yarn.lock: the classic format of yarn 1, and the YAML of yarn 2 and later ("berry").

Classic has the patterns that were asked for (`a@^1.0.0, a@~1.2.0:`) above each package, and does not say what the
project itself asks for. Berry has a `__metadata` entry, a `resolution` per package and the project's own
workspaces among the packages.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from assay.domain.entries import each, json_path, mapping, mapping_of, string_of
from assay.domain.integrity import sri
from assay.domain.npm_names import checked_name, is_version, real_name, split_descriptor
from assay.domain.origins import Locator, locate
from assay.domain.plain import from_yaml, text
from assay.domain.purl import purl_of
from assay.domain.reach import unrequired, weights
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

# In the order of the weights with which the reach is found.
_SCOPES = list(Scope)
_METADATA = "__metadata"
_CLASSIC = re.compile(r"^# yarn lockfile v(\d+)\s*$", re.MULTILINE)
_BERRY = re.compile(r"^\"?__metadata\"?:", re.MULTILINE)
# A word of the classic format: text in quotes with JSON's escapes, or anything up to a blank, comma or colon.
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s",:][^\s",]*)')
_SHA1 = re.compile(r"[0-9a-f]{40}")


class _Lines(NamedTuple):
    """One package of the classic format as its lines say it."""

    patterns: list[str]
    fields: dict[str, str]
    requires: dict[str, str]
    fault: str | None


def read(path: str, content: bytes) -> Inventory:
    """The packages of a yarn.lock of either kind. An empty file is a lock without packages."""
    found = text(content)
    if _BERRY.search(found):
        return _berry(path, content, found)
    return _classic(path, found)


def _classic(path: str, found: str) -> Inventory:
    blocks = list(_blocks(found))
    if not blocks and not _CLASSIC.search(found) and found.strip():
        raise BadRecord("not-this-format", f"{path} is no yarn.lock: no package and no header")
    if blocks and not any("version" in block.fields for _, block in blocks):
        raise BadRecord("not-this-format", f"{path} is no yarn.lock: none of its entries has a version")
    index = _Index({pattern: block.patterns[0] for _, block in blocks for pattern in block.patterns})
    edges = {block.patterns[0]: index.ends(block.requires) for _, block in blocks if block.patterns}
    roots = unrequired(edges)
    taken: set[str] = set()

    def read_one(place: str, block: _Lines) -> Package:
        if block.fault:
            raise BadRecord("not-an-entry", block.fault)
        key = block.patterns[0]
        if key in taken:
            raise BadRecord("duplicate", f"{key} is there twice")
        taken.add(key)
        called, wanted = split_descriptor(key)
        name, alias = real_name(called, wanted)
        version = string_of(dict(block.fields), "version")
        if version is None:
            raise BadRecord("missing", f"{key} has no version")
        resolved = block.fields.get("resolved")
        locator = (locate(resolved) if resolved else locate(wanted)) or Locator("registry", resolved)
        _, _, fragment = (resolved or "").partition("#")
        integrity = tuple(block.fields.get("integrity", "").split())
        if not integrity and locator.kind != "git" and _SHA1.fullmatch(fragment):
            integrity = (sri("sha1", fragment),)
        return _package(
            key, name, version, place, locator,
            alias=alias, is_direct=True if key in roots else None, integrity=integrity, requires=edges[key],
        )  # fmt: skip

    packages, faults = each(blocks, read_one)
    header = _CLASSIC.search(found)
    return inventory_of(FORMAT.name, packages, faults, version=header[1] if header else "1")


def _blocks(found: str) -> Iterator[tuple[str, _Lines]]:
    """The entries of the classic format with their places: a line of patterns, and indented lines below it."""
    block: _Lines | None = None
    place, inside = "", ""
    for number, line in enumerate(found.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip(" "))
        words = [_unquoted(match) for match in _WORD.finditer(stripped.removesuffix(":"))]
        if indent == 0:
            if block is not None:
                yield place, block
            is_entry = stripped.endswith(":") and bool(words)
            place, inside = f"line {number}", ""
            block = _Lines(words or [stripped], {}, {}, None if is_entry else f"no entry: {stripped[:80]}")
        elif block is not None and indent < 4:
            inside = words[0] if stripped.endswith(":") and len(words) == 1 else ""
            if not inside and len(words) > 1:
                block.fields[words[0]] = " ".join(words[1:])
        elif block is not None and inside in {"dependencies", "optionalDependencies"} and len(words) == 2:
            block.requires[words[0]] = words[1]
    if block is not None:
        yield place, block


def _unquoted(match: re.Match[str]) -> str:
    return re.sub(r"\\(.)", r"\1", match[1]) if match[1] is not None else match[2]


def _berry(path: str, content: bytes, found: str) -> Inventory:
    document = mapping(from_yaml(content), path)
    metadata = mapping_of(document, _METADATA)
    entries = {key: entry for key, entry in document.items() if key != _METADATA}
    places = _places(found)
    index = _Index({pattern.strip(): key for key in entries for pattern in key.split(",")})
    uses = {key: index.uses(entry) for key, entry in entries.items()}
    workspaces = [key for key, entry in entries.items() if _is_workspace(entry)]
    direct = {end for key in workspaces for end, _ in uses[key]}
    reached = weights([(key, 0) for key in workspaces], uses)

    def read_one(place: str, key: str) -> Package | None:
        entry = mapping(entries[key], "the entry")
        resolution = string_of(entry, "resolution")
        if resolution is None:
            raise BadRecord("missing", f"{key[:80]} has no resolution")
        name, reference = split_descriptor(resolution)
        if reference in {"workspace:.", "workspace:"}:
            return None
        locator, pinned = _referred(reference)
        version = string_of(entry, "version")
        called, _ = split_descriptor(key.partition(",")[0].strip())
        checksum = string_of(entry, "checksum")
        return _package(
            key, name, pinned or _told(version), place, locator,
            alias=called if called != name else None,
            scope=_SCOPES[reached.get(key, 0)],
            is_direct=key in direct,
            integrity=(f"yarn:{checksum}",) if checksum else (),
            requires=tuple(dict.fromkeys([end for end, _ in uses[key]])),
        )  # fmt: skip

    packages, faults = each([(places.get(key) or json_path(key), key) for key in entries], read_one)
    return inventory_of(FORMAT.name, packages, faults, version=string_of(metadata, "version"))


def _told(version: str | None) -> str | None:
    """A workspace's own version is not in the file: yarn writes `0.0.0-use.local`."""
    return None if version == "0.0.0-use.local" else version


def _places(found: str) -> dict[str, str]:
    """The line of every key of the document; a long one stands after `? `."""
    places: dict[str, str] = {}
    for number, line in enumerate(found.split("\n"), 1):
        if line and line[0] not in " #:":
            key = line.removeprefix("? ").rstrip()
            key = key if line.startswith("? ") else key.removesuffix(":")
            places.setdefault(key.strip("\"'"), f"line {number}")
    return places


def _referred(reference: str) -> tuple[Locator, str | None]:
    """Where the right side of a resolution leads, and the version of a package from the registry.

    `npm:1.0.0`, `npm:1.0.0::__archiveUrl=...`, `patch:a@npm%3A1.0.0#./a.patch::version=1.0.0&hash=...`, an address.
    """
    for _ in range(9):
        if not reference.startswith("patch:"):
            break
        inner, _, _ = reference.removeprefix("patch:").partition("#")
        reference = unquote(split_descriptor(inner)[1])
    body, _, parameters = reference.partition("::")
    if body.startswith("npm:"):
        archive = parse_qs(parameters).get("__archiveUrl", [None])[0] if parameters else None
        locator = locate(archive) if archive else None
        return locator or Locator("registry", archive), body.removeprefix("npm:")
    if is_version(body):
        return Locator("registry"), body
    return locate(body) or Locator("url", body), None


def _is_workspace(entry: Any) -> bool:
    resolution = entry.get("resolution") if isinstance(entry, dict) else None
    return isinstance(resolution, str) and split_descriptor(resolution)[1].startswith("workspace:")


class _Index:
    """Packages by the patterns that were asked for."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._patterns = patterns
        self._names: dict[str, set[str]] = {}
        for pattern, key in patterns.items():
            self._names.setdefault(split_descriptor(pattern)[0], set()).add(key)

    def ends(self, wanted: Mapping[str, Any]) -> tuple[str, ...]:
        """The keys for names with the versions that are wanted of them. A version that `resolutions` replaced is
        found by its name, if there is but one package of that name."""
        found = [self._find(name, version) for name, version in wanted.items()]
        return tuple(dict.fromkeys([key for key in found if key]))

    def uses(self, entry: Any) -> list[tuple[str, int]]:
        """The keys of what a berry entry requires, with the weights of their scopes.

        yarn pins no package for a peer; its name finds the one that is there.
        """
        if not isinstance(entry, dict):
            return []
        parts = [entry.get(part) for part in ("dependencies", "peerDependencies", "dependenciesMeta")]
        wanted, peers, meta = [part if isinstance(part, dict) else {} for part in parts]
        optional = {
            name for name, one in meta.items() if isinstance(one, dict) and one.get("optional") is True
        }
        found: list[tuple[str, int]] = []
        for weight, names in ((0, wanted), (_SCOPES.index(Scope.PEER), peers)):
            for name, version in names.items():
                if (key := self._find(name, version)) and (weight == 0 or name not in wanted):
                    found.append((key, max(weight, int(name in optional))))
        return found

    def _find(self, name: str, version: Any) -> str | None:
        for pattern in (f"{name}@{version}", f"{name}@npm:{version}"):
            if pattern in self._patterns:
                return self._patterns[pattern]
        named = self._names.get(name, set())
        return next(iter(named)) if len(named) == 1 else None


def _package(key: str, name: str, version: str | None, place: str, locator: Locator, **more: Any) -> Package:
    checked_name(name)
    return Package(
        key=key,
        ecosystem="npm",
        name=name,
        version=version,
        purl=purl_of("npm", name, version, locator.qualifiers()),
        place=place,
        commit=locator.commit,
        origin=ORIGINS[locator.kind],
        resolved=locator.url,
        **more,
    )


def _recognises(start: bytes) -> bool:
    found = start.decode(errors="replace")
    return bool(_CLASSIC.search(found) or _BERRY.search(found))


FORMAT = Format(
    name="yarn",
    title="yarn.lock, classic and berry",
    ecosystem="npm",
    names=("yarn.lock",),
    read=read,
    recognises=_recognises,
)
