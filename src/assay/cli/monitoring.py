"""What an operator asks about alerts: what is wrong, who looks after it, and whether anybody would be told."""

from typing import Annotated

import typer

from assay.cli.arguments import Before, By, who_decides
from assay.cli.audited import note_change
from assay.cli.exits import ExitCode
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show, spoken
from assay.domain.numbers import LARGEST_ID

alerts = typer.Typer(help="Alerts: what is wrong, and who is told.", no_args_is_help=True)

_Id = Annotated[
    int, typer.Argument(min=1, max=LARGEST_ID, metavar="ID", help="As `assay alerts list` lists it.")
]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.add_typer(alerts, name="alerts")


@alerts.command("list")
def alerts_list(
    ctx: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    rule: Annotated[str | None, typer.Option(help="Of this rule only, e.g. source_stale.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Alerts at most.")] = 50,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """List alerts that are not over, newest first; end with 1 when one is open that nobody looks after."""
    from assay.cli.screens.alerts import alerts_screen
    from assay.monitoring.model import AlertState, Rule
    from assay.monitoring.queries import list_alerts, observed_at

    if rule is not None and rule not in set(Rule):
        raise typer.BadParameter(f"there are {', '.join(Rule)}", param_hint="--rule")
    with current(ctx).open() as context, context.db.transaction() as conn:
        chosen = None if rule is None else Rule(rule)
        found = list_alerts(conn, rule=chosen, every=every, before=before, limit=limit + 1)
        looked_at = observed_at(conn)
        now = context.clock()
    page = found[:limit]
    following = page[-1].id if len(found) > limit else None
    if as_json:
        print_json({"alerts": page, "next_before": following, "looked_at": looked_at})
    else:
        if page:
            show(*alerts_screen(page, now))
        else:
            note("no alerts")
        if looked_at is None:
            note("nobody has looked yet: alerts need a worker (`assay worker`)")
        if following is not None:
            note(f"older ones: the same with --before {following}")
    if any(one.state is AlertState.OPEN for one in page):
        raise typer.Exit(ExitCode.NOT_WELL)


@alerts.command("show")
def alerts_show(ctx: typer.Context, alert_id: _Id, as_json: AsJson = False) -> None:
    """Show one alert and who was told about it."""
    from assay.cli.screens.alerts import alert_screen
    from assay.monitoring.queries import get_alert, list_deliveries

    with current(ctx).open() as context, context.db.transaction() as conn:
        alert = get_alert(conn, alert_id)
        deliveries = list_deliveries(conn, alert_id)
        now = context.clock()
    if as_json:
        print_json({"alert": alert, "deliveries": deliveries})
    else:
        show(*alert_screen(alert, deliveries, now))


@alerts.command("ack")
def alerts_ack(
    ctx: typer.Context,
    alert_id: _Id,
    *,
    why: Annotated[str | None, typer.Option("--note", help="Why, for those who ask later.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Say that somebody looks after an alert; it is told again only when it is over."""
    from assay.monitoring.commands import look_after

    who = who_decides(by)
    with current(ctx).open() as context, context.db.transaction() as conn:
        alert = look_after(conn, alert_id, who, why, context.clock())
        note_change(conn, who, "alerts.acknowledge", str(alert_id), {"note": why} if why else None)
    if as_json:
        print_json({"alert": alert})
    else:
        show(spoken(f"alert {alert.id} ({alert.rule.value}: {alert.subject}) is looked after by {who}"))


@alerts.command("test")
def alerts_test(
    ctx: typer.Context,
    channels: Annotated[
        list[str] | None, typer.Argument(metavar="CHANNEL", help="As the settings name them; all if none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a test notice at once; end with 1 when one did not arrive."""
    from assay.monitoring.commands import try_channels

    with current(ctx).open() as context:
        tried = try_channels(context, channels or [])
    if as_json:
        print_json({"channels": tried})
    else:
        for one in tried:
            said = ("sent", "green") if one.error is None else (one.error, "red")
            show(spoken(f"{one.channel}: ", said))
    if any(one.error is not None for one in tried):
        raise typer.Exit(ExitCode.NOT_WELL)
