"""Indexes that several controllers look Pods up by.

Models      pkg/controller/controller_utils.go (AddPodNodeNameIndexer)
Leaves out  nothing that shows
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.client import Informer

NODE_INDEX = "spec.nodeName"


def _node_name(pod: Obj) -> Any:
    return pod["spec"].get("nodeName") or ""


def add_node_index(pods: Informer) -> None:
    """Let `pods_on` find Pods without a scan."""
    pods.add_index(NODE_INDEX, _node_name)


def pods_on(pods: Informer, node: str) -> list[Obj]:
    """The Pods bound to a node."""
    return pods.by_index(NODE_INDEX, node)
