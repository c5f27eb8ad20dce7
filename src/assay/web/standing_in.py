"""A look at the health of the whole while no worker looks: who else would say that all of them are gone?"""

import threading
from types import TracebackType
from typing import Self

import psycopg
import structlog

from assay.bootstrap import Context
from assay.errors import AssayError
from assay.monitoring.commands import stand_in

_log = structlog.get_logger(__name__)

_EVERY_SECONDS = 60.0


class StandIn:
    """Asks once a minute whether somebody looks, and does it otherwise. Several processes may: one has its turn."""

    def __init__(self, ctx: Context, every_seconds: float = _EVERY_SECONDS) -> None:
        self._ctx = ctx
        self._every_seconds = every_seconds
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stand-in", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # It may be waiting for a mail server; what it was doing is done again by the next one.
        self._ending.set()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while not self._ending.wait(self._every_seconds):
            try:
                if stand_in(self._ctx):
                    _log.warning("monitoring.stood_in", reason="no worker looked for some minutes")
            except (AssayError, psycopg.Error) as error:
                _log.warning("monitoring.could_not_stand_in", error=str(error))
