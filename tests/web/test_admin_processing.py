"""`/admin/processing`, as promised: a pass now, how far it is, the schedule, the purge; for administrators."""

import pytest

from assay.auth.model import Role
from pipelines.feeds.test_processing import received
from web.test_operating import Door, audit, door

__all__ = ["door"]
PATH = "/admin/processing"
STATS = {"processed", "created", "updated", "failed", "skipped", "duplicates", "purged", "duration_seconds"}


def waiting(door: Door) -> int:
    with door.service.ctx.db.transaction() as conn:
        return received(conn)


def test_a_pass_is_triggered_and_counted(door: Door):
    entries = waiting(door)
    told = door.as_(Role.ADMIN).ask("POST", f"{PATH}/trigger", {"batch_size": 4})
    assert (door.status, told["message"], set(told["stats"])) == (200, "processed 4 entries", STATS)
    status = door.ask("GET", f"{PATH}/status")
    assert status["raw_entries"] == {
        "pending": entries - 4, "processing": 0, "completed": 4, "failed": 0, "total": entries,
    }  # fmt: skip
    standing = status["vulnerabilities"]
    assert standing["total"] == standing["needs_review"] + standing["approved"] > 0
    # Without a body it is as the settings say: all that waits fits into one batch.
    assert door.ask("POST", f"{PATH}/trigger")["stats"]["processed"] == entries - 4
    told = door.ask("POST", f"{PATH}/trigger", {})
    assert (told["message"], told["stats"]["processed"]) == ("nothing waits", 0)
    assert [entry[1:3] for entry in audit(door)] == [("processing.trigger", "entries")] * 3


@pytest.mark.parametrize("body", [{"batch_size": 0}, {"batch_size": 101}, {"size": 5}, {"batch_size": "5"}])
def test_a_wrong_batch_processes_nothing(door: Door, body):
    waiting(door)
    door.as_(Role.ADMIN).ask("POST", f"{PATH}/trigger", body)
    assert door.status == 400
    assert door.ask("GET", f"{PATH}/status")["raw_entries"]["completed"] == 0


def test_the_scheduler_is_stopped_and_started(door: Door):
    door.as_(Role.ADMIN)
    first = door.ask("GET", f"{PATH}/scheduler")
    assert (first["running"], first["interval"]) == (True, "every 5m")
    assert door.ask("POST", f"{PATH}/scheduler/stop")["running"] is False
    assert door.ask("POST", f"{PATH}/scheduler/stop")["running"] is False
    assert door.ask("GET", "/v1/schedules/feeds-processing")["is_paused"]
    assert door.ask("POST", f"{PATH}/scheduler/start")["running"] is True
    assert [entry[1] for entry in audit(door)] == ["schedules.pause", "schedules.resume"]
    # Every 1 to 60 minutes, at run time.
    for spec, status in [("every 1m", 200), ("every 60m", 200), ("every 61m", 400), ("every 30s", 400)]:
        door.ask("PATCH", "/v1/schedules/feeds-processing", {"spec": spec})
        assert door.status == status, spec
    assert door.ask("GET", f"{PATH}/scheduler")["interval"] == "every 60m"
    # The setting of the same is the schedule's.
    door.ask("PUT", "/admin/llm/config", {"interval_minutes": 7})
    assert door.status == 200
    assert door.ask("GET", f"{PATH}/scheduler")["interval"] == "every 7m"
    door.ask("PATCH", "/v1/settings", {"llm.interval_minutes": None})
    assert door.ask("GET", f"{PATH}/scheduler")["interval"] == "every 5m"


def test_what_is_completed_is_purged_and_what_waits_stays(door: Door):
    entries = waiting(door)
    door.as_(Role.ADMIN).ask("POST", f"{PATH}/trigger", {"batch_size": 5})
    with door.service.ctx.db.transaction() as conn:
        conn.execute(
            "UPDATE feeds.raw_entries SET ended_at = ended_at - interval '8 days' WHERE status = 'completed'"
        )
    assert door.ask("POST", f"{PATH}/purge", {"days": 9})["purged"] == 0
    told = door.ask("POST", f"{PATH}/purge")
    assert (told["message"], told["stats"]) == ("purged 5 entries", {"purged": 5})
    assert door.ask("GET", f"{PATH}/status")["raw_entries"]["total"] == entries - 5
    for wrong in ({"days": 0}, {"days": 91}, {"weeks": 1}):
        door.ask("POST", f"{PATH}/purge", wrong)
        assert door.status == 400
    # What was read out of them stays, with its text.
    assert door.ask("GET", f"{PATH}/status")["vulnerabilities"]["total"] > 0


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, None])
def test_only_administrators_come_in(door: Door, role):
    door.as_(role)
    for method, path in [
        ("POST", "trigger"), ("GET", "status"), ("GET", "scheduler"), ("POST", "scheduler/start"),
        ("POST", "scheduler/stop"), ("POST", "purge"),
    ]:  # fmt: skip
        door.ask(method, f"{PATH}/{path}")
        assert door.status == (401 if role is None else 403)
