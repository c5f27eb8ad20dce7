"""`assay feeds`: what is read out of prose, one module a subject."""

import typer

from assay.cli.feeds.evaluating import evaluate
from assay.cli.feeds.processing import process
from assay.cli.feeds.products import products
from assay.cli.feeds.review import review

feeds = typer.Typer(help="Feeds: entries of prose, and what is read out of them.", no_args_is_help=True)
feeds.add_typer(products, name="products")
feeds.add_typer(review, name="review")
feeds.command("process")(process)
feeds.command("eval")(evaluate)


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.add_typer(feeds, name="feeds")
