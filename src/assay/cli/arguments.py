"""What the words of a command line mean: sources and their addresses, moments, the next page."""

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.domain.numbers import LARGEST_ID
from assay.errors import NotFound, Permanent

if TYPE_CHECKING:
    from assay.pipelines.advisories.commands import Request
    from assay.pipelines.advisories.model import Source

# What `--replay` alone means.
_NEWEST = "newest"
# The beginning of a document's name, which is a SHA-256 or a commit.
_DOCUMENT = re.compile(r"[0-9a-f]{4,64}")
_AGO = re.compile(r"(\d{1,5})([hdwmy])")
# Hits a page where nobody says how many.
PAGE = 25
_UNITS = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "m": timedelta(days=30),
    "y": timedelta(days=365),
}

Before = Annotated[
    int | None,
    typer.Option(min=1, max=LARGEST_ID, metavar="ID", help="Only older ones, for the next page."),
]

By = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who decides; the user of this system if not said.")
]


def who_decides(by: str | None) -> str:
    """The name under which a decision is kept. Raises Permanent where nobody says it."""
    import getpass

    try:
        return by or getpass.getuser()
    except (OSError, KeyError) as error:
        raise Permanent("this system does not say who you are: say it with --by NAME") from error


def with_newest(args: Sequence[str]) -> list[str]:
    """The arguments with `newest` after each `--replay` that no document follows."""
    done: list[str] = []
    for place, word in enumerate(args):
        done.append(word)
        following = args[place + 1] if place + 1 < len(args) else ""
        if word == "--replay" and following != _NEWEST and not _DOCUMENT.fullmatch(following):
            done.append(_NEWEST)
    return done


def requests_for(
    known: Mapping[str, "Source"],
    names: Sequence[str],
    origins: Sequence[str],
    *,
    ecosystem: str | None,
    replay: str | None,
    full: bool,
    accept_loss: bool,
) -> dict[str, "Request"]:
    """What is asked of each source. Raises BadParameter for a contradiction, NotFound for no source."""
    from assay.pipelines.advisories.commands import EVERYTHING, Request

    check_known(known, names)
    wanted = list(dict.fromkeys(names)) or _all_of(known, ecosystem)
    if ecosystem is not None:
        whole = [name for name in wanted if not _has_ecosystems(known[name])]
        if whole:
            raise typer.BadParameter(f"{', '.join(whole)} is published as a whole", param_hint="--ecosystem")
    read_from = read_origins(origins, wanted, known)
    if replay is not None and read_from:
        raise typer.BadParameter("a replay reads what is kept and takes no --from", param_hint="--replay")
    if replay not in (None, _NEWEST) and len(wanted) != 1:
        raise typer.BadParameter("a document belongs to one source; name it", param_hint="--replay")
    return {
        name: Request(
            scope=ecosystem or EVERYTHING,
            origin=read_from.get(name),
            replay="" if replay == _NEWEST else replay,
            full=full,
            accept_loss=accept_loss,
        )
        for name in wanted
    }


def check_known(known: Collection[str], names: Iterable[str]) -> None:
    """Raise NotFound for a name that no source has."""
    for name in names:
        if name not in known:
            raise NotFound(f"no source is called {name!r}; there are {', '.join(known)}")


def _all_of(known: Mapping[str, "Source"], ecosystem: str | None) -> list[str]:
    return [name for name, source in known.items() if ecosystem is None or _has_ecosystems(source)]


def _has_ecosystems(source: "Source") -> bool:
    from assay.pipelines.advisories.model import Bucket

    return isinstance(source.transport, Bucket)


def read_origins(origins: Sequence[str], wanted: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """The address given for each source.

    `SOURCE=` counts only before the first `=` and for a known source: an address may hold one as well. An
    address alone belongs to the one source that is synced.
    """
    found: dict[str, str] = {}
    for origin in origins:
        name, separator, address = origin.partition("=")
        if not separator or name not in known:
            if len(wanted) != 1:
                said = f"say for which source {origin!r} is: --from SOURCE={origin}"
                raise typer.BadParameter(said, param_hint="--from")
            name, address = wanted[0], origin
        if name not in wanted:
            raise typer.BadParameter(f"{name} is not among the sources to sync", param_hint="--from")
        if name in found:
            raise typer.BadParameter(f"{name} can be read from one place only", param_hint="--from")
        if not address:
            raise typer.BadParameter(f"the address of {name} is empty", param_hint="--from")
        found[name] = address
    return found


def since_when(text: str, now: datetime, option: str = "--since") -> datetime:
    """The moment that a date, a time or an age means, in UTC where it says no zone. Raises BadParameter."""
    age = _AGO.fullmatch(text.strip())
    try:
        moment = now - int(age[1]) * _UNITS[age[2]] if age else datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        said = f"{text!r} is neither a date such as 2024-05-01 nor an age such as 7d"
        raise typer.BadParameter(said, param_hint=option) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


Host = Annotated[str | None, typer.Option(help="The address to listen on, in the place of ASSAY_WEB_HOST.")]
Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="The port, in the place of ASSAY_WEB_PORT; 0 for any."),
]
WebWorkers = Annotated[int, typer.Option(min=1, max=64, help="Processes that share the requests.")]


def command_line(asked: Mapping[str, Any], cursor: str) -> str:
    """The command that shows the next page of a search, given its arguments by name."""
    line = ["assay", "search"]
    for name, value in asked.items():
        if name in ("words", "cursor", "as_json") or value is None or value is False:
            continue
        if name == "limit" and value == PAGE:
            continue
        option = f"--{name.replace('_', '-')}"
        line += [option] if value is True else [option, str(value)]
    # After `--` because a word that was searched for may begin with a dash.
    words = asked.get("words") or ()
    return shlex.join([*line, "--cursor", cursor, *(("--", *words) if words else ())])
