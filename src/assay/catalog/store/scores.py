"""EPSS scores, day by day."""

from collections.abc import Iterable
from datetime import date

from assay.catalog.model import Scored
from assay.kit import sql
from assay.kit.db import Connection, copy_rows

_SQL = sql.beside(__file__)


def find_score_day(conn: Connection, day: date) -> str | None:
    """The document whose scores the catalog took for a day, None when it has none."""
    row = conn.execute(_SQL["find_score_day"].text, {"day": day}).fetchone()
    return None if row is None else str(row[0])


def newest_score_day(conn: Connection) -> date | None:
    """The newest day whose scores the catalog has."""
    row = conn.execute(_SQL["newest_score_day"].text).fetchone()
    return None if row is None else row[0]


def stage_scores(conn: Connection, scores: Iterable[Scored]) -> None:
    """Copy one day of scores into the intake."""
    for statement in ("open_scores", "empty_scores"):
        conn.execute(_SQL[statement].text)
    rows = ((entry.cve, entry.score, entry.percentile) for entry in scores)
    copy_rows(conn, "new_scores", ("cve", "score", "percentile"), ("text", "float4", "float4"), rows)


def delete_history_day(conn: Connection, day: date) -> None:
    """Forget what was kept for a day whose scores were published again."""
    conn.execute(_SQL["delete_history_day"].text, {"day": day})


def next_score_day(conn: Connection, day: date) -> date | None:
    """The first day after `day` whose scores the catalog has."""
    row = conn.execute(_SQL["next_score_day"].text, {"day": day}).fetchone()
    return None if row is None else row[0]


def carry_scores(conn: Connection, day: date, later: date, drift: float) -> None:
    """Keep what the day `later` tells, before the rows of an earlier one are put before it."""
    conn.execute(_SQL["carry_scores"].text, {"day": day, "later": later, "drift": drift})


def drop_repeated_scores(conn: Connection, day: date, drift: float) -> None:
    """Forget rows of a day that became repeats of an earlier day that arrived after it."""
    conn.execute(_SQL["drop_repeated_scores"].text, {"day": day, "drift": drift})


def add_score_history(conn: Connection, day: date, drift: float) -> int:
    """Keep what changed of the intake since the day before; returns the rows kept."""
    return conn.execute(_SQL["add_score_history"].text, {"day": day, "drift": drift}).rowcount


def count_lost_scores(conn: Connection) -> tuple[int, int]:
    """How many scores are in force, and how many of them the intake does not list."""
    row = conn.execute(_SQL["count_lost_scores"].text).fetchone()
    assert row is not None
    return row[0], row[1]


def apply_scores(conn: Connection, day: date) -> int:
    """Put the intake in force and on the curated rows; returns the curated rows that changed."""
    for statement in ("set_scores", "drop_old_scores"):
        conn.execute(_SQL[statement].text, {"day": day})
    shown = sum(conn.execute(_SQL[statement].text).rowcount for statement in ("show_scores", "hide_scores"))
    conn.execute(_SQL["show_scores_in_lists"].text)
    return shown


def add_score_day(conn: Connection, day: date, model: str | None, document: str, scores: int) -> None:
    """Write down that a day's scores were taken."""
    values = {"day": day, "model": model, "document": document, "scores": scores}
    conn.execute(_SQL["add_score_day"].text, values)
