"""What an operator does before it is too late: write a backup, and make an installation out of one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.invocation import AsJson, current
from assay.cli.output import print_json, show, spoken
from assay.domain.wording import counted, moment, size

if TYPE_CHECKING:
    from assay.bootstrap.backups import Backup


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it, such as assay.zip.")],
    *,
    documents: Annotated[
        bool,
        typer.Option(
            "--documents", help="With the advisories as they were fetched, to replay them elsewhere."
        ),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="In the place of a file that is there already.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything that cannot be fetched again into one file, while Assay runs."""
    from assay.bootstrap.backups import back_up
    from assay.cli.progress import shown

    settings = current(ctx).settings()
    with shown(settings) as steps:
        made = back_up(
            settings,
            file.expanduser().absolute(),
            documents=documents,
            replace=replace,
            progress=lambda step, done, total: steps("backup", step, done, total),
        )
    _tell(made, "Backed up to", as_json=as_json)
    if not as_json:
        show(spoken(("It holds password hashes and the keys of secrets: keep it as safe as those.", "dim")))


def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    as_json: AsJson = False,
) -> None:
    """Make an installation out of a backup, in an empty home folder and database."""
    from assay.bootstrap.backups import restore as restored
    from assay.cli.progress import shown

    settings = current(ctx).settings()
    with shown(settings) as steps:
        made = restored(
            settings,
            file.expanduser().absolute(),
            progress=lambda step, done, total: steps("restore", step, done, total),
        )
    _tell(made, "Restored", as_json=as_json)


def _tell(made: "Backup", what: str, *, as_json: bool) -> None:
    about = made.about
    if as_json:
        told: dict[str, Any] = {"file": str(made.path), "bytes": made.bytes, "files": made.files}
        told |= {"assay": about.assay, "made_at": about.made_at, "migration": about.migration}
        print_json(told | {"has_documents": about.has_documents})
        return
    files = counted(made.files, "file") + (" with documents" if about.has_documents else "")
    show(spoken((f"{what} {made.path}", "green"), f": {size(made.bytes)}, the database and {files}"))
    show(spoken(f"made {moment(about.made_at)} by Assay {about.assay}, migration {about.migration:04d}"))
