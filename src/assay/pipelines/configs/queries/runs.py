"""What was uploaded, and what was noted of it as a whole."""

from uuid import UUID

from psycopg.rows import class_row

from assay.errors import NotFound, Permanent
from assay.kit import sql
from assay.kit.db import Connection, writable
from assay.pipelines.configs.model import App, Run, Trouble, Typed

_SQL = sql.beside(__file__)
_SHORTEST_ID = 4


def get_run(conn: Connection, run_id: UUID) -> Run:
    """One run. Raises NotFound."""
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        row = cursor.execute(_SQL["get_run"].text, {"id": run_id}).fetchone()
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    return row


def find_run(conn: Connection, name: str) -> Run:
    """The run that a person means: by its id, the beginning of it, its label (the newest such), or `latest`."""
    if name == "latest":
        newest = list_runs(conn, limit=1)
        if not newest:
            raise NotFound("nothing was uploaded yet: `assay configs upload FILE`")
        return newest[0]
    wanted = writable(name)
    prefix = wanted.lower() if len(wanted) >= _SHORTEST_ID and not set(wanted) & set("%_\\") else "-"
    rows = conn.execute(_SQL["find_by_prefix"].text, {"prefix": prefix, "label": wanted}).fetchall()
    if not rows:
        raise NotFound(f"no run is called {name!r}: `assay configs runs` lists them")
    if len(rows) > 1 and str(rows[0][0]).startswith(prefix) and str(rows[1][0]).startswith(prefix):
        raise NotFound(f"{name!r} begins the ids of several runs: give more of it")
    return get_run(conn, rows[0][0])


def complete_run(conn: Connection, name: str | UUID) -> Run:
    """A run of which something can be asked. Raises NotFound, and Permanent that says how far it is."""
    run = get_run(conn, name) if isinstance(name, UUID) else find_run(conn, name)
    if run.status != "complete":
        raise Permanent(
            f"the run {run.label} ({run.id}) is {run.status}" + (f": {run.error}" if run.error else "")
        )
    return run


def list_runs(
    conn: Connection, *, label: str | None = None, before: int | None = None, limit: int = 50
) -> list[Run]:
    """Runs, the newest first; `before` is the number of the last one of the page before."""
    values = {"label": None if label is None else writable(label), "before": before, "limit": limit}
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(_SQL["list_runs"].text, values).fetchall()


def list_problems(conn: Connection, run: Run) -> list[Trouble]:
    """What was odd about a run's files."""
    with conn.cursor(row_factory=class_row(Trouble)) as cursor:
        return cursor.execute(_SQL["list_problems"].text, {"run": run.number}).fetchall()


def list_apps(conn: Connection, run: int) -> list[App]:
    """The apps of a run, by area and name."""
    with conn.cursor(row_factory=class_row(App), binary=True) as cursor:
        return cursor.execute(_SQL["list_apps"].text, {"run": run}).fetchall()


def list_objects(conn: Connection, run: Run, kind: str) -> list[Typed]:
    """The typed projections of one kind, by name."""
    with conn.cursor(row_factory=class_row(Typed)) as cursor:
        return cursor.execute(_SQL["list_objects"].text, {"run": run.number, "kind": kind}).fetchall()


def list_documented(conn: Connection, run: Run) -> list[tuple[str, str, str | None, str, bool]]:
    """(app, conf, stanza, name, whether it is a beginning) of everything that the run's specifications document."""
    return [
        tuple(row) for row in conn.execute(_SQL["list_documented"].text, {"run": run.number}, binary=True)
    ]
