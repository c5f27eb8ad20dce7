"""Scoring: one day of EPSS scores, from a document to the catalog."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assay.catalog import commands as catalog
from assay.catalog.model import Scored
from assay.errors import BadRecord
from assay.kit.archive import open_stream
from assay.pipelines.advisories import store
from assay.pipelines.advisories.model import Refused, ScoreSource
from assay.pipelines.advisories.rules import refusal
from assay.pipelines.advisories.store import Bad
from assay.pipelines.advisories.tasks.fetching import Fetched
from assay.pipelines.advisories.tasks.needs import Needs, Progress
from assay.pipelines.advisories.tasks.staging import StageCounts

_MOST_BYTES = 1 << 30
_STEP = 20_000


@dataclass(frozen=True, slots=True)
class ScoresStaged:
    """What came of a day of scores; `counts` in the words of every other source."""

    counts: StageCounts
    notes: tuple[str, ...]


class _Sorted:
    """A day's rows on their way: the good ones through, the bad ones aside."""

    def __init__(self, rows: Iterable[Scored | BadRecord], progress: Progress) -> None:
        self._rows = rows
        self._progress = progress
        self.read = 0
        self.bad: list[Bad] = []

    def __iter__(self) -> Iterator[Scored]:
        for row in self._rows:
            self.read += 1
            if self.read % _STEP == 0:
                self._progress("read", self.read, None)
            if isinstance(row, BadRecord):
                self.bad.append(Bad(f"row {self.read}", None, row, None))
            else:
                yield row
        self._progress("read", self.read, self.read)


def stage_scores(
    ctx: Needs, source: ScoreSource, fetched: Fetched, *, full: bool, accept_loss: bool, progress: Progress
) -> ScoresStaged:
    """Hand a day of scores to the catalog in one transaction; the same document again changes nothing.

    Raises Refused, with nothing applied, for a day that cannot be believed: without scores, or one that would take
    more than a tenth of the scores in force away.
    """
    day = source.read_day(open_stream(fetched.address.path, _MOST_BYTES))
    rows = _Sorted(day.scores, progress)
    with ctx.db.transaction() as conn:
        if not full and catalog.has_scores(conn, day.scored_on, fetched.name):
            store.set_document_outcome(conn, fetched.id, "staged")
            return ScoresStaged(StageCounts(), (f"the scores of {day.scored_on} are there already",))
        taken = catalog.take_scores(conn, day.scored_on, day.model, fetched.name, rows)
        why = refusal(taken.scores, taken.dropped, taken.had, accept_loss=accept_loss)
        if why is not None:
            raise Refused(f"{source.name}: the scores of {day.scored_on} were refused: {why}")
        now = ctx.clock()
        store.quarantine(conn, source.name, fetched.scope, fetched.name, rows.bad, now)
        store.release_others(conn, source.name, fetched.scope, [entry.locator for entry in rows.bad])
        store.set_document_outcome(conn, fetched.id, "staged")
    counts = StageCounts(
        read=rows.read,
        changed=taken.kept,
        unchanged=taken.scores - taken.kept,
        quarantined=len(rows.bad),
    )
    place = "in force" if taken.is_newest else "history only, a newer day is in force"
    return ScoresStaged(
        counts, (f"scores of {day.scored_on}: {place}, {taken.shown:,} vulnerabilities updated",)
    )
