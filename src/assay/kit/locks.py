"""One holder at a time, across threads and processes, with a lock that dies with its holder."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import Permanent, Transient

_STEP_SECONDS = 0.05


@contextmanager
def hold(
    path: Path,
    wait_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """The lock file's descriptor, held until the block ends; Transient when others keep it for longer.

    The kernel drops the lock when the last process that has the descriptor ends, so a killed holder leaves
    nothing behind; a child process that inherits the descriptor keeps the lock for as long as it runs. That
    inheritance is why this is flock(2) itself: an orphaned `git fetch` must still count as the holder.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise Permanent(
            f"cannot open the lock file {path}: {error.strerror}: correct its directory"
        ) from error
    try:
        _acquire(descriptor, path, wait_seconds, sleep)
        yield descriptor
    finally:
        os.close(descriptor)


def try_hold(descriptor: int) -> bool:
    """Whether the open file could be locked without waiting."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _acquire(descriptor: int, path: Path, wait_seconds: float, sleep: Callable[[float], None]) -> None:
    deadline = time.monotonic() + wait_seconds
    while not try_hold(descriptor):
        if time.monotonic() >= deadline:
            raise Transient(f"another process has been using {path} for more than {wait_seconds:g} seconds")
        sleep(_STEP_SECONDS)
