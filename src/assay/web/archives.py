"""Questions about a configuration archive that a worker has parsed, whoever asks: programs or pages."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from assay.errors import Permanent
from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.model import Run
from assay.web.problems import Refused
from assay.web.reading import Reading

Answer = TypeVar("Answer")


def complete(conn: Connection, run_id: UUID) -> Run:
    """The run. Raises Refused for one that is not complete, NotFound where there is none."""
    run = queries.get_run(conn, run_id)
    if run.status != "complete":
        raise Refused(409, f"the run {run.id} is {run.status}" + (f": {run.error}" if run.error else ""))
    return run


def asked(read: Reading, run_id: UUID, question: Callable[[Connection, Run], Answer]) -> Answer:
    """The answer about a complete run. Raises Refused for one that is not, and for questions that make no sense."""
    try:
        return read(lambda conn: question(conn, complete(conn, run_id)))
    except Permanent as error:
        raise Refused(400, str(error)) from error
