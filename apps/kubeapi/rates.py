"""How often one caller may ask: a bucket of tokens each, refilled as time passes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from apps.scenarios import limits

MOST = 10_000  # callers remembered; who comes back after that begins anew


class Rates:
    """Buckets by caller. Used on one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> int:
        """0: go on. Else the seconds to wait."""
        now = self._clock()
        left, since = self._buckets.pop(caller, (float(limits.REQUESTS_BURST), now))
        left = min(limits.REQUESTS_BURST, left + (now - since) * limits.REQUESTS_PER_SECOND)
        allowed = left >= 1
        self._buckets[caller] = (left - 1 if allowed else left, now)
        while len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, round((1 - left) / limits.REQUESTS_PER_SECOND))
