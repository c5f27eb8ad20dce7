"""`/v1/sources`, `/v1/runs`, `/v1/quarantine`, `/v1/settings`: what is shown, who changes it, and who honours it."""

import json
from typing import Any

import pytest

from assay.auth.model import Kind, Principal, Role
from assay.jobs.choices import days_chosen
from assay.jobs.ledger import Outcome, add_run
from assay.monitoring import commands as monitoring
from assay.monitoring.model import Rule
from assay.monitoring.queries import list_alerts, thresholds_chosen
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request
from factories import NOW, an_osv_record
from jobs import hands
from monitoring.floor import ended
from web_service import Service, running_service


class Watch:
    """A service and whoever it takes requests for."""

    def __init__(self) -> None:
        self.role = Role.ADMIN
        self.service: Service

    def ask(self, method: str, path: str, body: Any = None, *, role: Role = Role.ADMIN) -> Any:
        self.role = role
        answer = self.service.ask(method, path, None if body is None else json.dumps(body).encode())
        self.status = answer.status
        return answer.json if answer.body else None


@pytest.fixture
def watch(make_context):
    made = Watch()
    who = lambda _: Principal(Kind.PERSON, "ada", made.role, 1)  # noqa: E731 - the role is asked for late
    with running_service(make_context(), identify=who) as service:
        made.service = service
        yield made


def audit(watch: Watch) -> list[tuple[str, str]]:
    with watch.service.ctx.db.transaction() as conn:
        return conn.execute("SELECT action, subject FROM auth.audit ORDER BY id").fetchall()


def synced(watch: Watch, tmp_path: Any, *records: bytes) -> None:
    folder = tmp_path / "osv"
    folder.mkdir()
    for number, record in enumerate(records):
        (folder / f"GHSA-aaaa-aaaa-{number:04}.json").write_bytes(record)
    ctx = watch.service.ctx
    commands.sync(
        ctx, {"osv": Request(origin=str(folder))}, retention=ctx.retention, progress=lambda *_: None
    )


def work_off(watch: Watch) -> None:
    """What a worker does with the next job."""
    ctx = watch.service.ctx
    with ctx.db.transaction() as conn:
        ticket = hands.take(conn, hands.a_worker(conn))
    assert ticket is not None
    one = ctx.tasks[ticket.task]
    one.function(ctx, hands.held(ticket, ctx.db), **one.decode(ticket.args))
    with ctx.db.transaction() as conn:
        hands.finish(conn, ticket)


def test_a_source_tells_how_it_is(watch: Watch, tmp_path: Any):
    synced(watch, tmp_path, an_osv_record("GHSA-aaaa-aaaa-0000"), b"not json")
    every = watch.ask("GET", "/v1/sources", role=Role.VIEWER)["sources"]
    assert {one["name"] for one in every} == set(watch.service.ctx.sources)
    osv = watch.ask("GET", "/v1/sources/osv")
    assert (osv["health"], osv["records"], osv["quarantined"], osv["failures"]) == ("fresh", 2, 1, 0)
    assert [(run["step"], run["outcome"], run["counts"]["quarantined"]) for run in osv["runs"]] == [
        ("sync", "completed", 1)
    ]
    assert watch.ask("GET", "/v1/sources/kev")["health"] == "never"
    assert "no source is called 'osw'" in watch.ask("GET", "/v1/sources/osw")["detail"]
    assert watch.status == 404


def test_a_source_is_run_and_its_times_changed(watch: Watch):
    told = watch.ask("POST", "/v1/sources/osv/run", {"full": True}, role=Role.ANALYST)
    assert (watch.status, told["is_new"]) == (202, True)
    assert watch.ask("POST", "/v1/sources/osv/run", {"full": True})["job"] == told["job"]
    assert watch.ask("GET", "/v1/sources/osv")["job"] == told["job"]
    changed = watch.ask("PATCH", "/v1/sources/osv", {"schedule": "every 30m", "enabled": False})
    assert (changed["schedule"], changed["is_enabled"], changed["next_run_at"]) == ("every 30m", False, None)
    assert changed["declared_schedule"] != "every 30m"
    back = watch.ask("PATCH", "/v1/sources/osv", {"schedule": None, "enabled": True})
    assert (back["schedule"], back["is_enabled"]) == (back["declared_schedule"], True)
    assert "now and then" in watch.ask("PATCH", "/v1/sources/osv", {"schedule": "now and then"})["detail"]
    assert watch.status == 400
    watch.ask("PATCH", "/v1/sources/osv", {"enabled": False}, role=Role.ANALYST)
    assert watch.status == 403
    watch.ask("POST", "/v1/sources/osv/run", {}, role=Role.VIEWER)
    assert watch.status == 403
    assert audit(watch) == [
        ("sources.run", "osv"), ("sources.run", "osv"), ("sources.schedule", "osv"), ("sources.disable", "osv"),
        ("sources.schedule", "osv"), ("sources.enable", "osv"),
    ]  # fmt: skip


def test_the_ledger_in_pages(watch: Watch):
    with watch.service.ctx.db.transaction() as conn:
        for number in range(5):
            outcome = Outcome.FAILED if number % 2 else Outcome.COMPLETED
            add_run(
                conn, room="advisories", step="sync", source=f"s{number}", started_at=NOW, ended_at=NOW,
                outcome=outcome, counts={"read": number}, detail="gone" if number % 2 else None,
            )  # fmt: skip
    first = watch.ask("GET", "/v1/runs?limit=3", role=Role.VIEWER)
    second = watch.ask("GET", f"/v1/runs?limit=3&before={first['next_before']}")
    assert [run["source"] for run in first["runs"] + second["runs"]] == ["s4", "s3", "s2", "s1", "s0"]
    assert second["next_before"] is None
    failed = watch.ask("GET", "/v1/runs?outcome=failed&room=advisories&step=sync")["runs"]
    assert [(run["source"], run["detail"]) for run in failed] == [("s3", "gone"), ("s1", "gone")]
    assert watch.ask("GET", "/v1/runs?source=s2")["runs"][0]["counts"] == {"read": 2}
    watch.ask("GET", "/v1/runs?outcome=odd")
    assert watch.status == 400


def test_what_was_set_aside_is_shown_and_read_again_by_a_worker(watch: Watch, tmp_path: Any):
    synced(watch, tmp_path, an_osv_record("GHSA-aaaa-aaaa-0000"), b"not json", b"[]")
    page = watch.ask("GET", "/v1/quarantine?limit=1", role=Role.VIEWER)
    rest = watch.ask("GET", f"/v1/quarantine?before={page['next_before']}")
    assert len(page["records"]) == len(rest["records"]) == 1
    assert rest["next_before"] is None
    assert sum(one["records"] for one in page["counts"]) == 2
    (record,) = watch.ask("GET", "/v1/quarantine?reason=not-json&source=osv")["records"]
    assert watch.ask("GET", f"/v1/quarantine/{record['id']}") == record
    raw = watch.service.get(f"/v1/quarantine/{record['id']}/raw")
    assert (raw.body, raw.headers["content-type"]) == (b"not json", "application/octet-stream")
    watch.ask("POST", "/v1/quarantine/replay", {"ids": [record["id"]], "all": True})
    assert watch.status == 400
    watch.ask("POST", "/v1/quarantine/replay", {"ids": [999]})
    assert watch.status == 404
    told = watch.ask("POST", "/v1/quarantine/replay", {"ids": [record["id"]]}, role=Role.ANALYST)
    assert watch.status == 202
    work_off(watch)
    job = watch.ask("GET", f"/v1/jobs/{told['job']}")
    assert (job["task"], job["status"]) == ("advisories.replay", "completed")
    assert watch.ask("GET", f"/v1/quarantine/{record['id']}")["reason"] == "not-json"
    assert audit(watch) == [("quarantine.replay", "records")]


def settings(told: Any) -> dict[str, Any]:
    return {one["name"]: one for one in told["settings"]}


def test_settings_change_without_a_restart(watch: Watch):
    before = settings(watch.ask("GET", "/v1/settings", role=Role.VIEWER))
    assert (before["alerts.failed_tasks"]["value"], before["alerts.failed_tasks"]["default"]) == (1, 1)
    ctx = watch.service.ctx
    with ctx.db.transaction() as conn:
        ended(conn, "failed")
    wanted = {"alerts.failed_tasks": 5, "alerts.off": ["worker_down"], "retention_days": 7}
    after = settings(watch.ask("PATCH", "/v1/settings", wanted))
    assert (after["alerts.failed_tasks"]["value"], after["alerts.failed_tasks"]["changed_by"]) == (5, "ada")
    assert (after["retention_days"]["value"], after["retention_days"]["default"]) == (7, 90)
    monitoring.watch(ctx)
    assert Rule.TASK_FAILED not in _rules(ctx)
    with ctx.db.transaction() as conn:
        assert thresholds_chosen(conn, ctx.alerting.thresholds).off == {Rule.WORKER_DOWN}
        assert days_chosen(conn, "retention_days", ctx.retention).days == 7
        assert days_chosen(conn, "jobs_retention_days", ctx.jobs_retention) == ctx.jobs_retention
    back = settings(watch.ask("PATCH", "/v1/settings", {"alerts.failed_tasks": None, "retention_days": 7}))
    assert (back["alerts.failed_tasks"]["value"], back["alerts.failed_tasks"]["is_changed"]) == (1, False)
    monitoring.watch(ctx)
    assert Rule.TASK_FAILED in _rules(ctx)
    assert audit(watch) == [
        ("settings.change", "alerts.failed_tasks"), ("settings.change", "alerts.off"),
        ("settings.change", "retention_days"), ("settings.reset", "alerts.failed_tasks"),
    ]  # fmt: skip


def _rules(ctx: Any) -> set[Rule]:
    with ctx.db.transaction() as conn:
        return {one.rule for one in list_alerts(conn)}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"web_port": 1}, "cannot be changed at run time"),
        ({"alerts.backlog": 0}, "greater than or equal to 1"),
        ({"alerts.backlog": "many"}, "valid integer"),
        ({"alerts.error_rate": 2}, "less than or equal to 1"),
        ({"alerts.off": ["nothing"]}, "no alert rule is called 'nothing'"),
        ({"retention_days": 0}, "greater than or equal to 1"),
        ({"retention_days": 10**9}, "less than or equal to 36500"),
        ({"alerts.channels": {}}, "cannot be changed at run time"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_and_nothing_is_changed(watch: Watch, wanted: Any, said: str):
    told = watch.ask("PATCH", "/v1/settings", {"runs_retention_days": 5} | wanted)
    assert (watch.status, said in told["detail"]) == (400, True), told
    assert not any(one["is_changed"] for one in watch.ask("GET", "/v1/settings")["settings"])
    assert audit(watch) == []
    watch.ask("PATCH", "/v1/settings", {}, role=Role.ANALYST)
    assert watch.status == 403
