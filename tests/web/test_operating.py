"""`/v1/jobs`, `/v1/schedules`, `/v1/alerts`: who may look, who may change, and what the audit log says of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from assay.auth.model import Kind, Principal, Role
from assay.errors import Permanent, Transient
from assay.jobs.deferring import defer
from assay.jobs.ledger import Outcome
from assay.monitoring import tasks
from assay.monitoring.model import AlertState
from assay.monitoring.queries import list_alerts
from assay.pipelines.advisories.commands import background_sync
from jobs import hands
from monitoring.floor import a_run, a_worker, begun, failed_attempt, waiting
from web_service import Service, running_service

NOBODY = Principal(Kind.PUBLIC, "public", None)


class Door:
    """A service that takes every request for one of whoever stands here."""

    def __init__(self) -> None:
        self.who = Principal(Kind.PERSON, "ada", Role.ADMIN, 1)
        self.service: Service

    def as_(self, role: Role | None) -> "Door":
        self.who = NOBODY if role is None else replace(self.who, kind=Kind.PERSON, name="ada", role=role)
        return self

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        answer = self.service.ask(method, path, content, Content_Type="application/json")
        self.status = answer.status
        return answer.json


@pytest.fixture
def door(make_context):
    made = Door()
    with running_service(make_context(), identify=lambda _: made.who) as service:
        made.service = service
        yield made


def audit(door: Door) -> list[tuple[str, str, str, dict[str, Any]]]:
    with door.service.ctx.db.transaction() as conn:
        return conn.execute("SELECT name, action, subject, detail FROM auth.audit ORDER BY id").fetchall()


def a_dead_letter(door: Door, source: str, error: Exception) -> int:
    with door.service.ctx.db.transaction() as conn:
        job = defer(conn, background_sync.having(priority=100), source=source)
        hands.fail(conn, hands.take(conn, hands.a_worker(conn)), error)
        return job


def test_jobs_are_listed_page_by_page_and_by_what_they_are(door: Door):
    gone = a_dead_letter(door, "kev", Permanent("no such address"))
    with door.service.ctx.db.transaction() as conn:
        made = [waiting(conn) for _ in range(3)]
    door.as_(Role.VIEWER)
    first = door.ask("GET", "/v1/jobs?limit=2")
    assert [job["id"] for job in first["jobs"]] == made[:0:-1]
    rest = door.ask("GET", f"/v1/jobs?limit=2&before={first['next_before']}")
    assert ([job["id"] for job in rest["jobs"]], rest["next_before"]) == ([made[0], gone], None)
    for query in ("status=failed", "subject=kev", "error=SUCH+ADDRESS", "task=advisories.sync"):
        assert [job["id"] for job in door.ask("GET", f"/v1/jobs?{query}")["jobs"]] == [gone]
    door.ask("GET", "/v1/jobs?status=broken")
    assert door.status == 400
    stats = door.ask("GET", "/v1/jobs/stats")
    assert {one["task"]: (one["pending"], one["failed"]) for one in stats["tasks"]} == {
        "advisories.sync": (0, 1),
        "monitoring.deliver": (3, 0),
    }


def test_tracebacks_and_arguments_are_for_analysts(door: Door):
    job = a_dead_letter(door, "kev", Permanent("no such address"))
    seen = door.as_(Role.VIEWER).ask("GET", f"/v1/jobs/{job}")
    (attempt,) = seen["attempts"]
    assert (attempt["error"], "traceback" in attempt, "arguments" in seen) == (
        "no such address",
        False,
        False,
    )
    seen = door.as_(Role.ANALYST).ask("GET", f"/v1/jobs/{job}")
    assert "Permanent: no such address" in seen["attempts"][0]["traceback"]
    assert seen["arguments"]["source"] == "kev"
    door.ask("GET", f"/v1/jobs/{job + 1}")
    assert door.status == 404


def test_one_job_is_retried_discarded_and_cancelled_and_the_log_says_who(door: Door):
    job = a_dead_letter(door, "kev", Permanent("no such address"))
    door.as_(Role.ANALYST)
    assert door.ask("POST", f"/v1/jobs/{job}/retry")["status"] == "pending"
    told = door.ask("POST", f"/v1/jobs/{job}/retry")
    assert (door.status, told["title"]) == (409, "Conflict")
    assert f"job {job} is pending" in told["detail"]
    assert door.ask("POST", f"/v1/jobs/{job}/cancel")["status"] == "cancelled"
    other = a_dead_letter(door, "osv", Permanent("gone"))
    told = door.ask("POST", f"/v1/jobs/{other}/discard", {"reason": "known"})
    assert (told["status"], told["interventions"][0]["detail"]) == ("cancelled", "known")
    assert [entry[:3] for entry in audit(door)] == [
        ("ada", "jobs.retry", str(job)),
        ("ada", "jobs.cancel", str(job)),
        ("ada", "jobs.discard", str(other)),
    ]


def test_of_a_kind_that_waits_already_none_is_retried(door: Door):
    job = a_dead_letter(door, "kev", Permanent("no"))
    with door.service.ctx.db.transaction() as conn:
        defer(conn, background_sync, source="kev")
    told = door.as_(Role.ANALYST).ask("POST", f"/v1/jobs/{job}/retry")
    assert door.status == 409
    assert "waits already" in told["detail"]
    assert audit(door) == []


def test_many_are_retried_or_discarded_by_what_went_wrong(door: Door):
    full = [a_dead_letter(door, source, Permanent("disk full")) for source in ("kev", "osv")]
    other = a_dead_letter(door, "epss", Permanent("moved"))
    door.as_(Role.ANALYST)
    assert door.ask("POST", "/v1/jobs/retry", {"error": "DISK"}) == {"retried": full, "replaced": 0}
    for nothing in ({}, {"all": True, "task": "advisories.sync"}, {"colour": "red"}):
        door.ask("POST", "/v1/jobs/retry", nothing)
        assert door.status == 400
    assert door.ask("POST", "/v1/jobs/discard", {"all": True, "reason": "old"})["discarded"] == [other]
    assert [entry[1:] for entry in audit(door)] == [
        ("jobs.retry", "many", {"error": "DISK", "jobs": 2}),
        ("jobs.discard", "many", {"all": True, "reason": "old", "jobs": 1}),
    ]


def test_schedules_are_shown_before_any_worker_has_run(door: Door):
    told = door.as_(Role.VIEWER).ask("GET", "/v1/schedules")["schedules"]
    assert {one["name"] for one in told} == {one.name for one in door.service.ctx.schedules}
    (osv,) = [one for one in told if one["name"] == "osv"]
    assert (osv["spec"], osv["arguments"], osv["next_run_at"]) == ("13 * * * *", {"source": "osv"}, None)
    door.ask("GET", "/v1/schedules/weekly")
    assert door.status == 404


def test_a_schedule_is_changed_paused_and_set_back(door: Door):
    door.as_(Role.ADMIN)
    path = "/v1/schedules/kev"
    told = door.ask("PATCH", path, {"spec": "every 30m"})
    assert (told["spec"], told["is_changed"], told["is_paused"]) == ("every 30m", True, False)
    told = door.ask("PATCH", path, {"paused": True})
    assert (told["spec"], told["is_paused"]) == ("every 30m", True)
    assert door.ask("PATCH", path, {}) == told
    told = door.ask("PUT", path, {})
    assert (told["spec"], told["is_changed"], told["is_paused"]) == ("41 15 * * *", False, False)
    assert [entry[1:] for entry in audit(door)] == [
        ("schedules.set", "kev", {"spec": "every 30m", "before": "41 15 * * *"}),
        ("schedules.pause", "kev", {}),
        ("schedules.set", "kev", {"spec": None, "before": "every 30m"}),
        ("schedules.resume", "kev", {}),
    ]


@pytest.mark.parametrize("spec", ["sometimes", "every 10s", "every 73h", 5])
def test_a_bad_timing_changes_nothing(door: Door, spec):
    told = door.as_(Role.ADMIN).ask("PUT", "/v1/schedules/kev", {"spec": spec, "paused": True})
    assert (door.status, told["title"]) == (400, "Bad Request")
    assert audit(door) == []
    kev = door.ask("GET", "/v1/schedules/kev")
    assert (kev["is_changed"], kev["is_paused"]) == (False, False)


def test_a_schedule_is_run_now(door: Door):
    told = door.as_(Role.ANALYST).ask("POST", "/v1/schedules/kev/run")
    assert door.status == 202
    job = door.ask("GET", told["url"])
    assert (job["task"], job["subject"], job["status"]) == ("advisories.sync", "kev", "pending")
    assert audit(door) == [("ada", "schedules.run", "kev", {"job": told["job"]})]


def test_alerts_are_listed_shown_and_acknowledged(door: Door):
    ctx = door.service.ctx
    with ctx.db.transaction() as conn:
        a_worker(conn)
        failed_attempt(conn, begun(conn))
        for _ in range(3):
            a_run(conn, datetime.now(UTC), Outcome.FAILED, source="kev", detail="no such address")
    tasks.watch(ctx)
    told = door.as_(Role.VIEWER).ask("GET", "/v1/alerts?rule=source_failing")
    (alert,) = told["alerts"]
    assert (alert["subject"], alert["state"], alert["value"]) == ("advisories kev", "open", 3.0)
    assert told["looked_at"] is not None
    assert door.ask("GET", f"/v1/alerts/{alert['id']}")["deliveries"] == []
    door.as_(Role.ANALYST)
    told = door.ask("POST", f"/v1/alerts/{alert['id']}/acknowledge", {"note": "until noon"})
    assert (told["state"], told["acknowledged_by"], told["note"]) == ("acknowledged", "ada", "until noon")
    assert audit(door) == [("ada", "alerts.acknowledge", str(alert["id"]), {"note": "until noon"})]
    with ctx.db.transaction() as conn:
        conn.execute("UPDATE monitoring.alerts SET state = 'resolved', resolved_at = now()")
        assert [one.state for one in list_alerts(conn, every=True)] == [AlertState.RESOLVED]
    door.ask("POST", f"/v1/alerts/{alert['id']}/acknowledge")
    assert door.status == 409
    assert door.ask("GET", "/v1/alerts")["alerts"] == []
    assert len(door.ask("GET", "/v1/alerts?all=true&limit=1")["alerts"]) == 1


NEEDS = (
    ("GET", "/v1/jobs", Role.VIEWER),
    ("GET", "/v1/jobs/stats", Role.VIEWER),
    ("GET", "/v1/jobs/1", Role.VIEWER),
    ("POST", "/v1/jobs/1/retry", Role.ANALYST),
    ("POST", "/v1/jobs/1/discard", Role.ANALYST),
    ("POST", "/v1/jobs/1/cancel", Role.ANALYST),
    ("POST", "/v1/jobs/retry", Role.ANALYST),
    ("POST", "/v1/jobs/discard", Role.ANALYST),
    ("GET", "/v1/schedules", Role.VIEWER),
    ("GET", "/v1/schedules/kev", Role.VIEWER),
    ("POST", "/v1/schedules/kev/run", Role.ANALYST),
    ("PUT", "/v1/schedules/kev", Role.ADMIN),
    ("PATCH", "/v1/schedules/kev", Role.ADMIN),
    ("GET", "/v1/alerts", Role.VIEWER),
    ("GET", "/v1/alerts/1", Role.VIEWER),
    ("POST", "/v1/alerts/1/acknowledge", Role.ANALYST),
)


def test_who_may(door: Door):
    for method, path, role in NEEDS:
        told = door.as_(None).ask(method, path, {})
        assert (door.status, told["status"], told["instance"]) == (401, 401, path)
        for less in list(Role)[: list(Role).index(role)]:
            told = door.as_(less).ask(method, path, {})
            assert (door.status, f"the role {role}" in told["detail"]) == (403, True), path
        door.as_(role).ask(method, path, {})
        assert door.status not in {401, 403, 500}, path


def test_an_analyst_may_ask_for_a_sync_and_the_log_says_so(door: Door):
    told = door.as_(Role.ANALYST).ask("POST", "/api/jobs/sync", {"sources": ["kev"]})
    assert door.status == 202
    job = told["jobs"][0]["id"]
    assert audit(door) == [("ada", "sources.run", "kev", {"job": job, "full": False})]
    door.as_(Role.VIEWER).ask("POST", "/api/jobs/sync", {"sources": ["kev"]})
    assert door.status == 403


def test_every_route_of_these_is_described_with_an_example(door: Door):
    paths = door.ask("GET", "/openapi.json")["paths"]
    mine = [
        (path, route)
        for path, methods in paths.items()
        if path.startswith(("/v1/jobs", "/v1/schedules", "/v1/alerts"))
        for route in methods.values()
    ]
    assert len(mine) == len(NEEDS)
    for path, route in mine:
        good = [one for code, one in route["responses"].items() if code.startswith("2")]
        assert [one["content"]["application/json"]["example"] for one in good], path
        assert {"401", "403"} <= route["responses"].keys(), path


def test_what_a_retry_that_failed_again_looks_like(door: Door):
    """A job that is retried by the queue itself is told apart from one that was given up."""
    with door.service.ctx.db.transaction() as conn:
        job = defer(conn, background_sync, source="kev")
        hands.fail(conn, hands.take(conn, hands.a_worker(conn)), Transient("down"))
    seen = door.as_(Role.VIEWER).ask("GET", f"/v1/jobs/{job}")
    assert (seen["status"], seen["retry_count"], seen["error_message"]) == ("retrying", 1, "down")
    assert seen["not_before"] is not None
