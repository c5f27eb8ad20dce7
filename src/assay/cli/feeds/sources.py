"""`assay feeds source`: where prose comes from, set up and changed while everything runs."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.arguments import By
from assay.cli.exits import ExitCode
from assay.cli.feeds.acting import acting, reading
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show, spoken
from assay.domain.lengths import read_length

if TYPE_CHECKING:
    from assay.bootstrap import Context
    from assay.kit.db import Connection
    from assay.pipelines.feeds.commands.sources import Draft
    from assay.pipelines.feeds.model.sources import Source

source = typer.Typer(
    help="Sources of entries: feeds, REST interfaces, web pages, files.", no_args_is_help=True
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="As `assay feeds source list` lists it.")]
_Options = Annotated[
    str | None,
    typer.Option(
        "--options", metavar="JSON", help="What is said of a source of its kind; @FILE reads a file."
    ),
]
_Interval = Annotated[
    str | None, typer.Option(metavar="TIME", help="Between two fetches: 60s to 72h, such as 15m, 6h.")
]
_Headers = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="NAME=VALUE",
        help="A header field (or `?parameter` of the query) of every request, sealed and never shown again; "
        "the value @FILE is read from a file, @- from stdin.",
    ),
]
_User = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Sign in as this user (HTTP Basic); asks for the password, or reads a line."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Put these commands into `assay feeds`."""
    app.add_typer(source, name="source")
    app.command("new-key")(new_key)


@source.command("add")
def add(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Small letters, digits, dots, dashes and underscores.")
    ],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address, or for files a path.")],
    *,
    kind: Annotated[str, typer.Option(metavar="KIND", help="feed, json, page or files.")] = "feed",
    options: _Options = None,
    interval: _Interval = None,
    header: _Headers = None,
    user: _User = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Do not fetch it yet.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Set up a source; the workers fetch it within a minute."""
    from assay.pipelines.feeds.commands.sources import add_source

    draft = _draft(name, kind, address, options, interval, _secrets(header, user), is_enabled=not disabled)
    with acting(ctx, by) as (context, act):
        made = add_source(context, act, draft)
        _tell(context, act.conn, made, as_json=as_json)


@source.command("list")
def list_all(
    ctx: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were removed as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the sources: how each does, what it gave, when it is fetched next."""
    from assay.cli.screens.feeds import plain_source, sources_screen
    from assay.kit.clock import utc_now
    from assay.pipelines.feeds.queries.sources import count_each, list_sources

    with reading(ctx) as conn:
        found, held = list_sources(conn, is_every=every), count_each(conn)
    if as_json:
        print_json([plain_source(one, held.get(one.id)) for one in found])
    elif not found:
        note("There is no source of entries yet: `assay feeds source add NAME ADDRESS`.")
    else:
        show(*sources_screen(found, held, utc_now()))


@source.command("show")
def show_one(ctx: typer.Context, name: _Name, as_json: AsJson = False) -> None:
    """Show one source with its options and the entries of its last fetch that were set aside."""
    from assay.cli.screens.feeds import plain_source, source_screen
    from assay.kit.clock import utc_now
    from assay.pipelines.feeds.queries.sources import count_each, get_source, list_bad

    with reading(ctx) as conn:
        found = get_source(conn, name)
        held, bad = count_each(conn).get(found.id), list_bad(conn, found.id)
    if as_json:
        print_json({**plain_source(found, held), "bad": bad})
    else:
        show(*source_screen(found, held, bad, utc_now()))


@source.command("change")
def change(
    ctx: typer.Context,
    name: _Name,
    *,
    address: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where it is.")] = None,
    options: _Options = None,
    interval: _Interval = None,
    header: _Headers = None,
    user: _User = None,
    no_header: Annotated[
        list[str] | None, typer.Option("--no-header", metavar="NAME", help="Take a header field away.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Change a source; what is not said stays as it is."""
    from assay.pipelines.feeds.commands.sources import Changes, change_source

    secrets: dict[str, str | None] = {**dict.fromkeys(no_header or ()), **_secrets(header, user)}
    changes = Changes(
        address=address,
        options=None if options is None else _read_options(options),
        interval=None if interval is None else _read_interval(interval),
        secrets=secrets or None,
    )
    with acting(ctx, by) as (context, act):
        _tell(context, act.conn, change_source(context, act, name, changes), as_json=as_json)


@source.command("enable")
def enable(ctx: typer.Context, name: _Name, by: By = None, as_json: AsJson = False) -> None:
    """Let a source be fetched again."""
    _switch(ctx, name, by, is_enabled=True, as_json=as_json)


@source.command("disable")
def disable(ctx: typer.Context, name: _Name, by: By = None, as_json: AsJson = False) -> None:
    """Let a source rest until it is enabled."""
    _switch(ctx, name, by, is_enabled=False, as_json=as_json)


def _switch(ctx: typer.Context, name: str, by: str | None, *, is_enabled: bool, as_json: bool) -> None:
    from assay.pipelines.feeds.commands.sources import Changes, change_source

    with acting(ctx, by) as (context, act):
        made = change_source(context, act, name, Changes(is_enabled=is_enabled))
        _tell(context, act.conn, made, as_json=as_json)


@source.command("remove")
def remove(ctx: typer.Context, name: _Name, by: By = None, as_json: AsJson = False) -> None:
    """Remove a source. What it gave stays, and what was read out of it; its secrets do not."""
    from assay.pipelines.feeds.commands.sources import remove_source

    with acting(ctx, by) as (_, act):
        remove_source(act, name)
    if as_json:
        print_json({"removed": name})
    else:
        show(spoken((name, "bold"), " is removed; its entries stay"))


@source.command("run")
def run(
    ctx: typer.Context,
    name: _Name,
    *,
    later: Annotated[bool, typer.Option("--later", help="Have a worker do it.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a source now, in this very process, whether it is enabled or not."""
    from assay.cli.screens.feeds import fetched_screen
    from assay.pipelines.feeds.commands.sources import fetch_now, run_source

    if later:
        with acting(ctx, by) as (_, act):
            job = run_source(act, name)
        if as_json:
            print_json({"job": job})
        else:
            show(spoken("job ", (str(job), "bold"), f" fetches {name}"))
        return
    with current(ctx).working() as (context, _):
        came = fetch_now(context, name)
    if as_json:
        print_json(came)
    else:
        show(*fetched_screen(came))
    if came.error is not None:
        raise typer.Exit(ExitCode.NOT_WELL)


@source.command("test")
def attempt(
    ctx: typer.Context,
    name: _Name,
    address: Annotated[
        str | None, typer.Argument(metavar="ADDRESS", help="Of a source that is not set up yet.")
    ] = None,
    *,
    kind: Annotated[str, typer.Option(metavar="KIND", help="feed, json, page or files.")] = "feed",
    options: _Options = None,
    header: _Headers = None,
    user: _User = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a source once and show the first entries; nothing is kept. With an address it need not be set up."""
    from assay.cli.screens.feeds import plain_trial, trial_screen
    from assay.pipelines.feeds.commands.sources import try_draft, try_source

    if address is None and (options or header or user):
        raise typer.BadParameter("say the address too, or change the source first", param_hint="ADDRESS")
    with current(ctx).working() as (context, _):
        if address is None:
            trial = try_source(context, name)
        else:
            draft = _draft(name, kind, address, options, None, _secrets(header, user))
            trial = try_draft(context, draft)
    if as_json:
        print_json(plain_trial(trial))
    else:
        show(*trial_screen(trial))
    if trial.error is not None:
        raise typer.Exit(ExitCode.NOT_WELL)


def new_key(as_json: AsJson = False) -> None:
    """Make a key for ASSAY_FEEDS__KEYS, which header fields and credentials of sources are sealed with."""
    from assay.kit.sealing import new_key as make

    key = make()
    if as_json:
        print_json({"key": key})
    else:
        show(spoken(key))


def _tell(context: "Context", conn: "Connection", made: "Source", *, as_json: bool) -> None:
    from assay.cli.screens.feeds import plain_source, source_screen
    from assay.pipelines.feeds.queries.sources import count_each

    held = count_each(conn).get(made.id)
    if as_json:
        print_json(plain_source(made, held))
    else:
        show(*source_screen(made, held, [], context.clock()))


def _draft(
    name: str,
    kind: str,
    address: str,
    options: str | None,
    interval: str | None,
    secrets: dict[str, str],
    *,
    is_enabled: bool = True,
) -> "Draft":
    from assay.pipelines.feeds.commands.sources import Draft
    from assay.pipelines.feeds.model.sources import USUAL_INTERVAL, Kind

    if kind not in list(Kind):
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(Kind)}", param_hint="--kind")
    return Draft(
        name=name,
        kind=Kind(kind),
        address=address,
        options={} if options is None else _read_options(options),
        interval=USUAL_INTERVAL if interval is None else _read_interval(interval),
        is_enabled=is_enabled,
        secrets=secrets,
    )


def _read_options(given: str) -> dict[str, Any]:
    import msgspec

    try:
        return msgspec.json.decode(_value(given), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"no JSON object: {error}", param_hint="--options") from error


def _read_interval(said: str) -> timedelta:
    try:
        return read_length(said)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--interval") from error


def _secrets(header: list[str] | None, user: str | None) -> dict[str, str]:
    """What requests are to carry. A password never stands on a command line, where everybody sees it."""
    from base64 import b64encode

    found: dict[str, str] = {}
    for one in header or ():
        name, separator, value = one.partition("=")
        if not separator:
            raise typer.BadParameter("a header field is NAME=VALUE", param_hint="--header")
        found[name.strip()] = _value(value)
    if user is not None:
        password = typer.prompt(f"Password of {user}", hide_input=True, err=True)
        found["Authorization"] = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    return found


def _value(given: str) -> str:
    """The value itself, or what stands in the file that `@` names."""
    if not given.startswith("@"):
        return given
    if given == "@-":
        return typer.get_text_stream("stdin").read().strip()
    return Path(given[1:]).read_text(encoding="utf-8").strip()
