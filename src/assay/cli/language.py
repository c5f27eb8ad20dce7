"""The language model that reads what rules could not: which one, what its server has, whether it answers."""

from typing import Annotated

import typer

from assay.cli.arguments import By, who_decides
from assay.cli.exits import ExitCode
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show, spoken

llm = typer.Typer(help="The language model that reads entries of feeds.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.add_typer(llm, name="llm")


@llm.command("config")
def config(
    ctx: typer.Context,
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE", help="Settings to change at run time, e.g. model=qwen3:8b batch=20."
        ),
    ] = None,
    *,
    reset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Take a change back; the file and the environment count again."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Show which model is asked, and how entries are processed, or change that on every machine at once."""
    from msgspec import to_builtins

    from assay.auth.model import Kind, Principal, Role
    from assay.cli.screens.language import config_screen
    from assay.jobs.choices import LLM
    from assay.web.changeable import from_text
    from assay.web.changing import Change
    from assay.web.language import change_language, shown
    from assay.web.problems import Refused

    with current(ctx).open() as context, context.db.transaction() as conn:
        if changes or reset:
            who = Principal(Kind.LOCAL, who_decides(by), Role.ADMIN)
            given = [_pair(one) for one in changes or ()]
            try:
                wanted = {name: from_text(f"{LLM}{name}", text) for name, text in given}
                change_language(context, Change(conn, who, None), wanted | dict.fromkeys(reset or ()))
            except Refused as error:
                raise typer.BadParameter(error.message) from error
        found = shown(context, conn)
        now = context.clock()
    if as_json:
        print_json(to_builtins(found))
    else:
        show(*config_screen(found, now))


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{text!r} is no NAME=VALUE", param_hint="NAME=VALUE")
    return name.strip(), value


@llm.command("models")
def models(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the models that the server has."""
    from assay.cli.screens.language import models_screen
    from assay.pipelines.feeds.commands.language import list_models
    from assay.pipelines.feeds.queries.language import language_chosen

    with current(ctx).open() as context:
        with context.db.transaction() as conn:
            language = language_chosen(conn, context.language)
        found = list_models(context, language)
    if as_json:
        print_json({"address": language.address, "models": found})
    elif found:
        show(*models_screen(found, language.model))
    else:
        note(f"{language.address} has no models")


@llm.command("test")
def try_out(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Ask the model something small; end with 1 when it does not answer as it should."""
    from assay.cli.screens.language import trial_screen
    from assay.pipelines.feeds.commands.language import try_model

    with current(ctx).open() as context:
        trial = try_model(context)
    if as_json:
        print_json(trial)
    else:
        show(*trial_screen(trial))
        if trial.problem is not None:
            show(spoken((trial.problem, "red")))
    if not trial.is_well:
        raise typer.Exit(ExitCode.NOT_WELL)
