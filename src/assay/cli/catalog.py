"""What people ask of the catalog: show, search, its figures and laws, its policy, decisions about names."""

from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.arguments import PAGE, By, check_known, command_line, since_when, who_decides
from assay.cli.audited import note_change
from assay.cli.exits import ExitCode
from assay.cli.invocation import AsJson, current
from assay.cli.output import console, note, print_json, show, spoken, write_bytes
from assay.domain.wording import counted

if TYPE_CHECKING:
    from assay.bootstrap import Context
    from assay.catalog.commands import MergeCounts
    from assay.catalog.queries import NamedChange
    from assay.cli.invocation import Invocation
    from assay.cli.progress import Steps
    from assay.kit.db import Connection

# Changes that are named one by one after a decision.
_NAMED = 20

catalog = typer.Typer(
    help="The catalog as a whole: figures, laws, policy, decisions about names.", no_args_is_help=True
)
policy = typer.Typer(help="Whose word counts for which field.", no_args_is_help=True)


class AtLeast(StrEnum):
    """A severity to search from; the catalog's own words, without which `--help` would have to load it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Raw(StrEnum):
    """A form in which a vulnerability can be written as it is."""

    OSV = "osv"


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command("show")(show_one)
    app.command("search")(search)
    app.add_typer(catalog, name="catalog")
    catalog.add_typer(policy, name="policy")


def show_one(
    ctx: typer.Context,
    *,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Any identifier, however it is written.")],
    provenance: Annotated[
        bool, typer.Option("--provenance", help="Show for each field who set it and who said otherwise.")
    ] = False,
    history: Annotated[bool, typer.Option("--history", help="Show how it came to be what it is.")] = False,
    raw: Annotated[Raw | None, typer.Option(help="Write the finished document, and nothing else.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show one vulnerability."""
    import msgspec

    from assay.catalog import commands, queries
    from assay.cli.screens import provenance as whys
    from assay.cli.screens import vulnerability as screens
    from assay.domain.identifiers import is_cve
    from assay.domain.osv import Document

    with current(ctx).open() as context, context.db.transaction() as conn:
        found = queries.get(conn, identifier)
        names = queries.list_names(conn, found.id)
        claims = queries.list_claims(conn, found.claim_ids)
        words = commands.explain(context, conn, identifier) if provenance else None
        changes = queries.list_changes(conn, found.id) if history else None
        scores = queries.list_scores(conn, found.name) if history and is_cve(found.name) else []
    if raw is Raw.OSV:
        write_bytes(found.document + b"\n")
        return
    facts = screens.Facts(found, msgspec.json.decode(found.document, type=Document), names, claims)
    if as_json:
        answer = screens.vulnerability_json(facts)
        if words is not None:
            answer["provenance"] = whys.provenance_json(words)
        if changes is not None:
            answer["history"] = changes
            answer["epss_history"] = scores
        print_json(answer)
        return
    show(*screens.vulnerability_screen(facts, is_short=console().is_terminal))
    if words is not None:
        show(*whys.provenance_screen(words))
    if changes is not None:
        show(*screens.history_screen(changes, scores))


_Since = Annotated[
    str | None,
    typer.Option(metavar="DATE|AGE", help="Modified since: 2024-05-01, or 12h, 7d, 4w, 6m, 1y ago."),
]


def search(
    ctx: typer.Context,
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="Words of the summary or package names, or an identifier."),
    ] = None,
    ecosystem: Annotated[str | None, typer.Option(help="Affects this ecosystem, e.g. PyPI.")] = None,
    package: Annotated[str | None, typer.Option(help="Affects this package.")] = None,
    severity: Annotated[AtLeast | None, typer.Option(help="At least this severe.")] = None,
    kev: Annotated[bool, typer.Option("--kev", help="Exploited, as listed in KEV.")] = False,
    min_epss: Annotated[
        float | None, typer.Option(min=0, max=1, help="An EPSS score of at least this.")
    ] = None,
    since: _Since = None,
    source: Annotated[str | None, typer.Option(help="This source speaks of it.")] = None,
    monitored: Annotated[
        bool, typer.Option("--monitored", help="Touches a product that is watched.")
    ] = False,
    withdrawn: Annotated[
        bool, typer.Option("--withdrawn", help="Also what was withdrawn or rejected.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Hits a page.")] = PAGE,
    cursor: Annotated[str | None, typer.Option(help="The next page, as the page before says.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search the catalog; what was modified last comes first."""
    from assay.catalog import queries
    from assay.cli.screens import catalog as screens
    from assay.domain.severity import Band
    from assay.pipelines.feeds.queries.products import touched_ids

    with current(ctx).open() as context, context.db.transaction() as conn:
        check_known(context.sources, [source] if source is not None else [])
        filters = queries.Filters(
            text=" ".join(words) if words else None,
            ecosystem=ecosystem,
            package=package,
            min_severity=None if severity is None else Band(severity.value),
            exploited=kev or None,
            min_epss=min_epss,
            since=None if since is None else since_when(since, context.clock()),
            source=source,
            withdrawn=withdrawn,
            only=touched_ids(conn) if monitored else None,
        )
        page = queries.search(conn, filters, limit=limit, cursor=cursor)
    if as_json:
        print_json({"hits": [screens.hit_json(hit) for hit in page.hits], "next_cursor": page.next_cursor})
        return
    if page.hits:
        show(screens.hits_screen(page.hits))
    else:
        note(
            "nothing found"
            + ("" if withdrawn else "; --withdrawn looks at withdrawn and rejected ones as well")
        )
    if page.next_cursor is not None:
        note(f"next page: {command_line(ctx.params, page.next_cursor)}")


@catalog.command()
def stats(ctx: typer.Context, as_json: AsJson = False) -> None:
    """The catalog in figures."""
    from assay.catalog import queries
    from assay.cli.screens import catalog as screens

    with current(ctx).open() as context, context.db.transaction() as conn:
        found = queries.stats(conn)
    if as_json:
        print_json(screens.stats_json(found))
    else:
        show(*screens.stats_screen(found))


@catalog.command()
def rebuild(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Make the catalog again from its claims, without the network."""
    from assay.catalog import commands
    from assay.cli.screens import catalog as screens
    from assay.cli.screens import syncing

    with current(ctx).working() as (context, progress):
        rebuilt = commands.rebuild(context, _on_catalog(progress, "rebuild"))
    if as_json:
        print_json(asdict(rebuilt))
    else:
        show(*screens.rebuilt_screen(rebuilt), syncing.merge_screen(rebuilt.counts))


@catalog.command()
def merge(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Merge claims that wait for it, e.g. after a sync that was stopped."""
    from assay.cli.screens import syncing

    with current(ctx).working() as (context, progress):
        counts, changes, more = _merged(context, progress)
    if as_json:
        print_json({"merge": asdict(counts), "changes": changes, "more_changes": more})
    else:
        show(*_told(changes, more), syncing.merge_screen(counts))


@catalog.command()
def check(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Look for broken laws; there must be none."""
    from assay.catalog import queries
    from assay.cli.screens import catalog as screens

    with current(ctx).open() as context, context.db.transaction() as conn:
        faults = queries.find_faults(conn)
    if as_json:
        print_json({"is_sound": not any(faults.values()), "faults": faults})
    else:
        show(*screens.faults_screen(faults))
    if any(faults.values()):
        raise typer.Exit(ExitCode.NOT_WELL)


@policy.command("show")
def policy_show(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the policy in force."""
    import tomllib

    from assay.bootstrap.loading import load_policy, policy_text

    settings = current(ctx).settings()
    load_policy(settings.merge_policy)
    text, name = policy_text(settings.merge_policy)
    if as_json:
        print_json({"file": name, "policy": tomllib.loads(text)})
    else:
        write_bytes(text.encode())


@policy.command("diff")
def policy_diff(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A merge policy, as `assay catalog policy show` shows one.")
    ],
    examples: Annotated[int, typer.Option(min=0, max=100_000, help="Vulnerabilities that are named.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what another policy would change, without changing it."""
    from assay.bootstrap.loading import policy_text
    from assay.catalog import commands
    from assay.cli.screens import catalog as screens

    text, name = policy_text(file)
    with current(ctx).working() as (context, progress):
        diff = commands.policy_diff(context, text, name, _on_catalog(progress, "try"), examples=examples)
    if as_json:
        named = [{"name": one, "fields": fields} for one, fields in diff.examples]
        print_json({**asdict(diff), "examples": named})
    else:
        show(*screens.policy_diff_screen(diff))


_Name = Annotated[str, typer.Argument(metavar="ID", help="An identifier.")]
_Other = Annotated[str, typer.Argument(metavar="ID", help="Another one.")]
_Reason = Annotated[str, typer.Option(help="Why, for those who come later.")]


@catalog.command()
def pin(
    ctx: typer.Context,
    left: _Name,
    right: _Other,
    *,
    reason: _Reason,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Decide that two identifiers are the same vulnerability."""
    _decide(ctx, "pin", (left, right), reason=reason, by=by, as_json=as_json)


@catalog.command()
def ban(
    ctx: typer.Context,
    left: _Name,
    right: _Other,
    *,
    reason: _Reason,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Decide that two identifiers are different vulnerabilities."""
    _decide(ctx, "ban", (left, right), reason=reason, by=by, as_json=as_json)


@catalog.command()
def forget(ctx: typer.Context, left: _Name, right: _Other, by: By = None, as_json: AsJson = False) -> None:
    """Take a decision about two identifiers back."""
    from assay.catalog import commands

    who = who_decides(by)

    def write(_: "Context", conn: "Connection") -> None:
        commands.undecide(conn, (left, right))
        note_change(conn, who, "catalog.undecide", f"{left} {right}")

    _apply(current(ctx), write, as_json)


def _decide(
    ctx: typer.Context, kind: str, names: tuple[str, str], *, reason: str, by: str | None, as_json: bool
) -> None:
    from assay.catalog import commands

    if not reason.strip():
        raise typer.BadParameter("a decision needs a reason", param_hint="--reason")
    who = who_decides(by)

    def write(context: "Context", conn: "Connection") -> None:
        commands.decide(conn, kind, names, reason=reason.strip(), by=who, now=context.clock())
        note_change(conn, who, f"catalog.{kind}", " ".join(names), {"reason": reason.strip()})

    _apply(current(ctx), write, as_json)


def _apply(invocation: "Invocation", write: Callable[["Context", "Connection"], None], as_json: bool) -> None:
    """Write a decision down, merge, and say what that changed."""
    from assay.cli.screens import syncing

    with invocation.working() as (context, progress):
        counts, changes, more = _merged(context, progress, write)
    if as_json:
        print_json({"merge": asdict(counts), "changes": changes, "more_changes": more})
    else:
        show(*_told(changes, more), syncing.merge_screen(counts))


def _merged(
    context: "Context", progress: "Steps", write: Callable[["Context", "Connection"], None] | None = None
) -> tuple["MergeCounts", list["NamedChange"], int]:
    """What a merge came to, the first changes that it made, and how many more there are."""
    from assay.catalog import commands, queries

    with context.db.transaction() as conn:
        before = queries.last_change(conn)
        if write is not None:
            write(context, conn)
    counts = commands.merge(context, _on_catalog(progress, "merge"))
    with context.db.transaction() as conn:
        changes = queries.list_changes_after(conn, before, _NAMED)
    return counts, changes, counts.added + counts.changed + counts.removed - len(changes)


def _told(changes: list["NamedChange"], more: int) -> list[Any]:
    from assay.cli.screens.catalog import changes_screen

    rest = [spoken((f"… and {counted(more, 'change')} more", "dim"))] if more > 0 else []
    return [*changes_screen(changes), *rest]


@catalog.command()
def decisions(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List what people decided about identifiers."""
    from assay.catalog import queries
    from assay.cli.screens.catalog import decisions_screen

    with current(ctx).open() as context, context.db.transaction() as conn:
        found = queries.list_decisions(conn)
    if as_json:
        print_json(found)
    else:
        show(decisions_screen(found))


def _on_catalog(progress: "Steps", step: str) -> Callable[[int, int], None]:
    return lambda done, total: progress("catalog", step, done, total)
