"""What goes to the terminal: consoles, tables, numbers, and text of strangers made harmless."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TextIO

from assay.domain.wording import clean, number

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

# Wide enough that nothing is cut or folded where nobody says how wide lines are: in a pipe, a file, a log.
_WIDTH_ELSEWHERE = 20_000

SEVERITY_STYLES = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "none": "dim",
}


def console(stream: TextIO | None = None) -> "Console":
    """A console on stdout, or on another stream; without colours it writes no escape code at all."""
    from rich.console import Console

    stream = stream or sys.stdout
    made = Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False)
    if made.is_terminal and not made.no_color and not made.is_dumb_terminal:
        return made
    width = None if made.is_terminal else _width(made)
    return Console(file=stream, markup=False, emoji=False, highlight=False, color_system=None, width=width)


def _width(made: "Console") -> int:
    # Rich falls back to 80 columns in a pipe, and to COLUMNS where somebody set it.
    return made.width if made.width != 80 else _WIDTH_ELSEWHERE


def show(*renderables: "RenderableType") -> None:
    """Print to stdout, one after the other; in a file or pipe no line ends in blanks."""
    target = console()
    with target.capture() as captured:
        for renderable in renderables:
            target.print(renderable)
    written = captured.get()
    if not target.is_terminal:
        written = "".join(f"{line.rstrip()}\n" for line in written.splitlines())
    sys.stdout.write(written)
    sys.stdout.flush()


def note(text: str) -> None:
    """Say something beside the result, on stderr."""
    sys.stdout.flush()
    sys.stderr.write(f"{clean(text)}\n")
    sys.stderr.flush()


def complain(text: str) -> None:
    """Say what is wrong, on stderr, in red where that can be seen."""
    from rich.text import Text

    sys.stderr.flush()
    console(sys.stderr).print(Text(text, style="red"), soft_wrap=True)


def print_json(value: Any) -> None:
    """Write one JSON document to stdout, readable by every program and in every encoding."""
    json.dump(plain(value), sys.stdout, indent=2, ensure_ascii=True)
    sys.stdout.write("\n")
    sys.stdout.flush()


def write_bytes(content: bytes) -> None:
    """Write bytes to stdout as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def plain(value: Any) -> Any:
    """The value in JSON's own types: a dataclass by its fields, times in UTC as RFC 3339."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if is_dataclass(value):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def text(content: str, style: str = "", *, keep_lines: bool = False) -> "Text":
    """Text of strangers, harmless."""
    from rich.text import Text

    return Text(clean(content, keep_lines=keep_lines), style=style)


def spoken(*pieces: "str | tuple[str, str] | Text") -> "Text":
    """One line of pieces, each with a style of its own if it has one; harmless, whatever they say."""
    from rich.text import Text

    whole = Text()
    for piece in pieces:
        match piece:
            case str():
                whole.append(clean(piece))
            case (content, style):
                whole.append(clean(content), style=style)
            case _:
                whole.append_text(piece)
    return whole


def cut(content: "str | Text") -> "Text":
    """Text that ends in an ellipsis where its column ends."""
    line = spoken(content)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def count(value: int, style: str = "") -> "Text":
    """A number in a table: nothing stands back, something may stand out."""
    from rich.text import Text

    return Text(number(value), style="dim" if value == 0 else style)


def severity_badge(severity: str | None, score: float | None) -> "Text":
    """A severity in its colour, with the score it comes from."""
    from rich.text import Text

    if severity is None:
        return Text("unrated", style="dim")
    words = severity if score is None else f"{severity} {score:.1f}"
    return Text(words, style=SEVERITY_STYLES.get(severity, ""))


def table(
    *columns: str, right: Sequence[str] = (), wide: str | None = None, title: str | None = None
) -> "Table":
    """An open table. `right` are columns of numbers; only `wide` gives way when the line is too short."""
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
        header_style="bold",
        title=title,
        title_style="bold",
        title_justify="left",
    )
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column != wide,
            overflow="fold",
        )
    return made


def pairs(rows: Iterable[tuple[str, "RenderableType"]]) -> "Table":
    """A list of names and values, the names in a column of their own."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value)
    return made
