"""kubeadm's commands: tokens, the upgrade of the control plane, a machine's own upgrade and reset, and join again."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.cluster.kubeadm.versions import KNOWN
from apps.cluster.snapshot import Snapshot
from apps.diagrams import workflows
from apps.scenarios.commands import KUBEADM_VERBS, Body

JOIN = "join"  # a machine that was reset comes in again
ACTIONS = (*KUBEADM_VERBS, JOIN)
OF_MACHINES = ("reset", "upgrade-node", JOIN)
MOST = 25  # machines that have a row, and tokens; what is beyond is counted
_PREFIX = "kube-system/bootstrap-token-"
_VERSION = "kubernetesVersion: "


class KubeadmForm(forms.Form):
    """`action` is a verb of kubeadm; `name` a machine, or a token's id; `version` that of an upgrade."""

    action = forms.CharField(max_length=20)
    name = forms.CharField(label=gettext_lazy("token"), max_length=253, required=False)
    version = forms.ChoiceField(
        label=gettext_lazy("to version"), choices=[(one, one) for one in reversed(KNOWN)], required=False
    )

    def __init__(self, *args: Any, snapshot: Snapshot | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "kubeadm-%s")
        super().__init__(*args, **kwargs)
        self.snapshot = snapshot

    def clean_action(self) -> str:
        action: str = self.cleaned_data["action"]
        if action not in ACTIONS:
            raise forms.ValidationError(_("There is no action %(action)s.") % {"action": action[:40]})
        return action

    def clean_name(self) -> str:
        return str(self.cleaned_data["name"]).strip()

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        action, name = told.get("action"), told.get("name")
        if action in OF_MACHINES and not name:
            self.add_error("name", _("Which machine?"))
        elif action in OF_MACHINES and self.snapshot is not None and name not in self.snapshot.machines:
            self.add_error("name", _("There is no machine %(name)s.") % {"name": str(name)[:80]})
        elif action == "token-delete" and not name:
            self.add_error("name", _("Which token? Its first six characters name it."))
        elif action == "upgrade" and not told.get("version") and "version" not in self.errors:
            self.add_error("version", _("To which version?"))
        return told

    def command(self) -> Body:
        """The command that the form asks for."""
        action, name = self.cleaned_data["action"], self.cleaned_data["name"]
        if action == JOIN:
            return {"op": "node", "verb": "join", "name": name}
        body: Body = {"op": "kubeadm", "verb": action}
        if action == "token-delete":
            body["name"] = name.partition(".")[0]  # the whole token is taken too
        elif action in OF_MACHINES:
            body["name"] = name
        if action == "upgrade":
            body["version"] = self.cleaned_data["version"]
        return body


def kubeadm_rows(snapshot: Snapshot, posted: KubeadmForm | None = None) -> dict[str, Any]:
    """The control plane's version, the tokens, and a row a machine. `posted` is what was refused, to be mended."""
    version = control_plane_version(snapshot)
    later = [one for one in KNOWN if version in KNOWN and KNOWN.index(one) > KNOWN.index(version)]
    chosen = posted["version"].value() if posted is not None else ""
    tokens = [row for key, secret in snapshot.objects.get("secrets", {}).items() if (row := _token(key, secret))]
    machines = sorted(snapshot.machines.values(), key=lambda machine: machine.role != workflows.CONTROL_PLANE)
    return {
        "version": version,
        "versions": [{"name": one, "chosen": one == chosen} for one in reversed(later)],
        "tokens": tokens[:MOST],
        "tokens_more": max(len(tokens) - MOST, 0),
        "rows": [_row(snapshot, machine, version) for machine in machines[:MOST]],
        "more": max(len(machines) - MOST, 0),
        "form": posted or KubeadmForm(),
        "asked": (posted["action"].value() or "") if posted is not None else "",
        "about": (posted["name"].value() or "") if posted is not None else "",
        "wrong": [text for texts in posted.errors.values() for text in texts] if posted is not None else [],
    }


def control_plane_version(snapshot: Snapshot) -> str:
    """As kubeadm itself knows it: what its ConfigMap says; "" before there is one."""
    config = snapshot.objects.get("configmaps", {}).get("kube-system/kubeadm-config") or {}
    text = (config.get("data") or {}).get("ClusterConfiguration", "")
    found = next((line for line in text.splitlines() if line.startswith(_VERSION)), "")
    return str(found.removeprefix(_VERSION).strip())


def _token(key: str, secret: dict[str, Any]) -> dict[str, str] | None:
    if not key.startswith(_PREFIX):
        return None
    data = secret.get("data") or {}
    try:
        until = b64decode(data.get("expiration", "")).decode()
    except ValueError:
        until = ""
    return {"id": key.removeprefix(_PREFIX), "until": until}


def _row(snapshot: Snapshot, machine: Any, version: str) -> dict[str, Any]:
    node = snapshot.objects.get("nodes", {}).get(machine.name) or {}
    own = ((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion", "")
    internals = snapshot.internals
    steps = internals.done_by(workflows.KUBEADM, machine.name) if internals is not None else []
    runs = workflows.read(steps, machine.role, first=False, up=True)
    out = not runs or runs[-1].command == workflows.RESET
    return {
        "name": machine.name,
        "role": machine.role,
        "on": machine.power == "on",
        "version": "" if out else own,
        "out": out,
        "reset": bool(runs) and out,
        "behind": bool(own and version and not out and own != version),
    }
