"""How often one caller may ask: a bucket of tokens each, refilled as time passes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from apps.scenarios import limits

MOST = 10_000  # callers remembered; who comes back after that begins anew


class Rates:
    """Buckets by caller."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, *, known: bool = True) -> int:
        """0: go on. Else the seconds to wait."""
        with self._lock:
            return self._take(caller, known)

    def _take(self, caller: str, known: bool) -> int:
        now = self._clock()
        burst = limits.REQUESTS_BURST if known else limits.UNKNOWN_BURST
        rate = limits.REQUESTS_PER_SECOND if known else limits.UNKNOWN_PER_SECOND
        left, since = self._buckets.pop(caller, (float(burst), now))
        left = min(burst, left + (now - since) * rate)
        allowed = left >= 1
        self._buckets[caller] = (left - 1 if allowed else left, now)
        while len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, round((1 - left) / rate))
