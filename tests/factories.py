"""Claims and raw records for tests: every field has a default, a test names the ones that matter to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from psycopg import sql

from assay.bootstrap import Context
from assay.catalog import commands
from assay.catalog.commands import Incoming, Submitted
from assay.catalog.model import Claim, encode_claim
from assay.catalog.rules.policy import Policy, read_policy
from assay.catalog.tasks import MergeCounts
from assay.domain.osv import Affected, Event, Package, Range, Reference, Severity
from assay.errors import BadRecord
from assay.kit.db import Connection

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SOURCES = ("osv", "gitlab", "cve", "kev", "extraction", "record")
V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"  # 7.5, high
V30 = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"  # 5.3, medium
V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"  # 9.8, critical
V31_LOW = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"  # 1.8, low
V40 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"  # 9.3, critical


def a_time(day: int = 0) -> datetime:
    """A moment, `day` days after 2024-01-01."""
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day)


def a_claim(own: str | None = "GHSA-aaaa-aaaa-aaaa", *, source: str = "osv", **said: Any) -> Claim:
    """A claim; its record id is its own name unless told."""
    aliases = tuple(said.pop("aliases", ()))
    record_id = said.pop("record_id", own if own is not None else "/".join(aliases))
    return Claim(source=source, record_id=record_id, own=own, aliases=aliases, **said)


def an_affected(
    name: str = "example", *, ecosystem: str = "PyPI", fixed: str | None = "1.2", versions: Sequence[str] = ()
) -> Affected:
    """A package affected from the beginning until `fixed`."""
    events = (Event(introduced="0"), *((Event(fixed=fixed),) if fixed is not None else ()))
    return Affected(
        package=Package(ecosystem=ecosystem, name=name),
        ranges=(Range(type="ECOSYSTEM", events=events),),
        versions=tuple(versions),
    )


def a_severity(vector: str) -> Severity:
    """A vector under the type that the OSV schema gives it."""
    kind = {"CVSS:4": "CVSS_V4", "CVSS:3": "CVSS_V3"}.get(vector[:6], "CVSS_V2")
    return Severity(type=kind, score=vector)


def a_reference(url: str = "https://example.org/advisory") -> Reference:
    """A link."""
    return Reference(type="WEB", url=url)


def an_osv_record(identifier: str = "GHSA-aaaa-aaaa-aaaa", **said: Any) -> bytes:
    """The bytes of an OSV record that says something on everything a search can ask for."""
    record: dict[str, Any] = {
        "schema_version": "1.7.0",
        "id": identifier,
        "modified": "2024-01-02T00:00:00Z",
        "published": "2024-01-01T00:00:00Z",
        "summary": f"Something is wrong ({identifier})",
        "severity": [{"type": "CVSS_V3", "score": V31}],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "example"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2"}]}],
            }
        ],
        "references": [{"type": "WEB", "url": f"https://example.org/{identifier}"}],
    }
    kept = {key: value for key, value in (record | said).items() if value is not None}
    return msgspec.json.encode(kept)


def a_record(claim: Claim) -> Incoming:
    """A claim as its pipeline hands it over, kept as a raw record that `read_claim` reads."""
    raw = encode_claim(claim)
    return Incoming(claim, raw, raw, blake2b(raw, digest_size=16).digest())


def read_claim(record_id: str, raw: bytes) -> Claim:
    """The reader of the records that `a_record` makes. BadRecord: `wrong-type`."""
    try:
        return msgspec.json.decode(raw, type=Claim)
    except msgspec.DecodeError as problem:
        raise BadRecord("wrong-type", f"{record_id}: {problem}") from None


def reading_claims(ctx: Context) -> Context:
    """The Context, reading the records of every source with `read_claim`, in this process."""
    return replace(ctx, readers=dict.fromkeys(SOURCES, read_claim))


def a_policy(**changed: Any) -> Policy:
    """A policy like the one that ships; keywords replace its entries."""
    entries: dict[str, Any] = {
        "priority": ["osv", "gitlab", "cve", "person", "extraction", "record"],
        "names": ["CVE", "GHSA", "GO", "PYSEC", "RUSTSEC", "OSV", "BIT"],
        "fields": {"exploited": ["kev"], "products": ["cve"]},
        "speaks_only_for": {"kev": ["exploited"]},
    }
    return read_policy(as_toml(entries | changed), "test.toml")


def as_toml(entries: Mapping[str, Any]) -> str:
    """A policy's entries as TOML."""

    def text(value: Any) -> str:
        # For lists of texts, numbers and texts JSON's notation is TOML's.
        return msgspec.json.encode(value).decode()

    plain = [f"{key} = {text(value)}" for key, value in entries.items() if not isinstance(value, dict)]
    tables = [
        "\n".join([f"[{key}]", *(f"{name} = {text(order)}" for name, order in value.items())])
        for key, value in entries.items()
        if isinstance(value, dict)
    ]
    return "\n".join([*plain, *tables])


def quiet(done: int, total: int) -> None:
    """Progress that nobody watches."""


def submit(conn: Connection, *claims: Claim, now: datetime = NOW, document: str = "doc") -> Submitted:
    """Hand claims of any sources over, a source at a time."""
    total = Submitted()
    for source in dict.fromkeys(claim.source for claim in claims):
        records = [a_record(claim) for claim in claims if claim.source == source]
        came = commands.submit(conn, source, document, records, now)
        total = Submitted(
            total.new + came.new, total.changed + came.changed, total.unchanged + came.unchanged
        )
    return total


class Arena:
    """A Context on a database that many examples share, each clearing it first; printed short when one fails."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    def clear(self) -> None:
        """Empty every table of the catalog."""
        with self.ctx.db.transaction() as conn:
            for (table,) in conn.execute(
                # Tallies come after facets, which are counted off when they are deleted.
                "SELECT tablename FROM pg_tables WHERE schemaname = 'catalog' ORDER BY tablename"
            ).fetchall():
                # A few rows are deleted sooner than a dozen files are truncated.
                conn.execute(sql.SQL("DELETE FROM catalog.{}").format(sql.Identifier(table)))


def take(ctx: Context, *claims: Claim, now: datetime = NOW) -> MergeCounts:
    """Submit claims and merge."""
    with ctx.db.transaction() as conn:
        submit(conn, *claims, now=now)
    return commands.merge(ctx, quiet)


def drop(ctx: Context, claims: Iterable[Claim], now: datetime = NOW) -> MergeCounts:
    """Tombstone claims and merge."""
    with ctx.db.transaction() as conn:
        for claim in claims:
            commands.tombstone(conn, claim.source, [claim.record_id], "gone from a full listing", now)
    return commands.merge(ctx, quiet)
