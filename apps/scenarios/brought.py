"""kubeadm on a machine as tables: its workflows phase by phase, and the certificates and kubeconfig files. Data only.

Models      kubeadm init phase --help, kubeadm certs check-expiration
Leaves out  -
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.cluster.engine import Step
from apps.cluster.snapshot import Snapshot
from apps.diagrams import wording, workflows
from apps.diagrams.narration import sentence
from apps.diagrams.views.kubeadm import machine_of, machines_of, runs_of

ACTS = 12  # of one phase, listed
CERTIFICATES = ("write-authority", "write-certificate", "write-client-certificate")

Row = dict[str, Any]


def brought(
    snapshot: Snapshot, focus: str, lang: str, seconds: Callable[[int], str], address: Callable[[Step], str], at: str
) -> Row:
    """What kubeadm has done on the machine chosen. `address` says where a step is sought, "" before the story."""
    name = machine_of(snapshot, focus)
    steps, runs = runs_of(snapshot, name)
    made = workflows.files(steps)
    acting = snapshot.step.index if snapshot.step is not None else 0

    def phase(one: workflows.Phase) -> Row:
        own = [*([one.begun] if one.begun is not None else []), *one.made]
        return {
            "name": one.name,
            "state": one.state,
            "word": wording.say(lang, f"figure.phase-{one.state}"),
            "time": seconds(one.begun.time_ms) if one.begun is not None else "",
            "at": address(one.begun) if one.begun is not None else "",
            "text": sentence(one.begun, lang) if one.begun is not None else "",
            "acts": [{"at": address(step), "text": sentence(step, lang)} for step in one.made[:ACTS]],
            "more": max(len(one.made) - ACTS, 0),
            "now": any(step.index == acting for step in own),
        }

    return {
        "node": name,
        "ref": f"nodes/{name}" if name else "",
        "at": at,
        "machines": machines_of(snapshot),
        "runs": [
            {"command": run.command, "over": run.over, "phases": [phase(one) for one in run.phases]}
            for run in reversed(runs)
        ],
        "certificates": [
            {
                "path": path,
                "subject": step.params.get("subject", ""),
                "authority": step.params.get("authority", ""),
                "until": step.params.get("until", ""),
                "names": step.params.get("names", ""),
            }
            for path, step in made.items()
            if step.verb in CERTIFICATES
        ],
        "kubeconfigs": [
            {"path": path, "who": step.params["who"], "server": step.params["server"]}
            for path, step in made.items()
            if step.verb == "write-kubeconfig"
        ],
    }
