"""`assay alerts`: an operator finds what is wrong and silences it."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from assay.jobs.ledger import Outcome
from assay.kit.db import Database
from monitoring.floor import a_run
from receivers import mail_server


@pytest.fixture
def alert(loaded, assay):
    """The number of an open alert about a source that fails."""
    db = Database(loaded["ASSAY_DATABASE_URL"])
    with db.transaction() as conn:
        for number in range(3):
            a_run(
                conn,
                datetime.now(UTC) + timedelta(seconds=number),
                Outcome.FAILED,
                source="kev",
                detail="no route",
            )
        conn.execute("UPDATE monitoring.horizons SET observed_at = NULL")
    from assay.bootstrap import build
    from assay.monitoring.tasks import watch
    from assay.settings import Settings

    settings = Settings(
        home=loaded["ASSAY_HOME"], database_url=loaded["ASSAY_DATABASE_URL"], processes=1,
        alerts={"off": ["worker_down"]},
    )  # fmt: skip
    with build(settings) as ctx:
        (opened,) = watch(ctx).opened
    yield opened.id
    with db.transaction() as conn:
        conn.execute("DELETE FROM jobs.runs WHERE detail = 'no route'")
        conn.execute("DELETE FROM monitoring.alerts")
    db.close()


def test_alerts_are_listed_shown_and_acknowledged(assay, ask, alert):
    listed = assay("alerts", "list", code=1).stdout
    assert "source_failing" in listed
    assert "failed 3 times in a row: no route" in " ".join(listed.split())
    (found,) = ask("alerts", "list", "--rule", "source_failing", code=1)["alerts"]
    assert (found["id"], found["state"], found["subject"]) == (alert, "open", "advisories kev")
    assert ask("alerts", "list", "--rule", "backlog")["alerts"] == []
    assert (
        ask("alerts", "ack", str(alert), "--by", "eve", "--note", "known")["alert"]["state"] == "acknowledged"
    )
    shown = assay("alerts", "show", str(alert)).stdout
    assert "by eve" in shown
    assert "known" in shown
    assert ask("alerts", "list")["alerts"][0]["acknowledged_by"] == "eve"
    [row] = ask("audit", "--action", "alerts.")["rows"]
    assert (row["name"], row["subject"], row["detail"]) == ("eve", str(alert), {"note": "known"})


def test_an_unknown_alert_or_rule_is_told(assay):
    assert "there is no alert 99999" in assay("alerts", "show", "99999", code=3).stderr
    assay("alerts", "list", "--rule", "backlogs", code=2)


def test_channels_are_tried(assay, ask):
    assert "ASSAY_ALERTS__CHANNELS" in assay("alerts", "test", code=3).stderr
    with mail_server() as mailbox:
        told = ask("alerts", "test", ASSAY_ALERTS__CHANNELS__MAIL=mailbox.address)
        assert told == {"channels": [{"channel": "mail", "error": None}]}
        assert mailbox.next()["Subject"] == "[test] Assay can reach you"
    assay("alerts", "test", "mail", code=1, ASSAY_ALERTS__CHANNELS=json.dumps({"mail": mailbox.address}))


def test_a_role_is_given_least_rights(loaded, assay, server):
    role = "assay_cli_reader"
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    try:
        assert "may read" in assay("migrate", "--role", role, "--read-only").stdout
        assert "has no role nobody" in assay("migrate", "--role", "nobody", code=2).stderr
        assay("migrate", "--role", role, "--check", code=2)
        assay("migrate", "--read-only", code=2)
    finally:
        with psycopg.connect(loaded["ASSAY_DATABASE_URL"], autocommit=True) as conn:
            conn.execute(f"DROP OWNED BY {role}")
            conn.execute(f"DROP ROLE {role}")
