"""Findings that somebody decided to live with: a file of entries, each with its reason, and perhaps an end.

[[ignore]]
id = "CVE-2021-23337"       # any name of the vulnerability
package = "lodash"          # only of this package
path = "web/**"             # only in these files
reason = "templates are never made from input"
until = 2027-01-31          # the last day on which this counts
"""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from assay.domain.identifiers import normalise
from assay.domain.packages import normalise_name
from assay.errors import Permanent
from assay.pipelines.packages.model import Finding, Occurrence

_KEYS = {"id", "package", "path", "reason", "until"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry: which findings do not count, why, and until when."""

    id: str
    reason: str
    package: str | None = None
    path: str | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Ignoring:
    """What the entries came to: the findings, and the entries that are over and those that met nothing."""

    findings: tuple[Finding, ...]
    expired: tuple[Rule, ...]
    unused: tuple[Rule, ...]


def read_rules(text: str, name: str) -> tuple[Rule, ...]:
    """The entries of an ignore file. Raises Permanent that names the entry and what is wrong with it."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Permanent(f"{name} is not TOML: {error}") from error
    entries = content.get("ignore", [])
    unknown = sorted(content.keys() - {"ignore"})
    if unknown or not isinstance(entries, list):
        said = f"does not know {', '.join(unknown)}" if unknown else "has an `ignore` that is no list"
        raise Permanent(f"{name} {said}; an entry begins with [[ignore]]")
    return tuple(_rule(entry, f"{name}, entry {place}") for place, entry in enumerate(entries, 1))


def _rule(entry: Any, where: str) -> Rule:
    if not isinstance(entry, dict):
        raise Permanent(f"{where} is no table; an entry begins with [[ignore]]")
    unknown = sorted(entry.keys() - _KEYS)
    if unknown:
        raise Permanent(f"{where} has {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}")
    identifier = normalise(_text(entry, "id", where) or "")
    reason = _text(entry, "reason", where)
    if identifier is None or reason is None:
        raise Permanent(f"{where} needs {'an id' if identifier is None else 'a reason'}")
    until = entry.get("until")
    if isinstance(until, datetime):
        until = until.date()
    if until is not None and not isinstance(until, date):
        raise Permanent(f"{where}: until is a date without quotes, such as 2027-01-31")
    return Rule(identifier, reason, _text(entry, "package", where), _text(entry, "path", where), until)


def _text(entry: dict[str, Any], key: str, where: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise Permanent(f"{where}: {key} is a text in quotes")
    return value.strip() or None if value is not None else None


def ignoring(findings: Iterable[Finding], rules: Sequence[Rule], today: date) -> Ignoring:
    """The findings, each place of each with the reason of the first entry that covers it."""
    expired = tuple(rule for rule in rules if rule.until is not None and rule.until < today)
    in_force = [rule for rule in rules if rule not in expired]
    used: set[Rule] = set()
    seen = tuple(_marked(finding, in_force, used) for finding in findings)
    return Ignoring(seen, expired, tuple(rule for rule in in_force if rule not in used))


def _marked(finding: Finding, rules: Sequence[Rule], used: set[Rule]) -> Finding:
    fitting = [rule for rule in rules if _is_about(rule, finding)]
    if not fitting:
        return finding
    return replace(
        finding, occurrences=tuple(_covered(entry, fitting, used) for entry in finding.occurrences)
    )


def _is_about(rule: Rule, finding: Finding) -> bool:
    if rule.id not in (finding.vulnerability.name, *finding.vulnerability.aliases):
        return False
    return rule.package is None or normalise_name(finding.ecosystem, rule.package) == normalise_name(
        finding.ecosystem, finding.name
    )


def _covered(entry: Occurrence, rules: Sequence[Rule], used: set[Rule]) -> Occurrence:
    for rule in rules:
        if rule.path is None or fnmatchcase(entry.file.removeprefix("./"), rule.path.removeprefix("./")):
            used.add(rule)
            return msgspec.structs.replace(entry, ignored=rule.reason)
    return entry
