"""One run of the program: its global options, its settings, its Context."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from assay.bootstrap import Context
    from assay.cli.progress import Steps
    from assay.settings import Settings

_LEVELS: tuple[Literal["info"], Literal["debug"]] = ("info", "debug")


@dataclass(slots=True)
class Invocation:
    """What holds for a whole run of the program, filled in as its options are read."""

    home: Path | None = None
    verbosity: int = 0
    wants_json: bool = False

    @property
    def is_verbose(self) -> bool:
        """Whether tracebacks are wanted."""
        return self.verbosity > 0

    def settings(self) -> "Settings":
        """The settings in force, with what the global options say about them."""
        from assay import settings

        found = settings.load(self.home)
        if self.verbosity:
            level = _LEVELS[min(self.verbosity, len(_LEVELS)) - 1]
            return found.model_copy(update={"log_level": level})
        # A person at a terminal reads the same in the command's own words; a log elsewhere should have it.
        if sys.stderr.isatty() and "log_level" not in found.model_fields_set:
            return found.model_copy(update={"log_level": "error"})
        return found

    @contextmanager
    def open(self, settings: "Settings | None" = None) -> Iterator["Context"]:
        """The Context that commands are given, until the block ends."""
        from assay import bootstrap
        from assay.cli.progress import busy

        with busy("Starting") as started, bootstrap.build(settings or self.settings()) as ctx:
            started()
            yield ctx

    @contextmanager
    def working(
        self, settings: "Settings | None" = None, repositories: frozenset[str] = frozenset()
    ) -> Iterator[tuple["Context", "Steps"]]:
        """The Context and a way to show long work; `repositories` are sources whose fetching git counts."""
        from assay.cli.progress import shown

        settings = settings or self.settings()
        with self.open(settings) as ctx, shown(settings, repositories) as progress:
            yield ctx, progress


def current(ctx: typer.Context) -> Invocation:
    """The invocation that a command belongs to."""
    found = ctx.find_object(Invocation)
    assert found is not None, "entry.Root makes one before any command runs"
    return found


def _wants_json(ctx: typer.Context, value: bool) -> bool:
    if value:
        current(ctx).wants_json = True
    return value


AsJson = Annotated[
    bool,
    typer.Option("--json", callback=_wants_json, help="Write one JSON document to stdout, and nothing else."),
]
