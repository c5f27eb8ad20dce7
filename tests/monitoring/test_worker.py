"""The whole way with real processes: a job that fails in a worker, a look, a mail and a signed request."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from assay.bootstrap.loading import load_tasks
from assay.jobs import commands as jobs
from assay.kit.signing import read_secret
from assay.monitoring.tasks import watch_now
from assay.pipelines.advisories.commands import background_sync
from receivers import mail_server, receiver

ROOT = Path(__file__).parents[2]
SECRET = "a plain secret of 32 characters!"


@pytest.mark.fault
def test_a_failure_reaches_people_and_programs(fresh_url, tmp_path):
    with mail_server() as mailbox, receiver() as hook:
        hook.answers.append(500)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "ASSAY_HOME": str(tmp_path),
            "ASSAY_DATABASE_URL": fresh_url,
            "ASSAY_PROCESSES": "1",
            "ASSAY_ALERTS__CHANNELS__MAIL": mailbox.address,
            "ASSAY_ALERTS__WEBHOOKS": json.dumps({"hook": {"url": hook.url, "secret": SECRET}}),
        }
        worker = subprocess.Popen(
            [sys.executable, "-m", "assay", "worker", "--processes", "1"],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            with psycopg.connect(fresh_url) as conn:
                missing = str(tmp_path / "missing.json")
                job = jobs.run(
                    conn, load_tasks(), background_sync.name, {"source": "kev", "origin": missing}, "eve"
                )
                conn.commit()
                wait_until(conn, "SELECT status = 'failed' FROM jobs.processing_tasks WHERE id = %s", job.id)
                jobs.run(conn, load_tasks(), watch_now.name, {}, "eve")
                conn.commit()
                mail = mailbox.next()
                assert mail["Subject"] == "[warning] task failed: advisories.sync"
                assert "missing.json" in mail.get_body(("plain",)).get_content()
                # The receiver was down once: the job waits a while, unless somebody says that it is up again.
                first = hook.next()
                wait_until(
                    conn,
                    "SELECT count(*) > 0 FROM jobs.attempts JOIN jobs.procrastinate_jobs AS j ON j.id = job_id"
                    " WHERE j.task_name = 'monitoring.deliver'",
                )
                conn.execute(
                    "UPDATE jobs.procrastinate_jobs SET scheduled_at = now() WHERE scheduled_at > now()"
                )
                conn.commit()
                second = hook.next()
                assert second.is_signed_with(read_secret(SECRET))
                assert first.headers["webhook-id"] == second.headers["webhook-id"]
                assert json.loads(second.body)["data"]["subject"] == "advisories.sync"
                kept = conn.execute("SELECT args FROM jobs.procrastinate_jobs").fetchall()
                assert SECRET not in repr(kept)
        finally:
            worker.send_signal(signal.SIGTERM)
            _, said = worker.communicate(timeout=240)
        assert worker.returncode == 0, said
        assert "s3cret-path" not in said
        assert mailbox.mails.empty()


def wait_until(conn: psycopg.Connection, question: str, *values: object) -> None:
    """Ask until the answer is yes; the statement waits a little in the server."""
    for _ in range(2400):
        row = conn.execute(f"SELECT ({question}), pg_sleep(0.1)", values).fetchone()
        conn.commit()
        if row is not None and row[0]:
            return
    raise AssertionError(f"never: {question}")
