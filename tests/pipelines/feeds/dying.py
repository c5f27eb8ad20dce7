"""Processes entries in processes that are killed in the middle, each at another statement.

python -m pipelines.feeds.dying DATABASE STATEMENT...
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg

from assay.bootstrap.reading import load_language
from assay.kit.clock import utc_now
from assay.kit.db import Database
from assay.pipelines.feeds.commands.processing import process_now
from assay.pipelines.feeds.tasks.naming import Dictionary
from assay.settings import LlmSettings


class Needs:
    """What processing needs, in a process of its own. What a dead one had taken was taken long ago."""

    def __init__(self, url: str, clock: Callable[[], datetime]) -> None:
        self.db = Database(url)
        self.clock = clock
        self.dictionary = Dictionary()
        self.language = load_language(LlmSettings(enabled=False))  # type: ignore[call-arg]  # the rest is as usual


def main(url: str, *statements: str) -> None:
    for step, deadly in enumerate(map(int, statements), start=1):
        child = os.fork()
        if not child:
            _die_at(deadly)
            process_now(
                Needs(url, lambda hours=2 * step: utc_now() + timedelta(hours=hours)), 20, batches=None
            )
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.WTERMSIG(status), flush=True)


def _die_at(statement: int) -> None:
    seen = [0]

    def counting(run: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            seen[0] += 1
            if seen[0] == statement:
                os.kill(os.getpid(), signal.SIGKILL)
            return run(*args, **kwargs)

        return counted

    # In a process that is about to die.
    for name in ("execute", "executemany"):
        setattr(psycopg.Cursor, name, counting(getattr(psycopg.Cursor, name)))


if __name__ == "__main__":
    main(*sys.argv[1:])
