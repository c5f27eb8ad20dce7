"""Which language model is asked at this moment, and how it did lately."""

from dataclasses import fields, replace

from psycopg.rows import class_row

from assay.jobs.choices import LLM, list_choices
from assay.kit import sql
from assay.kit.db import Connection
from assay.pipelines.feeds.model.language import Language, ModelHealth

_SQL = sql.beside(__file__)


def language_chosen(conn: Connection, usual: Language) -> Language:
    """How entries are read now: as people chose at run time, else as usual."""
    names = {one.name for one in fields(Language)}
    chosen = {
        name.removeprefix(LLM): one.value for name, one in list_choices(conn).items() if name.startswith(LLM)
    }
    # What a newer or older program calls otherwise is left alone.
    return replace(usual, **{name: value for name, value in chosen.items() if name in names})


def find_health(conn: Connection, language: Language) -> ModelHealth | None:
    """How this very model did lately; None where it was not asked yet."""
    with conn.cursor(row_factory=class_row(ModelHealth)) as cursor:
        found = cursor.execute(_SQL["find_health"].text).fetchone()
    return found if found is not None and found.place == language.place else None
