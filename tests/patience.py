"""Waiting for what other processes bring about."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(condition: Callable[[], Found], seconds: float = 240) -> Found:
    """What the condition gives once that is true; a test that waits longer has failed."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"nothing came of it in {seconds:.0f} s"
        time.sleep(0.005)
    return found
