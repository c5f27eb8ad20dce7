"""The caller's side of commands that run in the process that stands by (cli/standby.py).

It imports next to nothing: importing is what a command that answers at once spends most of its time on.
"""

import os
import sys

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


def _handed_over(path: str, arguments: list[str]) -> int | None:
    if not os.access(path, os.W_OK):
        return None
    import json  # noqa: PLC0415
    import signal  # noqa: PLC0415
    import socket  # noqa: PLC0415

    request = {
        "program": program(),
        "argv": arguments,
        "folder": os.getcwd(),  # noqa: PTH109 - pathlib takes longer to import than all the rest
        "environment": dict(os.environ),  # noqa: TID251 - handed over whole, read by nobody here
    }
    content = json.dumps(request).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as conn:
        try:
            conn.connect(path)
            socket.send_fds(conn, [len(content).to_bytes(4, "big")], [0, 1, 2])
            conn.sendall(content)
            process = int.from_bytes(conn.recv(4), "big")
        except OSError:
            return None
        if not process:
            return None
        # What is meant for this process is meant for the one that does the work; its end is this one's.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, _frame: os.kill(process, received))
        code = conn.recv(4)
    if len(code) < 4:
        sys.stderr.write("assay: the process that ran this command was killed\n")
        return 70
    return int.from_bytes(code, "big")
