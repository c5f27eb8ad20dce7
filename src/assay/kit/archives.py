"""Archives that a process keeps open between one piece of work and the next."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from assay.kit.archive import Address, Archive, Limits, open_archive


class Archives:
    """Keeps the archive that was asked for last open: work comes in runs over one archive."""

    def __init__(self) -> None:
        self._key: tuple[Address, Limits] | None = None
        self._open: tuple[AbstractContextManager[Archive], Archive] | None = None

    def open(self, address: Address, limits: Limits) -> Archive:
        """The archive at this address, closed when another one is asked for or at the end."""
        if self._open is None or self._key != (address, limits):
            self.close()
            manager = open_archive(address, limits)
            self._open = (manager, manager.__enter__())
            self._key = (address, limits)
        return self._open[1]

    def close(self) -> None:
        """Close what is open."""
        if self._open is not None:
            manager, _ = self._open
            self._open = self._key = None
            manager.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
