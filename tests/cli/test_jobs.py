"""Jobs, schedules and workers as an operator meets them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.errors import Permanent
from assay.kit.db import Database
from jobs import hands

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def db(loaded):
    """The database, rid of jobs afterwards."""
    database = Database(loaded["ASSAY_DATABASE_URL"])
    yield database
    with database.transaction() as conn:
        conn.execute(
            "DELETE FROM jobs.procrastinate_jobs; DELETE FROM jobs.schedules; DELETE FROM jobs.interventions"
        )
        conn.execute("DELETE FROM jobs.procrastinate_workers")
    database.close()


def a_dead_letter(db: Database, said: str = "wrong address") -> int:
    """The next job fails for good."""
    with db.transaction() as conn:
        ticket = hands.take(conn, hands.a_worker(conn))
        hands.fail(conn, ticket, Permanent(said))
    return ticket.job_id


def test_a_sync_is_left_to_the_workers_once(ask, assay, db):
    first = ask("sync", "osv", "kev", "--background")["jobs"]
    assert [(one["name"], one["is_new"]) for one in first] == [("osv", True), ("kev", True)]
    again = ask("sync", "osv", "--background")["jobs"]
    assert again == [{"name": "osv", "id": first[0]["id"], "is_new": False}]
    assert ask("sync", "osv", "--full", "--background")["jobs"][0]["is_new"]
    shown = ask("jobs", "show", str(first[0]["id"]))
    assert (shown["task"], shown["room"], shown["subject"], shown["status"]) == (
        "advisories.sync",
        "advisories",
        "osv",
        "pending",
    )
    assert f"assay jobs show {first[0]['id']} --follow" in assay("sync", "osv", "--background").stdout


def test_a_failure_is_found_understood_and_retried(ask, assay, db):
    assay("sync", "osv", "gitlab", "--background")
    broken, other = a_dead_letter(db, "the mirror answers 404"), a_dead_letter(db)
    listed = ask("jobs", "list", "--status", "failed", "--error", "404")["jobs"]
    assert [job["id"] for job in listed] == [broken]
    said = assay("jobs", "show", str(broken)).stdout
    assert "the mirror answers 404" in said
    assert f"assay jobs retry {broken}" in said
    assert "Traceback" not in said
    assert "Permanent: the mirror" in assay("-v", "jobs", "show", str(broken)).stdout
    assert ask("jobs", "retry", "--error", "404", "--by", "ann") == {"retried": [broken], "replaced": 0}
    found = ask("jobs", "show", str(broken))
    assert (found["status"], found["interventions"][0]["by_whom"]) == ("pending", "ann")
    assert ask("jobs", "discard", str(other), "--reason", "known")["discarded"] == [other]
    assert ask("jobs", "cancel", str(broken))["jobs"] == [{"id": broken, "status": "cancelled"}]
    rows = ask("audit", "--action", "jobs.")["rows"]
    assert [(row["action"], row["subject"], row["detail"]) for row in reversed(rows)] == [
        ("jobs.retry", "many", {"error": "404", "jobs": 1}),
        ("jobs.discard", str(other), {"reason": "known"}),
        ("jobs.cancel", str(broken), {}),
    ]
    assert rows[-1]["name"] == "ann"
    assay("jobs", "retry", str(other))
    assay("jobs", "retry", str(other), code=4)
    assay("jobs", "show", "999999", code=3)
    assay("jobs", "retry", code=2)
    assay("jobs", "retry", "1", "--all", code=2)


def test_a_task_is_run_by_name_with_checked_arguments(ask, assay, db):
    made = ask("jobs", "run", "advisories.sync", "source=osv", "full=true")["jobs"][0]
    assert ask("jobs", "show", str(made["id"]))["args"]["full"] is True
    assert "does not take" in assay("jobs", "run", "advisories.sync", "source=3", code=2).stderr
    assert (
        "password"
        in assay("jobs", "run", "advisories.sync", "source=osv", "origin=https://a:b@x", code=2).stderr
    )
    assay("jobs", "run", "advisories.sink", code=3)
    assay("jobs", "run", "advisories.sync", "osv", code=2)


def test_stats_say_when_nobody_works(ask, assay, db):
    assert ask("jobs", "stats") == {"tasks": [], "workers": [], "unserved_queues": []}
    assay("sync", "osv", "--background")
    said = assay("jobs", "stats", code=1)
    assert "no worker" in said.stdout
    assert "start one with `assay worker`" in said.stderr


def test_schedules_have_the_defaults_that_were_promised(ask, db):
    found = {one["name"]: one["spec"] for one in ask("schedules", "list")}
    feeds = {"feeds", "feeds-processing", "feeds-names", "feeds-purge", "monitored-products"}
    assert set(found) == {
        "osv",
        "gitlab",
        "cve",
        "kev",
        "epss",
        "retention",
        "sign-ins",
        "monitoring",
        *feeds,
    }
    assert found["monitoring"] == found["feeds"] == "every 1m"
    for hourly in ("osv", "gitlab", "cve"):
        assert found[hourly].endswith(" * * * *")
    for daily in ("kev", "epss", "retention", "sign-ins", "feeds-purge"):
        minute, hour, *rest = found[daily].split()
        assert (minute.isdigit(), hour.isdigit(), rest) == (True, True, ["*", "*", "*"])


def test_schedules_are_changed_at_run_time_and_by_settings(ask, assay, db):
    assert ask("schedules", "set", "osv", "every 30m")["spec"] == "every 30m"
    assert "every 30m (set by hand)" in assay("schedules", "list").stdout
    assert ask("schedules", "set", "osv", "--default")["is_changed"] is False
    assert ask("schedules", "pause", "osv")["is_paused"]
    assert "paused" in assay("schedules", "list").stdout
    assert not ask("schedules", "resume", "osv")["is_paused"]
    job = ask("schedules", "run", "kev")["last_job_id"]
    assert ask("jobs", "show", str(job))["subject"] == "kev"
    rows = ask("audit", "--action", "schedules.")["rows"]
    assert [(row["action"], row["subject"], row["detail"]) for row in reversed(rows)] == [
        ("schedules.set", "osv", {"spec": "every 30m", "before": "13 * * * *"}),
        ("schedules.set", "osv", {"spec": None, "before": "every 30m"}),
        ("schedules.pause", "osv", {}),
        ("schedules.resume", "osv", {}),
        ("schedules.run", "kev", {"job": job}),
    ]
    found = {
        one["name"]: one["spec"] for one in ask("schedules", "list", ASSAY_SOURCES__OSV__SCHEDULE="every 2h")
    }
    assert found["osv"] == "every 2h"
    found = ask("schedules", "list", ASSAY_SCHEDULES='{"retention": "off"}')
    assert next(one for one in found if one["name"] == "retention")["spec"] == "off"


@pytest.mark.parametrize("spec", ["every 30s", "every 73h", "0 0 * * mon", "now and then"])
def test_a_source_cannot_be_looked_at_too_often_or_too_seldom(assay, db, spec):
    assert spec in assay("schedules", "set", "osv", spec, code=2).stderr
    assay("schedules", "list", code=2, ASSAY_SOURCES__OSV__SCHEDULE=spec)


def test_schedules_that_are_none_are_told(assay, db):
    assert "there are cve" in assay("schedules", "pause", "nvd", code=3).stderr
    assay("schedules", "set", "osv", code=2)
    assert "nvd" in assay("schedules", "list", code=2, ASSAY_SCHEDULES='{"nvd": "every 1h"}').stderr


def test_a_worker_of_unknown_queues_does_not_start(assay, db):
    assert "no task uses the queue" in assay("worker", "--queues", "other", code=2).stderr


@pytest.mark.fault
def test_a_worker_syncs_what_was_left_to_it(loaded, ask, assay, db):
    jobs = ask("sync", "kev", "epss", "--background", "--from", f"kev={ROOT / 'sample' / 'kev.json.gz'}",
               "--from", f"epss={ROOT / 'sample' / 'epss.csv.gz'}")["jobs"]  # fmt: skip
    environment = {**os.environ, **loaded, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "assay", "worker", "--processes", "1"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            followed = assay("jobs", "show", str(jobs[0]["id"]), "--follow", "--json")
            assert '"status": "completed"' in followed.stdout
            assay("jobs", "show", str(jobs[1]["id"]), "--follow")
            stats = ask("jobs", "stats")
            assert stats["tasks"][0]["completed_last_hour"] == 2
            assert len(stats["workers"]) == 1
            end = time.monotonic() + 10
            while any(one["next_run_at"] is None for one in ask("schedules", "list")):
                assert time.monotonic() < end
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            assert "Stopped" in process.stderr.read()
        finally:
            process.kill()
    runs = {one["source"]: one["last_run"]["outcome"] for one in ask("sources") if one["last_run"]}
    assert runs["kev"] in ("completed", "unchanged")
