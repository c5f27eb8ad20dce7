"""Who acts at a terminal, and the database that the commands of feeds ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from assay.cli.arguments import who_decides
from assay.cli.invocation import current

if TYPE_CHECKING:
    from assay.auth.commands import Act
    from assay.bootstrap import Context
    from assay.kit.db import Connection


@contextmanager
def acting(ctx: typer.Context, by: str | None) -> "Iterator[tuple[Context, Act]]":
    """The Context, and one transaction in which somebody does something that is noted as theirs."""
    from assay.auth.commands import Act
    from assay.auth.model import Kind, Principal, Role

    with current(ctx).open() as context, context.db.transaction() as conn:
        who = Principal(Kind.LOCAL, who_decides(by), Role.ADMIN)
        yield context, Act(conn, context.sign_in, context.clock(), who)


@contextmanager
def reading(ctx: typer.Context) -> "Iterator[Connection]":
    """One transaction on the database, for a question."""
    from assay import bootstrap

    with bootstrap.open_database(current(ctx).settings()) as database, database.transaction() as conn:
        yield conn
