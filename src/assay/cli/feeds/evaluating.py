"""How right the extraction is on labelled texts: `assay feeds eval`."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.arguments import since_when
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show
from assay.domain.wording import counted

if TYPE_CHECKING:
    from assay.pipelines.feeds.commands.evaluating import Asked


def evaluate(
    ctx: typer.Context,
    *,
    data: Annotated[
        list[Path],
        typer.Option(
            metavar="PATH",
            help="Labelled texts: CVE or OSV records (a zip or a folder), or JSON Lines. May be given again.",
        ),
    ],
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE|AGE", help="Measure on what came since; what is older teaches the names."),
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, max=10_000_000, metavar="N", help="Texts to measure on, at most.")
    ] = 2_000,
    catalog: Annotated[
        bool,
        typer.Option("--catalog", help="Know the names that this installation knows, not those of the data."),
    ] = False,
    model: Annotated[
        bool, typer.Option("--model", help="Ask the language model too, and show both.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure every field, its calibration and what review would catch, on texts with known answers."""
    from msgspec import to_builtins

    from assay.cli.screens.evaluation import report_screens
    from assay.kit.clock import utc_now
    from assay.pipelines.feeds.commands import evaluating
    from assay.pipelines.feeds.queries.language import language_chosen

    day = None if since is None else since_when(since, utc_now()).date().isoformat()
    chosen = evaluating.split(evaluating.read_labelled(data), day, most)
    asked = evaluating.Asked()
    with ExitStack() as stack:
        ask, progress, threshold = None, evaluating.unseen, evaluating.THRESHOLD
        if catalog or model:
            context, report = stack.enter_context(current(ctx).working())
            progress = partial(report, "feeds", "measure")
            with context.db.transaction() as conn:
                threshold = language_chosen(conn, context.language).threshold
            if model:
                ask = stack.enter_context(evaluating.asker(context, asked))
        if catalog:
            with context.db.transaction() as conn:
                names = evaluating.names_gathered(conn)
            if not len(names):
                note("this installation knows no names yet: `assay sync cve`, then `assay feeds process`")
        else:
            names = evaluating.taught_by(chosen.older)
        reports = evaluating.evaluate(chosen, names, threshold=threshold, ask=ask, progress=progress)
    if as_json:
        print_json(to_builtins(reports))
    else:
        show(*report_screens(reports))
    _tell_questions(asked)


def _tell_questions(asked: "Asked") -> None:
    if asked.questions:
        each = asked.seconds / asked.questions
        note(f"{counted(asked.questions, 'question', 'questions')} to the model, {each:.1f} s each")
    if asked.refused:
        number = counted(len(asked.refused), "question", "questions")
        note(f"{number} to the model came to nothing: {asked.refused[-1]}")
