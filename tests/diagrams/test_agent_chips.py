"""kube-proxy and calico-node in the cluster's figure: a chip shows when its program is stopped, or hears of nothing."""

from __future__ import annotations

from apps.diagrams.figure import render
from tests.cluster.dataplane.clusters import agent, booted


def test_an_agent_that_is_stopped_or_hears_nothing_shows_on_its_chip():
    cluster = booted(workers=2)
    before = render(cluster.view(), "cluster", "en").parts
    assert " st-Ready" in before["fig-worker-1-kube-proxy"].cls
    agent(cluster, "stop", "kube-proxy", "worker-1")
    cluster.execute({"op": "node", "verb": "cut-network", "name": "worker-2", "peer": "control-plane-1"})
    cluster.run_until(cluster.now_ms + 60_000)
    drawn = render(cluster.view(), "cluster", "en")
    assert " down" in drawn.parts["fig-worker-1-kube-proxy"].cls
    assert " down" not in drawn.parts["fig-worker-1-calico-node"].cls
    assert " cut" in drawn.parts["fig-worker-2-calico-node"].cls
    assert "does not run" in drawn.alt
