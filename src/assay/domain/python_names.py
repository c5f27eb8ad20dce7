"""How Python's packaging tools write what a project needs (PyPA specifications: names, dependency specifiers)."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from assay.domain.packages import normalise_name
from assay.errors import BadRecord

# PyPA specifications, "Names and normalization".
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
# The time of the pattern for a requirement grows with the square of its length.
_LONGEST = 5_000
# Of a package in one file. Real files have up to 5; without a limit n packages of one name have n * n edges.
_MOST_VERSIONS = 25
_CHECKED = re.compile(_NAME)
_REQUIREMENT = re.compile(
    rf"\s*(?P<name>{_NAME})\s*(?:\[(?P<extras>[^\]]*)\])?\s*"
    r"(?:@\s*(?P<url>\S+)|\(?(?P<specifiers>[^;()@]*)\)?)\s*(?:;(?P<marker>.*))?"
)
_OPERATORS = re.compile(r"\s*(===|==|~=|!=|<=|>=|<|>)\s*((?:[^\s<>=!~]|!(?!=))+)\s*")


class Requirement(NamedTuple):
    """One dependency specifier: `specifiers` are (operator, version), `url` follows an `@`."""

    name: str
    extras: tuple[str, ...]
    specifiers: tuple[tuple[str, str], ...]
    url: str | None
    marker: str | None

    @property
    def version(self) -> str | None:
        """The one version that `==` (without a `*`) or `===` pins; None where none or several are pinned."""
        exact = {
            version
            for operator, version in self.specifiers
            if operator == "===" or (operator == "==" and "*" not in version)
        }
        return exact.pop() if len(exact) == 1 else None


def requirement(text: str) -> Requirement | None:
    """A dependency specifier (PEP 508; also the old `name (>=1)`); None for anything else."""
    found = _REQUIREMENT.fullmatch(text) if len(text) < _LONGEST else None
    if found is None:
        return None
    specifiers: list[tuple[str, str]] = []
    for part in (found["specifiers"] or "").split(","):
        if part.strip():
            one = _OPERATORS.fullmatch(part)
            if one is None:
                return None
            specifiers.append((one[1], one[2]))
    extras = tuple([extra.strip() for extra in (found["extras"] or "").split(",") if extra.strip()])
    marker = (found["marker"] or "").strip() or None
    return Requirement(found["name"], extras, tuple(specifiers), found["url"], marker)


def checked_name(name: str) -> str:
    """The name, if an index could hold it."""
    if _CHECKED.fullmatch(name) is None:
        raise BadRecord("bad-name", f"{name[:80]!r} is no Python package name")
    return name


class Keys:
    """A key for each entry with a `name` and perhaps a `version`: `name@version`, with a number where that is taken."""

    def __init__(self, entries: Iterable[Any]) -> None:
        self.keys: list[str] = []
        self._named: dict[str, list[str]] = {}
        self._exact: dict[tuple[str, str | None], list[str]] = {}
        taken: dict[str, int] = {}
        for entry in entries:
            name, version = ("", None)
            if isinstance(entry, dict):
                name = entry["name"] if isinstance(entry.get("name"), str) else ""
                version = entry["version"] if isinstance(entry.get("version"), str) else None
            plain = normalise_name("PyPI", name)
            key = f"{plain}@{version}" if version else plain
            taken[key] = taken.get(key, 0) + 1
            key = f"{key}#{taken[key]}" if taken[key] > 1 else key
            self.keys.append(key)
            for found in (self._named.setdefault(plain, []), self._exact.setdefault((plain, version), [])):
                if len(found) < _MOST_VERSIONS:
                    found.append(key)

    def named(self, name: Any, version: Any = None) -> tuple[str, ...]:
        """The keys of the packages of a name; of those with the version, if there is one."""
        if not isinstance(name, str):
            return ()
        plain = normalise_name("PyPI", name)
        exact = self._exact.get((plain, version), []) if isinstance(version, str) else []
        return tuple(exact or self._named.get(plain, []))
