"""How a command ends: its exit code, and what is said of an error. docs/reference/cli.md is for people."""

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from assay.cli.invocation import Invocation
from assay.cli.output import complain, print_json
from assay.domain.wording import clean
from assay.errors import AssayError, BadRecord, Conflict, Forbidden, NotFound, Transient


class ExitCode(IntEnum):
    """What a command's end says to the program that called it."""

    DONE = 0
    NOT_WELL = 1
    """Done, and something is wrong: a source was refused or failed, a check failed."""
    WRONG = 2
    """The command line, the settings or the installation is wrong; a person must change something."""
    NOT_FOUND = 3
    CONFLICT = 4
    BUG = 70
    TRY_AGAIN = 75
    """A passing fault outside (EX_TEMPFAIL of sysexits.h)."""
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


_KINDS = {
    ExitCode.WRONG: "permanent",
    ExitCode.NOT_FOUND: "not-found",
    ExitCode.CONFLICT: "conflict",
    ExitCode.BUG: "bug",
    ExitCode.TRY_AGAIN: "transient",
}


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM, SIGHUP), which is done as carefully as for Ctrl-C."""


def code_of(error: BaseException) -> ExitCode:
    """The exit code that says what to do about an error."""
    match error:
        case Transient():
            return ExitCode.TRY_AGAIN
        case NotFound():
            return ExitCode.NOT_FOUND
        case Conflict() | Forbidden():
            return ExitCode.CONFLICT
        case AssayError() | OSError():
            return ExitCode.WRONG
        case UnicodeEncodeError() if _unreadable_words():
            return ExitCode.WRONG
        case _:
            return ExitCode.TRY_AGAIN if _is_lost_database(error) else ExitCode.BUG


def message_of(error: BaseException) -> str:
    """One line that says what to do about an error."""
    match error:
        case BadRecord(reason=reason, detail=detail):
            return f"{detail} ({reason})"
        case AssayError():
            return str(error)
        case OSError():
            place = "" if error.filename is None else f"{error.filename}: "
            return place + (error.strerror or str(error))
        case UnicodeEncodeError() if words := _unreadable_words():
            return f"{', '.join(map(ascii, words))} on the command line is not valid UTF-8; write it again"
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    if _is_lost_database(error):
        return f"PostgreSQL: {first}. What was committed is kept; run the same command again"
    return f"this is a bug in Assay: {type(error).__name__}: {first}. `assay --verbose ...` shows where"


def _unreadable_words() -> list[str]:
    """The words of the command line that hold bytes which no text has; only paths may (PEP 383)."""
    return [word for word in sys.argv[1:] if any("\udc80" <= letter <= "\udcff" for letter in word)]


def _is_lost_database(error: BaseException) -> bool:
    # By name: psycopg is only loaded by commands that need it.
    return any(
        f"{kind.__module__}.{kind.__name__}" == "psycopg.OperationalError" for kind in type(error).__mro__
    )


@contextmanager
def reported(invocation: Invocation) -> Iterator[None]:
    """Errors of the block end the command with their exit code and one line on stderr."""
    try:
        yield
        sys.stdout.flush()
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt as error:
        complain(
            "Stopped. Nothing is lost: what was finished is kept, and the same command goes on from there."
        )
        code = ExitCode.TERMINATED if isinstance(error, Terminated) else ExitCode.INTERRUPTED
        raise typer.Exit(code) from None
    except OSError as error:
        if error.errno == errno.EPIPE:
            _forget_stdout()
            raise typer.Exit(ExitCode.BROKEN_PIPE) from None
        raise _told(invocation, error) from error
    except Exception as error:
        if _is_usage(error):
            raise
        raise _told(invocation, error) from error


def _told(invocation: Invocation, error: Exception) -> typer.Exit:
    code = code_of(error)
    message = clean(" ".join(message_of(error).split()))
    if invocation.is_verbose:
        complain(clean("".join(traceback.format_exception(error)), keep_lines=True))
    complain(f"Error: {message}")
    if invocation.wants_json:
        try:
            print_json({"error": {"kind": _KINDS[code], "message": message}})
        except OSError:
            # The error may well be that nothing can be written there.
            _forget_stdout()
    return typer.Exit(code)


def _is_usage(error: Exception) -> bool:
    """Whether this is about the command line itself, which typer explains with the command's usage."""
    # typer exports the leaf of the family only; its root has what makes an exception one of them.
    return isinstance(error, typer.BadParameter) or hasattr(error, "show")


def _forget_stdout() -> None:
    """Nothing can be written to stdout any more; what is still buffered must not complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
