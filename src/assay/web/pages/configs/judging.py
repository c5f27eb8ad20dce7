"""What is wrong, or odd, with what it means and what to do."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import answering, exporting
from assay.pipelines.configs.model import Finding, Run
from assay.web.archives import complete
from assay.web.guard import Viewer
from assay.web.pages.configs.archive import Archive, Format, RunId, Text, numbers_of, saved

_SHOWN = 60
_RUNS = 100
_ODD = 200
_COLUMNS = ("severity", "rule", "path", "line", "conf", "stanza", "key", "message")


def add_to(routes: APIRouter, archive: Archive) -> None:
    """The page at `/configs/<run>/lint`, its summary for the overview, and the report."""
    _add_lint(routes, archive)
    _add_summary(routes, archive)


def _add_lint(routes: APIRouter, archive: Archive) -> None:
    @routes.get("/{run_id:uuid}/lint")
    def lint(
        request: Request,
        who: Viewer,
        run_id: RunId,
        *,
        rule: Text = "",
        severity: Literal["", "error", "warning", "hint"] = "",
        since: UUID | Literal[""] = "",
        form: Format = "",
    ) -> Response:
        def ask(conn: Connection, run: Run) -> dict[str, Any]:
            older = None if since == "" else complete(conn, since)
            return {
                "older": older,
                "found": _found(archive, conn, run, older),
                "odd": queries.list_problems(conn, run),
                "numbers": numbers_of(conn, run),
                "runs": [
                    one
                    for one in queries.list_runs(conn, limit=_RUNS)
                    if one.status == "complete" and one.id != run.id
                ],
            }

        run, told = archive.ask(run_id, ask)
        everything: Sequence[Finding] = told.pop("found")
        found = [one for one in everything if rule in ("", one.rule) and severity in ("", one.severity)]
        if form:
            return saved(run, "lint", exporting.table(f"Findings in {run.label}", _COLUMNS, found), form)
        return archive.page(
            request,
            who,
            "lint",
            run,
            tab="lint",
            rules=_by_rule(found, _SHOWN if rule == "" else len(found)),
            counts=Counter(one.severity for one in everything),
            total=len(everything),
            severities=answering.SEVERITIES,
            explained=answering.RULES,
            most_odd=_ODD,
            values={"rule": rule, "severity": severity, "since": since},
            **told,
        )


def _add_summary(routes: APIRouter, archive: Archive) -> None:
    @routes.get("/{run_id:uuid}/lint/summary")
    def summary(request: Request, who: Viewer, run_id: RunId) -> Response:
        run, found = archive.ask(run_id, lambda conn, run: _found(archive, conn, run, None))
        return archive.page(
            request,
            who,
            "lint_summary",
            run,
            counts=Counter(one.severity for one in found),
            rules=sorted(
                Counter((one.rule, one.severity) for one in found).items(),
                key=lambda pair: (answering.SEVERITIES.index(pair[0][1]), -pair[1], pair[0][0]),
            ),
            severities=answering.SEVERITIES,
            explained=answering.RULES,
        )

    @routes.get("/{run_id:uuid}/report")
    def report(who: Viewer, run_id: RunId) -> Response:
        del who
        run, text = archive.ask(run_id, exporting.report)
        headers = {"Content-Disposition": f'attachment; filename="{run.id}.md"', "Cache-Control": "no-store"}
        return Response(text.encode("utf-8", "replace"), 200, headers, "text/markdown; charset=utf-8")


def _found(archive: Archive, conn: Connection, run: Run, older: Run | None) -> Sequence[Finding]:
    key = ("lint", run.number, None if older is None else older.number)
    return archive.kept(key, lambda: answering.lint(conn, run, older))


def _by_rule(found: Sequence[Finding], most: int) -> list[tuple[str, str, int, Sequence[Finding]]]:
    """(rule, worst severity, how many, those shown) of every rule, the worst first."""
    groups: dict[str, list[Finding]] = {}
    for one in sorted(found, key=lambda one: (answering.SEVERITIES.index(one.severity), one.rule)):
        groups.setdefault(one.rule, []).append(one)
    return [(rule, group[0].severity, len(group), group[:most]) for rule, group in groups.items()]
