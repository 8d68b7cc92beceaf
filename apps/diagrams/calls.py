"""What stands on a machine at one moment, told from the calls that its container runtime had got until then.

Models      the order in which `crictl pods` and `crictl ps -a` would list it
Leaves out  process ids
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from apps.cluster.engine import Step
from apps.cluster.kubelet.cri.flavours import BY_SCHEME, CRIO, Flavour

Obj = dict[str, Any]

CREATED, RUNNING, STOPPING, EXITED = "created", "running", "stopping", "exited"
GONE = ("power-off", "reboot")  # what a machine loses with its power


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a sandbox; the latest attempt of its name."""

    name: str
    id: str
    attempt: int
    state: str = CREATED
    code: int = 0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A Pod's sandbox and its containers. `standing`: StopPodSandbox has not been called."""

    ref: str
    id: str
    ip: str
    pause: bool
    standing: bool = True
    containers: dict[str, Container] = field(default_factory=dict)


def flavour_of(node: Obj | None) -> Flavour:
    """The runtime that a node reports; CRI-O before it has reported any."""
    info = ((node or {}).get("status") or {}).get("nodeInfo") or {}
    scheme = str(info.get("containerRuntimeVersion", "")).partition("://")[0]
    return BY_SCHEME.get(scheme, CRIO)


def standing(notes: Iterable[Step]) -> dict[str, Sandbox]:
    """Sandboxes by their Pod, oldest first, from the notes of one machine."""
    out: dict[str, Sandbox] = {}
    for step in notes:
        if step.verb in GONE:
            out.clear()
            continue
        act = _ACTS.get(step.message)
        if act is not None:
            act(out, step)
    return out


def of_revision(notes: Sequence[Step], revision: int) -> list[Step]:
    """The notes that belong to a revision: they came after it was written and before the next."""
    found = []
    for step in reversed(notes):
        if step.revision < revision:
            break
        found.append(step)
    return found[::-1]


def now(notes: Sequence[Step], snapshot: Any) -> list[Step]:
    """What a snapshot is about: the note that it was taken after, or all that belong to its revision."""
    step = snapshot.step
    if getattr(snapshot, "after", None) is None:
        return of_revision(notes, snapshot.revision)
    return [note for note in notes[-1:] if step is not None and note.index == step.index]


def _run(out: dict[str, Sandbox], step: Step) -> None:
    told = step.params
    out[step.ref] = Sandbox(step.ref, told.get("id", ""), told.get("ip", ""), pause=False)


def _pause(out: dict[str, Sandbox], step: Step) -> None:
    if step.ref in out:
        out[step.ref] = replace(out[step.ref], pause=True)


def _stop_sandbox(out: dict[str, Sandbox], step: Step) -> None:
    if step.ref in out:
        out[step.ref] = replace(out[step.ref], standing=False)


def _remove_sandbox(out: dict[str, Sandbox], step: Step) -> None:
    out.pop(step.ref, None)


def _create(out: dict[str, Sandbox], step: Step) -> None:
    told = step.params
    made = Container(told["container"], told.get("id", ""), told.get("attempt", 0))
    sandbox = out.get(step.ref) or Sandbox(step.ref, "", "", pause=False)
    out[step.ref] = replace(sandbox, containers={**sandbox.containers, made.name: made})


def _become(out: dict[str, Sandbox], step: Step, **changed: Any) -> None:
    sandbox = out.get(step.ref)
    found = sandbox.containers.get(step.params["container"]) if sandbox is not None else None
    if sandbox is not None and found is not None:
        containers = {**sandbox.containers, found.name: replace(found, **changed)}
        out[step.ref] = replace(sandbox, containers=containers)


def _start(out: dict[str, Sandbox], step: Step) -> None:
    _become(out, step, state=RUNNING)


def _stop(out: dict[str, Sandbox], step: Step) -> None:
    _become(out, step, state=STOPPING)


def _ended(out: dict[str, Sandbox], step: Step) -> None:
    _become(out, step, state=EXITED, code=step.params.get("code", 0))


def _remove(out: dict[str, Sandbox], step: Step) -> None:
    """Of a container with several attempts an older one goes: the latest is the one that is told of."""
    sandbox = out.get(step.ref)
    found = sandbox.containers.get(step.params["container"]) if sandbox is not None else None
    if sandbox is not None and found is not None and found.state == EXITED:
        containers = {name: one for name, one in sandbox.containers.items() if name != found.name}
        out[step.ref] = replace(sandbox, containers=containers)


_ACTS = {
    "cri.run-sandbox": _run,
    "cri.run-sandbox-host": _run,
    "oci.pause": _pause,
    "cri.stop-sandbox": _stop_sandbox,
    "cri.remove-sandbox": _remove_sandbox,
    "cri.create-container": _create,
    "cri.start-container": _start,
    "cri.stop-container": _stop,
    "oci.ended": _ended,
    "cri.remove-container": _remove,
}


def cgroup_of(pod: Obj, container: str, flavour: Flavour) -> str:
    """The cgroup of a container as systemd names it, from kubepods on; without a container, of its Pod.

    >>> pod = {"metadata": {"uid": "1a-2b"}, "status": {"qosClass": "Burstable"}}
    >>> cgroup_of(pod, "", CRIO)
    'kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1a_2b.slice'
    """
    qos = qos_of(pod).lower()
    middle = "" if qos == "guaranteed" else f"-{qos}"
    uid = str(pod["metadata"].get("uid", "")).replace("-", "_")
    slices = ["kubepods.slice", f"kubepods{middle}.slice", f"kubepods{middle}-pod{uid}.slice"]
    path = "/".join(slices if middle else [slices[0], slices[2]])
    scope = {"cri-o": "crio", "containerd": "cri-containerd", "docker": "docker"}[flavour.scheme]
    return f"{path}/{scope}-{container}.scope" if container else path


def qos_of(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("qosClass") or "BestEffort")
