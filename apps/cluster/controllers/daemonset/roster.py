"""The Pods of one DaemonSet, kept count of node by node.

Models      pkg/controller/daemon/daemon_controller.go (the counting half of updateDaemonSetStatus)
Leaves out  nothing

Upstream looks at every node in every sync, so a thousand daemon Pods that become ready one after another are looked at
a million times. A `Roster` follows the changes of Pods and nodes instead and looks only at the nodes they concern. As
long as it is `calm` (every node has just the Pod that it should have) a sync has nothing to do but to report its
numbers, which are those of `plan.status_of`; a test holds that. Where it is not, because Pods are `missing` and nothing
else is the matter, their nodes are all that `plan.manage` would name. Everything else is for the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from apps.cluster.apimachinery.meta import Obj, name_of
from apps.cluster.apimachinery.selectors import Selector
from apps.cluster.controllers.daemonset.placement import is_updated, target_node
from apps.cluster.controllers.pod_helpers import is_pod_ready, is_pod_terminal

ShouldRun = Callable[[str], bool | None]  # None: there is no such node


class Roster:
    """Of one template, with one hash: another template is another roster."""

    __slots__ = (
        *("_dirty", "_labels", "_pods", "_seen", "_selector", "_strays"),
        *("desired", "missing", "odd", "ready", "version"),
    )

    def __init__(self, version: tuple[str, str | None], selector: Selector, pods: Iterable[Obj]) -> None:
        self.version = version  # hash and generation, by which a Pod is up to date
        self.desired = self.ready = 0  # nodes that should have a Pod; those whose Pod is ready
        self.odd = 0  # nodes that have not just the Pod that they should have, up to date and unharmed
        self.missing: dict[str, None] = {}  # those of the odd that have no Pod at all
        self._selector = selector
        self._labels: Obj | None = None  # the last labels that matched; Pods of a template share them
        self._strays = 0  # Pods whose labels do not match any more: they have to be released
        self._pods: dict[str, dict[str, Obj]] = {}  # by node
        self._seen: dict[str, tuple[bool, bool, bool]] = {}  # node -> what it counts for: desired, ready, odd
        self._dirty: dict[str, None] = {}
        for pod in pods:
            self.add(pod)

    def add(self, pod: Obj) -> None:
        self._strays += not self._matches(pod)
        node = target_node(pod)
        if node is not None:
            self._pods.setdefault(node, {})[name_of(pod)] = pod
            self._dirty[node] = None

    def remove(self, pod: Obj) -> None:
        self._strays -= not self._matches(pod)
        node = target_node(pod)
        if node is not None:
            there = self._pods[node]
            del there[name_of(pod)]
            if not there:
                del self._pods[node]
            self._dirty[node] = None

    def touch(self, node: str) -> None:
        """A node came, went, or has other labels or taints."""
        self._dirty[node] = None

    def calm(self, should_run: ShouldRun) -> bool:
        """Whether every node has just what it should have; the numbers are of now, then."""
        for node in self._dirty:
            self._look(node, should_run(node))
        self._dirty.clear()
        return not self.odd and not self._strays

    @property
    def lacks_only(self) -> bool:
        """Whether, to be calm, it would take nothing but a Pod on each of the nodes `missing` one."""
        return not self._dirty and not self._strays and self.odd == len(self.missing)

    def _look(self, node: str, wanted: bool | None) -> None:
        before = self._seen.get(node)
        if before is not None:
            self.desired -= before[0]
            self.ready -= before[1]
            self.odd -= before[2]
        pods = [
            pod
            for pod in self._pods.get(node, {}).values()
            if not ("deletionTimestamp" in pod["metadata"] and is_pod_terminal(pod))
        ]
        pod = pods[0] if len(pods) == 1 else None
        if wanted and not pods:
            self.missing[node] = None
        else:
            self.missing.pop(node, None)
        if wanted is None and not pods:
            self._seen.pop(node, None)
            return
        now = (False, False, bool(pods))
        if wanted:
            now = (True, pod is not None and is_pod_ready(pod), pod is None or not self._settled(pod))
        self._seen[node] = now
        self.desired += now[0]
        self.ready += now[1]
        self.odd += now[2]

    def _settled(self, pod: Obj) -> bool:
        """Nothing is to be done about it."""
        going = "deletionTimestamp" in pod["metadata"]
        return not going and not is_pod_terminal(pod) and is_updated(pod, *self.version)

    def _matches(self, pod: Obj) -> bool:
        labels = pod["metadata"].get("labels")
        if labels is self._labels and labels is not None:
            return True
        if not self._selector.matches(labels or {}):
            return False
        self._labels = labels
        return True
