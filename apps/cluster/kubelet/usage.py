"""What containers use of a machine: the memory their program needs and leaks, the disk it writes to.

Models      what cgroups would measure (memory.current against memory.max), cAdvisor's working set
Leaves out  caches, shared pages, swap, processor time: a program needs a fixed amount, and a leak grows evenly
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.apimachinery.quantity import value
from apps.cluster.kubelet.images import MEMORY, Image

SMALL = MEMORY  # a program of this size is not worth a look at its limit
WRITTEN = 64 << 10  # what a container writes when it starts
OOM_MS = 50  # how long a program lives that needs more than it may have at once
NEVER = -1
PAGE = 4096


def whole_pages(number: int) -> int:
    """Bytes as kernel and disk count them: in pages."""
    return number // PAGE * PAGE


def memory_limit(spec: Mapping[str, Any]) -> int:
    """`limits.memory` of a container in bytes, 0 without one."""
    resources = spec.get("resources")
    if not resources:
        return 0
    limits = resources.get("limits")
    text = limits.get("memory") if limits else None
    return value(text) if text else 0


def oom_ms(image: Image, limit: int) -> int:
    """After how many ms a program is killed for going over its limit, NEVER when it keeps within it.

    >>> oom_ms(Image("x", "y", memory=10, leak=5), 20), oom_ms(Image("x", "y", memory=10), 20)
    (2000, -1)
    """
    if not limit:
        return NEVER
    if image.memory > limit:
        return OOM_MS
    if not image.leak:
        return NEVER
    return max(OOM_MS, -(-(limit - image.memory) * 1000 // image.leak))


def memory_used(image: Image, limit: int, started_ms: int, now_ms: int) -> int:
    """Bytes that a running container holds now."""
    used = whole_pages(image.memory + image.leak * max(0, now_ms - started_ms) // 1000)
    return min(used, limit) if limit else used


def disk_used(image: Image, started_ms: int, now_ms: int) -> int:
    """Bytes that a running container has written: its writable layer and its logs."""
    return whole_pages(WRITTEN + image.writes * max(0, now_ms - started_ms) // 1000)


def over_disk_limit_ms(image: Image, spec: Mapping[str, Any], started_ms: int) -> int:
    """When a container will have written more than `limits.ephemeral-storage`, NEVER when it will not."""
    if not image.writes:
        return NEVER
    resources = spec.get("resources")
    text = ((resources or {}).get("limits") or {}).get("ephemeral-storage")
    if not text:
        return NEVER
    return started_ms + max(0, value(text) - WRITTEN) * 1000 // image.writes + 1
