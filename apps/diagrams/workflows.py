"""What kubeadm has done on a machine, read off its steps: its workflows, their phases, the files that stand since.

Models      the phases as cmd/kubeadm/app/cmd/{init,join,upgrade/apply,upgrade/node,reset}.go name and order them
Leaves out  nothing of its own: what a phase does is the model's kubeadm's to say
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from apps.cluster.engine import Step

KUBEADM = "kubeadm"
CONTROL_PLANE = "control-plane"

DONE, RUNNING, FAILED, SKIPPED, NEXT = "done", "running", "failed", "skipped", "next"

INIT, JOIN, JOIN_PLANE = "init", "join", "join --control-plane"
APPLY, NODE, RESET = "upgrade apply", "upgrade node", "reset"

PLANS: dict[str, tuple[str, ...]] = {
    INIT: (
        *("preflight", "certs", "kubeconfig", "etcd", "control-plane", "kubelet-start", "wait-control-plane"),
        *("upload-config", "upload-certs", "mark-control-plane", "bootstrap-token", "kubelet-finalize"),
        *("addon/coredns", "addon/kube-proxy", "show-join-command"),
    ),
    JOIN: ("preflight", "kubelet-start", "kubelet-wait-bootstrap"),
    JOIN_PLANE: (
        *("preflight", "control-plane-prepare/download-certs", "control-plane-prepare/certs"),
        *("control-plane-prepare/kubeconfig", "control-plane-prepare/control-plane", "check-etcd", "kubelet-start"),
        *("etcd-join", "kubelet-wait-bootstrap", "control-plane-join/mark-control-plane", "wait-control-plane"),
    ),
    APPLY: (
        *("preflight", "control-plane", "upload-config", "kubeconfig", "kubelet-config", "bootstrap-token"),
        *("addon", "post-upgrade"),
    ),
    NODE: ("preflight", "control-plane", "kubeconfig", "kubelet-config", "addon", "post-upgrade"),
    RESET: ("preflight", "remove-etcd-member", "cleanup-node"),
}
_BEFORE = {"upgrade": APPLY, "upgrade-node": NODE, "reset": RESET}
_OF_PLANES = ("control-plane", "kubeconfig", "addon")  # phases of an upgrade that a worker skips
_ALONE = ("kubeadm.token-create", "kubeadm.token-delete")  # commands of their own, in no workflow


class Phase(NamedTuple):
    """`begun` is the step it began with, None for one that has not (or was left out); `made` what it did."""

    name: str
    state: str
    begun: Step | None = None
    made: tuple[Step, ...] = ()


class Workflow(NamedTuple):
    """One run of kubeadm on a machine, with what is still to come."""

    command: str
    phases: tuple[Phase, ...]
    over: bool

    @property
    def present(self) -> str:
        """The phase under way, "" when it is over."""
        return next((phase.name for phase in self.phases if phase.state in (RUNNING, FAILED)), "")


def read(steps: Iterable[Step], role: str, *, first: bool, up: bool) -> list[Workflow]:
    """The workflows of one machine, oldest first, from kubeadm's steps on it.

    `first`: the machine on which the cluster began. `up`: its control plane runs, if it is to have one.
    """
    runs: list[tuple[str, list[tuple[Step, list[Step]]]]] = []
    for step in steps:
        if step.rank == "note" and step.verb == "phase":
            before, name = split(step.params["phase"])
            if name == "preflight" or not runs:
                runs.append((_command(before, role, first and not runs), []))
            runs[-1][1].append((step, []))
        elif runs and runs[-1][1] and step.message not in _ALONE:
            runs[-1][1][-1][1].append(step)
    last = len(runs) - 1
    return [_workflow(command, found, up or number < last, role) for number, (command, found) in enumerate(runs)]


def split(phase: str) -> tuple[str, str]:
    """The workflow that a phase's name begins with, and the phase.

    >>> split("upgrade-node/preflight"), split("addon/coredns")
    (('upgrade-node', 'preflight'), ('', 'addon/coredns'))
    """
    before, _, rest = phase.partition("/")
    return (before, rest) if before in _BEFORE else ("", phase)


def _command(before: str, role: str, first: bool) -> str:
    if before:
        return _BEFORE[before]
    if first and role == CONTROL_PLANE:
        return INIT
    return JOIN_PLANE if role == CONTROL_PLANE else JOIN


def _workflow(command: str, found: Sequence[tuple[Step, Sequence[Step]]], up: bool, role: str) -> Workflow:
    seen = {split(step.params["phase"])[1]: (step, made) for step, made in found}
    plan = [name for name in PLANS[command] if command != NODE or role == CONTROL_PLANE or name not in _OF_PLANES]
    plan += [name for name in seen if name not in plan]
    present = list(seen)[-1]
    over = _over(command, present, found[-1][1], up)
    reached = plan.index(present)
    phases = []
    for place, name in enumerate(plan):
        if name not in seen:
            phases.append(Phase(name, SKIPPED if place < reached or over else NEXT))
            continue
        begun, made = seen[name]
        state = DONE
        if name == present and not over:
            state = FAILED if any(step.verb == "gave-up" for step in made) else RUNNING
        phases.append(Phase(name, state, begun, tuple(made)))
    return Workflow(command, tuple(phases), over)


def _over(command: str, present: str, made: Sequence[Step], up: bool) -> bool:
    if present != PLANS[command][-1]:
        return False
    if command == JOIN:
        return any(step.params.get("path") == "/etc/kubernetes/kubelet.conf" for step in made)
    return up if command == JOIN_PLANE else True


def files(steps: Iterable[Step]) -> dict[str, Step]:
    """What stands on a machine's disk of what kubeadm wrote there: path -> the step that wrote it last."""
    there: dict[str, Step] = {}
    for step in steps:
        path = step.params.get("path")
        if step.rank != "note" or not path:
            continue
        if step.verb == "remove-file":
            there = {name: one for name, one in there.items() if name != path and not name.startswith(f"{path}/")}
        else:
            there[path] = step
    return there
