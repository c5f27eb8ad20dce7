"""How far a long transfer has come, told to whoever wants to show it."""

from typing import Protocol


class Progress(Protocol):
    """Is told how much is done, of how much; the total is None where nobody knows it.

    Called often and in order, from the thread that does the work; it must return quickly.
    """

    def __call__(self, done: int, total: int | None, /) -> None: ...


def silent(done: int, total: int | None, /) -> None:
    """Shows nothing."""
