"""Is a Pod active, ready, available; which Pods go first when there are too many."""

import pytest

from apps.cluster.apimachinery import timestamps
from apps.cluster.controllers.pod_helpers import (
    find_min_next_pod_availability_check,
    is_pod_active,
    is_pod_available,
    is_pod_terminating,
    next_pod_availability_check,
    pod_deletion_cost,
    pod_from_template,
    sort_by_deletion,
)
from tests.cluster.controllers.tables import cases, seconds, whole

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


@pytest.mark.parametrize("row", cases("controller_utils", "TestSortingActivePodsWithRanks", "inequalityTests"))
def test_the_lesser_pod_is_deleted_before_the_greater(row):
    pairs = [(whole(row[which]["pod"]), row[which]["rank"]) for which in ("greater", "lesser")]
    greater, lesser = pairs[0][0], pairs[1][0]
    now = None if row.get("disableLogarithmicScaleDown") else NOW
    for given in (pairs, pairs[::-1]):
        pods, ranks = [one for one, _ in given], [rank for _, rank in given]
        use_cost = not row.get("disablePodDeletioncost")
        assert sort_by_deletion(pods, ranks, now, use_deletion_cost=use_cost) == [lesser, greater]


@pytest.mark.parametrize("row", cases("controller_utils", "TestSortingActivePodsWithRanks", "equalityTests"))
def test_equal_pods_keep_their_order(row):
    one = whole(row["p1"])
    other = whole(row.get("p2") or row["p1"])
    other = {**other, "marker": True}
    for pods in ([one, other], [other, one]):
        assert sort_by_deletion(pods, [1, 1], NOW) == pods


@pytest.mark.parametrize("row", cases("controller_utils", "TestNextPodAvailabilityCheck"))
def test_next_pod_availability_check(row):
    expected = seconds(row["expected"]) if "expected" in row else None
    assert next_pod_availability_check(whole(row["pod"]), row["minReadySeconds"], NOW) == expected


@pytest.mark.parametrize("row", cases("controller_utils", "TestFindMinNextPodAvailabilitySimpleCheck"))
def test_the_first_pod_to_become_available_is_waited_for(row):
    pods = [whole(one) for one in row.get("pods", ())]
    expected = seconds(row["expected"]) if "expected" in row else None
    assert find_min_next_pod_availability_check(pods, row["minReadySeconds"], NOW, NOW) == expected


@pytest.mark.parametrize("row", cases("controller_utils", "TestFindMinNextPodAvailability"))
def test_a_pod_that_became_available_while_the_status_was_written_is_looked_at_now(row):
    pods = [whole(one) for one in row["pods"]]
    later = NOW + row["statusEvaluationDelaySeconds"] * 1000
    found = find_min_next_pod_availability_check(pods, row["minReadySeconds"], NOW, later)
    assert found == seconds(row["expected"])


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
