"""What was uploaded, the form that uploads, and the overview of one archive."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.splunk.places import Area
from assay.errors import Conflict, NotFound
from assay.jobs.model import Job
from assay.jobs.queries import get_job
from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import uploading
from assay.pipelines.configs.model import Run, UploadKind
from assay.web.addresses import address_of
from assay.web.guard import Analyst, Viewer
from assay.web.pages.acting import Back
from assay.web.pages.configs.archive import RunId
from assay.web.reading import Reading
from assay.web.rendering import Rendering, Said, back_to

_PAGE = 30
_LARGEST = 12
_UNDER_WAY = ("stored", "pending", "parsing")
KINDS = {
    UploadKind.INSTANCE_ETC: "etc/ of a search head, indexer or forwarder",
    UploadKind.DS_ETC: "etc/ of a deployment server",
    UploadKind.APP_BUNDLE: "one app, or several packed together",
    UploadKind.SINGLE_CONF: "one .conf file",
}


def add_to(routes: APIRouter, ctx: Context, read: Reading, show: Rendering) -> None:
    """The list at `/configs`, and what one run is."""

    @routes.get("")
    def every(
        request: Request, who: Viewer, before: Annotated[int | None, Query(ge=1, le=2**62)] = None
    ) -> Response:
        runs, jobs = read(lambda conn: _listed(conn, before))
        page = runs[:_PAGE]
        return show(
            request,
            "configs/list.html",
            who,
            runs=page,
            jobs=jobs,
            next_before=page[-1].number if len(runs) > _PAGE else None,
            is_live=any(run.status in _UNDER_WAY for run in page),
            kinds=KINDS,
            most=uploading.MOST_BYTES,
        )

    @routes.get("/{run_id:uuid}")
    def one(request: Request, who: Viewer, run_id: RunId) -> Response:
        found = read(lambda conn: _overview(conn, queries.get_run(conn, run_id)))
        run = found["run"]
        return show(request, "configs/overview.html", who, here=f"/configs/{run.id}", kinds=KINDS, **found)

    @routes.post("/{run_id:uuid}/forget")
    def forget(request: Request, run_id: RunId, who: Analyst, back: Back) -> Response:
        try:
            gone = uploading.forget(ctx, str(run_id), who, address_of(request))
        except (Conflict, NotFound) as error:
            return back_to(request, back, Said(f"{error}.", is_bad=True))
        return back_to(request, "/configs", Said(f"The archive {gone.label} is forgotten."))


def _listed(conn: Connection, before: int | None) -> tuple[Sequence[Run], dict[int, Job]]:
    runs = queries.list_runs(conn, before=before, limit=_PAGE + 1)
    busy = [run.job_id for run in runs if run.status == "parsing" and run.job_id is not None]
    return runs, {number: get_job(conn, number) for number in busy[:5]}


def _overview(conn: Connection, run: Run) -> dict[str, Any]:
    """What there is to tell of a run, as far as it is."""
    if run.status != "complete":
        job = _job(conn, run)
        return {"run": run, "job": job, "is_live": run.status in _UNDER_WAY}
    confs = queries.list_confs(conn, run)
    folders = queries.list_folders(conn, run)
    areas = {}
    for area in Area:
        own = [folder for folder in folders if folder.area is area]
        if own:
            areas[area.value] = (len(own), sum(one.files for one in own), sum(one.settings for one in own))
    return {
        "run": run,
        "is_live": False,
        "areas": areas,
        "confs": sorted(confs, key=lambda one: -one.settings)[:_LARGEST],
        "conf_count": len(confs),
        "names": {one.conf for one in confs},
    }


def _job(conn: Connection, run: Run) -> Job | None:
    """The job that parses a run, as long as it is kept."""
    if run.job_id is None:
        return None
    try:
        return get_job(conn, run.job_id)
    except NotFound:
        return None
