"""Who may do what: people, tokens, and the log of what they changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.auth.model import Kind, Principal, Purpose, Role, Scope
from assay.cli.arguments import Before, By, since_when, who_decides
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show, spoken

if TYPE_CHECKING:
    from assay.auth.commands import Act
    from assay.auth.model import Person
    from assay.auth.queries import AuditFilter
    from assay.bootstrap import Context
    from assay.settings import Settings

users = typer.Typer(help="People: who may sign in, and as what.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens: what programs show to be let in.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="As `assay users list` lists it.")]
_RoleOf = Annotated[Role, typer.Option(help="What they may do; each role includes those before it.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.add_typer(users, name="users")
    app.add_typer(tokens, name="tokens")
    app.command("audit")(audit)


@contextmanager
def _acting(ctx: typer.Context, by: str | None = None) -> "Iterator[tuple[Context, Act]]":
    """The Context, and the doing of whoever uses this machine, in one transaction."""
    from assay.auth.commands import Act

    with current(ctx).open() as context, context.db.transaction() as conn:
        who = Principal(Kind.LOCAL, who_decides(by), Role.ADMIN)
        yield context, Act(conn, context.sign_in, context.clock(), who)


def link_url(settings: "Settings", secret: str, served_at: str | None = None) -> str:
    """The address of a one-time link, where people reach the service; `served_at` is the one that is starting."""
    from assay.cli.served import public_url

    return f"{public_url(settings, served_at).rstrip('/')}/sign-in/link?token={secret}"


@users.command("add")
def users_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and . _ @ + -")],
    *,
    role: _RoleOf = Role.VIEWER,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password, or read a line from stdin.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Add a person. Without a password a link is printed with which they choose one."""
    from assay.auth import commands

    given = _read_password(name) if password else None
    with _acting(ctx, by) as (context, act):
        person = commands.add_person(act, name, role, given)
        link = None
        if given is None:
            link = link_url(context.settings, commands.make_link(act, person.id, Purpose.PASSWORD))
    if as_json:
        print_json({"person": person, "link": link})
        return
    show(spoken(f"{person.name} has the role {person.role} now."))
    if link is not None:
        show(spoken("A password is chosen once at ", (link, "bold")))


@users.command("list")
def users_list(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List everybody, with their roles and when they signed in last."""
    from assay.auth import queries
    from assay.cli.screens.access import people_screen

    with _acting(ctx) as (_, act):
        found = queries.list_people(act.conn, act.now)
    if as_json:
        print_json(found)
    else:
        show(*people_screen(found, act.now))


@users.command("role")
def users_role(
    ctx: typer.Context,
    name: _Name,
    role: Annotated[Role, typer.Argument(help="What they may do from now on.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Give a person another role, at once."""
    from assay.auth import commands

    with _acting(ctx, by) as (_, act):
        person = commands.change_role(act, name, role)
    _tell(person, f"{person.name} has the role {person.role} now.", as_json=as_json)


@users.command("disable")
def users_disable(ctx: typer.Context, name: _Name, by: By = None, as_json: AsJson = False) -> None:
    """Let a person sign in no more; sessions end, and their tokens are refused."""
    from assay.auth import commands

    with _acting(ctx, by) as (_, act):
        person = commands.disable(act, name)
    _tell(person, f"{person.name} can sign in no more.", as_json=as_json)


@users.command("enable")
def users_enable(ctx: typer.Context, name: _Name, by: By = None, as_json: AsJson = False) -> None:
    """Let a person sign in again."""
    from assay.auth import commands

    with _acting(ctx, by) as (_, act):
        person = commands.enable(act, name)
    _tell(person, f"{person.name} can sign in again.", as_json=as_json)


@users.command("password")
def users_password(ctx: typer.Context, name: _Name, by: By = None, as_json: AsJson = False) -> None:
    """Give a person another password: asked for on a terminal, else a line of stdin. Sessions of before end."""
    from assay.auth import commands

    given = _read_password(name)
    with _acting(ctx, by) as (_, act):
        person = commands.set_password(act, name, given)
    _tell(person, f"{person.name} has another password.", as_json=as_json)


@users.command("link")
def users_link(
    ctx: typer.Context,
    name: _Name,
    *,
    choose: Annotated[
        bool, typer.Option("--choose-password", help="To choose a password with; it is good for longer.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Print a link that signs a person in once. Whoever opens it first is in: open it yourself."""
    from assay.auth import commands

    purpose = Purpose.PASSWORD if choose else Purpose.SIGN_IN
    with _acting(ctx, by) as (context, act):
        link = link_url(context.settings, commands.make_link(act, name, purpose))
        length = context.sign_in.invitation if choose else context.sign_in.link
    if as_json:
        print_json({"link": link, "purpose": purpose, "expires_at": act.now + length})
    else:
        show(spoken((link, "bold")))
        note(f"It works once, within {_length(length)}.")


def _length(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


def _tell(person: "Person", said: str, *, as_json: bool) -> None:
    if as_json:
        print_json(person)
    else:
        show(spoken(said))


def _read_password(name: str) -> str:
    import sys

    if sys.stdin.isatty():
        found: str = typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True, err=True)
        return found
    return sys.stdin.readline().rstrip("\r\n")


@tokens.command("add")
def tokens_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    *,
    role: _RoleOf = Role.VIEWER,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="A part it may enter, several times; all that the role may.")
    ] = None,
    of: Annotated[
        str | None, typer.Option(metavar="PERSON", help="Whose it is; it may never more than they.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Days until it expires; never unless set.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once: of the token itself only its hash is kept."""
    from assay.auth import commands, queries

    with _acting(ctx, by) as (_, act):
        owner = None if of is None else queries.get_person(act.conn, of, act.now).id
        ends = None if days is None else act.now + timedelta(days=days)
        made = commands.add_token(act, name, role, scopes=scope or (), person_id=owner, expires_at=ends)
    if as_json:
        print_json({"token": made.token, "secret": made.secret})
    else:
        show(spoken((made.secret, "bold")))
        note(f"Keep it now: it is not shown again. `assay tokens revoke {made.token.id}` ends it.")


@tokens.command("list")
def tokens_list(
    ctx: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that are no longer good too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List tokens, newest first, with when and from where they were used last."""
    from assay.auth import queries
    from assay.cli.screens.access import tokens_screen

    with _acting(ctx) as (_, act):
        found = queries.list_tokens(act.conn, act.now, every=every)
    if as_json:
        print_json(found)
    else:
        show(*tokens_screen(found, act.now))


@tokens.command("revoke")
def tokens_revoke(
    ctx: typer.Context,
    token: Annotated[str, typer.Argument(metavar="ID|NAME", help="As `assay tokens list` lists it.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Let a token be good for nothing, at once."""
    from assay.auth import commands

    with _acting(ctx, by) as (_, act):
        key = int(token) if token.isdecimal() else commands.find_token_by_name(act, token).id
        found = commands.revoke_token(act, key)
    if as_json:
        print_json(found)
    else:
        show(spoken(f"The token {found.name} ({found.id}) is revoked."))


def audit(
    ctx: typer.Context,
    *,
    name: Annotated[str | None, typer.Option(help="Who did it.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Such as people.add; people. for all that begin so.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="To what it was done.")] = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="A date, or an age such as 7d.")] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="The same, for the end.")] = None,
    before: Before = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all that match to a .csv or .json file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what people and tokens changed, newest first."""
    from assay.auth import queries
    from assay.cli.screens.access import audit_screen

    with current(ctx).open() as context, context.db.transaction() as conn:
        now = context.clock()
        wanted = queries.AuditFilter(
            name=name,
            action=action,
            subject=subject,
            since=None if since is None else since_when(since, now),
            until=None if until is None else since_when(until, now, "--until"),
        )
        if export is not None:
            _export(conn, wanted, export, as_json=as_json)
            return
        found = queries.list_records(conn, wanted, before=before, limit=limit + 1)
    rows, more = found[:limit], len(found) > limit
    if as_json:
        print_json({"rows": rows, "next_before": rows[-1].id if more else None})
    else:
        show(*audit_screen(rows, rows[-1].id if more else None))


def _export(conn: Any, wanted: "AuditFilter", path: Path, *, as_json: bool) -> None:
    from assay.auth import queries
    from assay.web.api.audit_files import as_csv, as_json_array

    if path.suffix not in {".csv", ".json"}:
        raise typer.BadParameter("name a file that ends in .csv or .json", param_hint="--export")
    write = as_csv if path.suffix == ".csv" else as_json_array
    count = 0

    def counted() -> Iterator[Any]:
        nonlocal count
        for row in queries.every_record(conn, wanted):
            count += 1
            yield row

    with path.open("wb") as file:
        file.writelines(write(counted()))
    if as_json:
        print_json({"file": str(path), "rows": count})
    else:
        show(spoken(f"{count:,} rows in {path}"))
