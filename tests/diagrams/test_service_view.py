"""A Service's figure: ways in, what each node's kube-proxy has written, whatever it should have, and the endpoints."""

from __future__ import annotations

import pytest
import yaml

from apps.cluster.cluster import Cluster
from apps.diagrams import places
from apps.diagrams.figure import difference, render
from apps.diagrams.options import WIDTHS, Options
from tests.cluster.dataplane.clusters import agent, booted

MORE = """
apiVersion: v1
kind: Service
metadata: {name: local}
spec:
  type: NodePort
  externalTrafficPolicy: Local
  selector: {app: web}
  ports: [{port: 80, targetPort: http, nodePort: 30081}]
---
apiVersion: v1
kind: Service
metadata: {name: names}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: db.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
"""


def made(**config) -> Cluster:
    cluster = booted(**config)
    cluster.execute({"op": "apply", "objects": list(yaml.safe_load_all(MORE))})
    cluster.run_to_rest()
    return cluster


@pytest.fixture(scope="module")
def base():
    return made().snapshot()


@pytest.fixture
def cluster(base):
    return Cluster.restore(base)


def figure(cluster, name="web", lang="en", width="wide", focus="", snapshot=None):
    shown = snapshot or cluster.view()
    options = Options(width=width, focus=focus or f"services/default/{name}", places=places.start(shown))
    return render(shown, "service", lang, options)


def scale(cluster, replicas):
    cluster.execute(
        {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": replicas}
    )
    cluster.run_to_rest()


def texts(drawn, start):
    return [" ".join(part.text) for name, part in drawn.parts.items() if name.startswith(start)]


@pytest.mark.parametrize("name", ["web", "local", "nobody"])
def test_every_chain_that_is_named_is_in_the_nodes_rules(cluster, name):
    drawn = figure(cluster, name)
    save = cluster.view().network.save("worker-1")
    told = [text.split()[1 if text.startswith("filter") else 0] for text in texts(drawn, "fig-link-")]
    told += [text.split()[0] for text in texts(drawn, "fig-end-") if text.startswith("KUBE")]
    assert told
    assert all(f":{chain} " in save for chain in told)


def test_probabilities_are_as_they_are_written(cluster):
    found = [text.split()[-1] for text in texts(figure(cluster), "fig-end-")]
    assert found == ["0.3333", "0.5", "1"]


def test_a_node_whose_kube_proxy_is_stopped_keeps_its_rules_and_that_is_seen(cluster):
    agent(cluster, "stop", "kube-proxy", "worker-1")
    cluster.run_until(cluster.now_ms + 5_000)
    before = set(cluster.view().network.facts.by_ip)
    cluster.execute({"op": "delete", "resource": "pods", "namespace": "default", "name": _one(cluster)})
    cluster.run_to_rest()
    drawn = figure(cluster)
    one, other = drawn.parts["fig-kernel-worker-1"], drawn.parts["fig-kernel-worker-2"]
    assert "v-no" in one.cls
    assert "stopped: rules of rev" in one.text[1]
    assert "v-yes" in other.cls
    assert "x" in drawn.parts["fig-reach-worker-1"].geometry.split()[-1]
    assert "x" not in drawn.parts["fig-reach-worker-2"].geometry.split()[-1]
    assert any("no endpoint any more" in text for text in texts(drawn, "fig-end-"))
    assert any("no rule leads there" in text for text in texts(drawn, "fig-end-"))
    assert before - set(cluster.view().network.facts.by_ip)


def _one(cluster):
    return next(name.partition("/")[2] for name in cluster.view().objects["pods"] if name.startswith("default/web-"))


def test_until_it_syncs_a_node_is_behind(cluster):
    before = len(cluster.trace.steps)
    scale(cluster, 1)
    sync = next(step for step in cluster.trace.steps[before:] if step.message == "kube-proxy.sync")
    after = cluster.trace.after(sync)
    old = figure(cluster, snapshot=cluster.view(sync.revision, after - 1))
    new = figure(cluster, snapshot=cluster.view(sync.revision, after))
    assert "behind" in old.parts["fig-kernel-worker-2"].text[1]
    assert "behind" not in new.parts["fig-kernel-worker-2"].text[1]
    assert " hot" in new.parts["fig-kernel-worker-2"].cls
    assert " hot" in new.parts["fig-link-0"].cls


def test_with_local_traffic_a_node_leads_to_its_own_pods_alone(cluster):
    drawn = figure(cluster, "local")
    facts = cluster.view().network.facts
    for node in facts.nodes:
        mine = [one.ip for one in facts.by_node[node] if one.key.startswith("default/web")]
        cells = drawn.parts[f"fig-reach-{node}"].geometry.split()[-1]
        assert cells.count("1") == len(mine)
        assert ("p " in " ".join(texts(drawn, "fig-end-"))) is True


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("web", "CoreDNS answers: A 10.", id="a cluster IP"),
        pytest.param("alias", "CoreDNS answers: CNAME db.example.com", id="another name"),
        pytest.param("names", "CoreDNS answers: A 192.168.", id="headless: the Pods themselves"),
        pytest.param("nobody", "KUBE-SERVICES: 10.", id="nobody: refused"),
        pytest.param("nobody", "→ REJECT", id="nobody: how"),
    ],
)
def test_says_what_becomes_of_its_name(cluster, name, said):
    assert said in figure(cluster, name).alt


def test_where_kube_proxy_does_nothing_there_are_no_chains(cluster):
    for name in ("alias", "names"):
        assert "fig-chains" not in figure(cluster, name).parts
    assert "fig-outside" in figure(cluster, "alias").parts
    assert len([one for one in figure(cluster, "names").parts if one.startswith("fig-at-")]) == 3


def test_it_is_about_the_service_of_what_is_chosen(cluster):
    pod = f"pods/default/{_one(cluster)}"
    assert "Service default/local" in figure(cluster, focus=pod).alt
    assert "on worker-2" in figure(cluster, focus="nodes/worker-2").alt
    slice_ = next(key for key in cluster.view().objects["endpointslices"] if key.startswith("default/names"))
    assert "Service default/names" in figure(cluster, focus=f"endpointslices/{slice_}").alt


@pytest.mark.parametrize(("mode", "said"), [("nftables", "service-ips"), ("ipvs", "TCP 10.")])
def test_other_modes_have_other_names(mode, said):
    drawn = figure(made(proxy_mode=mode))
    assert any(text.startswith(said) for text in texts(drawn, "fig-link-"))


def test_another_pod_elsewhere_changes_nothing(cluster):
    before = figure(cluster, "nobody")
    scale(cluster, 5)
    patch = difference(before, figure(cluster, "nobody"))
    assert patch is not None


def test_a_balancer_sends_to_the_nodes_that_are_healthy():
    cluster = booted(load_balancer="cloud")
    service = yaml.safe_load(MORE.split("---", 1)[0])
    service["spec"]["type"] = "LoadBalancer"
    cluster.execute({"op": "apply", "objects": [service]})
    cluster.run_to_rest()
    drawn = figure(cluster, "local")
    comes = {name[11:] for name in drawn.parts if name.startswith("edge-comes-")}
    facts = cluster.view().network.facts
    assert comes == {one.node for one in facts.workloads.values() if one.key.startswith("default/web")}
    assert "edge-client-balancer" in drawn.parts


@pytest.fixture(scope="module")
def large():
    cluster = booted(workers=100)
    service = yaml.safe_load(MORE.split("---", 1)[0])
    del service["spec"]["ports"][0]["nodePort"]
    many = [{**service, "metadata": {"name": f"s{number}"}} for number in range(200)]
    cluster.execute({"op": "apply", "objects": many})
    cluster.run_to_rest()
    scale(cluster, 40)
    return cluster


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_large_cluster_is_a_bounded_figure_that_says_what_it_leaves_out(large, width, lang):
    drawn = figure(large, "web", lang, width)
    assert len(drawn.parts) < 200
    assert drawn.height < 1900
    for more in ("fig-nodes-more", "fig-chains-more", "fig-ends-more"):
        assert drawn.parts[more].text[0]
    assert drawn.parts["fig-kernel-worker-1"].text[2] == "40/40"
    assert "⟦" not in drawn.svg + drawn.alt


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("name", ["web", "local", "names", "alias", "nobody"])
def test_nothing_stands_outside_the_plate(cluster, name, width, lang):
    drawn = figure(cluster, name, lang, width)
    assert "⟦" not in drawn.svg + drawn.alt
    elements = list(drawn.graph.roots)
    while elements:
        element = elements.pop()
        x, y, w, h = element.shape.rect
        assert x >= 0, element.id
        assert y >= 0, element.id
        assert x + w <= drawn.width, element.id
        assert y + h <= drawn.height, element.id
        elements += element.children


def test_a_sync_of_another_service_lights_nothing(cluster):
    scale(cluster, 1)
    sync = next(step for step in reversed(cluster.trace.steps) if step.message == "kube-proxy.sync")
    assert "default/nobody" not in sync.params["services"]
    drawn = figure(cluster, "nobody", snapshot=cluster.view(sync.revision, cluster.trace.after(sync)))
    assert not any(" hot" in part.cls for name, part in drawn.parts.items() if name.startswith("fig-kernel-"))
