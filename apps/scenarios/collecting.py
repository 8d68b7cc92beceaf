"""Python's cyclic garbage collector, told what this program is like.

A cluster's history is hundreds of thousands of small dicts that live long and are never part of a cycle. By default the
collector looks them through so often that it takes a quarter of the model's time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (50_000, 20, 20)  # objects more than freed, before each generation is looked through (default 700, 10, 10)


def settle_in() -> None:
    """To be called when everything is imported: what is there stays, what comes is looked through less often. Once."""
    if gc.get_freeze_count():
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def paused() -> Iterator[None]:
    """For a program that runs the model and then ends: nothing is looked through, for nothing of it is a cycle."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
