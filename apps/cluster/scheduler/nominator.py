"""Nominated Pods: those that a node is being cleared for. Others must not take the room.

Models      pkg/scheduler/backend/queue/nominator.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.cluster.scheduler.pod_info import PodInfo


class Nominator:
    """By node, the Pods nominated to it."""

    __slots__ = ("_node", "by_node")

    def __init__(self) -> None:
        self.by_node: dict[str, dict[str, PodInfo]] = {}
        self._node: dict[str, str] = {}

    def add(self, pod: PodInfo, node: str) -> None:
        self.remove(pod.key)
        if node:
            self._node[pod.key] = node
            self.by_node.setdefault(node, {})[pod.key] = pod

    def remove(self, key: str) -> None:
        node = self._node.pop(key, None)
        if node is not None:
            pods = self.by_node[node]
            del pods[key]
            if not pods:
                del self.by_node[node]

    def node_of(self, key: str) -> str:
        return self._node.get(key, "")

    def on(self, node: str) -> Iterable[PodInfo]:
        pods = self.by_node.get(node)
        return pods.values() if pods else ()

    def save(self) -> dict[str, str]:
        return dict(self._node)
