"""Breaking things: which programs run on which machine, and the form that stops, crashes, starts and cuts them off."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from apps.cluster import strain
from apps.cluster.controlplane import ledger, quota
from apps.cluster.controlplane.names import AGENTS, KUBELET, NAMES, STATIC, VERBS
from apps.cluster.snapshot import Snapshot
from apps.diagrams import calls, wording
from apps.scenarios.commands import Body

MACHINE_VERBS = ("power-off", "power-on", "reboot", strain.SHUT_DOWN, "cut-network", "restore-network", *strain.FILLS)
ETCD = {f"etcd-{verb}": verb for verb in quota.VERBS}
ACTIONS = frozenset({*(f"{verb}:{name}" for verb in VERBS for name in NAMES), *MACHINE_VERBS, *ETCD})
MOST = 25  # machines that have a row; what is beyond is counted


class BreakForm(forms.Form):
    """`action` is `stop:kube-scheduler`, `crash:etcd`, `cut-network` …; `peer` the other end of one cable."""

    machine = forms.CharField(max_length=253)
    action = forms.CharField(max_length=60)
    peer = forms.CharField(max_length=253, required=False)
    mib = forms.IntegerField(min_value=1, max_value=strain.MOST_MIB, required=False)

    def clean_action(self) -> str:
        action: str = self.cleaned_data["action"]
        if action not in ACTIONS:
            raise forms.ValidationError(_("There is no action %(action)s.") % {"action": action[:40]})
        return action

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        if told.get("action") in strain.FILLS and not told.get("mib") and "mib" not in self.errors:
            self.add_error("mib", _("How much? A number of MiB."))
        return told

    def command(self) -> Body:
        """The command that the form asks for."""
        action, machine, peer = (self.cleaned_data[name] for name in ("action", "machine", "peer"))
        if action in ETCD:
            return {"op": "etcd", "verb": ETCD[action]}
        verb, _colon, program = action.partition(":")
        if program:
            return {"op": "component", "verb": verb, "name": program, "node": machine}
        body: Body = {"op": "node", "verb": verb, "name": machine}
        if peer and verb in ("cut-network", "restore-network"):
            body["peer"] = peer
        if verb in strain.FILLS:
            body["mib"] = self.cleaned_data["mib"]
        return body


def machines_of(snapshot: Snapshot, lang: str) -> dict[str, Any]:
    """A row a machine: what runs on it and what does not. Machines of the control plane come first."""
    machines = sorted(snapshot.machines.values(), key=lambda machine: machine.role != "control-plane")
    names = [machine.name for machine in machines]
    return {
        "rows": [_row(snapshot, machine, names, lang) for machine in machines[:MOST]],
        "more": max(len(machines) - MOST, 0),
    }


def _row(snapshot: Snapshot, machine: Any, names: list[str], lang: str) -> dict[str, Any]:
    on = machine.power == "on"
    services = (KUBELET, _runtime_of(snapshot, machine.name), *_agents_of(snapshot, machine.name))
    programs = [
        _program(snapshot, machine, name, lang)
        for name in ((*STATIC, *services) if machine.role == "control-plane" else services)
    ]
    wrong = []
    plane = machine.role == "control-plane"
    full = plane and snapshot.internals is not None and snapshot.internals.etcd_full
    if not on:
        wrong.append(wording.say(lang, "figure.powered-off"))
    else:
        if machine.network != "up":
            wrong.append(wording.say(lang, "figure.disconnected"))
        if machine.cut:
            wrong.append(wording.say(lang, "figure.cut-from", {"names": ", ".join(machine.cut)}))
        if full:
            wrong.append("etcd: NOSPACE")
        wrong += [f"{program['name']}: {program['word']}" for program in programs if program["away"]]
    return {
        "name": machine.name,
        "role": machine.role,
        "on": on,
        "network": machine.network == "up",
        "cut": list(machine.cut),
        "peers": [name for name in names if name != machine.name and name not in machine.cut],
        "programs": programs,
        "etcd": plane,
        "full": full,
        "wrong": " · ".join(wrong),
    }


def _agents_of(snapshot: Snapshot, name: str) -> list[str]:
    """The agents of a machine's kernel that there is a Pod for."""
    found = {
        (pod["metadata"].get("labels") or {}).get("k8s-app")
        for key, pod in snapshot.objects.get("pods", {}).items()
        if key.startswith("kube-system/") and pod["spec"].get("nodeName") == name
    }
    return [agent for agent in AGENTS if agent in found]


def _runtime_of(snapshot: Snapshot, name: str) -> str:
    """The container runtime of a machine, by its service's name; every machine of a cluster has the same."""
    nodes = snapshot.objects.get("nodes", {})
    node = nodes.get(name) or next(iter(nodes.values()), None)
    return calls.flavour_of(node).component


def _program(snapshot: Snapshot, machine: Any, name: str, lang: str) -> dict[str, Any]:
    internals = snapshot.internals
    state = internals.program(machine.name, name) if internals is not None else ledger.RUNNING
    return {
        "name": name,
        "state": state,
        "word": wording.say(lang, f"figure.program-{state}"),
        "away": state in ledger.AWAY,
        "stopped": state == ledger.STOPPED,
        "down": state == ledger.DOWN,
    }
