"""The caller's side of commands that run in the process that stands by (cli/standby.py).

It imports next to nothing: importing is what a command that answers at once spends most of its time on.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Those that read, answer, and start no processes of their own.
QUICK = frozenset(("hits", "scan", "search", "show"))
SOCKET = "standby.sock"


def handed_over(arguments: list[str]) -> int | None:
    """The exit code of a command as the process that stands by ran it, None where it is to run here."""
    if not arguments or arguments[0] not in QUICK:
        return None
    return _handed_over(f"{_home()}/{SOCKET}", arguments)


def program() -> str:
    """Which program this is: another version, installation or interpreter must not run this one's commands."""
    from assay import __version__  # noqa: PLC0415 - nothing is imported before it is needed

    return f"{__version__} {__file__} {sys.executable}"


def _home() -> str:
    """The home folder, as settings.py finds it where no option names one."""
    home = os.environ.get("ASSAY_HOME")  # noqa: TID251 - importing the settings takes longer than the whole command
    if home:
        return home
    from platformdirs import user_data_dir  # noqa: PLC0415

    return user_data_dir("assay")


def request(folder: str, environment: "Mapping[bytes, bytes]", arguments: list[str]) -> bytes:
    """What a caller asks for, in fields that end in NUL, which none of them can hold: the program, the folder, how many
    arguments, these, and the environment as names and values."""
    fields = [program(), folder, str(len(arguments)), *arguments]
    said = [os.fsencode(field) for field in fields]
    for entry in environment.items():
        said += entry
    return b"".join(field + b"\0" for field in said)


def read_request(content: bytes) -> tuple[str, str, list[str], dict[bytes, bytes]]:
    """Program, folder, arguments and environment of a request. Raises ValueError for what is none."""
    fields = content.split(b"\0")
    if len(fields) < 4 or fields.pop():
        raise ValueError("no request")
    program_, folder, count, *rest = fields
    arguments, environment = rest[: int(count)], rest[int(count) :]
    if len(arguments) != int(count) or len(environment) % 2:
        raise ValueError("a request that was cut off")
    pairs = dict(zip(environment[::2], environment[1::2], strict=True))
    return os.fsdecode(program_), os.fsdecode(folder), [os.fsdecode(one) for one in arguments], pairs


def _handed_over(path: str, arguments: list[str]) -> int | None:
    if not os.access(path, os.W_OK):
        return None
    # The C half of `socket`: the other half takes as long to import as all the rest of this together.
    from _socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket  # noqa: PLC0415

    content = request(os.getcwd(), os.environb, arguments)  # noqa: PTH109 - pathlib is slow to import; handed over whole
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    conn = socket(AF_UNIX, SOCK_STREAM)
    try:
        conn.connect(path)
        conn.sendmsg([len(content).to_bytes(4, "big")], [(SOL_SOCKET, SCM_RIGHTS, streams)])
        conn.sendall(content)
        process = int.from_bytes(conn.recv(4), "big")
    except OSError:
        return None
    if not process:
        return None
    _pass_signals_on(process)
    code = conn.recv(4)
    if len(code) < 4:
        sys.stderr.write("assay: the process that ran this command was killed\n")
        return 70
    return int.from_bytes(code, "big")


def _pass_signals_on(process: int) -> None:
    """What is meant for this process is meant for the one that does the work; its end is this one's."""
    import signal  # noqa: PLC0415 - while the other works already

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: os.kill(process, received))
