"""Element ids: they come from the object, so two frames of one cluster can be compared, animated and patched."""

from __future__ import annotations

import re
from functools import lru_cache

_UNSAFE = re.compile(r"[^A-Za-z0-9-]")


@lru_cache(maxsize=16384)
def element_id(ref: str) -> str:
    """The id of the element that stands for an object.

    >>> element_id("pods/default/web-0"), element_id("nodes/ip-10-0-0-1.internal")
    ('fig-pods-default-web-0', 'fig-nodes-ip-10-0-0-1_internal')
    """
    return "fig-" + "-".join(_UNSAFE.sub("_", part) for part in ref.split("/"))


@lru_cache(maxsize=16384)
def edge_id(*parts: str) -> str:
    """The id of an edge, named after who acts along it or, for ownership, after what is owned.

    >>> edge_id("kubelet", "worker-1"), edge_id("pods/default/web-0")
    ('edge-kubelet-worker-1', 'edge-pods-default-web-0')
    """
    return "edge-" + "-".join(_UNSAFE.sub("_", part) for ref in parts for part in ref.split("/"))


def part_id(node: str, part: str) -> str:
    """The id of what belongs to a machine and is no object: its kubelet, its container runtime.

    >>> part_id("worker-1", "kubelet")
    'fig-worker-1-kubelet'
    """
    return f"fig-{_UNSAFE.sub('_', node)}-{_UNSAFE.sub('_', part)}"
