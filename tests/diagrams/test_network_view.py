"""One node's network from inside: what stands in the figure, what acts, and what an unrelated change leaves alone."""

from __future__ import annotations

import pytest

from apps.cluster.cluster import Cluster
from apps.diagrams.figure import render
from apps.diagrams.options import Options
from apps.diagrams.views.network import HOOKS, hung
from tests.cluster.dataplane.clusters import agent, booted


@pytest.fixture(scope="module")
def data():
    return booted().snapshot()


@pytest.fixture
def cluster(data):
    return Cluster.restore(data)


def figure(cluster, node="worker-1", lang="en", width="wide", **more):
    options = Options(focus=f"nodes/{node}", width=width, **more)
    return render(cluster.view(), "network", lang, options)


def test_every_interface_route_and_hook_has_its_place(cluster):
    parts = figure(cluster).parts
    machine = cluster.view().network.machine("worker-1")
    for name in machine.interfaces:
        assert f"fig-worker-1-{name.replace('.', '_')}" in parts
    for hook in HOOKS:
        assert f"fig-worker-1-{hook}" in parts
    assert sum(name.startswith("fig-worker-1-route-") for name in parts) == len(machine.routes)


def test_rules_are_counted_by_table_and_by_whose_they_are(cluster):
    found = {(one.table, one.whose) for one in hung(cluster.view().network.machine("worker-1"), "FORWARD")}
    assert found == {("filter", "Felix"), ("filter", "kube-proxy")}
    nft = booted(proxy_mode="nftables").view().network.machine("worker-1")
    assert ("nft nat", "kube-proxy") in {(one.table, one.whose) for one in hung(nft, "PREROUTING")}


@pytest.mark.parametrize(("lang", "words"), [("en", "kube-proxy: stopped (rev"), ("ko", "kube-proxy: 중지됨 (rev")])
def test_a_stopped_agent_is_said_with_the_revision_it_knows(cluster, lang, words):
    agent(cluster, "stop", "kube-proxy", "worker-1")
    cluster.run_for(5_000)
    assert words in figure(cluster, lang=lang).parts["fig-nodes-worker-1"].text[1]
    assert "kube-proxy:" not in figure(cluster, "worker-2", lang).parts["fig-nodes-worker-2"].text[1]


def test_a_sync_lights_the_hooks_with_rules_of_kube_proxy(cluster):
    cluster.execute({"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 1})
    cluster.run_to_rest()
    sync = next(step for step in reversed(cluster.trace.steps) if step.message == "kube-proxy.sync")
    parts = figure(cluster, step=sync).parts
    assert " hot" in parts["fig-worker-1-PREROUTING"].cls
    assert " hot" not in figure(cluster, still=True).parts["fig-worker-1-PREROUTING"].cls


def test_without_power_there_is_nothing_to_see(cluster):
    cluster.execute({"op": "node", "verb": "power-off", "name": "worker-1"})
    assert not any(name.startswith("fig-worker-1-") for name in figure(cluster).parts)


@pytest.mark.parametrize("width", ["full", "wide", "medium", "narrow"])
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_it_is_drawn_at_every_width(cluster, width, lang):
    found = figure(cluster, width=width, lang=lang)
    assert found.svg.startswith("<svg")
    assert "192.168." in found.alt
