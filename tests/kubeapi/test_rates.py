"""How often one caller may ask."""

from __future__ import annotations

import pytest

from apps.kubeapi.rates import Rates
from apps.scenarios import limits


@pytest.mark.parametrize(
    ("known", "burst", "rate"),
    [
        (True, limits.REQUESTS_BURST, limits.REQUESTS_PER_SECOND),
        (False, limits.UNKNOWN_BURST, limits.UNKNOWN_PER_SECOND),
    ],
)
def test_a_bucket_runs_dry_and_fills_again(known, burst, rate):
    now = [100.0]
    rates = Rates(lambda: now[0])
    assert not any(rates.take("a", known=known) for _ in range(burst))
    assert rates.take("a", known=known) >= 1
    assert rates.take("b", known=known) == 0  # another's is full
    now[0] += 1
    assert not any(rates.take("a", known=known) for _ in range(rate))
    assert rates.take("a", known=known) >= 1
