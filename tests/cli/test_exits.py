"""How commands end."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import typer

from assay.cli.exits import ExitCode, Terminated, code_of, message_of, reported
from assay.cli.invocation import Invocation
from assay.errors import AssayError, BadRecord, Conflict, Forbidden, NotFound, Permanent, Transient

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"


def test_the_documented_exit_codes_are_these():
    documented = re.findall(r"^\| (\d+) \| (?!meaning)", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(code) for code in documented] == sorted(ExitCode)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Permanent("set ASSAY_HOME"), ExitCode.WRONG, "set ASSAY_HOME"),
        (BadRecord("not-json", "it is no JSON"), ExitCode.WRONG, "it is no JSON (not-json)"),
        (NotFound("no source"), ExitCode.NOT_FOUND, "no source"),
        (Conflict("twice"), ExitCode.CONFLICT, "twice"),
        (Forbidden("not you"), ExitCode.CONFLICT, "not you"),
        (Transient("PostgreSQL cannot be reached"), ExitCode.TRY_AGAIN, "PostgreSQL cannot be reached"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), ExitCode.WRONG, "/x: Permission denied"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), ExitCode.WRONG, "No space left on device"),
        (
            psycopg.OperationalError("the connection is closed\nmore"),
            ExitCode.TRY_AGAIN,
            "PostgreSQL: the connection is closed. What",
        ),
        (psycopg.errors.AdminShutdown("terminating"), ExitCode.TRY_AGAIN, "PostgreSQL: terminating."),
        (
            ZeroDivisionError("division by zero"),
            ExitCode.BUG,
            "a bug in Assay: ZeroDivisionError: division by zero",
        ),
        (AssertionError(), ExitCode.BUG, "AssertionError: AssertionError"),
    ],
)
def test_an_error_says_what_to_do(error, code, said, capsys):
    assert code_of(error) == code
    assert said in message_of(error)
    with pytest.raises(typer.Exit) as ended, reported(Invocation()):
        raise error
    assert ended.value.exit_code == code
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.startswith("Error: ")
    assert stderr.count("\n") == 1
    assert "Traceback" not in stderr


def test_every_kind_of_error_has_its_code():
    assert set(AssayError.__subclasses__()) == {
        Transient,
        Permanent,
        BadRecord,
        NotFound,
        Conflict,
        Forbidden,
    }


def test_a_traceback_is_shown_on_request(capsys):
    with pytest.raises(typer.Exit), reported(Invocation(verbosity=1)):
        raise Permanent("set \x1b[31mASSAY_HOME")
    stderr = capsys.readouterr().err
    assert "Traceback" in stderr
    assert "test_exits.py" in stderr
    assert r"Error: set \x1b[31mASSAY_HOME" in stderr
    assert "\x1b" not in stderr


def test_programs_get_the_error_too(capsys):
    with pytest.raises(typer.Exit), reported(Invocation(wants_json=True)):
        raise NotFound("no vulnerability is known as 'x'")
    told = json.loads(capsys.readouterr().out)
    assert told == {"error": {"kind": "not-found", "message": "no vulnerability is known as 'x'"}}


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (Terminated(), 143)])
def test_a_stop_says_that_nothing_is_lost(error, code, capsys):
    with pytest.raises(typer.Exit) as ended, reported(Invocation()):
        raise error
    assert ended.value.exit_code == code
    assert "Nothing is lost" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("catalog stats >&-", ExitCode.DONE, ""),
        ("users add eve --password <&-", ExitCode.WRONG, "a password has at least"),
        ("feeds products import - <&-", ExitCode.WRONG, "Error: "),
        ("catalog stats --json >/dev/full", ExitCode.WRONG, "Error: No space left on device\n"),
    ],
)
def test_streams_that_are_closed_or_full(loaded, line, code, said):
    command = f"exec {sys.executable} -m assay {line}"
    ended = subprocess.run(
        ["/bin/sh", "-c", command], env={**os.environ, **loaded}, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (code, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "bug" not in ended.stderr


def test_what_is_said_of_the_command_line_is_left_to_its_usage():
    with pytest.raises(typer.BadParameter), reported(Invocation()):
        raise typer.BadParameter("no such thing")


def test_bytes_that_are_no_text_are_the_command_lines_fault(loaded):
    told = subprocess.run(
        [sys.executable, "-m", "assay", "users", "enable", b"ad\xff"],
        env={**os.environ, **loaded},
        capture_output=True,
        check=False,
    )
    assert told.returncode == ExitCode.WRONG
    assert b"'ad\\udcff' on the command line is not valid UTF-8" in told.stderr


def test_a_text_that_nobody_wrote_on_the_command_line_is_a_bug(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["assay", "users", "enable", "ada"])
    with pytest.raises(UnicodeEncodeError) as caught:
        "\udcff".encode()
    assert code_of(caught.value) is ExitCode.BUG
