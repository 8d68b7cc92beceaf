"""Image garbage collection: which unused images go, in which order, until there is room enough.

Models      pkg/kubelet/images/image_gc_manager.go
Leaves out  the age after which an unused image goes whatever there is room for (imageMaximumGCAge is 0 by default)

Pure: `pressure.py` removes what `plan` names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HIGH_PERCENT, LOW_PERCENT = 85, 80  # of the disk: when it begins, and what it tries to come back to
MIN_AGE_MS = 120_000  # an image that has just come is about to be used
PERIOD_MS = 300_000
EVERYTHING = 1 << 62


@dataclass(frozen=True, slots=True)
class Stored:
    """One image on the machine. `last_used_ms`: 0 when nothing was ever made from it."""

    name: str
    size: int
    detected_ms: int
    last_used_ms: int = 0
    in_use: bool = False
    pinned: bool = False


def eviction_order(images: Iterable[Stored]) -> list[Stored]:
    """Images that nothing uses, those first that were used longest ago, of equals those that came first."""
    free = [image for image in images if not image.in_use and not image.pinned]
    return sorted(free, key=lambda image: (image.last_used_ms, image.detected_ms))


def plan(images: Iterable[Stored], wanted: int, now_ms: int) -> tuple[list[str], int]:
    """Images to remove until `wanted` bytes are free, and how many bytes that is."""
    names: list[str] = []
    freed = 0
    for image in eviction_order(images):
        if freed >= wanted:
            break
        if image.last_used_ms >= now_ms or now_ms - image.detected_ms < MIN_AGE_MS:
            continue
        names.append(image.name)
        freed += image.size
    return names, freed


def usage_percent(available: int, capacity: int) -> int:
    """How full the disk is, as the kubelet reckons: what is not wholly free counts as used.

    >>> usage_percent(15, 100), usage_percent(159, 1000)
    (85, 85)
    """
    return 100 - available * 100 // capacity


def amount_to_free(available: int, capacity: int) -> int:
    """Bytes too few for the low threshold; 0 when the high one has not been reached."""
    if usage_percent(available, capacity) < HIGH_PERCENT:
        return 0
    return capacity * (100 - LOW_PERCENT) // 100 - available


def failed_message(available: int, capacity: int, freed: int) -> str:
    """What FreeDiskSpaceFailed says."""
    return (
        "Insufficient free disk space on the node's image filesystem "
        f"({usage_percent(available, capacity)}% of {size(capacity)} used). Failed to free sufficient space by "
        f"deleting unused images (freed {freed} bytes). Investigate disk usage, as it could be used by active images, "
        "logs, volumes, or other data."
    )


def size(number: int) -> str:
    """Bytes for people.

    >>> size(512), size(100 << 30)
    ('512 B', '100.0 GiB')
    """
    if number < 1024:
        return f"{number} B"
    amount = float(number)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1024:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"
