"""Running git as a program: nobody's configuration, no questions, no hooks, and an end to every wait."""

import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO

from assay.errors import Permanent, Transient
from assay.kit.progress import Progress, silent

# What git and ssh need to reach a server; GIT_ variables of the caller (a hook's GIT_DIR) are left behind.
_KEPT = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
)
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "credential.helper=",
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "protocol.file.allow=always",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "fetch.recurseSubmodules=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
)
_COUNTED = re.compile(r"(Receiving objects|Resolving deltas): +\d+% \((\d+)/(\d+)\)")
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")


class Failed(Exception):  # noqa: N818 - never leaves kit; what it asks of us is decided by the caller
    """git ended with an error; the message is the end of what it said."""


def environment() -> dict[str, str]:
    """The environment of every git process."""
    inherited = os.environ  # noqa: TID251 - a child process gets a cleaned copy
    return {name: inherited[name] for name in _KEPT if name in inherited} | {
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=30",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }


def command(directory: Path, *arguments: str) -> list[str]:
    """git on this bare repository, with our settings only."""
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    return ["git", f"--git-dir={directory}", *settings, *arguments]


def missing(error: OSError) -> Permanent:
    """What to do when the program cannot be started."""
    return Permanent(f"cannot run git ({error.strerror}): install git, or put it on the PATH")


def run(
    directory: Path,
    arguments: Sequence[str],
    seconds: float,
    *,
    lock: int | None = None,
    progress: Progress = silent,
) -> bytes:
    """What git printed; Failed when it ended with an error, Transient when it took longer than `seconds`.

    The process inherits the lock, so that it holds it even when it outlives us.
    """
    try:
        process = subprocess.Popen(
            command(directory, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            pass_fds=() if lock is None else (lock,),
            start_new_session=True,
        )
    except OSError as error:
        raise missing(error) from error
    said: deque[str] = deque(maxlen=20)
    printed: list[bytes] = []
    readers = [
        Thread(target=_listen, args=(process.stderr, said, progress), daemon=True),
        Thread(target=lambda out: printed.append(out.read()), args=(process.stdout,), daemon=True),
    ]
    with process:
        for reader in readers:
            reader.start()
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Transient(
                f"git {arguments[0]} took longer than {seconds:g} seconds and was stopped"
            ) from error
        finally:
            end(process)
            for reader in readers:
                reader.join()
    if status != 0:
        raise Failed("; ".join(said) or f"git {arguments[0]} ended with status {status}")
    return printed[0]


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and every helper it has started (git-remote-https, ssh), if they still run."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listen(stream: IO[bytes], said: deque[str], progress: Progress) -> None:
    pending = b""
    while chunk := stream.read1(4096):  # type: ignore[attr-defined]  # Popen's pipes are buffered readers
        *lines, pending = re.split(rb"[\r\n]", pending + chunk)
        for line in lines:
            _take(line, said, progress)
    _take(pending, said, progress)


def _take(line: bytes, said: deque[str], progress: Progress) -> None:
    text = _SECRET.sub("", line.decode("utf-8", "replace")).strip()
    counted = _COUNTED.search(text)
    if counted is None:
        if text and not text.endswith("done.") and "%" not in text:
            said.append(text)
    elif counted[1] == "Receiving objects":
        progress(int(counted[2]), int(counted[3]))
