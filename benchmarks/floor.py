"""The floor under a first sync: read, decode with types, compress and COPY the same records, and nothing else."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from assay.bootstrap import Context
from assay.domain import cve_record
from assay.kit.archive import Limits, Member, address_of, open_archive
from assay.kit.compression import compress
from assay.kit.db import copy_rows
from assay.pipelines.advisories.sources import cve, gitlab, osv

_BATCH = 500

# The readers' own typed decoding, without what they then make of it.
_DECODE: dict[str, Callable[[bytes], Any]] = {
    "osv": osv._decoded,
    "cve": cve_record.decode,
    "gitlab": gitlab._decoded,
}
_LOCATE = {"osv": osv.locate, "cve": cve.locate, "gitlab": gitlab.locate}

Item = tuple[str, Path, list[Member]]


def prepare(ctx: Context) -> None:
    """An empty table without any index."""
    with ctx.db.transaction() as conn:
        conn.execute("DROP TABLE IF EXISTS public.floor")
        conn.execute("CREATE TABLE public.floor (source text, name text, raw bytea)")
        conn.execute("ALTER TABLE public.floor ALTER COLUMN raw SET STORAGE EXTERNAL")


def batches(archives: dict[str, Path]) -> Iterator[Item]:
    """The records of all archives in batches."""
    for source, path in archives.items():
        with open_archive(address_of(path)) as archive:
            members = [member for member in archive.members() if _LOCATE[source](member.name)]
        for start in range(0, len(members), _BATCH):
            yield source, path, members[start : start + _BATCH]


def copy_batch(ctx: Context, item: Item) -> int:
    """Read, decode, compress and COPY one batch in one transaction; returns how many records."""
    source, path, members = item
    archive = ctx.archives.open(address_of(path), Limits())
    decode = _DECODE[source]
    rows = []
    for member in members:
        raw = archive.read(member)
        decode(raw)
        rows.append((source, member.name, compress(raw)))
    with ctx.db.transaction() as conn:
        conn.execute("SET LOCAL synchronous_commit = off")
        copy_rows(conn, "public.floor", ("source", "name", "raw"), ("text", "text", "bytea"), rows)
    return len(rows)


def run(ctx: Context, archives: dict[str, Path]) -> int:
    """All archives by all processes; returns how many records."""
    return sum(ctx.pool.map(ctx, copy_batch, batches(archives)))
