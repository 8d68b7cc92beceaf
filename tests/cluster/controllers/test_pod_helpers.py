"""Is a Pod active, ready, available; which Pods go first when there are too many."""

import pytest

from apps.cluster.apimachinery import timestamps
from apps.cluster.controllers.pod_helpers import (
    is_pod_active,
    is_pod_available,
    is_pod_terminating,
    pod_deletion_cost,
    pod_from_template,
)

NOW = timestamps.parse("2026-11-23T04:22:24Z")


def pod(name="web", *, ready_for=None, phase="Running", node="worker-1", **metadata):
    conditions = []
    if ready_for is not None:
        since = timestamps.format_ms(NOW - ready_for * 1000)
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": since}]
    return {
        "metadata": {"name": name, "uid": name, **metadata},
        "spec": {"nodeName": node},
        "status": {"phase": phase, "conditions": conditions},
    }


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        pytest.param("100", 100, id="a number"),
        pytest.param("-05", -5, id="a negative one may have zeros in front"),
        pytest.param("+5", 0, id="a plus sign is invalid"),
        pytest.param("05", 0, id="so is a leading zero"),
        pytest.param("2147483648", 0, id="so is more than 32 bits"),
        pytest.param("cheap", 0, id="so is a word"),
    ],
)
def test_pod_deletion_cost(annotation, expected):
    annotations = {"controller.kubernetes.io/pod-deletion-cost": annotation}
    assert pod_deletion_cost(pod(annotations=annotations)) == expected


@pytest.mark.parametrize(
    ("obj", "active", "terminating"),
    [
        pytest.param(pod(), True, False, id="running"),
        pytest.param(pod(phase="Failed"), False, False, id="failed"),
        pytest.param(pod(deletionTimestamp="2026-11-23T04:22:54Z"), False, True, id="being deleted"),
        pytest.param(
            pod(phase="Succeeded", deletionTimestamp="2026-11-23T04:22:54Z"), False, False, id="done and being deleted"
        ),
    ],
)
def test_which_pods_count(obj, active, terminating):
    assert (is_pod_active(obj), is_pod_terminating(obj)) == (active, terminating)


def test_a_pod_is_available_once_ready_long_enough():
    assert not is_pod_available(pod(ready_for=9), 10, NOW)
    assert is_pod_available(pod(ready_for=10), 10, NOW)
    assert is_pod_available(pod(ready_for=0), 0, NOW)
    assert not is_pod_available(pod(), 0, NOW)


def test_a_pod_shares_the_spec_of_its_template():
    template = {"metadata": {"labels": {"app": "web"}, "annotations": {}}, "spec": {"containers": []}}
    owner = {"metadata": {"name": "web-57794f8f99", "namespace": "default"}}
    made = pod_from_template(template, owner, {"name": "web-57794f8f99", "controller": True})
    assert made["spec"] is template["spec"]
    assert made["metadata"] == {
        "generateName": "web-57794f8f99-",
        "namespace": "default",
        "labels": {"app": "web"},
        "ownerReferences": [{"name": "web-57794f8f99", "controller": True}],
    }
