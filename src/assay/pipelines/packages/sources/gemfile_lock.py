"""Gemfile.lock of Bundler 1 to 4 (bundler: lib/bundler/lockfile_parser.rb)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from assay.domain.entries import each
from assay.domain.integrity import sri
from assay.domain.plain import text
from assay.domain.purl import purl_of
from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory, Origin, Package, inventory_of

_ECOSYSTEM = "RubyGems"
_ORIGINS = {
    "GEM": Origin.REGISTRY,
    "GIT": Origin.GIT,
    "PATH": Origin.PATH,
    "PLUGIN SOURCE": Origin.OTHER_REGISTRY,
}
_SECTION = re.compile(r"[A-Z][A-Z ]*")
# Bundler's own pattern: what follows the first dash of a version is the platform.
_SPEC = re.compile(r"( {2}| {4}| {6})(?! )(.*?)(?: \(([^-]*)(?:-(.*))?\))?(!)?(?: ([^ ]+))?")
# A gem has one version, or a few where platforms differ; no line is longer.
_MOST_VERSIONS = 20
_LONGEST = 1_000
_HOME = re.compile(r"https?://(?:[a-z]+\.)?rubygems\.org(?:/|$)")


@dataclass(slots=True)
class _Source:
    """Where the gems of one section come from."""

    kind: str
    remotes: list[str] = field(default_factory=list)
    revision: str | None = None


@dataclass(slots=True)
class _Gem:
    """One version of a gem, with what it needs on any of its platforms."""

    place: str
    name: str
    version: str
    source: _Source
    needs: dict[str, None] = field(default_factory=dict)


class _Line(NamedTuple):
    place: str
    section: str
    content: str


def read(path: str, content: bytes) -> Inventory:
    """Every gem once per version, with the hashes of all its platforms.

    Direct is what `DEPENDENCIES` lists. The file has no groups (development, test), nor Bundler itself.
    """
    gems: dict[tuple[str, str], _Gem] = {}
    direct: set[str] = set()
    hashes: dict[tuple[str, str], dict[str, None]] = {}
    bundler: list[str] = []
    state = _State(gems)

    def line(_: str, entry: _Line) -> None:
        if entry.section in _ORIGINS:
            state.source_line(entry)
        elif not entry.content:
            return
        elif entry.section == "DEPENDENCIES":
            direct.add(_spec(entry)[1])
        elif entry.section == "CHECKSUMS":
            name, version, sums = _spec(entry)[1:]
            hashes.setdefault((name, version), {}).update(dict.fromkeys(_hashes(sums)))
        elif entry.section == "BUNDLED WITH":
            bundler.append(entry.content.strip())

    lines = list(_lines(text(content)))
    if not {entry.section for entry in lines} & {*_ORIGINS, "DEPENDENCIES"}:
        raise BadRecord("not-gemfile-lock", f"{path} has no section of a Gemfile.lock")
    _, refused = each(((entry.place, entry) for entry in lines), line)
    keys: dict[str, list[str]] = {}
    for gem in gems.values():
        keys.setdefault(gem.name, []).append(_key(gem))
    keys = {name: found for name, found in keys.items() if len(found) <= _MOST_VERSIONS}
    packages, unnamed = each(
        ((gem.place, gem) for gem in gems.values()),
        lambda _, gem: _package(gem, hashes, keys, is_direct=gem.name in direct),
    )
    return inventory_of(FORMAT.name, packages, refused + unnamed, version=bundler[0] if bundler else None)


def _lines(content: str) -> Iterator[_Line]:
    """The lines within sections, with the section's name; an empty one for its header."""
    section = ""
    for number, line in enumerate(content.split("\n"), 1):
        if line.startswith(("<<<<<<<", "=======", ">>>>>>>")):
            raise BadRecord(
                "merge-conflict", f"line {number}: an unresolved merge conflict; run `bundle lock`"
            )
        if not line.strip():
            continue
        if not line.startswith(" "):
            section = line.rstrip() if _SECTION.fullmatch(line.rstrip()) else ""
            yield _Line(f"line {number}", section, "")
        elif section:
            yield _Line(f"line {number}", section, line.rstrip())


def _spec(line: _Line) -> tuple[int, str, str, str]:
    """Indentation, name, version without its platform, and what follows."""
    # The pattern's time grows with the square of a line's length.
    match = _SPEC.fullmatch(line.content) if len(line.content) < _LONGEST else None
    if match is None:
        raise BadRecord("not-a-gem", f"not `name (version)`: {line.content.strip()[:200]!r}")
    indent, name, version, _, _, rest = match.groups()
    return len(indent), name, version or "", rest or ""


class _State:
    """The section and the gem that the lines below belong to."""

    def __init__(self, gems: dict[tuple[str, str], _Gem]) -> None:
        self._gems = gems
        self._source: _Source | None = None
        self._is_in_specs = False
        self._gem: _Gem | None = None

    def source_line(self, line: _Line) -> None:
        if not line.content or self._source is None:
            self._source, self._is_in_specs, self._gem = _Source(line.section), False, None
        elif line.content == "  specs:":
            self._is_in_specs = True
        elif not self._is_in_specs:
            self._setting(*line.content.strip().partition(": ")[::2])
        else:
            self._spec_line(line)

    def _setting(self, name: str, value: str) -> None:
        assert self._source is not None
        if name == "remote":
            self._source.remotes.append(value)
        elif name == "revision":
            self._source.revision = value

    def _spec_line(self, line: _Line) -> None:
        assert self._source is not None
        indent, name, version, _ = _spec(line)
        if indent == 6:
            if self._gem is None:
                raise BadRecord("not-a-gem", f"a dependency of no gem: {line.content.strip()[:200]!r}")
            self._gem.needs[name] = None
            return
        self._gem = None
        if indent != 4 or not version:
            raise BadRecord("not-a-gem", f"a gem without a version: {line.content.strip()[:200]!r}")
        gem = _Gem(line.place, name, version, self._source)
        self._gem = self._gems.setdefault((name, version), gem)


def _hashes(sums: str) -> Iterable[str]:
    """`sha256=<hexadecimal>,...`; empty for gems that no registry serves."""
    for entry in sums.split(","):
        algorithm, is_set, digest = entry.partition("=")
        if is_set:
            yield sri(algorithm, digest)


def _key(gem: _Gem) -> str:
    return f"{gem.name}@{gem.version}"


def _package(
    gem: _Gem, hashes: dict[tuple[str, str], dict[str, None]], keys: dict[str, list[str]], *, is_direct: bool
) -> Package:
    source = gem.source
    address = source.remotes[0] if source.remotes else None
    origin, qualifiers = _ORIGINS[source.kind], {}
    if origin is Origin.REGISTRY and any(_HOME.match(remote) for remote in source.remotes):
        address = None
    elif origin in {Origin.REGISTRY, Origin.OTHER_REGISTRY}:
        origin, qualifiers = Origin.OTHER_REGISTRY, {"repository_url": address or ""}
    elif origin is Origin.GIT:
        pinned = f"@{source.revision}" if source.revision else ""
        qualifiers = {"vcs_url": f"git+{address}{pinned}" if address else ""}
    return Package(
        key=_key(gem),
        ecosystem=_ECOSYSTEM,
        name=gem.name,
        version=gem.version,
        purl=purl_of(_ECOSYSTEM, gem.name, gem.version, qualifiers),
        place=gem.place,
        commit=source.revision if origin is Origin.GIT else None,
        is_direct=is_direct,
        origin=origin,
        resolved=address,
        integrity=tuple(hashes.get((gem.name, gem.version), ())),
        requires=tuple(
            dict.fromkeys(key for name in gem.needs for key in keys.get(name, ()) if name != gem.name)
        ),
    )


FORMAT = Format(
    name="gemfile.lock",
    title="Gemfile.lock",
    ecosystem=_ECOSYSTEM,
    names=("Gemfile.lock", "gems.locked", "*.gemfile.lock"),
    read=read,
)
