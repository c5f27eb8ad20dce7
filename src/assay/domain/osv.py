"""The OSV schema's words as types, read and written unchanged by everybody who speaks of advisories.

Source of the shapes: OSV schema 1.7, https://ossf.github.io/osv-schema/. Fields that a real record may
leave out or set to null are optional here; what the schema does not name is dropped on reading (the raw
record keeps it). `ecosystem_specific` and `database_specific` pass through as the bytes they came in.
"""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    Verbatim = msgspec.Raw | None
else:
    # msgspec 0.22 reads no object at all for `Raw | None` ("Expected `null`, got `object`"); for a plain
    # Raw whose default is None it reads and writes exactly what the type above says.
    Verbatim = msgspec.Raw

SCHEMA_VERSION = "1.7.0"

EVENT_KINDS = ("introduced", "fixed", "last_affected", "limit")


class Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One step of a range; exactly one of the four is set (section affected[].ranges[].events)."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class Range(msgspec.Struct, frozen=True, omit_defaults=True):
    """Versions between events, in the order that `type` names: SEMVER, ECOSYSTEM or GIT."""

    type: str = ""
    repo: str | None = None
    events: tuple[Event, ...] = ()
    database_specific: Verbatim = None


class Package(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A package as its ecosystem names it."""

    ecosystem: str = ""
    name: str = ""
    purl: str | None = None


class Severity(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A scoring system (CVSS_V2, CVSS_V3, CVSS_V4, Ubuntu) and its vector or word."""

    type: str = ""
    score: str = ""


class Affected(msgspec.Struct, frozen=True, omit_defaults=True):
    """One package and the versions of it that are affected; without `package`, the repositories of its GIT ranges."""

    package: Package | None = None
    severity: tuple[Severity, ...] = ()
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    ecosystem_specific: Verbatim = None
    database_specific: Verbatim = None


class Reference(msgspec.Struct, frozen=True, gc=False):
    """A link and its kind: ADVISORY, ARTICLE, DETECTION, DISCUSSION, REPORT, FIX, PACKAGE, EVIDENCE, WEB and others.

    Both are always written: the schema demands them.
    """

    type: str = "WEB"
    url: str = ""


class Credit(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom to thank."""

    name: str = ""
    type: str | None = None
    contact: tuple[str, ...] = ()


class Document(msgspec.Struct, frozen=True, omit_defaults=True):
    """A finished OSV record, in the schema's order of fields. Times are RFC 3339 in UTC with `Z`."""

    schema_version: str
    id: str
    modified: str
    published: str | None = None
    withdrawn: str | None = None
    aliases: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    summary: str | None = None
    details: str | None = None
    severity: tuple[Severity, ...] = ()
    affected: tuple[Affected, ...] = ()
    references: tuple[Reference, ...] = ()
    credits: tuple[Credit, ...] = ()
    database_specific: Verbatim = None
