"""Small real documents - zips, folders, records - and what a sync made of them, read from the database."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from assay.bootstrap import Context
from assay.catalog import queries as catalog
from assay.kit.archive import Address, Archive, Limits, Member
from assay.kit.archives import Archives
from assay.kit.compression import decompress
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request, SourceReport, SyncReport

SAMPLE = Path(__file__).parents[3] / "sample"
ORIGINS = {
    "osv": SAMPLE / "osv.zip",
    "gitlab": SAMPLE / "gitlab.zip",
    "cve": SAMPLE / "cve.zip",
    "kev": SAMPLE / "kev.json.gz",
    "epss": SAMPLE / "epss.csv.gz",
}
RETENTION = timedelta(days=90)

Members = Mapping[str, bytes] | Iterable[tuple[str, bytes]]


def osv(record_id: str, **fields: Any) -> bytes:
    """An OSV record about one package of npm; a field that is None is left out."""
    record = {
        "id": record_id,
        "modified": "2024-05-01T10:00:00Z",
        "published": "2024-04-01T10:00:00Z",
        "summary": f"What {record_id} is about",
        "affected": [
            {
                "package": {"ecosystem": "npm", "name": f"package-{record_id.lower()}"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.3"}]}],
            }
        ],
    } | fields
    return json.dumps({key: value for key, value in record.items() if value is not None}).encode()


def many_osv(count: int, **fields: Any) -> dict[str, bytes]:
    """Records X-0001, X-0002, ... by the name of their member."""
    names = [f"X-{number:04}" for number in range(1, count + 1)]
    return {f"{name}.json": osv(name, **fields) for name in names}


def gitlab(slug: str, identifier: str, **fields: str) -> bytes:
    """A GitLab advisory about a package."""
    lines = {
        "identifier": f'"{identifier}"',
        "identifiers": f'["{identifier}"]',
        "package_slug": f'"{slug}"',
        "title": '"A flaw"',
        "date": '"2024-05-01"',
        "pubdate": '"2024-04-01"',
        "affected_range": '"<1.2.3"',
    } | fields
    return "".join(f"{key}: {value}\n" for key, value in lines.items()).encode()


def cve(identifier: str, **cna: Any) -> bytes:
    """A CVE record of format 5.1."""
    return json.dumps(
        {
            "dataType": "CVE_RECORD",
            "dataVersion": "5.1",
            "cveMetadata": {
                "cveId": identifier,
                "state": "PUBLISHED",
                "datePublished": "2024-04-01T10:00:00.000Z",
                "dateUpdated": "2024-05-01T10:00:00.000Z",
            },
            "containers": {"cna": {"descriptions": [{"lang": "en", "value": f"About {identifier}"}]} | cna},
        }
    ).encode()


def kev(*cves: str, count: int | None = None, **changes: Any) -> bytes:
    """A KEV catalog of some CVE ids."""
    entries = [
        {
            "cveID": name,
            "dateAdded": "2024-05-01",
            "dueDate": "2024-05-22",
            "knownRansomwareCampaignUse": "Unknown",
            "requiredAction": "Apply updates.",
        }
        | changes
        for name in cves
    ]
    total = len(entries) if count is None else count
    return json.dumps({"title": "KEV", "count": total, "vulnerabilities": entries}).encode()


def epss(
    scores: Mapping[str, tuple[float, float]], day: str = "2024-05-01", extra: Iterable[str] = ()
) -> bytes:
    """A day of EPSS scores as CSV; `extra` are lines put after the good ones."""
    lines = [
        f"#model_version:v2023.03.01,score_date:{day}T00:00:00+0000",
        "cve,epss,percentile",
        *(f"{cve_id},{score},{percentile}" for cve_id, (score, percentile) in scores.items()),
        *extra,
    ]
    return ("\n".join(lines) + "\n").encode()


def zip_of(
    path: Path,
    members: Members,
    *,
    method: int = zipfile.ZIP_DEFLATED,
    level: int | None = None,
    date: tuple[int, int, int, int, int, int] = (2024, 5, 1, 0, 0, 0),
) -> Path:
    """A zip of these members, in this order; a name may come twice."""
    pairs = members.items() if isinstance(members, Mapping) else members
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, raw in pairs:
            info = zipfile.ZipInfo("placeholder", date)
            # ZipInfo cuts a name at NUL and turns separators; an attacker's packer does neither.
            info.filename = info.orig_filename = name
            archive._didModify = True
            if name in archive.NameToInfo:
                del archive.NameToInfo[name]
            archive.writestr(info, raw, method, level)
    path.write_bytes(content.getvalue())
    return path


def raw_zip(path: Path, entries: Iterable[tuple[bytes, bytes, int]]) -> Path:
    """A zip of stored members with names as bytes and general-purpose flags as given (APPNOTE 4.4.4)."""
    body, directory, count = b"", b"", 0
    for name, raw, flags in entries:
        crc, size = zlib.crc32(raw), len(raw)
        local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, flags, 0, 0, 0x21, crc, size, size, len(name), 0)
        directory += struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\1\2", 20, 20, flags, 0, 0, 0x21, crc, size, size, len(name), 0, 0, 0, 0, 0, len(body)),
        )
        directory += name
        body += local + name + raw
        count += 1
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    path.write_bytes(body + directory + end)
    return path


def members_of(path: Path) -> dict[str, bytes]:
    """What a zip holds."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def extra_members(source: str, count: int) -> dict[str, bytes]:
    """Records that no sample has, by the name of their member."""
    numbers = range(1, count + 1)
    if source == "osv":
        return many_osv(count)
    if source == "cve":
        return {f"cves/CVE-1998-{n:04}.json": cve(f"CVE-1998-{n:04}") for n in numbers}
    return {f"root/npm/p/CVE-1998-{n:04}.yml": gitlab("npm/p", f"CVE-1998-{n:04}") for n in numbers}


def folder_of(path: Path, members: Members) -> Path:
    """A folder of these files."""
    for name, raw in members.items() if isinstance(members, Mapping) else members:
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)
    return path


def quiet(source: str, step: str, done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


def sync_all(ctx: Context, requests: Mapping[str, Request]) -> SyncReport:
    """A sync of some sources."""
    return commands.sync(ctx, requests, retention=RETENTION, progress=quiet)


def sync(ctx: Context, source: str, origin: Path | str | None = None, **request: Any) -> SourceReport:
    """A sync of one source, from a path or from where its settings say."""
    wanted = Request(origin=None if origin is None else str(origin), **request)
    return sync_all(ctx, {source: wanted}).sources[0]


@dataclass(frozen=True, slots=True)
class Held:
    """A claim in the database."""

    record_id: str
    identifiers: tuple[str, ...]
    raw: bytes
    document: str
    is_tombstoned: bool


@dataclass(frozen=True, slots=True)
class Aside:
    """A row of the quarantine."""

    id: int
    locator: str
    record_id: str | None
    reason: str
    detail: str
    raw: bytes | None
    times: int


def claims(ctx: Context, source: str) -> dict[str, Held]:
    """A source's claims by record id."""
    with ctx.db.transaction() as conn:
        rows = conn.execute(
            "SELECT record_id, identifiers, raw, document, tombstoned_at IS NOT NULL FROM catalog.claims"
            " WHERE source = %s ORDER BY record_id",
            (source,),
        ).fetchall()
    return {row[0]: Held(row[0], tuple(row[1]), decompress(bytes(row[2])), row[3], row[4]) for row in rows}


def live(ctx: Context, source: str) -> set[str]:
    """Record ids of a source's claims that are no tombstones."""
    return {name for name, held in claims(ctx, source).items() if not held.is_tombstoned}


def aside(ctx: Context, source: str) -> dict[str, Aside]:
    """A source's quarantine by place."""
    with ctx.db.transaction() as conn:
        rows = conn.execute(
            "SELECT id, locator, record_id, reason, detail, raw, times FROM advisories.quarantine"
            " WHERE source = %s ORDER BY locator",
            (source,),
        ).fetchall()
    return {
        row[1]: Aside(*row[:5], None if row[5] is None else decompress(bytes(row[5])), row[6]) for row in rows
    }


def reasons(ctx: Context, source: str) -> dict[str, str]:
    """Why each record of a source is in quarantine, by place."""
    return {name: entry.reason for name, entry in aside(ctx, source).items()}


def digest(ctx: Context) -> str:
    """The fingerprint of everything the catalog says."""
    with ctx.db.transaction() as conn:
        return catalog.catalog_digest(conn)


def finished(ctx: Context, identifier: str) -> dict[str, Any]:
    """The OSV document that the catalog made of a vulnerability."""
    with ctx.db.transaction() as conn:
        found: dict[str, Any] = json.loads(catalog.get(conn, identifier).document)
        return found


def runs(ctx: Context) -> list[tuple[str, str, str | None, str, dict[str, int], str | None]]:
    """The run ledger, oldest first: room, step, source, outcome, counts, detail."""
    with ctx.db.transaction() as conn:
        rows = conn.execute("SELECT room, step, source, outcome, counts, detail FROM jobs.runs ORDER BY id")
        return rows.fetchall()


# Everything that a sync may write apart from the run ledger, and the fetch time that each look at a source renews.
_TABLES = (
    "catalog.claims",
    "catalog.dirty_claims",
    "catalog.vulnerabilities",
    "catalog.finished",
    "catalog.identifiers",
    "catalog.affected",
    "catalog.commits",
    "catalog.facets",
    "catalog.origins",
    "catalog.editions",
    "catalog.changes",
    "catalog.epss_scores",
    "catalog.epss_history",
    "catalog.epss_days",
    "advisories.quarantine",
    "advisories.listings",
)


def fingerprint(ctx: Context, *, without: Iterable[str] = ()) -> dict[str, list[tuple[str, str]]]:
    """Place and writing transaction of every row, table by table: equal ones say that nothing was written."""
    with ctx.db.transaction() as conn:
        return {
            table: conn.execute(
                f"SELECT ctid::text, xmin::text FROM {table} ORDER BY ctid"  # type: ignore[arg-type]
            ).fetchall()
            for table in _TABLES
            if table not in without
        }


def empty(ctx: Context) -> None:
    """Forget everything but the documents' bytes."""
    with ctx.db.transaction() as conn:
        conn.execute(
            "TRUNCATE " + ", ".join((*_TABLES, "advisories.documents", "catalog.alias_decisions"))  # type: ignore[arg-type]
        )


def empty_catalog(ctx: Context) -> None:
    """Forget every claim and listing; which documents there are stays known."""
    with ctx.db.transaction() as conn:
        conn.execute("TRUNCATE " + ", ".join(_TABLES))  # type: ignore[arg-type]


def check_books(ctx: Context, report: SourceReport) -> None:
    """Every record that was read is accounted for, in the report and in the database."""
    counts = report.counts
    assert counts.read == counts.new + counts.changed + counts.unchanged + counts.quarantined
    with ctx.db.transaction() as conn:
        faults = catalog.find_faults(conn)
    assert not any(found for _, found in faults.items()), faults
    records = [entry for entry in aside(ctx, report.source).values() if entry.record_id is not None]
    assert len(live(ctx, report.source)) + len(records) == counts.read
    assert counts.quarantined == len(records)


class CountingArchives(Archives):
    """Archives that write down which members were read."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def open(self, address: Address, limits: Limits) -> Archive:
        """The archive at this address, each of whose reads is noted."""
        return _Counted(super().open(address, limits), self.names)


class _Counted:
    def __init__(self, archive: Archive, names: list[str]) -> None:
        self._archive = archive
        self._names = names

    def members(self) -> list[Member]:
        return self._archive.members()

    def read(self, member: Member) -> bytes:
        self._names.append(member.name)
        return self._archive.read(member)
