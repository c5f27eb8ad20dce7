"""`assay scan`: files, folders and package URLs against the catalog."""

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay import __version__
from assay.cli.arguments import since_when
from assay.cli.inventories import reading
from assay.cli.invocation import AsJson
from assay.cli.output import note, show
from assay.domain.wording import counted
from assay.errors import Permanent

if TYPE_CHECKING:
    from assay.kit.db import Connection
    from assay.pipelines.packages.commands.reading import Collected
    from assay.pipelines.packages.commands.scanning import FailOn, IgnoreRule, Verdict
    from assay.pipelines.packages.model import Circumstances, Scan

IGNORE_FILE = ".assay-ignore.toml"
_MOST_INPUT = 64 << 20


class Form(StrEnum):
    """What a scan is written as."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    CYCLONEDX = "cyclonedx"
    OPENVEX = "openvex"
    MARKDOWN = "markdown"
    HTML = "html"


class ScanExit(IntEnum):
    """How a scan ends."""

    CLEAN = 0
    FINDINGS = 1
    ERROR = 2
    """Some file or entry could not be read, so that nothing is known of it."""
    UNKNOWN = 3
    """Nothing is known to be affected; of something it is not known."""


_SCAN_HELP = """Look up the packages of lockfiles, SBOMs and package URLs in the catalog.

A folder is searched for files of known formats; a file is recognised by its name, else by its content;
a package URL is written as pkg:npm/lodash@4.17.20; - is standard input.

Exit codes: 0 clean; 1 findings that count (--fail-on); 2 something could not be read, or is wrong;
3 nothing is known to be affected, and of some package it is not known, because its version cannot be placed.
"""


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command("scan", help=_SCAN_HELP)(scan)


_Targets = Annotated[
    list[str], typer.Argument(metavar="PATH|PURL...", help="Files, folders, package URLs, or - for stdin.")
]
_Form = Annotated[Form, typer.Option("--format", help="What to write.")]
_Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there instead of to stdout.")
]
_FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LEVEL",
        help="End with 1 for findings of low, medium, high or critical severity or worse, for exploited ones "
        "(kev), for any or for none. Several may be given, also with commas.  [default: any]",
    ),
]
_Ignore = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help=f"Findings to live with, in the place of the scanned folder's {IGNORE_FILE}."
    ),
]
_FormatOf = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The format of stdin and of files that do not tell, e.g. package-lock."
    ),
]
_IncludeInstalled = Annotated[
    bool,
    typer.Option("--include-installed", help="Search node_modules, vendor, .venv and the like as well."),
]
_RequireFresh = Annotated[
    str | None,
    typer.Option(metavar="AGE", help="Refuse to answer from data that are older, e.g. 24h or 7d."),
]
_Save = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Keep the packages under this name, for `assay hits`."),
]


def scan(
    ctx: typer.Context,
    *,
    targets: _Targets,
    form: _Form = Form.TABLE,
    output: _Output = None,
    fail_on: _FailOn = None,
    ignore: _Ignore = None,
    format_of: _FormatOf = None,
    include_installed: _IncludeInstalled = False,
    require_fresh: _RequireFresh = None,
    save: _Save = None,
    as_json: AsJson = False,
) -> None:
    # A scan makes many small objects and is over before a collection would find anything to free.
    gc.disable()
    try:
        ended = _scan(
            ctx,
            targets,
            _levels(fail_on or ["any"]),
            Wanted(
                _form(form, as_json=as_json),
                output,
                ignore,
                format_of,
                include_installed,
                require_fresh,
                save,
            ),
        )
    finally:
        gc.enable()
    raise typer.Exit(ended)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a scan is to do beside looking packages up."""

    form: Form
    output: Path | None
    ignore: Path | None
    format_of: str | None
    include_installed: bool
    require_fresh: str | None
    save: str | None


def _form(form: Form, *, as_json: bool) -> Form:
    if as_json and form not in (Form.TABLE, Form.JSON):
        raise typer.BadParameter(
            f"--json and --format {form.value} contradict each other", param_hint="--format"
        )
    return Form.JSON if as_json else form


def _scan(
    ctx: typer.Context, targets: Sequence[str], levels: "frozenset[FailOn]", wanted: Wanted
) -> ScanExit:
    from assay.pipelines.packages.commands import keeping, scanning

    collected = _collect(targets, wanted.format_of, include_installed=wanted.include_installed)
    rules = _ignore_rules(wanted.ignore, targets)
    with reading(ctx) as (conn, now):
        freshness = _freshness(conn, wanted.require_fresh, now)
        done = scanning.scan(conn, collected.inventories, collected.unreadable)
        saved = (
            keeping.save(conn, wanted.save, collected.inventories, now) if wanted.save is not None else None
        )
    done, expired, unused = scanning.ignore(done, rules, now.date())
    verdict = scanning.verdict(done, levels)
    facts = _circumstances(now, freshness, verdict)
    _write(_rendered(wanted.form, done, facts, collected, wanted.output), wanted.output)
    _tell(done, facts, wanted.form, expired=expired, unused=unused)
    if saved is not None:
        said = "kept" if saved.is_changed else "kept already"
        note(f"{counted(saved.packages, 'package')} {said} as {saved.name}")
    return ScanExit[verdict.name]


def _levels(words: Iterable[str]) -> "frozenset[FailOn]":
    from assay.pipelines.packages.commands.scanning import FailOn

    named = [word.strip().lower() for entry in words for word in entry.split(",")]
    known = {level.value for level in FailOn}
    for word in named:
        if word not in known:
            said = f"{word!r} is none of {', '.join(level.value for level in FailOn)}"
            raise typer.BadParameter(said, param_hint="--fail-on")
    found = frozenset(FailOn(word) for word in named)
    if FailOn.NONE in found and len(found) > 1:
        raise typer.BadParameter("`none` stands alone", param_hint="--fail-on")
    return found


def _collect(targets: Sequence[str], format_of: str | None, *, include_installed: bool) -> "Collected":
    from assay.pipelines.packages.commands import reading

    content = None
    if reading.STANDARD_INPUT in targets:
        content = sys.stdin.buffer.read(_MOST_INPUT + 1)
    limits = reading.Limits(skip=frozenset((".git",))) if include_installed else reading.Limits()
    return reading.collect(targets, standard_input=content, format_name=format_of, limits=limits)


def _ignore_rules(named: Path | None, targets: Sequence[str]) -> "list[IgnoreRule]":
    from assay.pipelines.packages.commands.scanning import read_ignore_rules

    found: dict[Path, None] = {}
    for path in [named] if named is not None else _beside(targets):
        found[path] = None
    rules: list[IgnoreRule] = []
    for path in found:
        try:
            rules += read_ignore_rules(path.read_text(encoding="utf-8"), str(path))
        except OSError as error:
            raise Permanent(f"the ignore file {path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise Permanent(f"the ignore file {path} is not UTF-8 text") from error
    return rules


def _beside(targets: Sequence[str]) -> Iterator[Path]:
    """The ignore files of the folders that are scanned, and of those in which scanned files lie."""
    for target in targets:
        path = Path() if target.startswith("pkg:") or target == "-" else Path(target)
        folder = path if path.is_dir() else path.parent
        if (folder / IGNORE_FILE).is_file():
            yield (folder / IGNORE_FILE).resolve()


def _freshness(conn: "Connection", required: str | None, now: datetime) -> dict[str, datetime]:
    """When each source was last read. Raises Permanent where one is older than what is required."""
    from assay.pipelines.advisories.queries import list_freshness

    found = list_freshness(conn)
    if required is not None:
        oldest = since_when(required, now, "--require-fresh")
        if not found:
            raise Permanent("no source was ever synced: run `assay sync`")
        stale = [f"{name} ({moment:%Y-%m-%d %H:%M} UTC)" for name, moment in found.items() if moment < oldest]
        if stale:
            raise Permanent(
                f"the data are older than --require-fresh {required}: {', '.join(stale)}; run `assay sync`"
            )
    return found


def _circumstances(now: datetime, freshness: dict[str, datetime], verdict: "Verdict") -> "Circumstances":
    from assay.pipelines.packages.model import Circumstances

    return Circumstances(now, "Assay", __version__, verdict.value, freshness)


def _rendered(
    form: Form, done: "Scan", facts: "Circumstances", collected: "Collected", output: Path | None
) -> str | None:
    """What is to be written; None where a table was shown on the terminal already."""
    from assay.pipelines.packages.commands import reporting

    if form is Form.TABLE:
        if output is None and sys.stdout.isatty():
            from assay.cli.screens.packages import scan_screen

            show(*scan_screen(done))
            return None
        from assay.cli.screens.packages import scan_lines

        return "".join(f"{line}\n" for line in scan_lines(done))
    return reporting.report(reporting.Report(form.value), reporting.located(done, collected), facts)


def _write(content: str | None, output: Path | None) -> None:
    if content is None:
        return
    if output is None:
        sys.stdout.write(content)
        sys.stdout.flush()
        return
    output.write_text(content, encoding="utf-8", errors="backslashreplace")


def _tell(
    done: "Scan",
    facts: "Circumstances",
    form: Form,
    *,
    expired: "Sequence[IgnoreRule]",
    unused: "Sequence[IgnoreRule]",
) -> None:
    """Say on stderr what stands beside the result: errors, entries of the ignore file, how old the data are."""
    from assay.cli.screens.packages import freshness_line, summary_line

    for entry in done.unreadable:
        note(f"Error: {entry.path}: {entry.detail} ({entry.reason})")
    for file in done.files:
        for fault in file.faults:
            note(f"Error: {file.path}: {fault.place}: {fault.detail} ({fault.reason})")
    for rule in expired:
        note(f"ignored until {rule.until}, which is over: {rule.id} ({rule.reason})")
    for rule in unused:
        about = f" of {rule.package}" if rule.package else ""
        note(f"an entry of the ignore file meets nothing: {rule.id}{about}")
    if form is not Form.TABLE:
        note(summary_line(done))
    note(freshness_line(facts))
