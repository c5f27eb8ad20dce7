"""Taking an upload: its bytes kept by their sha-256, a run noted, its parsing deferred, all or nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

from assay.auth.commands import record_change
from assay.auth.model import Principal
from assay.errors import Conflict, Permanent
from assay.jobs import commands as jobs
from assay.jobs.deferring import defer
from assay.kit.db import Connection
from assay.kit.files import Files, Stored
from assay.pipelines.configs import queries, store
from assay.pipelines.configs.model import Run, UploadKind
from assay.pipelines.configs.tasks.parsing import Needs, parse, parse_run

MOST_BYTES = 2 << 30
"""Of one upload."""
_LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A run, and whether this upload made it: the same bytes under the same label are the same run."""

    run: Run
    is_new: bool


def keep(uploads: Files, chunks: Iterable[bytes]) -> Stored:
    """Keep an upload's bytes, for their owner's eyes only: they may hold secrets. Raises Permanent for too many."""
    uploads.root.chmod(0o700)
    stored = uploads.add_stream(chunks, max_bytes=MOST_BYTES)
    if not stored.bytes:
        raise Permanent("the upload is empty: choose a file with something in it")
    return stored


def note(
    ctx: Needs,
    stored: Stored,
    *,
    kind: UploadKind,
    label: str,
    file_name: str,
    who: Principal,
    address: str | None = None,
    is_deferred: bool = True,
) -> Uploaded:
    """Note an upload as a run and have it parsed; one that is there already is only told.

    A run that failed is made anew. Raises Permanent for a label that is none.
    """
    label = label.strip() or file_name
    if len(label) > _LONGEST_LABEL or not label.isprintable():
        raise Permanent(f"a label is one line of up to {_LONGEST_LABEL} letters")
    upload = store.Upload(uuid4(), kind.value, label, file_name, stored.sha256, stored.bytes, who.name)
    with ctx.db.transaction() as conn:
        if not store.add_run(conn, upload, ctx.clock()):
            standing = store.find_standing(conn, stored.sha256, kind.value, label)
            if standing is None:
                raise Conflict("the same upload came and went this very moment: try again")
            return Uploaded(_again(conn, standing, is_deferred=is_deferred), is_new=False)
        if is_deferred:
            store.set_job(conn, upload.id, defer(conn, parse, run=str(upload.id)))
        detail = {"label": label, "kind": kind.value, "sha256": stored.sha256, "bytes": stored.bytes}
        record_change(conn, who, "configs.upload", str(upload.id), detail, address)
        return Uploaded(queries.get_run(conn, upload.id), is_new=True)


def _again(conn: Connection, run_id: UUID, *, is_deferred: bool) -> Run:
    """A run whose job was given up, or never made, gets another one."""
    run = queries.get_run(conn, run_id)
    if is_deferred and (run.status == "failed" or (run.status == "stored" and run.job_id is None)):
        store.set_job(conn, run_id, defer(conn, parse, run=str(run_id)))
        return queries.get_run(conn, run_id)
    return run


def parse_now(ctx: Needs, run: Run, progress: Callable[[int], None]) -> Run:
    """Parse an upload in this very process, without a worker."""
    parse_run(ctx, run.id, progress=progress)
    with ctx.db.transaction() as conn:
        return queries.get_run(conn, run.id)


def forget(ctx: Needs, name: str, who: Principal, address: str | None = None) -> Run:
    """Forget a run with its rows, and its upload if no other run is of it. Raises NotFound, Conflict while parsed."""
    with ctx.db.transaction() as conn:
        run = queries.find_run(conn, name)
        if run.status == "parsing":
            raise Conflict(
                f"the run {run.label} is being parsed: wait for its end, or cancel job {run.job_id}"
            )
        store.lock_run(conn, run.id)
        if run.status in ("stored", "pending") and run.job_id is not None:
            jobs.cancel(conn, [run.job_id], who.name)
        store.delete_rows(conn, run.number)
        document = store.delete_run(conn, run.id)
        record_change(conn, who, "configs.forget", str(run.id), {"label": run.label}, address)
    if document is not None:
        ctx.uploads.remove(document)
    return run
