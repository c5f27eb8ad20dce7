"""The apps of a run, and Splunk itself, as packages, with what the catalog knows of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from assay.catalog.queries import Brief, documents, find_briefs, find_mentioning
from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.model import App, Run
from assay.pipelines.configs.rules import products

ECOSYSTEM = "Splunkbase"
ITSELF = "splunk"
# Above what the whole CVE list says of Splunk; a word that more records have is no vendor's name any more.
_MOST_RECORDS = 5000


class _Product(msgspec.Struct):
    vendor: str | None = None
    product: str | None = None
    versions: tuple[str, ...] = ()
    default_status: str | None = None


class _Specific(msgspec.Struct):
    products: tuple[_Product, ...] = ()


class _Assay(msgspec.Struct):
    assay: _Specific = msgspec.field(default_factory=_Specific)


class _Document(msgspec.Struct):
    database_specific: _Assay = msgspec.field(default_factory=_Assay)


_decode = msgspec.json.Decoder(_Document).decode


@dataclass(frozen=True, slots=True)
class Vulnerable:
    """A vulnerability of an app: why it is thought to be the app's, and how sure that is, from 0 to 1.

    `is_unknown`: whether this version is affected cannot be told.
    """

    name: str
    state: str
    summary: str | None
    severity: str | None
    cvss_score: float | None
    is_exploited: bool
    is_unknown: bool
    fixed: str | None
    why: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Installed:
    """An app of a run as a package, and what the catalog knows of it; the one named `splunk` is Splunk itself."""

    ecosystem: str
    name: str
    version: str | None
    purl: str
    is_enabled: bool
    area: str
    vulnerabilities: tuple[Vulnerable, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """The apps of a run, and how many vulnerabilities of the catalog name a product of the vendor Splunk.

    Of `records` 0 nothing can be concluded.
    """

    apps: Sequence[Installed]
    records: int


def installed(conn: Connection, run: Run) -> Inventory:
    """The apps of a run, each looked up among the products of the vendor Splunk."""
    told = _products(conn)
    briefs = find_briefs(conn, told)
    return Inventory(
        [_installed(app, told, briefs) for app in queries.list_apps(conn, run.number)], len(told)
    )


def _products(conn: Connection) -> Mapping[int, Sequence[_Product]]:
    """The products of the vendor that each vulnerability names, by its key."""
    ids = find_mentioning(conn, products.VENDOR, _MOST_RECORDS)
    found: dict[int, Sequence[_Product]] = {}
    for key, document in documents(conn, ids).items():
        own = [
            one
            for one in _decode(document).database_specific.assay.products
            if one.product and (one.vendor or "").strip().lower() == products.VENDOR
        ]
        if own:
            found[key] = own
    return found


def _installed(app: App, told: Mapping[int, Sequence[_Product]], briefs: Mapping[int, Brief]) -> Installed:
    found = [
        known
        for key, own in told.items()
        if key in briefs and (known := _vulnerable(app, own, briefs[key])) is not None
    ]
    name = app.app or ITSELF
    kind = "splunkbase/" if app.app else ""
    return Installed(
        ecosystem=ECOSYSTEM,
        name=name,
        version=app.version,
        purl=f"pkg:generic/{kind}{name}" + (f"@{app.version}" if app.version else ""),
        is_enabled=app.is_enabled,
        area=app.area,
        vulnerabilities=tuple(sorted(found, key=_worst_first)),
    )


def _vulnerable(app: App, own: Iterable[_Product], brief: Brief) -> Vulnerable | None:
    best = products.most_certain(
        (alike, products.standing(app.version, one.versions, one.default_status))
        for one in own
        if (alike := products.likeness(one.product or "", app.app, app.label)) is not None
    )
    if best is None:
        return None
    alike, standing = best
    return Vulnerable(
        name=brief.name,
        state=brief.state,
        summary=brief.summary,
        severity=brief.severity,
        cvss_score=brief.cvss_score,
        is_exploited=brief.is_exploited,
        is_unknown=standing.is_affected is None,
        fixed=standing.fixed,
        why=alike.why,
        confidence=alike.confidence,
    )


def _worst_first(one: Vulnerable) -> tuple[bool, bool, float, str]:
    return one.is_unknown, not one.is_exploited, -(one.cvss_score or 0), one.name
