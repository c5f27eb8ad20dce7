"""`assay feeds`: advisories in prose; one module a subject, each with a line in `add_to`."""

import typer

from assay.cli.feeds import entries, evaluating, processing, products, review, sources

feeds = typer.Typer(
    help="Advisories in prose: where they come from, what came, and what was made of it.",
    no_args_is_help=True,
)


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    sources.add_to(feeds)
    entries.add_to(feeds)
    processing.add_to(feeds)
    review.add_to(feeds)
    feeds.command("eval")(evaluating.evaluate)
    feeds.add_typer(products.products, name="products")
    app.add_typer(feeds, name="feeds")
