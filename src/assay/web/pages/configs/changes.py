"""What differs between two uploads."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import answering
from assay.pipelines.configs.commands.exporting import table
from assay.pipelines.configs.model import Run
from assay.web.archives import complete
from assay.web.guard import Viewer
from assay.web.pages.configs.archive import Archive, Format, PageNumber, RunId, Text, saved

_PAGE = 150
_RUNS = 100
_COLUMNS = ("change", "conf", "stanza", "key", "before", "after", "path_before", "path_after")
CHANGES = ("added", "removed", "changed", "moved")


def add_to(routes: APIRouter, archive: Archive) -> None:
    """The page at `/configs/<run>/changes`."""

    @routes.get("/{run_id:uuid}/changes")
    def changes(
        request: Request,
        who: Viewer,
        run_id: RunId,
        *,
        since: UUID | Literal[""] = "",
        effective: bool = False,
        conf: Text = "",
        change: Literal["", "added", "removed", "changed", "moved"] = "",
        page: PageNumber = 1,
        form: Format = "",
    ) -> Response:
        def ask(conn: Connection, run: Run) -> dict[str, Any]:
            older = None if since == "" else complete(conn, since)
            return {
                "older": older,
                "runs": [
                    one
                    for one in queries.list_runs(conn, limit=_RUNS)
                    if one.status == "complete" and one.id != run.id
                ],
                "found": [] if older is None else _found(archive, conn, older, run, effective),
                "files_before": {} if older is None else _by_place(conn, older),
                "files_after": {} if older is None else _by_place(conn, run),
            }

        run, told = archive.ask(run_id, ask)
        everything: Sequence[answering.Difference] = told.pop("found")
        found = [one for one in everything if conf in ("", one.conf) and change in ("", one.change)]
        if form:
            return saved(run, "changes", table(f"What changed in {run.label}", _COLUMNS, found), form)
        skip = (page - 1) * _PAGE
        return archive.page(
            request,
            who,
            "changes",
            run,
            tab="changes",
            counts=Counter(one.change.value for one in everything if conf in ("", one.conf)),
            confs=sorted({one.conf for one in everything}),
            found=found[skip : skip + _PAGE],
            total=len(found),
            page=page,
            pages=max(1, -(-len(found) // _PAGE)),
            changes=CHANGES,
            values={"since": since, "effective": effective, "conf": conf, "change": change},
            **told,
        )


def _by_place(conn: Connection, run: Run) -> dict[str, int]:
    """The numbers of the files, by where they lie below Splunk's home."""
    return {file.place.path: file.number for file in queries.list_files(conn, run.number)}


def _found(
    archive: Archive, conn: Connection, older: Run, run: Run, effective: bool
) -> Sequence[answering.Difference]:
    return archive.kept(
        ("changes", older.number, run.number, effective),
        lambda: answering.differences(conn, older, run, only_effective=effective),
    )
