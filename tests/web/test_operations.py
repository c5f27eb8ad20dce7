"""What programs ask about workers and jobs, and who may start a sync."""

import threading

import pytest

from assay.auth.model import Role
from assay.bootstrap import build
from assay.monitoring import queries
from assay.web.standing_in import StandIn
from monitoring.floor import TASK, a_worker, begun, ended, failed_attempt, waiting
from web_service import running_service

JSON = {"Content_Type": "application/json"}


@pytest.fixture
def service(make_context):
    with running_service(make_context(), Role.ANALYST) as found:
        yield found


def test_worker_health(service):
    told = service.get("/v1/worker/health").json
    assert told == {
        "status": "down",
        "workers": [],
        "active_tasks": 0,
        "queue_depth": 0,
        "oldest_waiting_seconds": None,
        "queues": [],
    }
    with service.ctx.db.transaction() as conn:
        worker = a_worker(conn, queues=["other"])
        waiting(conn)
        waiting(conn)
        begun(conn)
    told = service.get("/v1/worker/health").json
    assert (told["status"], told["active_tasks"], told["queue_depth"]) == ("degraded", 1, 2)
    assert 0 <= told["oldest_waiting_seconds"] < 60
    assert [(one["id"], one["is_alive"], one["queues"]) for one in told["workers"]] == [
        (worker, True, ["other"])
    ]
    with service.ctx.db.transaction() as conn:
        a_worker(conn)
    assert service.get("/v1/worker/health").json["status"] == "ok"


def test_a_task_with_its_attempts(service):
    with service.ctx.db.transaction() as conn:
        job = ended(conn, "failed")
        failed_attempt(conn, job)
    told = service.get(f"/v1/worker/tasks/{job}").json
    assert (told["id"], told["task"], told["status"], told["error_message"]) == (
        job,
        TASK.name,
        "failed",
        "it broke",
    )
    assert [(one["number"], one["outcome"], one["error_kind"]) for one in told["attempts"]] == [
        (1, "error", "Transient")
    ]
    assert {"args", "traceback"} & (told.keys() | told["attempts"][0].keys()) == set()
    missing = service.get("/v1/worker/tasks/999999999")
    assert (missing.status, missing.json["title"]) == (404, "Not Found")
    assert service.get("/v1/worker/tasks/0").status == 400
    assert service.get(f"/v1/worker/tasks/{2**63}").status == 400


def test_a_sync_is_left_to_the_workers(service):
    told = service.post("/api/jobs/sync", {"sources": ["kev", "epss", "kev"]}, **JSON)
    assert told.status == 202
    assert [(one["source"], one["is_new"]) for one in told.json["jobs"]] == [("kev", True), ("epss", True)]
    again = service.post("/api/jobs/sync", {"sources": ["kev"]}, **JSON).json["jobs"][0]
    assert (again["id"], again["is_new"]) == (told.json["jobs"][0]["id"], False)
    job = service.get(again["url"]).json
    assert (job["task"], job["subject"], job["status"]) == ("advisories.sync", "kev", "pending")
    status = service.get("/api/jobs/status").json
    assert status["counts"]["pending"] == 2
    sources = {one["source"]: one for one in status["sources"]}
    assert sources["kev"]["job"]["id"] == again["id"]
    assert (sources["osv"]["job"], sources["osv"]["last_run"]) == (None, None)
    assert {one["id"] for one in status["active"]} == {one["id"] for one in told.json["jobs"]}


def test_all_sources_are_synced_where_none_is_named(service):
    jobs = service.post("/api/jobs/sync", {}, **JSON).json["jobs"]
    assert [one["source"] for one in jobs] == list(service.ctx.sources)


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        ({"sources": ["kve"]}, JSON, 404, "no source is called 'kve'"),
        ({"source": "kev"}, JSON, 400, "unknown field"),
        (b"{", JSON, 400, "invalid JSON"),
        ({}, {"Content_Type": "text/plain"}, 415, "application/json"),
    ],
)
def test_what_is_refused_changes_nothing(service, body, headers, status, said):
    answer = service.post("/api/jobs/sync", body, **headers)
    assert answer.status == status
    assert said in answer.json["detail"]
    assert service.get("/api/jobs/status").json["active"] == []


def test_readiness_says_why_it_is_not_ready(service):
    told = service.get("/health").json
    assert (told["ready"], told["checks"]) == (
        True,
        {"database": True, "migrations": True, "workers": 0, "alerts": 0},
    )
    with service.ctx.db.transaction() as conn:
        conn.execute(
            "DELETE FROM assay_migrations WHERE version = (SELECT max(version) FROM assay_migrations)"
        )
    answer = service.get("/health")
    assert (answer.status, answer.json["ready"]) == (503, False)
    assert "run `assay migrate`" in answer.json["reason"]
    assert service.get("/health/ready").status == 503
    assert service.get("/health/live").status == 200


def test_the_service_looks_where_no_worker_does(make_context):
    ctx = make_context()
    looked = threading.Event()

    def watch_log() -> bool:
        with ctx.db.transaction() as conn:
            return queries.observed_at(conn) is not None

    with StandIn(ctx, every_seconds=0.01):
        for _ in range(1000):
            if watch_log() or looked.wait(0.01):
                break
    assert watch_log()


def test_settings_with_addresses_reach_other_processes(make_context):
    """Workers are given the settings whole."""
    import pickle

    made = make_context(alerts={"channels": {"mail": "mailto://user:hunter2@example.org"}})
    settings = pickle.loads(pickle.dumps(made.settings))
    with build(settings) as ctx:
        assert ctx.alerting == made.alerting
