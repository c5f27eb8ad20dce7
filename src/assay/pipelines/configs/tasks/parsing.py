"""The task that parses an upload: one transaction, so that a run is complete or not there at all."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

import structlog

from assay.domain.splunk.layers import Effective, Layer, is_enabled, resolve
from assay.domain.splunk.places import Target
from assay.domain.splunk.secrets import Fingerprint
from assay.errors import NotFound, Permanent
from assay.jobs.ledger import Outcome, add_run
from assay.jobs.running import Running
from assay.jobs.task import task
from assay.kit.budget import Budget, UnpackLimits
from assay.kit.clock import Clock
from assay.kit.db import Connection, Database
from assay.kit.files import Files
from assay.pipelines.configs import queries, store
from assay.pipelines.configs.model import ROOM, App, Run
from assay.pipelines.configs.rules.projecting import PROJECTIONS, projected
from assay.pipelines.configs.tasks.loading import Loaded, Loading

_log = structlog.get_logger(__name__)


class Needs(Protocol):
    """What parsing needs of the Context."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def uploads(self) -> Files: ...
    @property
    def fingerprint(self) -> Fingerprint: ...


@task("configs.parse", unique=("run",), subject="run", timeout=1_800)
def parse(ctx: Needs, job: Running, *, run: str) -> None:
    """Parse an upload in a worker. Raises Transient for what may work later, Permanent for what never will.

    A run that is complete stays as it is.
    """
    parse_run(
        ctx,
        UUID(run),
        progress=lambda members: job.progress(members, None, "parse"),
        own=job.own,
    )


def parse_run(
    ctx: Needs,
    run_id: UUID,
    *,
    progress: Callable[[int], None],
    own: Callable[[Connection], None] = lambda _: None,
    limits: UnpackLimits | None = None,
) -> None:
    """Parse an upload here and now; `own` holds the job that does it until the transaction ends."""
    started_at = ctx.clock()
    with ctx.db.transaction() as conn:
        run = queries.get_run(conn, run_id)
    try:
        with ctx.db.transaction() as conn:
            own(conn)
            held = store.lock_run(conn, run_id)
            if held is None:
                raise NotFound(f"there is no run {run_id}")
            if held[1] == "complete":
                return
            _check_alone(conn, run, held[1])
            counts = _parsed(ctx, conn, run, started_at, progress, limits or UnpackLimits())
            _add_line(conn, started_at, ctx.clock(), Outcome.COMPLETED, counts)
    except Permanent as error:
        _log.warning("configs.parse_failed", run=str(run_id), reason=str(error))
        with ctx.db.transaction() as conn:
            store.fail_run(conn, run_id, str(error), started_at)
            _add_line(conn, started_at, ctx.clock(), Outcome.FAILED, {}, str(error))
        raise


def _check_alone(conn: Connection, run: Run, status: str) -> None:
    """Raise Permanent for a run that failed, and whose upload was sent again since as another one."""
    other = store.find_standing(conn, run.sha256, run.kind, run.label) if status == "failed" else None
    if other is not None:
        raise Permanent(
            f"the same upload was sent again as the run {other}: discard this job, ask for that run"
        )


def _add_line(
    conn: Connection,
    started_at: datetime,
    ended_at: datetime,
    outcome: Outcome,
    counts: dict[str, int],
    detail: str | None = None,
) -> None:
    add_run(
        conn,
        room=ROOM,
        step="parse",
        source=None,
        started_at=started_at,
        ended_at=ended_at,
        outcome=outcome,
        counts=counts,
        detail=detail,
    )


def _parsed(
    ctx: Needs,
    conn: Connection,
    run: Run,
    started_at: datetime,
    progress: Callable[[int], None],
    limits: UnpackLimits,
) -> dict[str, int]:
    path = ctx.uploads.path(run.sha256)
    if not path.is_file():
        raise Permanent(
            f"the upload {run.sha256} is not in {ctx.uploads.root} of the machine that parses: upload {run.file_name} "
            "again, with --now where workers of several machines do not share that folder"
        )
    loading = Loading(path, run.file_name, Budget(limits, run.bytes), ctx.fingerprint, progress)
    store.copy_settings(conn, run.number, loading.settings())
    loaded = loading.loaded
    store.copy_rest(conn, run.number, loaded.rows)
    if loaded.superseded:
        store.supersede(conn, run.number, loaded.superseded)
    store.copy_apps(conn, run.number, [*_itself(loaded.version), *_apps(conn, run.number)])
    _project(conn, run.number)
    counts = _counts(loaded)
    store.complete_run(
        conn, run.id, started_at=started_at, now=ctx.clock(), counts=counts, notes=loaded.notes
    )
    return counts


def _counts(loaded: Loaded) -> dict[str, int]:
    gone = set(loaded.superseded)
    files = [file for file in loaded.rows.files if file.number not in gone]
    confs = [file for file in files if file.kind == "conf"]
    return {
        **loaded.counts,
        "files": len(confs),
        "meta_files": len(files) - len(confs),
        "stanzas": sum(file.stanzas for file in confs),
        "settings": sum(file.settings for file in confs),
        "apps": len({(file.area, file.app) for file in files if file.app}),
        "problems": len(loaded.rows.problems),
    }


def _itself(version: str | None) -> list[App]:
    """Splunk itself, which has no folder among the apps."""
    if version is None:
        return []
    return [App("system", "", is_enabled=True, version=version, label="Splunk Enterprise", author="Splunk")]


def _apps(conn: Connection, run: int) -> list[App]:
    """Every app of a run, with what its own app.conf says."""
    places = {file.path: file.place for file in queries.list_files(conn, run)}
    own: dict[tuple[str, str], list[Layer]] = {
        (place.area.value, place.app): [] for place in places.values() if place.app and not place.user
    }
    for target in Target:
        for layer in queries.load_layers(conn, run, "app", queries.View(target)):
            place = places[layer.path]
            if place.app:
                own[place.area.value, place.app].append(layer)
    return [_app(area, app, resolve("app", layers)) for (area, app), layers in own.items()]


def _app(area: str, app: str, said: Effective) -> App:
    return App(
        area=area,
        app=app,
        is_enabled=is_enabled(said.find("install", "state")),
        version=said.find("launcher", "version") or said.find("id", "version"),
        label=said.find("ui", "label"),
        author=said.find("launcher", "author"),
    )


def _project(conn: Connection, run: int) -> None:
    for conf in PROJECTIONS:
        layers = queries.load_layers(conn, run, conf)
        if layers:
            store.copy_objects(conn, run, projected(resolve(conf, layers)))
