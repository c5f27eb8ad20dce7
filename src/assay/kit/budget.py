"""How much of an archive of strangers is believed, counted while it is read; beyond it, reading ends."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from assay.errors import Permanent


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """Sizes in bytes. `ratio` is of the whole, and only looked at beyond `ratio_floor_bytes`."""

    unpacked_bytes: int = 8 << 30
    ratio: int = 200
    ratio_floor_bytes: int = 64 << 20
    members: int = 500_000
    member_bytes: int = 64 << 20
    header_bytes: int = 64 << 10
    name_bytes: int = 1024
    depth: int = 32
    seconds: float = 900.0
    nesting: int = 1


class Budget:
    """What one archive and all packages in it may still cost together."""

    def __init__(
        self, limits: UnpackLimits, packed_bytes: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self.unpacked = 0
        self.members = 0
        self._monotonic = monotonic
        self._ends = monotonic() + limits.seconds
        self._most = min(limits.unpacked_bytes, max(limits.ratio_floor_bytes, packed_bytes * limits.ratio))

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks. Raises Permanent when there are more than the archive may come to, or it takes too long."""
        for chunk in chunks:
            self.unpacked += len(chunk)
            if self.unpacked > self._most:
                raise Permanent(
                    f"the archive unpacks to more than {self._most:,} bytes, which its size and the limits allow: "
                    "it looks like a bomb. Upload the parts that matter by themselves"
                )
            self.check_time()
            yield chunk

    def add_member(self) -> None:
        """Count a member. Raises Permanent for one too many."""
        self.members += 1
        if self.members > self.limits.members:
            raise Permanent(
                f"the archive holds more than {self.limits.members:,} files: upload the parts that matter"
            )

    def check_time(self) -> None:
        """Raises Permanent when reading has taken too long."""
        if self._monotonic() > self._ends:
            raise Permanent(
                f"reading the archive took more than {self.limits.seconds:,.0f} seconds: upload it in parts"
            )
