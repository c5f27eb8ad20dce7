"""The objects of a bucket that changed since the last time, packed into one small document."""

import zipfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from assay.errors import AssayError, Transient
from assay.kit.archive import Address, Kind
from assay.pipelines.advisories import store
from assay.pipelines.advisories.model import Bucket, RecordSource
from assay.pipelines.advisories.rules import ObjectChange, read_changes
from assay.pipelines.advisories.tasks.fetching import Fetched, Found, object_name, write_down
from assay.pipelines.advisories.tasks.needs import Needs, Progress

# Fetching objects one by one beats the whole archive only while they are few.
_MOST_OBJECTS = 3_000
_MOST_SHARE = 0.10
# The list and the archive are not written at the same moment, so the last hours are asked for again. A record that
# did not change costs one request and no write.
_OVERLAP = timedelta(hours=2)
_CONCURRENCY = 16
_CSV_BYTES = 512 << 20
# Fixed, so that the same objects make the same document.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)

_log = structlog.get_logger(__name__)


def newest_change(ctx: Needs, bucket: Bucket, scope: str) -> datetime | None:
    """The moment up to which the bucket's archive is complete, None where the bucket does not say."""
    try:
        changes, _ = read_changes(_list(ctx, bucket, scope))
    except AssayError as error:
        _log.info("advisories.no_list_of_changes", reason=str(error))
        return None
    return max(change.modified for change in changes) - _OVERLAP if changes else None


def fetch_changes(
    ctx: Needs, source: RecordSource, bucket: Bucket, scope: str, progress: Progress
) -> Fetched | None:
    """What changed since the last document; None where the whole archive has to be fetched instead."""
    with ctx.db.transaction() as conn:
        last = store.find_listing(conn, source.name, scope)
    if last is None or last.cursor_at is None or last.reader_version != source.reader_version:
        return None
    try:
        changes, bad = read_changes(_list(ctx, bucket, scope))
    except AssayError as error:
        _log.warning("advisories.no_list_of_changes", source=source.name, reason=str(error))
        return None
    since = last.cursor_at
    objects = _newest(change for change in changes if change.modified > since)
    if not changes or bad or len(objects) > max(100, min(_MOST_OBJECTS, int(last.records * _MOST_SHARE))):
        return None
    records = frozenset(
        record_id
        for change in changes
        if (record_id := source.locate(f"{_stem(change.name)}.json")) is not None
    )
    cursor = max(change.modified for change in changes) - _OVERLAP
    found, missing = _packed(ctx, bucket, scope, objects, progress)
    notes: tuple[str, ...] = (f"{len(objects):,} objects changed since {since:%Y-%m-%d %H:%M}",)
    if missing:
        notes = (*notes, f"{missing:,} of them could not be fetched and are asked for again")
        cursor = since
    return write_down(
        ctx,
        source,
        scope,
        found,
        is_full=False,
        cursor_at=max(cursor, since),
        all_records=records,
        notes=notes,
    )


def _list(ctx: Needs, bucket: Bucket, scope: str) -> str:
    name = object_name(scope, bucket.changes)
    try:
        raw = ctx.open_bucket(bucket.url).get(name, max_bytes=_CSV_BYTES)
    except Transient:
        raw = ctx.http.get(f"{bucket.fallback_url}/{name}", max_bytes=_CSV_BYTES)
    return raw.decode("utf-8", "replace")


def _stem(name: str) -> str:
    return name.rpartition("/")[2]


def _newest(changes: Iterable[ObjectChange]) -> dict[str, str]:
    """One object per record, by record; a record of several ecosystems is the same object in each."""
    found: dict[str, ObjectChange] = {}
    for change in changes:
        stem = _stem(change.name)
        if stem not in found or change.modified > found[stem].modified:
            found[stem] = change
    return {stem: change.name for stem, change in sorted(found.items())}


def _packed(
    ctx: Needs, bucket: Bucket, scope: str, objects: dict[str, str], progress: Progress
) -> tuple[Found, int]:
    """The objects as a zip in the store, and how many could not be had."""
    stems = {f"{object_name(scope, name)}.json": stem for stem, name in objects.items()}
    missing = 0
    with TemporaryDirectory(prefix="assay-changes-") as folder:
        path = Path(folder) / "changes.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            fetched = ctx.open_bucket(bucket.url).get_many(stems, _CONCURRENCY)
            for done, (name, content) in enumerate(fetched, start=1):
                if isinstance(content, bytes):
                    entry = zipfile.ZipInfo(f"{stems[name]}.json", _ZIP_DATE)
                    archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
                else:
                    # One that is listed and not there counts as well: who moved on would never ask for it again.
                    missing += 1
                progress("changes", done, len(stems))
        stored = ctx.files.add_file(path)
    address = Address(Kind.ZIP, ctx.files.path(stored.sha256))
    return Found(stored.sha256, address, f"{bucket.url}/{bucket.changes}", stored.bytes), missing
