"""Every step of a cluster's beginning, of a node's and of a Pod's life can be said, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from apps.cluster.cluster import Cluster, Config
from apps.diagrams import wording
from apps.diagrams.narration import RUNTIMES, sentence

ROOMS = ("kubelet", "kubeadm")
# Ids in the code of these rooms. Those that are put together are named here.
IDS = re.compile(r'"((?:kubelet|cri|oci|cni|kubeadm|heartbeat|kube-apiserver)\.[a-z-]+)"')


def _used() -> list[str]:
    root = Path(__file__).parents[3] / "apps" / "cluster"
    found = {match for room in ROOMS for path in (root / room).rglob("*.py") for match in IDS.findall(path.read_text())}
    return sorted(found - {"kubelet.config"})


@pytest.mark.parametrize("lang", wording.LANGUAGES)
@pytest.mark.parametrize("message", _used())
def test_every_message_has_words(lang: str, message: str) -> None:
    assert wording.has(lang, message)


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_a_story_is_told_without_gaps(lang: str) -> None:
    cluster = Cluster.boot(Config(workers=1))
    for image in ("nginx", "crash", "nginx:nope"):
        pod = {"metadata": {"name": image.replace(":", "-")}, "spec": {"containers": [{"name": "c", "image": image}]}}
        cluster.execute({"op": "create", "objects": [{"apiVersion": "v1", "kind": "Pod", **pod}]})
    cluster.run_for(40_000)
    cluster.execute({"op": "delete", "resource": "pods", "namespace": "default", "name": "nginx"})
    cluster.execute({"op": "node", "verb": "power-off", "name": "worker-1"})
    cluster.run_for(5_000)
    cluster.execute({"op": "node", "verb": "power-on", "name": "worker-1"})
    cluster.run_for(20_000)
    ours = ("kubelet", "kubeadm", "machine", *RUNTIMES)
    told = {step.message: sentence(step, lang) for step in cluster.trace.steps if step.component in ours}
    assert len(told) > 20
    assert [text for text in told.values() if "⟦" in text] == []
