"""How many requests one address, person or token may send: a bucket each, which fills by itself."""

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from threading import Lock

from assay.auth.commands import network_of
from assay.web.problems import Refused

# Whoever was not heard of for longest is forgotten first, and begins with a full bucket.
_MOST = 20_000


class Limiter:
    """Buckets of requests: `per_minute` flow in, a third of that fits in. 0 lets everything pass.

    Each process counts for itself.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._size = max(1.0, per_minute / 3)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._mutex = Lock()

    def take(self, key: str, cost: float = 1.0) -> None:
        """Take requests out of a bucket. Raises Refused(429) where there are not enough, and when to come again."""
        if not self._rate:
            return
        with self._mutex:
            now = self._clock()
            level, since = self._buckets.pop(key, (self._size, now))
            level = min(self._size, level + (now - since) * self._rate)
            enough = level >= 1.0
            # A dear request may leave a debt; one that is refused costs nothing, or nobody came in again.
            self._buckets[key] = (max(level - cost, -self._size) if enough else level, now)
            while len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        if not enough:
            wait = ceil((1.0 - level) / self._rate)
            raise Refused(429, f"too many requests: come again in {wait} s", {"Retry-After": str(wait)})

    def take_from(self, address: str | None, cost: float = 1.0) -> None:
        """Take requests out of the bucket of an address, or of its network."""
        self.take(f"address {network_of(address)}", cost)
