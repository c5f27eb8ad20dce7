"""The task engine, procrastinate 3.10: nobody else imports it.

It brings the loop that waits for jobs, fetches and runs them, and the table and functions behind that. What it lacks
is here and in housekeeping: a connection that outlives the database, endings that are fenced and keep the error, and
heartbeats that go on while a worker finishes its last jobs.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

import procrastinate
import psycopg
import psycopg_pool
import structlog
from procrastinate import exceptions, jobs, manager
from procrastinate.connector import Notify
from procrastinate.worker import Worker

from assay.jobs.retrying import Verdict
from assay.jobs.running import Ticket
from assay.kit import sql

_SQL = sql.beside(__file__)
_log = structlog.get_logger(__name__)

# The one task that the engine knows: it runs every task of ours.
_TASK = "assay"
# Connection, transaction rollback, resources, operator intervention, system error (PostgreSQL, appendix A).
_PASSING = ("08", "40", "53", "57", "58")
# How long a worker keeps on asking for its database before it ends and another is started in its place.
_PATIENCE_SECONDS = 900.0
_POLL_SECONDS = 5.0
# While the database is away its pool complains several times a second.
_REPEAT_SECONDS = 30.0
# A connection whose other end vanished without a word is noticed after this, in the place of two hours.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "connect_timeout": 10,
}

Result = TypeVar("Result")
Work = Callable[[Ticket, Callable[[], bool]], Verdict | None]
"""Runs a job; told how to find out whether it was cancelled. None: it went well. It raises nothing."""


@dataclass(frozen=True, slots=True)
class Lane:
    """How one worker process works: which queues, how many jobs at once, and who it is."""

    url: str
    queues: tuple[str, ...] | None
    concurrency: int
    host: str
    pid: int
    version: str
    heartbeat_seconds: float
    grace_seconds: float


def is_passing(error: BaseException) -> bool:
    """Whether the database may answer the same statement later."""
    cause = error.__cause__
    if not isinstance(error, exceptions.ConnectorException) or not isinstance(cause, psycopg.Error):
        return False
    if isinstance(cause, psycopg_pool.PoolClosed):
        return False
    return cause.sqlstate is None or cause.sqlstate[:2] in _PASSING


class _Connector(procrastinate.PsycopgConnector):
    """The engine's connector, except that a lost database is waited for.

    As it comes, an error while the end of a job is written is logged and forgotten: the job is then running for ever.
    """

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        await _persisted(lambda: super(_Connector, self).execute_query_async(query, **arguments))

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        return await _persisted(lambda: super(_Connector, self).execute_query_one_async(query, **arguments))

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        return await _persisted(lambda: super(_Connector, self).execute_query_all_async(query, **arguments))

    async def execute_once(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        """The rows of a statement that must not be sent again with the same values."""
        rows: list[dict[str, Any]] = await super().execute_query_all_async(query, **arguments)
        return rows

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        while True:
            try:
                await super().listen_notify(on_notification=on_notification, channels=channels)
            except exceptions.ConnectorException as error:
                if not is_passing(error):
                    raise
                await asyncio.sleep(1)


async def _persisted(ask: Callable[[], Awaitable[Result]]) -> Result:
    """Ask until there is an answer, for as long as the fault is a passing one."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    pause = 0.05
    while True:
        try:
            return await ask()
        except exceptions.ConnectorException as error:
            if not is_passing(error) or asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - spreads load, keeps no secret
        pause = min(pause * 2, 2.0)


async def _configure(conn: psycopg.AsyncConnection[Any]) -> None:
    # A fetch and an ending are one statement each; without a BEGIN and COMMIT around them they cost a third less.
    await conn.set_autocommit(True)
    await conn.execute("SET search_path = jobs")


def _pool(**arguments: Any) -> "psycopg_pool.AsyncConnectionPool[Any]":
    # The check before each use is one more round trip; a dead connection is found out by using it, see _persisted.
    return psycopg_pool.AsyncConnectionPool(**{**arguments, "check": None})


class _Manager(manager.JobManager):
    """The engine's statements, those that begin and end a job replaced by ours."""

    def __init__(self, connector: _Connector, lane: Lane) -> None:
        super().__init__(connector)
        self._lane = lane
        self.running: dict[int, Ticket] = {}
        self.verdicts: dict[int, Verdict | None] = {}

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> jobs.Job | None:
        row = await self.connector.execute_query_one_async(
            _SQL["fetch"].text, queues=queues if queues is None else list(queues), worker_id=worker_id
        )
        if row["id"] is None:
            return None
        ticket = Ticket(
            row["id"],
            row["task_name"],
            row["args"],
            row["starts"],
            row["attempts"],
            row["max_retries"],
            worker_id,
        )
        self.running[ticket.job_id] = ticket
        return jobs.Job(
            id=ticket.job_id,
            queue=row["queue_name"],
            lock=None,
            queueing_lock=None,
            task_name=_TASK,
            worker_id=worker_id,
        )

    async def finish_job(
        self,
        job: jobs.Job,
        status: jobs.Status,  # noqa: ARG002 - the engine's signature; the verdict knows better
        delete_job: bool,  # noqa: ARG002 - the engine's signature; jobs are kept until their retention time
    ) -> None:
        assert job.id is not None
        ticket = self.running[job.id]
        verdict = self.verdicts.pop(job.id, None)
        fence = {"job_id": ticket.job_id, "starts": ticket.starts}
        try:
            if verdict is None:
                await self.connector.execute_query_async(_SQL["finish"].text, **fence)
            else:
                await self._give_up(ticket, verdict, fence)
        finally:
            self.running.pop(job.id, None)

    async def _give_up(self, ticket: Ticket, verdict: Verdict, fence: dict[str, Any]) -> None:
        values = {
            **fence,
            "is_cancelled": verdict.is_cancelled,
            "retry_in": verdict.retry_in,
            "charge": verdict.charge,
            "outcome": verdict.end.value,
            "host": self._lane.host,
            "error_kind": verdict.told.kind,
            "error": verdict.told.message,
            "traceback": verdict.told.traceback,
        }
        for is_last in (False, True):
            try:
                rows = await self.connector.execute_query_all_async(_SQL["give_up"].text, **values)
            except exceptions.UniqueViolation:
                # One of its kind was deferred between the statement's look and its write; the next look sees it.
                if is_last:
                    raise
            else:
                if not rows:
                    _log.warning("jobs.ending_refused", job=ticket.job_id, task=ticket.task)
                return

    async def register_worker(self) -> int:
        lane = self._lane
        row = await self.connector.execute_query_one_async(
            _SQL["register"].text,
            host=lane.host,
            pid=lane.pid,
            version=lane.version,
            queues=lane.queues if lane.queues is None else list(lane.queues),
            concurrency=lane.concurrency,
        )
        return int(row["worker_id"])

    async def unregister_worker(self, worker_id: int) -> None:
        await self.connector.execute_query_async(_SQL["unregister"].text, worker_id=worker_id)

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:  # noqa: ARG002 - see below
        # Housekeeping does it, together with the jobs of such a worker; without its row their end looks like chance.
        return []

    async def hand_back(self, worker_id: int, reason: str) -> None:
        """Give the jobs that still run to somebody else."""
        await self.connector.execute_query_all_async(
            _SQL["hand_back"].text,
            worker_id=worker_id,
            job_ids=list(self.running),
            host=self._lane.host,
            reason=reason,
        )


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is told: `stop` taking jobs and end with the last of them; in a `hurry`, within the grace time."""

    stop: asyncio.Event
    hurry: asyncio.Event


async def serve(lane: Lane, work: Work, orders: Orders, on_registered: Callable[[int], None]) -> bool:
    """Work until told to stop. False when jobs were still running after the grace time and were handed back.

    The process must then end at once: they run on in its threads, and nobody may start another one of them here.
    """
    connector = _Connector(
        conninfo=lane.url,
        kwargs={**_KEEPALIVE, "application_name": "assay worker"},
        configure=_configure,
        pool_factory=_pool,
        min_size=2,
        max_size=min(lane.concurrency, 8) + 3,
        timeout=5,
    )
    app = procrastinate.App(connector=connector)
    own = _Manager(connector, lane)
    app.job_manager = own
    _register(app, own, work)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(lane.concurrency + 2, "task"))
    async with app.open_async():
        worker = Worker(
            app=app,
            name=None,
            queues=lane.queues,
            concurrency=lane.concurrency,
            fetch_job_polling_interval=_POLL_SECONDS,
            abort_job_polling_interval=_POLL_SECONDS,
            delete_jobs="never",
            install_signal_handlers=False,
            # The engine's heartbeat ends with the order to stop, while jobs may run on for the whole grace time.
            update_heartbeat_interval=1e9,
        )
        return await _run(worker, connector, own, lane, orders, on_registered)


def _register(app: procrastinate.App, own: _Manager, work: Work) -> None:
    @app.task(name=_TASK, pass_context=True)
    def run(context: procrastinate.JobContext) -> None:
        assert context.job.id is not None
        own.verdicts[context.job.id] = work(own.running[context.job.id], context.should_abort)


async def _run(
    worker: Worker,
    connector: _Connector,
    own: _Manager,
    lane: Lane,
    orders: Orders,
    on_registered: Callable[[int], None],
) -> bool:
    running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]  # the engine says no types here
    beating = asyncio.create_task(_beat(worker, connector, own, lane, on_registered))
    stopping = asyncio.create_task(orders.stop.wait())
    hurrying = asyncio.create_task(orders.hurry.wait())
    try:
        await asyncio.wait({running, beating, stopping}, return_when=asyncio.FIRST_COMPLETED)
        worker_id = worker.worker_id
        worker.stop()  # type: ignore[no-untyped-call]  # the same
        await asyncio.wait({running, beating, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({running}, timeout=lane.grace_seconds)
        if not running.done() and worker_id is not None:
            await own.hand_back(worker_id, "its worker was stopped before it ended")
            await own.unregister_worker(worker_id)
            return False
        for ended in (running, beating):
            if ended.done():
                ended.result()
        return True
    finally:
        for each in (beating, stopping, hurrying):
            each.cancel()


async def _beat(
    worker: Worker, connector: _Connector, own: _Manager, lane: Lane, on_registered: Callable[[int], None]
) -> None:
    """Tell the database that this worker lives and which jobs it runs. Raises RuntimeError when it was written off."""
    while worker.worker_id is None:  # noqa: ASYNC110 - the engine tells nobody when it has registered
        await asyncio.sleep(0.01)
    on_registered(worker.worker_id)
    while (worker_id := worker.worker_id) is not None:
        try:
            # What runs is told as of now: sent again later, it would disown the jobs that were begun meanwhile.
            rows = await connector.execute_once(
                _SQL["beat"].text, worker_id=worker_id, running=list(own.running)
            )
        except exceptions.ConnectorException as error:
            if not is_passing(error):
                raise
            await asyncio.sleep(min(1.0, lane.heartbeat_seconds))
            continue
        if not rows and worker.worker_id is not None:
            raise RuntimeError("this worker gave no sign of life for too long and was written off")
        await asyncio.sleep(lane.heartbeat_seconds)


class _Forwarded(logging.Handler):
    """What the engine and its pool log, in our own log; the same kind of line once in a while."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        # How a job ended is told by who ran it.
        if getattr(record, "action", "") in ("job_error", "job_error_retry", "job_success"):
            return
        if record.created - self._told.get(str(record.msg), 0.0) < _REPEAT_SECONDS:
            return
        self._told[str(record.msg)] = record.created
        _log.log(record.levelno, "jobs.engine", said=record.getMessage())


def forward_logs() -> None:
    """Let the engine's warnings and errors appear in our log, and nothing of it elsewhere."""
    for name in ("procrastinate", "psycopg.pool"):
        logger = logging.getLogger(name)
        logger.handlers = [_Forwarded()]
        logger.propagate = False
        # It formats every line that it might write, several for each job.
        logger.setLevel(logging.WARNING)
