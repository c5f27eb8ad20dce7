"""bun.lock, the text format of Bun: JSON with comments and trailing commas.

A package's key is the path of names that leads to it (`a`, `a/b` for the `b` in `a`'s `node_modules`), and its value a
list whose first element is `name@version` or `name@address` (Bun, src/install/lockfile/bun.lock.zig).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from assay.domain.entries import each, json_path, mapping, mapping_of, rows, string
from assay.domain.npm_names import checked_name, is_version, split_descriptor
from assay.domain.origins import Locator, commit_in, locate
from assay.domain.plain import read_json, text
from assay.domain.purl import purl_of
from assay.domain.reach import weights
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

# In the order of the weights with which the reach is found.
_SCOPES = list(Scope)
_GROUPS = {
    "dependencies": Scope.RUNTIME,
    "optionalDependencies": Scope.OPTIONAL,
    "peerDependencies": Scope.PEER,
    "devDependencies": Scope.DEV,
}
_STRING = r'"(?:[^"\\\n]|\\.)*+"'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*+|/\*(?:(?!\*/)[\s\S])*+(?:\*/)?")
_COMMA = re.compile(rf"({_STRING})|,(?=\s*+[}}\]])")
_HASH = re.compile(r"(?:sha1|sha256|sha384|sha512)-[A-Za-z0-9+/]+=*")
_WORKSPACES = re.compile(rb'"workspaces"\s*:\s*\{\s*""\s*:')
# Of a path of names: each of its names is looked at for each name that an entry requires.
_LONGEST_KEY = 2_000


def read(path: str, content: bytes) -> Inventory:
    """The packages of a bun.lock. The other workspaces of the project are packages from a path; the root is none."""
    document = mapping(_json(text(content)), path)
    number = document.get("lockfileVersion")
    if "packages" not in document and not isinstance(number, int):
        raise BadRecord("not-this-format", f"{path} has neither `lockfileVersion` nor `packages`")
    entries = mapping_of(document, "packages")
    workspaces = mapping_of(document, "workspaces")
    owners = {
        key: workspaces.get(split_descriptor(entry[0])[1].removeprefix("workspace:"))
        for key, entry in entries.items()
        if isinstance(entry, list) and entry and isinstance(entry[0], str) and "@workspace:" in entry[0]
    }
    uses = {key: list(_uses(key, owners.get(key) or _info(entry), entries)) for key, entry in entries.items()}
    roots = list(_uses("", workspaces.get(""), entries))
    roots += [use for key in owners for use in uses[key]]
    direct = {key for key, _ in roots}
    reached = weights(roots, uses)

    def read_one(place: str, key: str) -> Package | None:
        entry = rows(entries[key], "the entry")
        name, reference = split_descriptor(string(entry[0] if entry else None, "name and version"))
        if reference in {"root:", "workspace:"}:
            return None
        checked_name(name)
        if not reference:
            raise BadRecord("no-version", f"{name} has neither version nor address")
        version, locator = _located(reference, entry)
        called = _steps(key)[-1]
        return Package(
            key=key,
            ecosystem="npm",
            name=name,
            version=version,
            purl=purl_of("npm", name, version, locator.qualifiers()),
            place=place,
            alias=called if called != name else None,
            commit=locator.commit,
            scope=_SCOPES[reached.get(key, 0)],
            is_direct=key in direct,
            origin=ORIGINS[locator.kind],
            resolved=locator.url,
            integrity=tuple([one for one in entry[1:] if isinstance(one, str) and _HASH.fullmatch(one)]),
            requires=tuple(dict.fromkeys([end for end, _ in uses[key] if end != key])),
        )

    packages, faults = each([(json_path("packages", key), key) for key in entries], read_one)
    return inventory_of(
        FORMAT.name, packages, faults, version=str(number) if isinstance(number, int) else None
    )


def _json(found: str) -> Any:
    """JSON of a text with comments and trailing commas."""
    plain = _COMMENT.sub(lambda match: match[1] or " ", found)
    return read_json(_COMMA.sub(lambda match: match[1] or "", plain))


def _located(reference: str, entry: list[Any]) -> tuple[str | None, Locator]:
    """Version and origin. A registry's package has its registry or tarball as second element, empty for npm's own."""
    if is_version(reference):
        registry = entry[1] if len(entry) > 1 and isinstance(entry[1], str) else ""
        if not registry:
            return reference, Locator("registry")
        where = locate(registry)
        kind = where.kind if where and where.kind == "registry" else "other-registry"
        return reference, Locator(kind, string(registry, "registry"))
    locator = locate(reference) or Locator("url", reference)
    if locator.kind == "git" and locator.commit is None:
        # After git's and GitHub's packages stands the commit that was checked out, shortened or after the names.
        tags = [commit_in(one) for one in entry[1:] if isinstance(one, str)]
        locator = locator._replace(commit=next((one for one in tags if one), None))
    return None, locator


def _info(entry: Any) -> Any:
    return next((one for one in entry if isinstance(one, dict)), None) if isinstance(entry, list) else None


def _uses(key: str, info: Any, entries: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The keys of what an entry or a workspace requires, with the weights of their scopes."""
    if not isinstance(info, dict) or len(key) > _LONGEST_KEY:
        return
    for group, scope in _GROUPS.items():
        wanted = info.get(group)
        for name in wanted if isinstance(wanted, dict) else ():
            found = _find(key, name, entries)
            if found:
                yield found, _SCOPES.index(scope)


def _find(key: str, name: str, entries: Mapping[str, Any]) -> str | None:
    """The nearest package of that name: inside the one that asks, or beside those that it is inside of."""
    for inside in _outwards(key):
        found = f"{inside}/{name}" if inside else name
        if found in entries:
            return found
    return None


def _outwards(key: str) -> Iterable[str]:
    steps = _steps(key) if key else []
    return ["/".join(steps[:count]) for count in range(len(steps), -1, -1)]


def _steps(key: str) -> list[str]:
    """The names in a path of names; a scope and the name after it are one."""
    steps: list[str] = []
    for part in key.split("/"):
        if steps and steps[-1].startswith("@") and "/" not in steps[-1]:
            steps[-1] += f"/{part}"
        else:
            steps.append(part)
    return steps


FORMAT = Format(
    name="bun",
    title="bun.lock",
    ecosystem="npm",
    names=("bun.lock",),
    read=read,
    recognises=lambda start: b'"lockfileVersion"' in start and _WORKSPACES.search(start) is not None,
)
