"""A real worker, as a process of its own on the database and home folder of a Context."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.bootstrap import Context

_SOURCE = Path(__file__).parents[1] / "src"


@contextmanager
def live_worker(ctx: Context, processes: int = 1, **settings: str) -> Iterator[None]:
    """`assay worker` within the block; other keywords are variables of its environment. It ends as it should."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(_SOURCE),
        "ASSAY_HOME": str(ctx.settings.home),
        "ASSAY_DATABASE_URL": ctx.db.url,
        "ASSAY_PROCESSES": "1",
        **settings,
    }
    program = [sys.executable, "-m", "assay", "worker", "--processes", str(processes)]
    with subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
