"""What the pages of one archive share: the frame, the files that they can be saved as, and what is worth keeping."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote
from uuid import UUID

from fastapi import Path, Query, Request, Response
from pydantic import AfterValidator

from assay.auth.model import Principal
from assay.kit.db import Connection, writable
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands.exporting import Table, written
from assay.pipelines.configs.model import Run
from assay.web.archives import asked
from assay.web.reading import Reading
from assay.web.rendering import Rendering

Answer = TypeVar("Answer")

RunId = Annotated[UUID, Path()]
Text = Annotated[str, AfterValidator(writable), Query(max_length=1000)]
"""What is looked up in the database, which cannot hold everything that a URL can."""
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
Format = Annotated[Literal["", "csv", "json", "md"], Query(alias="format")]
"""What the answer is saved as; nothing for the page."""

_MEDIA = {"csv": "text/csv", "json": "application/json", "md": "text/markdown"}
# Answers about whole archives that are kept; each may be some megabytes large.
_MOST = 12


class Kept:
    """Answers that cost much, by run and question: a run that is complete does not change."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._mutex = Lock()

    def __call__(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """The answer, made if it is not there. What was not asked for longest goes first."""
        with self._mutex:
            if key in self._answers:
                self._answers.move_to_end(key)
                found: Answer = self._answers[key]
                return found
        made = make()
        with self._mutex:
            self._answers[key] = made
            while len(self._answers) > _MOST:
                self._answers.popitem(last=False)
        return made


@dataclass(frozen=True, slots=True)
class Archive:
    """Asks about runs, and shows the answers in the archive's frame."""

    read: Reading
    show: Rendering
    kept: Kept = field(default_factory=Kept)

    def ask(self, run_id: UUID, question: Callable[[Connection, Run], Answer]) -> tuple[Run, Answer]:
        """The run and the answer about it. Raises Refused, NotFound."""
        return asked(self.read, run_id, lambda conn, run: (run, question(conn, run)))

    def page(self, request: Request, who: Principal, template: str, run: Run, **values: Any) -> Response:
        """The page of a template below `configs/`."""
        return self.show(
            request, f"configs/{template}.html", who, run=run, here=f"/configs/{run.id}", **values
        )


def saved(run: Run, name: str, table: Table, kind: str) -> Response:
    """An answer as a file to keep."""
    file = "".join(
        char if char.isascii() and (char.isalnum() or char in "-_.") else "-" for char in run.label
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{quote(file)}-{name}.{kind}"',
        "Cache-Control": "no-store",
    }
    content = written(table, kind).encode("utf-8", "replace")
    return Response(content, 200, headers, f"{_MEDIA[kind]}; charset=utf-8")


def numbers_of(conn: Connection, run: Run, conf: str | None = None) -> Mapping[str, int]:
    """The number of each file by its path, which the file's page is found by."""
    return {file.path: file.number for file in queries.list_files(conn, run.number, conf)}
