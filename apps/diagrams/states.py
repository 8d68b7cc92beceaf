"""What state a Pod is in: the word kubectl prints, and the mark that the figure draws for it.

Models      pkg/printers/internalversion/printers.go (printPod's STATUS column), kubectl's column for nodes (printNode)
Leaves out  nothing of the STATUS column; the marks are the figure's own and have no counterpart upstream
"""

from __future__ import annotations

from typing import Any, NamedTuple

Obj = dict[str, Any]

MARKS = ("Pending", "ContainerCreating", "Running", "Ready", "Terminating", "Failed", "Unknown", "Completed")

# Waiting reasons that are on the way to running; every other waiting reason is a failure being retried.
_STARTING = frozenset({"ContainerCreating", "PodInitializing", ""})
_IMPLIED = {
    "Pending": {"Pending"},
    "ContainerCreating": {"ContainerCreating", "Pending"},
    "Running": {"Running"},
    "Ready": {"Running"},
    "Terminating": {"Terminating"},
    "Completed": {"Completed", "Succeeded"},
}


class State(NamedTuple):
    """`mark` is one of MARKS; `word` is what kubectl's STATUS column says."""

    mark: str
    word: str

    @property
    def tag(self) -> str:
        """The word, when the mark alone does not say it (CrashLoopBackOff, Init:0/1); else nothing."""
        if self.mark == "Unknown" or self.word in _IMPLIED.get(self.mark, ()):
            return ""
        return self.word


class NodeState(NamedTuple):
    """A node as the API knows it and as its machine is. `ready`: True, False, Unknown, "" before the first report."""

    ready: str
    cordoned: bool
    powered: bool
    connected: bool

    @property
    def words(self) -> tuple[str, ...]:
        """Message ids of what is worth saying in the node's header, the worst first."""
        out = []
        if not self.powered:
            out.append("figure.powered-off")
        elif not self.connected:
            out.append("figure.disconnected")
        if self.ready != "True":
            out.append("figure.not-ready")
        if self.cordoned:
            out.append("figure.cordoned")
        return tuple(out)

    @property
    def classes(self) -> str:
        """Class names of the node's frame, each with a space before it."""
        return (
            ("" if self.powered else " off")
            + ("" if self.connected else " cut")
            + ("" if self.ready == "True" else " not-ready")
            + (" cordoned" if self.cordoned else "")
        )


def pod_state(pod: Obj, node: Obj | None = None) -> State:
    """The state of a Pod; `node` is the Node object it is bound to.

    >>> pod_state({"spec": {}, "status": {"phase": "Pending"}})
    State(mark='Pending', word='Pending')
    """
    word = status_word(pod)
    status = pod.get("status") or {}
    phase = status.get("phase", "Pending")
    if "deletionTimestamp" in pod.get("metadata", {}) and phase not in ("Succeeded", "Failed"):
        return State("Unknown" if word == "Unknown" else "Terminating", word)
    if phase == "Failed":
        return State("Failed", word)
    if phase == "Succeeded":
        return State("Completed", word)
    if not (pod.get("spec") or {}).get("nodeName"):
        return State("Pending", word)
    if _failing(status):
        return State("Failed", word)
    if phase == "Unknown" or (node is not None and ready_condition(node) == "Unknown"):
        return State("Unknown", word)
    if phase == "Running":
        return State("Ready" if _is_true(status, "Ready") else "Running", word)
    if phase == "Pending":
        # Bound and not started is what kubectl calls ContainerCreating once the kubelet has said so.
        return State("ContainerCreating", word)
    return State("Unknown", word)


def node_state(node: Obj | None, machine: Any = None) -> NodeState:
    """The state of a node; `machine` has `power` and `network`, None means a machine nobody touched."""
    return NodeState(
        ready=ready_condition(node) if node else "",
        cordoned=bool(node and node.get("spec", {}).get("unschedulable")),
        powered=machine is None or machine.power == "on",
        connected=machine is None or machine.network == "up",
    )


def ready_condition(node: Obj) -> str:
    """The status of a node's Ready condition: True, False, Unknown, or "" when it has none."""
    for condition in (node.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready":
            return condition.get("status", "")  # type: ignore[no-any-return]
    return ""


def status_word(pod: Obj) -> str:
    """The STATUS column of `kubectl get pods`."""
    metadata = pod.get("metadata", {})
    status = pod.get("status") or {}
    phase = status.get("phase", "")
    word: str = status.get("reason") or phase
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            word = "SchedulingGated"
    init_word = _init_word(pod, status)
    if init_word:
        word = init_word
    if not init_word or _is_true(status, "Initialized"):
        word = _container_word(status, word)
    if "deletionTimestamp" in metadata:
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if phase not in ("Succeeded", "Failed"):
            return "Terminating"
    return word


def _init_word(pod: Obj, status: Obj) -> str:
    """What the first unfinished init container says, "" when all are done."""
    containers = pod.get("spec", {}).get("initContainers") or ()
    specs = {spec.get("name"): spec for spec in containers}
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        state = container.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        sidecar = specs.get(container.get("name"), {}).get("restartPolicy") == "Always"
        if sidecar and container.get("started"):
            continue
        if terminated is not None:
            return f"Init:{_ended(terminated)}"
        if waiting is not None and waiting.get("reason") not in (None, "", "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{len(containers)}"
    return ""


def _container_word(status: Obj, word: str) -> str:
    running = False
    for container in reversed(status.get("containerStatuses") or ()):
        state = container.get("state") or {}
        waiting, terminated = state.get("waiting"), state.get("terminated")
        if waiting is not None and waiting.get("reason"):
            word = waiting["reason"]
        elif terminated is not None:
            word = _ended(terminated)
        elif container.get("ready") and state.get("running") is not None:
            running = True
    if word == "Completed" and running:
        return "Running" if _is_true(status, "Ready") else "NotReady"
    return word


def _ended(terminated: Obj) -> str:
    if terminated.get("reason"):
        return terminated["reason"]  # type: ignore[no-any-return]
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _failing(status: Obj) -> bool:
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = container.get("state") or {}
        waiting, terminated = state.get("waiting"), state.get("terminated")
        if waiting is not None and waiting.get("reason", "") not in _STARTING:
            return True
        if terminated is not None and terminated.get("exitCode"):
            return True
    return False


def _is_true(status: Obj, kind: str) -> bool:
    return any(
        condition["type"] == kind and condition.get("status") == "True" for condition in status.get("conditions") or ()
    )
