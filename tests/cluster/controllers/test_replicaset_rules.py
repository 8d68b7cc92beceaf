"""The pure half of the ReplicaSet controller: how many Pods, which Pods, what is reported."""

import pytest

from apps.cluster.apimachinery import timestamps
from apps.cluster.controllers.replicaset.census import count
from apps.cluster.controllers.replicaset.scale import missing, pods_to_delete, slow_start_batches
from apps.cluster.controllers.replicaset.status import calculate_status

NOW = timestamps.parse("2026-11-23T09:00:00Z")


@pytest.mark.parametrize(
    ("wanted", "pods", "expected"),
    [
        pytest.param(3, 0, 3, id="creates what is missing"),
        pytest.param(1, 3, -2, id="deletes what is too much"),
        pytest.param(3, 3, 0, id="leaves what is right"),
        pytest.param(1200, 100, 500, id="creates at most 500 at once"),
        pytest.param(0, 1200, -500, id="deletes at most 500 at once"),
    ],
)
def test_missing(wanted, pods, expected):
    assert missing(wanted, pods) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(0, [], id="nothing"),
        pytest.param(1, [1], id="one"),
        pytest.param(10, [1, 2, 4, 3], id="doubling, the rest last"),
        pytest.param(500, [1, 2, 4, 8, 16, 32, 64, 128, 245], id="a full burst"),
    ],
)
def test_slow_start_batches(count, expected):
    assert list(slow_start_batches(count)) == expected


def pod(name, node, *, ready=True, owner="new"):
    since = timestamps.format_ms(NOW - 60_000)
    return {
        "metadata": {"name": name, "uid": name, "labels": {"app": "web"}, "creationTimestamp": since},
        "spec": {"nodeName": node},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": since}],
        },
    }


@pytest.mark.parametrize(
    ("pods", "siblings", "count", "expected"),
    [
        pytest.param([pod("a", "n1"), pod("b", "n1"), pod("c", "n2")], [], 1, ["a"], id="from the fullest node"),
        pytest.param(
            [pod("a", "n1"), pod("b", "n2")], [pod("x", "n2")], 1, ["b"], id="Pods of sibling ReplicaSets count too"
        ),
        pytest.param([pod("a", "n1"), pod("b", "n1", ready=False)], [], 1, ["b"], id="unready before ready"),
        pytest.param([pod("a", "n1"), pod("b", "n2")], [], 2, ["a", "b"], id="all, in any order"),
    ],
)
def test_pods_to_delete(pods, siblings, count, expected):
    assert [one["metadata"]["name"] for one in pods_to_delete(pods, [*pods, *siblings], count, NOW)] == expected


def test_the_counts_of_a_status():
    template = {"metadata": {"labels": {"app": "web", "tier": "front"}}}
    replica_set = {"spec": {"replicas": 3, "template": template, "minReadySeconds": 90}}
    labelled = pod("a", "n1")
    labelled["metadata"]["labels"] = {"app": "web", "tier": "front"}
    pods = [labelled, pod("b", "n1"), pod("c", "n1", ready=False)]
    assert calculate_status(replica_set, count(replica_set, pods, 1, NOW), None, NOW) == {
        "replicas": 3,
        "fullyLabeledReplicas": 1,
        "readyReplicas": 2,
        "terminatingReplicas": 1,
    }
