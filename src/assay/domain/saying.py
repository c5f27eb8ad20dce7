"""What a claim says as people read it: affected versions as `>= 2.0, < 2.15.0`, any field on one line."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from assay.domain.osv import Affected, Event, Range

_MOST_VERSIONS = 6
_COMMIT = 40
# Letters of a value that one line has room for.
_LONGEST = 240


def package_of(entry: Affected) -> tuple[str, str]:
    """The ecosystem and name of an affected package; for a bare repository `GIT` and its address."""
    if entry.package is not None:
        return entry.package.ecosystem, entry.package.name
    return "GIT", next((found.repo for found in entry.ranges if found.repo), "")


def versions_of(entry: Affected) -> list[str]:
    """The affected versions, an interval a line; nothing for a package that no version of is affected."""
    lines = [line for found in entry.ranges for line in intervals(found)]
    listed = entry.versions
    if not listed:
        return lines
    if lines:
        return [*lines, f"and {len(listed):,} listed {'version' if len(listed) == 1 else 'versions'}"]
    shown = ", ".join(listed[:_MOST_VERSIONS])
    more = len(listed) - _MOST_VERSIONS
    return [f"{shown} and {more:,} more" if more > 0 else shown]


def fixes_of(entry: Affected) -> list[str]:
    """The versions in which it is fixed, in the record's order."""
    events = (event for found in entry.ranges for event in found.events)
    return list(dict.fromkeys(_short(event.fixed) for event in events if event.fixed is not None))


def intervals(found: Range) -> list[str]:
    """A range's intervals in words, as its events come (OSV schema, `affected[].ranges[].events`).

    Events that do not come in turns are shown as they are: only the version scheme could order them.
    """
    steps = [_step(event) for event in found.events]
    if not _is_in_turns(kind for kind, _ in steps):
        return ["; ".join(f"{kind} {_short(version)}" for kind, version in steps)]
    return list(_paired(steps))


def _step(event: Event) -> tuple[str, str]:
    for kind in ("introduced", "fixed", "last_affected", "limit"):
        version = getattr(event, kind)
        if version is not None:
            return kind, version
    return "unknown", ""


def _is_in_turns(kinds: Iterable[str]) -> bool:
    is_open = False
    for kind in kinds:
        if (kind == "introduced") == is_open:
            return False
        is_open = not is_open
    return True


def _paired(steps: Sequence[tuple[str, str]]) -> Iterator[str]:
    for place in range(0, len(steps), 2):
        start = "" if steps[place][1] == "0" else f">= {_short(steps[place][1])}"
        if place + 1 == len(steps):
            yield start or "all versions"
            return
        kind, version = steps[place + 1]
        end = f"{'<=' if kind == 'last_affected' else '<'} {_short(version)}"
        yield f"{start}, {end}" if start else end


def _short(version: str) -> str:
    """A commit's first letters, any other version as it is."""
    return version[:12] if len(version) == _COMMIT and version.isalnum() else version


def in_words(field: str, value: Any) -> str:
    """A claim's value on a field, on one line, cut where it is long."""
    if value is None:
        return "(the claim cannot be read any more)"
    if field.startswith("affected/"):
        entries = msgspec.convert(_bare(value), list[Affected])
        said = "; ".join(line for entry in entries for line in versions_of(entry)) or "no version"
    elif field in ("references", "credits"):
        said = ", ".join(str(entry.get("url") or entry.get("name")) for entry in value)
    elif isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        said = ", ".join(value)
    else:
        said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    said = " ".join(said.split())
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST].rstrip()} …"


def _bare(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Affected entries without what passes through verbatim, which is not shown."""
    shown = ("package", "ranges", "versions")
    bare = [{name: entry[name] for name in shown if name in entry} for entry in entries]
    for entry in bare:
        entry["ranges"] = [
            {name: part for name, part in found.items() if name != "database_specific"}
            for found in entry.get("ranges", ())
        ]
    return bare
