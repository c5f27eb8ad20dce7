"""`assay configs`: the questions to one run, or to two."""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.configs import ConfName, RunName, configs, reading, view
from assay.cli.exits import ExitCode
from assay.cli.invocation import AsJson
from assay.cli.output import note, print_json, show, write_bytes

if TYPE_CHECKING:
    from assay.pipelines.configs.commands.answering import Client

Target = Annotated[
    str,
    typer.Option(metavar="TARGET", help="Whose: instance, deployment, manager, shcluster or packages."),
]
AppContext = Annotated[
    str | None, typer.Option("--app", metavar="APP", help="In the context of this app's searches.")
]
UserContext = Annotated[
    str | None, typer.Option("--user", metavar="USER", help="And of this user's, with --app.")
]
OfClass = Annotated[
    str | None,
    typer.Option("--server-class", metavar="NAME", help="Of a client that is given the apps of this one."),
]


def add_to(app: typer.Typer) -> None:
    """Put these commands and those of `configs` into the program."""
    app.add_typer(configs, name="configs")


@configs.command("effective")
def effective(
    ctx: typer.Context,
    run: RunName,
    conf: Annotated[str, typer.Argument(metavar="CONF", help="As in `inputs`.")],
    stanzas: Annotated[
        list[str] | None, typer.Argument(metavar="[STANZA]...", help="Only these stanzas.")
    ] = None,
    *,
    target: Target = "instance",
    app: AppContext = None,
    user: UserContext = None,
    server_class: OfClass = None,
    btool: Annotated[
        bool, typer.Option("--btool", help="As `splunk btool CONF list --debug` prints it.")
    ] = False,
    home: Annotated[str, typer.Option(metavar="PATH", help="Splunk's home, for --btool.")] = "/opt/splunk",
    inherited: Annotated[bool, typer.Option("--inherited", help="With what stanzas inherit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a configuration comes to: which file wins, and what it shadows."""
    from assay.cli.screens.configs import effective_screen
    from assay.pipelines.configs.commands import answering

    with reading(ctx, run) as (conn, found):
        seen = view(conn, found, target=target, app=app, user=user, server_class=server_class)
        result = answering.effective(conn, found, conf, seen, stanzas)
    names = list(result.stanzas) if not stanzas else [name for name in stanzas if name in result.stanzas]
    if btool and not as_json:
        text = answering.listing(result, names if stanzas else None, home=home)
        write_bytes(text.encode("utf-8", "replace"))
    else:
        answer = answering.shown(result, names, is_expanded=inherited or bool(stanzas))
        if as_json:
            print_json({"run": str(found.id), "conf": result.conf, "stanzas": answer})
        else:
            show(*effective_screen(answer))
    missing = [name for name in stanzas or () if name not in result.stanzas]
    if missing:
        note(f"there is no [{missing[0]}] in {result.conf}.conf")
        raise typer.Exit(ExitCode.NOT_FOUND)


@configs.command("search")
def search(
    ctx: typer.Context,
    run: RunName,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What stanza, key or value must contain.")],
    *,
    regex: Annotated[
        bool, typer.Option("--regex", help="The text is a regular expression of PostgreSQL.")
    ] = False,
    conf: ConfName = None,
    app: Annotated[str | None, typer.Option(metavar="APP", help="Only in this app.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Search everything that is written: like grep, with stanzas."""
    from assay.cli.screens.configs import hits_screen
    from assay.pipelines.configs import queries

    with reading(ctx, run) as (conn, found):
        hits = queries.search(
            conn,
            found,
            text=None if regex else text,
            regex=text if regex else None,
            conf=None if conf is None else conf.removesuffix(".conf"),
            app=app,
            limit=limit,
        )
    if as_json:
        print_json(hits)
    else:
        show(hits_screen(hits))
        if len(hits) == limit:
            note(f"these are the first {limit}: --limit shows more")
    if not hits:
        raise typer.Exit(ExitCode.NOT_WELL)


@configs.command("list")
def list_typed(
    ctx: typer.Context,
    run: RunName,
    kind: Annotated[str, typer.Argument(metavar="CONF", help="inputs, props, indexes, savedsearches ...")],
    *,
    target: Target = "instance",
    server_class: OfClass = None,
    as_json: AsJson = False,
) -> None:
    """List the stanzas of a well-known configuration, their settings in their types."""
    from assay.cli.screens.configs import typed_screen
    from assay.pipelines.configs.commands import answering

    with reading(ctx, run) as (conn, found):
        seen = view(conn, found, target=target, server_class=server_class)
        listed = answering.typed(conn, found, kind, seen)
    if as_json:
        print_json(listed)
    else:
        show(typed_screen(listed))


@configs.command("apps")
def apps(ctx: typer.Context, run: RunName, as_json: AsJson = False) -> None:
    """List the apps as packages, with what the catalog knows of them."""
    from assay.cli.screens.configs import apps_screen
    from assay.pipelines.configs.commands import installed

    with reading(ctx, run) as (conn, found):
        inventory = installed.installed(conn, found)
    listed = inventory.apps
    if as_json:
        print_json(
            [
                {
                    **{
                        name: getattr(one, name) for name in ("area", "name", "version", "purl", "is_enabled")
                    },
                    "vulnerabilities": one.vulnerabilities,
                }
                for one in listed
            ]
        )
    else:
        show(apps_screen(listed))
        if not inventory.records:
            note(
                "The catalog names no product of Splunk, so nothing can be said of these versions: `assay sync cve`"
            )
    if any(one.vulnerabilities for one in listed):
        raise typer.Exit(ExitCode.NOT_WELL)


@configs.command("serverclass")
def serverclass(
    ctx: typer.Context,
    run: RunName,
    *,
    clients: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A CSV of clients: name, ip, dns, host, instance, machine_type, package_type.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which server class gives which apps to which clients."""
    from assay.cli.screens.configs import classes_screen, deliveries_screen
    from assay.pipelines.configs.commands import answering

    known = _clients(clients) if clients is not None else []
    with reading(ctx, run) as (conn, found):
        classes = answering.server_classes(conn, found, known)
    given = answering.deliveries(classes, known)
    if as_json:
        print_json({"server_classes": classes, "clients": given})
    else:
        show(classes_screen(classes), *([deliveries_screen(given)] if given else []))


def _clients(path: Path) -> "list[Client]":
    from assay.errors import Permanent
    from assay.pipelines.configs.commands.answering import Client

    names = Client.__dataclass_fields__.keys()
    with path.open(encoding="utf-8-sig", newline="") as source:
        rows = csv.DictReader(source)
        if "name" not in (rows.fieldnames or ()):
            raise Permanent(f"{path} has no column `name`; its columns may be {', '.join(names)}")
        return [
            Client(**{name: (row.get(name) or "").strip() for name in names if name in row}) for row in rows
        ]


@configs.command("routing")
def routing(
    ctx: typer.Context,
    run: RunName,
    *,
    around: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only what leads to and from stations called so.")
    ] = None,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="As a diagram in Mermaid's language.")] = False,
    target: Target = "instance",
    server_class: OfClass = None,
    as_json: AsJson = False,
) -> None:
    """Show where data goes: from inputs through props and transforms to indexes and outputs."""
    from assay.cli.screens.configs import routes_screen
    from assay.pipelines.configs.commands import answering

    with reading(ctx, run) as (conn, found):
        seen = view(conn, found, target=target, server_class=server_class)
        graph = answering.data_routes(conn, found, seen, around)
    if as_json:
        print_json({"nodes": list(graph.nodes.values()), "edges": list(graph.edges)})
    elif mermaid:
        sys.stdout.write(answering.mermaid(graph))
    else:
        show(routes_screen(graph))


@configs.command("diff")
def diff(
    ctx: typer.Context,
    before: RunName,
    after: RunName,
    *,
    only_effective: Annotated[
        bool, typer.Option("--effective", help="Only what changes what holds, not where it is written.")
    ] = False,
    conf: ConfName = None,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two runs. Exits with 1 where something does."""
    from assay.cli.screens.configs import differences_screen
    from assay.pipelines.configs import queries
    from assay.pipelines.configs.commands import answering

    with reading(ctx, before) as (conn, first):
        second = queries.complete_run(conn, after)
        found = answering.differences(conn, first, second, only_effective=only_effective, conf=conf)
    if as_json:
        print_json(found)
    else:
        show(differences_screen(found))
    if found:
        raise typer.Exit(ExitCode.NOT_WELL)


@configs.command("lint")
def lint(
    ctx: typer.Context,
    run: RunName,
    *,
    since: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="An older run: which changed defaults do local settings hide?"),
    ] = None,
    rules: Annotated[
        list[str] | None, typer.Option("--rule", metavar="RULE", help="Only findings of this rule.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is wrong or odd. Exits with 1 where something is an error or a warning."""
    from assay.cli.screens.configs import findings_screen
    from assay.pipelines.configs import queries
    from assay.pipelines.configs.commands import answering

    with reading(ctx, run) as (conn, found):
        older = None if since is None else queries.complete_run(conn, since)
        findings = answering.lint(conn, found, older)
    findings = [one for one in findings if not rules or one.rule in rules]
    if as_json:
        print_json(findings)
    else:
        show(findings_screen(findings))
    if any(one.severity != "hint" for one in findings):
        raise typer.Exit(ExitCode.NOT_WELL)


@configs.command("export")
def export(
    ctx: typer.Context,
    run: RunName,
    conf: Annotated[
        str | None, typer.Argument(metavar="[CONF]", help="A configuration; without one the whole report.")
    ] = None,
    *,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="csv, json or markdown.")
    ] = "markdown",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; stdout if not said.")] = None,
) -> None:
    """Write what one configuration comes to as CSV or JSON, or a report of the run as Markdown."""
    from assay.cli.output import plain
    from assay.pipelines.configs.commands import answering, exporting

    with reading(ctx, run) as (conn, found):
        if form == "markdown":
            text = exporting.report(conn, found)
        elif form in ("csv", "json") and conf is not None:
            result = answering.effective(conn, found, conf)
            stanzas = answering.shown(result, result.stanzas, is_expanded=False)
            text = _exported(form, result.conf, stanzas, plain)
        else:
            raise typer.BadParameter("csv and json are of one CONF, markdown is of the whole run")
    content = text.encode("utf-8", "replace")
    if output is None:
        write_bytes(content)
    else:
        output.write_bytes(content)


def _exported(form: str, conf: str, stanzas: Iterable[Any], plain: Any) -> str:
    import json

    from assay.pipelines.configs.commands import exporting

    if form == "csv":
        return exporting.as_csv(exporting.EFFECTIVE_COLUMNS, exporting.effective_rows(conf, stanzas))
    return json.dumps(plain(list(stanzas)), indent=2) + "\n"
