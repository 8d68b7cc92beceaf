"""Refused requests of components: told once, with who refused them, and nothing that is routine."""

from __future__ import annotations

import json
from typing import Any

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.chain import STAGES
from apps.cluster.apiserver.refusals import AGAIN_MS, REFUSED
from apps.cluster.client import Client
from apps.cluster.cluster import Cluster, Config
from apps.cluster.engine import Step
from tests.cluster.stories import workload

QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "few", "namespace": "default"},
    "spec": {"hard": {"pods": "2"}},
}


def refusals(cluster: Cluster) -> list[Step]:
    return [step for step in cluster.trace.steps if step.message == REFUSED]


def over_quota() -> Cluster:
    cluster = Cluster.boot(Config(workers=1))
    assert refusals(cluster) == [], "a cluster begins without a refusal"
    cluster.execute({"op": "apply", "objects": [QUOTA]})
    cluster.run_to_rest()
    cluster.execute({"op": "apply", "objects": [workload("Deployment", "web", 4, "nginx:1.28")]})
    cluster.run_for(60_000)
    return cluster


def test_a_quota_refuses_and_it_is_told_once_however_often_it_is_tried() -> None:
    cluster = over_quota()
    tries = [e for e in cluster.apiserver.tables["events"].values() if e["reason"] == "FailedCreate"]
    assert sum(event.get("count", 1) for event in tries) > 3, "it is tried again and again"
    (told,) = refusals(cluster)
    assert told.component == "replicaset-controller"
    assert told.rank == "note"
    assert told.before is told.after is None
    assert told.ref.startswith("pods/default/web-")
    assert (told.params["code"], told.params["stage"], told.params["plugin"]) == (403, "validating", "ResourceQuota")
    assert told.params["why"].endswith("exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2")
    cluster.run_for(AGAIN_MS + 1_000_000)
    assert len(refusals(cluster)) > 1, "an hour later it is told again"


def test_its_way_ends_where_it_was_refused() -> None:
    cluster = over_quota()
    (told,) = refusals(cluster)
    internals = cluster.view().internals
    assert internals is not None
    stages = internals.chain(told)
    assert [stage.name for stage in stages] == list(STAGES[:5])
    assert stages[-1].lines[0].message == "chain.refused-by-plugin"


def test_a_component_that_lost_its_rights_says_so() -> None:
    cluster = Cluster.boot(Config(workers=1))
    name = "system:controller:replicaset-controller"
    cluster.execute({"op": "delete", "resource": "clusterrolebindings", "namespace": "", "name": name})
    cluster.execute({"op": "apply", "objects": [workload("Deployment", "web", 1, "nginx:1.28")]})
    cluster.run_for(30_000)
    told = refusals(cluster)
    assert {step.component for step in told} == {"replicaset-controller"}
    assert {step.params["stage"] for step in told} == {"authorization"}


def test_what_is_routine_is_not_told() -> None:
    cluster = Cluster.boot(Config(workers=1))
    client = Client(cluster.apiserver, "kube-apiserver", "control-plane-1")
    pod: dict[str, Any] = {"metadata": {"name": "none", "namespace": "default", "resourceVersion": "1"}, "spec": {}}
    for ask in (
        lambda: client.get("pods", "default", "none"),
        lambda: client.delete("pods", "default", "none"),
        lambda: client.patch("pods", "default", "none", {"metadata": {"labels": {"a": "b"}}}),
        lambda: client.create("namespaces", {"metadata": {"name": "default"}}),
        lambda: client.update_status("pods", pod),
        lambda: client.create("events", {"metadata": {"name": "e", "namespace": "nowhere"}}),
        lambda: Client(cluster.apiserver, "kubectl").create("configmaps", {"metadata": {"name": "Not so!"}}),
    ):
        try:
            ask()
        except StatusError:
            pass
        else:
            raise AssertionError("it was not refused")
    assert refusals(cluster) == []


def test_a_restored_cluster_remembers_what_it_has_told() -> None:
    whole = over_quota()
    again = Cluster.restore(json.loads(json.dumps(whole.snapshot())))
    for one in (whole, again):
        one.run_for(600_000)
    assert [step[:-2] for step in again.trace.steps] == [step[:-2] for step in whole.trace.steps]
    assert len(refusals(again)) == 1
