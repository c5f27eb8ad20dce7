"""The GitLab advisory database, open source edition: one YAML file per package and advisory.

A record says that one package is affected by one vulnerability; a vulnerability of five packages is five
records with the same identifiers. Layout and fields are those of gemnasium-db (its README).
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from urllib.parse import quote

import cvss
import msgspec
import yaml

from assay.catalog.model import Claim
from assay.domain.identifiers import normalise_all
from assay.domain.osv import Affected, Credit, Package, Range, Reference, Severity
from assay.domain.ranges import as_osv, read_range
from assay.domain.text_tree import tree
from assay.errors import BadRecord
from assay.pipelines.advisories.model import RecordSource, Repository

# The largest of 15,038 real records has 18,398 bytes.
_MOST_BYTES = 1_000_000

# GitLab's package type -> OSV's ecosystem, the type in a package URL, and the kind of range that the
# ecosystem's own OSV records have (golang/vulndb and RustSec: SEMVER).
_TYPES = {
    "cargo": ("crates.io", "cargo", "SEMVER"),
    "conan": ("ConanCenter", "conan", "ECOSYSTEM"),
    "gem": ("RubyGems", "gem", "ECOSYSTEM"),
    "go": ("Go", "golang", "SEMVER"),
    "maven": ("Maven", "maven", "ECOSYSTEM"),
    "npm": ("npm", "npm", "ECOSYSTEM"),
    "nuget": ("NuGet", "nuget", "ECOSYSTEM"),
    "packagist": ("Packagist", "composer", "ECOSYSTEM"),
    "pub": ("Pub", "pub", "ECOSYSTEM"),
    "pypi": ("PyPI", "pypi", "ECOSYSTEM"),
    "swift": ("SwiftURL", "swift", "ECOSYSTEM"),
}

# The categories "using components with known vulnerabilities" of OWASP 2013 and 2017, which GitLab puts on
# 15,009 of 15,038 records: they say that this is an advisory about a package, nothing else.
_BOOKKEEPING = frozenset(("CWE-937", "CWE-1035"))
_CWE = re.compile(r"CWE-[1-9][0-9]*")

# Ranges, vectors and dates recur; texts longer than this do not, and are not worth a cache's memory.
_LONGEST_KEPT = 300

# The plain base vectors of CVSS 3 and 2, which need no parser; anything else is shown to the CVSS library.
_USUAL_VECTOR = re.compile(
    r"CVSS:3\.[01]/AV:[NALP]/AC:[LH]/PR:[NLH]/UI:[NR]/S:[UC]/C:[HLN]/I:[HLN]/A:[HLN]"
    r"|AV:[LAN]/AC:[HML]/Au:[MSN]/C:[NPC]/I:[NPC]/A:[NPC]"
)

_URL = re.compile(r"(?:https?|ftp)://[^\s/?#\x00-\x20][^\s\x00-\x20\x7f]*", re.IGNORECASE)
_LOST_SCHEME = re.compile(r"^(?:h?t?tps?)?:?//(?=[^\s/])", re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?:[/?#:]|$)", re.IGNORECASE)
_GITHUB = re.compile(
    r"https://github\.com/(?:(?:[^/]+/[^/]+/security/)?(advisories)/GHSA-|[^/]+/[^/]+/commit/[0-9a-f]{7,40}\b)",
    re.IGNORECASE,
)
_ADVISORY_NAME = re.compile(r"(?:CVE|GHSA|GMS|OSVDB)-.+", re.IGNORECASE)

Texts = list[str | None] | str | None


class _Advisory(msgspec.Struct):
    """A record as it is written; every scalar is text, so `1.10` stays `1.10`."""

    identifier: str
    package_slug: str
    identifiers: Texts = None
    title: str | None = None
    description: str | None = None
    date: str | None = None
    pubdate: str | None = None
    affected_range: str | None = None
    fixed_versions: Texts = None
    solution: str | None = None
    urls: Texts = None
    cvss_v2: str | None = None
    cvss_v3: str | None = None
    cvss_v4: str | None = None
    cwe_ids: Texts = None
    credit: str | None = None
    uuid: str | None = None


class _Kept(msgspec.Struct, omit_defaults=True):
    """What OSV has no field for, as it stands in the affected package's `database_specific`."""

    affected_range: str | None
    not_affected: bool = False
    range_unread: str | None = None
    fixed_versions: tuple[str, ...] = ()
    solution: str | None = None
    uuid: str | None = None
    cvss_unread: tuple[str, ...] = ()
    dates_unread: tuple[str, ...] = ()


_encode_kept = msgspec.json.Encoder().encode


def locate(path: str) -> str | None:
    """`type/package/identifier` for `<root>/<type>/<package...>/<identifier>.yml`; None for any other file.

    An archive has a root folder, a git tree has none. An advisory of a package type that is not known here
    keeps its whole path, so that it comes to quarantine instead of being passed over.
    """
    folders = path.split("/")
    name = folders[-1]
    if not name.endswith(".yml") or name.startswith("."):
        return None
    for start in (0, 1):
        if len(folders) >= start + 3 and folders[start] in _TYPES:
            return "/".join(folders[start:])[:-4]
    return path[:-4] if len(folders) > 2 and _ADVISORY_NAME.fullmatch(name[:-4]) else None


def read(record_id: str, raw: bytes) -> Claim:
    """One advisory as a claim on one package; raises BadRecord.

    Dates become midnight UTC. CWE-937 and CWE-1035 are left out: they mark every record. A package of which
    no version is affected (`<0`: false positive or duplicate) keeps its entry without ranges and versions,
    and `not_affected` beside the original text: by OSV's evaluation algorithm only a version in `versions` or
    in a range is affected, so no scanner matches it, and GitLab's denial is not lost. A range that cannot be
    read leaves the same entry with the reason as `range_unread`.
    """
    package_type = record_id.partition("/")[0]
    if package_type not in _TYPES:
        raise BadRecord("unknown-type", f"{record_id}: package type {package_type!r} is not known")
    advisory = _decoded(raw)
    slug = _agreeing_slug(record_id, advisory)
    unread: list[str] = []
    published, modified = _midnight(advisory.pubdate, unread), _midnight(advisory.date, unread)
    severity, cvss_unread = _severity(advisory)
    affected = _affected(package_type, slug, advisory, cvss_unread, tuple(unread))
    return Claim(
        source="gitlab",
        record_id=record_id,
        aliases=normalise_all([advisory.identifier, *_texts(advisory.identifiers)]),
        published=published,
        modified=modified,
        summary=advisory.title,
        details=advisory.description,
        severity=severity,
        affected=(affected,),
        references=_references(_texts(advisory.urls)),
        cwes=_cwes(_texts(advisory.cwe_ids)),
        credits=(Credit(name=advisory.credit),) if advisory.credit else (),
    )


def _decoded(raw: bytes) -> _Advisory:
    if len(raw) > _MOST_BYTES:
        raise BadRecord("too-large", f"{len(raw)} bytes are more than {_MOST_BYTES}")
    try:
        return msgspec.convert(tree(raw), _Advisory)
    except msgspec.ValidationError as error:
        raise BadRecord("wrong-type", str(error)) from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadRecord("not-yaml", str(error)) from error


def _texts(value: Texts) -> list[str]:
    """A list's texts; a single text stands for a list of one."""
    values = [value] if isinstance(value, str) else value or ()
    return [text for text in values if text]


def _agreeing_slug(record_id: str, advisory: _Advisory) -> str:
    """The package's name, from a path that names the same package and advisory as the record does."""
    slug = advisory.package_slug
    if f"{slug}/{advisory.identifier}" == record_id and "//" not in record_id and not slug[-1:].isspace():
        return slug.partition("/")[2]
    slug = "/".join(filter(None, slug.strip().split("/")))
    if f"{slug}/{advisory.identifier}" != record_id:
        path = "/".join(filter(None, record_id.split("/")))
        if f"{slug}/{advisory.identifier.strip()}".casefold() != path.casefold():
            raise BadRecord(
                "id-mismatch", f"{record_id}: the record is {advisory.identifier} of {advisory.package_slug}"
            )
    return slug.partition("/")[2]


def _midnight(text: str | None, unread: list[str]) -> datetime | None:
    """A date's first moment in UTC; a text that is no date goes to `unread`."""
    if text is None:
        return None
    try:
        return _day(text[:10])
    except ValueError:
        unread.append(text)
        return None


@lru_cache(8_192)
def _day(text: str) -> datetime:
    day = date.fromisoformat(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _severity(advisory: _Advisory) -> tuple[tuple[Severity, ...], tuple[str, ...]]:
    """The valid vectors, newest CVSS version first, and those that are none."""
    found: list[Severity] = []
    unread: list[str] = []
    for text in (advisory.cvss_v4, advisory.cvss_v3, advisory.cvss_v2):
        if not text:
            continue
        rated = (_rated if len(text) <= _LONGEST_KEPT else _rated.__wrapped__)(text)
        if rated is not None:
            found.append(rated)
        elif vector := text.strip(" ()"):
            unread.append(vector)
    return tuple(found), tuple(unread)


@lru_cache(4_096)
def _rated(text: str) -> Severity | None:
    """The vector that a text is; None for any other text."""
    vector = text.strip(" ()")
    kind = {"CVSS:4": "CVSS_V4", "CVSS:3": "CVSS_V3"}.get(vector[:6], "CVSS_V2")
    return Severity(kind, vector) if _USUAL_VECTOR.fullmatch(vector) or _is_vector(kind, vector) else None


def _is_vector(kind: str, vector: str) -> bool:
    try:
        {"CVSS_V4": cvss.CVSS4, "CVSS_V3": cvss.CVSS3, "CVSS_V2": cvss.CVSS2}[kind](vector)
    except cvss.CVSSError:
        return False
    return True


def _affected(
    package_type: str,
    name: str,
    advisory: _Advisory,
    cvss_unread: tuple[str, ...],
    dates_unread: tuple[str, ...],
) -> Affected:
    kept = _Kept(
        affected_range=advisory.affected_range,
        fixed_versions=tuple(_texts(advisory.fixed_versions)),
        solution=advisory.solution,
        uuid=advisory.uuid,
        cvss_unread=cvss_unread,
        dates_unread=dates_unread,
    )
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    try:
        text = advisory.affected_range or ""
        reading = _read_range if len(text) <= _LONGEST_KEPT else _read_range.__wrapped__
        ranges, versions, kept.not_affected = reading(package_type, text)
    except ValueError as error:
        kept.range_unread = str(error)
    return Affected(
        package=_package(package_type, name),
        ranges=ranges,
        versions=versions,
        database_specific=msgspec.Raw(_encode_kept(kept)),
    )


@lru_cache(8_192)
def _read_range(package_type: str, text: str) -> tuple[tuple[Range, ...], tuple[str, ...], bool]:
    """The range as OSV says it, and whether it names no version; an advisory of many packages repeats it."""
    intervals = read_range(package_type, text)
    return *as_osv(_TYPES[package_type][2], intervals), not intervals


# The advisories of one package come together.
@lru_cache(64)
def _package(package_type: str, name: str) -> Package:
    """The package under OSV's names; a Maven name without a group has no package URL."""
    ecosystem, purl_type, _ = _TYPES[package_type]
    path = name
    if package_type == "maven":
        name = path.replace("/", ":", 1)
        if path.count("/") != 1:
            return Package(ecosystem, name)
    elif package_type == "pypi":  # purl-spec, PURL-TYPES: lower case, and a dash for an underscore
        path = path.lower().replace("_", "-")
    elif package_type == "packagist":
        path = path.lower()
    return Package(ecosystem, name, f"pkg:{purl_type}/{quote(path, safe='/:~')}")


def _references(urls: list[str]) -> tuple[Reference, ...]:
    whole = dict.fromkeys([_whole_url(url) for url in urls])
    return tuple([Reference(_kind(url), url) for url in whole if url])


def _whole_url(text: str) -> str | None:
    """The address with its scheme; None for what is no address (`apache/cayenne`).

    Real lists carry `ttps://...`, `://github.com/...` and commas at the end.
    """
    url = text.strip().rstrip(",;")
    if _URL.fullmatch(url):
        return url
    rest = _LOST_SCHEME.sub("", url, count=1)
    url = f"https://{rest}" if _HOST.match(rest) else ""
    return url if _URL.fullmatch(url) else None


def _kind(url: str) -> str:
    """FIX and ADVISORY where GitHub's address says so, WEB otherwise."""
    match = _GITHUB.match(url) if url[8:19].lower() == "github.com/" else None
    if match is None:
        return "WEB"
    return "ADVISORY" if match[1] else "FIX"


def _cwes(texts: list[str]) -> tuple[str, ...]:
    """Weaknesses, once each, without the two categories that GitLab puts on every record."""
    found: dict[str, None] = {}
    for text in texts:
        name = text.strip().upper()
        if name not in _BOOKKEEPING and _CWE.fullmatch(name):
            found[name] = None
    return tuple(found)


SOURCE = RecordSource(
    name="gitlab",
    title="GitLab Advisory Database, open source edition",
    home="https://gitlab.com/gitlab-org/advisories-community",
    licence="MIT",
    attribution="Copyright © GitLab Inc. and the contributors of the GitLab Advisory Database.",
    transport=Repository("https://gitlab.com/gitlab-org/advisories-community.git", branch="main"),
    schedule="52 * * * *",
    reader_version=1,
    read=read,
    locate=locate,
    volatile=re.compile(rb"^date:[^\r\n]*", re.MULTILINE),
    volatile_marks=(b"date:",),
    notes=(
        "Records appear here 30 days after GitLab's first edition (gemnasium-db) has them. "
        "Do not fetch that one instead: its terms forbid to copy, store or mirror the content."
    ),
)
