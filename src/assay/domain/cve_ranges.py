"""What CVE records say of commits and packages, as OSV `affected` entries.

Source of the rules: CVE record format 5 (section `product`), OSV schema 1.7 (section affected[].ranges).
"""

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from assay.domain.cve_record import Block, Version, says_nothing
from assay.domain.osv import Affected, Event, Package, Range

# A short hash of digits only would as often be a date ("20210518").
_COMMIT = re.compile(r"[0-9a-fA-F]{40}|(?=[0-9]*[a-fA-F])[0-9a-fA-F]{7,64}")
_VERSION = re.compile(r"(?=[^0-9]*[0-9])[\w.+~:!-]+")
_URL = re.compile(r"[a-z][a-z+.-]*://\S+", re.IGNORECASE)


class _Ecosystem(NamedTuple):
    name: str
    joint: str
    is_semver: bool


# purl types (purl-spec, PURL-TYPES) and the ecosystems of OSV that they belong to.
_ECOSYSTEMS = {
    "pypi": _Ecosystem("PyPI", "/", is_semver=False),
    "npm": _Ecosystem("npm", "/", is_semver=True),
    "maven": _Ecosystem("Maven", ":", is_semver=False),
    "golang": _Ecosystem("Go", "/", is_semver=True),
    "cargo": _Ecosystem("crates.io", "/", is_semver=True),
    "gem": _Ecosystem("RubyGems", "/", is_semver=False),
    "nuget": _Ecosystem("NuGet", "/", is_semver=False),
    "composer": _Ecosystem("Packagist", "/", is_semver=False),
    "hex": _Ecosystem("Hex", "/", is_semver=True),
    "pub": _Ecosystem("Pub", "/", is_semver=True),
}
_SEMVER_ECOSYSTEMS = frozenset(one.name for one in _ECOSYSTEMS.values() if one.is_semver)


def affected(containers: Iterable[tuple[Block, ...] | None]) -> tuple[Affected, ...]:
    """Repositories with their commits, then packages with their versions.

    What several containers say of the same repository or package, the first one's stands.
    """
    repositories: dict[str, Affected] = {}
    packages: dict[tuple[str, str], list[Affected]] = {}
    for blocks in containers:
        if not blocks:
            continue
        for repo, versions in _commits(blocks).items():
            repositories.setdefault(repo, Affected(ranges=_git_ranges(repo, versions)))
        for name, entries in _packages(blocks).items():
            packages.setdefault(name, entries)
    if not repositories and not packages:
        return ()
    return (*repositories.values(), *(entry for entries in packages.values() for entry in entries))


def partition(block: Block) -> tuple[list[Version], list[Version]]:
    """The block's affected entries: those that tell of commits in its repository, and the others."""
    versions = block.versions
    hits = [one for one in versions if one.status == "affected"] if versions else []
    if not hits or block.repo is None or not _URL.fullmatch(block.repo.strip()):
        return [], hits
    commits: list[Version] = []
    others: list[Version] = []
    for one in hits:
        (commits if one.version_type == "git" and _is_commits(one) else others).append(one)
    return commits, others


def _is_commits(version: Version) -> bool:
    lower = version.version or ""
    below, up_to = version.limits()
    upper = below or up_to
    if upper is None:
        return _COMMIT.fullmatch(lower) is not None
    is_start = _COMMIT.fullmatch(lower) is not None or lower == "0" or says_nothing(lower)
    return is_start and _COMMIT.fullmatch(upper) is not None


def _commits(blocks: tuple[Block, ...]) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for block in blocks:
        if block.repo is not None:
            commits, _ = partition(block)
            if commits:
                found.setdefault(block.repo.strip(), []).extend(commits)
    return found


def _git_ranges(repo: str, versions: list[Version]) -> tuple[Range, ...]:
    # All commits of a repository stand in one range: a fix on one branch must count against the start on
    # another, or the mainline after its fix would seem open to whoever reads a stable branch's pair alone. A
    # start with no end is the kernel's way to say "not fixed on this branch" (1 in 25 of its entries).
    # OSV forbids `fixed` and `last_affected` in one range.
    starts: dict[str, None] = {}
    fixes: dict[str, None] = {}
    last_starts: dict[str, None] = {}
    lasts: dict[str, None] = {}
    for version in versions:
        start = _start(version).lower()
        below, up_to = version.limits()
        if up_to is not None:
            last_starts[start] = None
            lasts[up_to.lower()] = None
            continue
        starts[start] = None
        if below is not None:
            fixes[below.lower()] = None
    first = (*[Event(introduced=one) for one in starts], *[Event(fixed=one) for one in fixes])
    second = (*[Event(introduced=one) for one in last_starts], *[Event(last_affected=one) for one in lasts])
    return tuple([Range(type="GIT", repo=repo, events=events) for events in (first, second) if events])


def _packages(blocks: tuple[Block, ...]) -> dict[tuple[str, str], list[Affected]]:
    found: dict[tuple[str, str], list[Affected]] = {}
    for block in blocks:
        purl = block.purl or block.package_url
        package = _package(purl) if purl else None
        if package is None:
            continue
        is_semver = package.ecosystem in _SEMVER_ECOSYSTEMS
        entry = _package_versions(package, block, is_semver=is_semver)
        if entry is not None:
            found.setdefault((package.ecosystem, package.name), []).append(entry)
    return found


def _package(purl: str) -> Package | None:
    scheme, _, rest = purl.strip().partition(":")
    path = rest.lstrip("/").partition("#")[0].partition("?")[0].strip("/")
    kind, _, path = path.partition("/")
    ecosystem = _ECOSYSTEMS.get(kind.lower())
    # An `@` before the last slash opens an npm scope that its author did not encode.
    at = path.find("@", max(path.rfind("/"), 0) + 1)
    path = path[:at] if at > 0 else path
    namespace, slash, name = path.rpartition("/")
    if scheme.lower() != "pkg" or ecosystem is None or not name:
        return None
    name = unquote(namespace) + ecosystem.joint + unquote(name) if slash else unquote(name)
    return Package(ecosystem=ecosystem.name, name=name, purl=f"pkg:{kind.lower()}/{path}")


def _package_versions(package: Package, block: Block, *, is_semver: bool) -> Affected | None:
    entries = [one for one in block.versions or () if one.version_type != "git"]
    hits = [one for one in entries if one.status == "affected"]
    if block.default_status == "affected":
        events = _all_but([one for one in entries if one.status != "affected"])
        return Affected(package=package, ranges=(Range(type="ECOSYSTEM", events=events),)) if events else None
    ranges = tuple(
        Range(type="SEMVER" if is_semver and one.version_type == "semver" else "ECOSYSTEM", events=events)
        for one in hits
        if (events := _events(one))
    )
    singles = dict.fromkeys(one.version for one in hits if one.is_single() and one.version is not None)
    versions = tuple(version for version in singles if _VERSION.fullmatch(version))
    return Affected(package=package, ranges=ranges, versions=versions) if ranges or versions else None


def _events(version: Version) -> tuple[Event, ...]:
    # Nothing for a single version, and nothing where a bound is prose: a guess would be worse.
    if (version.is_single() and version.version != "*") or version.prose() is None:
        return ()
    start = _start(version)
    below, up_to = version.limits()
    changes = version.changes or ()
    if len(changes) == 1 and changes[0].status == "unaffected" and changes[0].at:
        # A single change is the fix; several are one per branch and out of order.
        below, up_to = changes[0].at, None
    if not all(_VERSION.fullmatch(bound) for bound in (start, below, up_to) if bound is not None):
        return ()
    if below is not None:
        return Event(introduced=start), Event(fixed=below)
    if up_to is not None:
        return Event(introduced=start), Event(last_affected=up_to)
    return (Event(introduced=start),)


def _all_but(spared: list[Version]) -> tuple[Event, ...]:
    # The events of what is left when these spans are taken out of all versions; nothing where a span's end
    # cannot be said as the start of the next ("5.10.*", a single version).
    starts_spared = False
    events: list[Event] = []
    for version in spared:
        below, up_to = version.limits()
        start = _start(version)
        if version.is_single() or up_to is not None or not _VERSION.fullmatch(below or start):
            return ()
        if start == "0":
            starts_spared = True
        elif _VERSION.fullmatch(start):
            events.append(Event(fixed=start))
        else:
            return ()
        if below is not None:
            events.append(Event(introduced=below))
    return tuple(events) if starts_spared else (Event(introduced="0"), *events)


def _start(version: Version) -> str:
    lower = version.version or ""
    return "0" if says_nothing(lower) else lower
