"""The arithmetic of autoscaling against the tables of Kubernetes' own unit tests."""

from __future__ import annotations

import pytest

from apps.cluster.api.defaults.other import horizontal_pod_autoscaler
from apps.cluster.apimachinery import quantity, timestamps
from apps.cluster.controllers.podautoscaler.recommendations import (
    Memory,
    normalize_with_behavior,
    scale_down_limit,
    scale_up_limit,
    scaled,
    stabilize,
    within_behavior,
    within_rules,
)
from apps.cluster.controllers.podautoscaler.replica_calculator import (
    MetricError,
    PodMetric,
    Timing,
    Tolerances,
    group_pods,
    per_pod_replicas,
    plain_replicas,
    ratio_replicas,
    requests_of,
    resource_replicas,
    total,
)
from tests.cluster.controllers.tables import cases, whole

NOW = timestamps.parse("2026-11-23T04:11:00Z") + 70
MINUTE = 60_000
POLICIES = {"stabilizationWindowSeconds": 300, "selectPolicy": "Min"} | {
    "policies": [
        {"type": "Pods", "value": 2, "periodSeconds": 60},
        {"type": "Percent", "value": 50, "periodSeconds": 60},
    ]
}


def timing(now_ms=NOW):
    return Timing(now_ms, initialization_ms=120_000, readiness_delay_ms=10_000)


def instant(text):
    """A time with nanoseconds in milliseconds; Go's year one is before everything."""
    if text.startswith("0001"):
        return -(10**14)
    head, _, fraction = text.removesuffix("Z").partition(".")
    return timestamps.parse(head + "Z") + int((fraction + "000")[:3])


@pytest.mark.parametrize("row", cases("hpa", "TestGroupPods"))
def test_pods_are_told_apart_by_what_their_metrics_are_worth(row):
    metrics = {
        name: PodMetric(one["Value"], instant(one["Timestamp"]), duration(one["Window"]))
        for name, one in row["metrics"].items()
    }
    groups = group_pods([whole(pod) for pod in row["pods"]], metrics, row["resource"], timing())
    assert groups.ready == row["expectReadyPodCount"]
    for field in ("Unready", "Missing", "Ignored"):
        assert getattr(groups, field.lower()) == set(row[f"expect{field}Pods"]["__set"])


def duration(text):
    minutes, _, rest = text.rpartition("m")
    return int(minutes or 0) * MINUTE + int(rest.removesuffix("s")) * 1000


def calc_pods(row):
    """The Pods of upstream's fixture: as many as replicas, or as phases, with two containers each."""
    count = max(row.get("currentReplicas", 0), len(row.get("podPhase", ())))
    out = []
    for number in range(count):
        ready = row.get("podReadiness", [])[number : number + 1] or ["True"]
        asked = row.get("requests", [])[number : number + 1]
        resources = {"requests": {row["resource"]: asked[0]}} if asked else {}
        hot = row.get("start", [])[number : number + 1]
        start = {"hot": NOW, "cool": NOW - 3 * MINUTE}.get(hot[0]) if hot else None
        status = {
            "phase": (row.get("podPhase") or ["Running"] * count)[number],
            "startTime": timestamps.format_ms(start) if start is not None else "2020-01-01T00:00:00Z",
            "conditions": [{"type": "Ready", "status": ready[0]}],
        }
        metadata = {"name": f"test-pod-{number}"}
        if row.get("deleted", [False] * count)[number]:
            metadata["deletionTimestamp"] = "2026-11-23T04:11:00Z"
        containers = [{"name": name, "resources": resources} for name in ("container1", "container2")]
        out.append({"metadata": metadata, "spec": {"containers": containers}, "status": status})
    return out


def calculated(row):
    """(replicas, utilization, usage) as the calculator gives them for a row."""
    pods, tolerance = calc_pods(row), Tolerances(*row.get("tolerances", (0.1, 0.1)))
    current = row.get("currentReplicas", 0)
    levels = row.get("levels", [])
    names = row.get("podNames", [])
    named = [names[number] if number < len(names) else f"test-pod-{number}" for number in range(len(levels))]
    if "resource" in row:
        which = {"container1": slice(0, 1), "container2": slice(1, 2)}.get(row.get("container", ""), slice(0, 2))
        # The fixture's samples are as old as time itself, so a young Pod's counts as too old.
        metrics = {
            name: PodMetric(sum(used[which]), -(10**14)) for name, used in zip(named, levels, strict=True) if used
        }
        if not metrics:
            raise MetricError("unable to get metrics for resource cpu: no metrics returned from resource metrics API")
        return resource_replicas(
            current,
            row["targetUtilization"],
            row["resource"],
            pods,
            metrics,
            tolerance,
            timing(),
            row.get("container", ""),
        )
    kind = row["metricType"]
    if kind == "podMetric":
        metrics = {name: PodMetric(used) for name, used in zip(named, levels, strict=True)}
        replicas, usage = plain_replicas(current, row["targetUsage"], "", pods, metrics, tolerance, timing())
    elif kind in ("objectMetric", "externalMetric"):
        usage = total(levels)
        replicas = ratio_replicas(current, float(usage) / float(row["targetUsage"]), pods, tolerance)
    else:
        replicas, usage = per_pod_replicas(current, total(levels), row["perPodTargetUsage"], tolerance)
    return replicas, 0, usage


@pytest.mark.parametrize("row", cases("hpa", "TestReplicaCalc"))
def test_replicas_follow_from_metrics(row):
    if "expectedError" in row:
        with pytest.raises(MetricError) as refused:
            calculated(row)
        assert row["expectedError"] in str(refused.value)
        return
    replicas, percent, usage = calculated(row)
    assert replicas == row.get("expectedReplicas", 0)
    assert percent == row.get("expectedUtilization", 0)
    assert usage == row.get("expectedValue", row.get("expectedUsage", 0))


def spread(events, now_ms):
    """Changes of size spread evenly over a period, each in the middle of its part."""
    numbers, period = events
    part = period / len(numbers)
    return tuple(
        (number, now_ms - 1000 * int(period - part * (place + 1) + part / 2)) for place, number in enumerate(numbers)
    )


def rules(row, field):
    given = row.get(field)
    if given is None:
        return {}
    pods, pods_period, percent, percent_period, window = given
    policies = []
    if pods:
        policies.append({"type": "Pods", "value": pods, "periodSeconds": pods_period})
    if percent:
        policies.append({"type": "Percent", "value": percent, "periodSeconds": percent_period})
    out = {"stabilizationWindowSeconds": window, "selectPolicy": "Max"}
    return {**out, "policies": policies} if policies else out


@pytest.mark.parametrize("row", cases("hpa", "TestScalingWithRules"))
def test_policies_limit_how_fast_a_size_changes(row):
    now = 10 * 60 * MINUTE
    given = {"scaleUp": rules(row, "scaleUpRules"), "scaleDown": rules(row, "scaleDownRules")}
    behavior = horizontal_pod_autoscaler({"spec": {"behavior": given}})["spec"]["behavior"]
    memory = Memory(
        ups=spread(row["scaleUpEvents"], now) if "scaleUpEvents" in row else (),
        downs=spread(row["scaleDownEvents"], now) if "scaleDownEvents" in row else (),
    )
    replicas, (reason, _) = within_behavior(
        memory,
        behavior["scaleUp"],
        behavior["scaleDown"],
        row["currentReplicas"],
        row["prenormalizedDesiredReplicas"],
        row.get("specMinReplicas", 0),
        row.get("specMaxReplicas", 0),
        now,
    )
    if not row.get("skipped"):  # upstream returns before it looks at these
        assert (replicas, reason) == (row["expectedReplicas"], row["expectedCondition"])


def test_the_stricter_policy_counts_where_it_is_asked_for():
    assert scale_up_limit(1, (), (), POLICIES, 0) == 2
    assert scale_down_limit(5, (), (), POLICIES, 0) == 3
    assert scale_up_limit(5, (), (), {**POLICIES, "selectPolicy": "Disabled"}, 0) == 5
    assert scale_down_limit(5, (), (), {**POLICIES, "selectPolicy": "Disabled"}, 0) == 5


@pytest.mark.parametrize(
    ("minutes", "desired", "expected", "length"),
    [
        pytest.param([], 5, 5, 1, id="empty log"),
        pytest.param([(4, 2), (5, 1)], 3, 5, 3, id="stabilize"),
        pytest.param([(1, 2), (2, 1)], 3, 3, 3, id="no stabilize"),
        pytest.param([(10, 10), (9, 9)], 3, 3, 2, id="no stabilize - old recommendations"),
        pytest.param([(10, 10), (4, 1), (5, 2), (9, 9)], 3, 5, 4, id="stabilize - old recommendations"),
    ],
)
def test_the_highest_recent_recommendation_holds_a_size_up(minutes, desired, expected, length):
    now = 60 * MINUTE
    held, entries = stabilize([(number, now - ago * MINUTE) for number, ago in minutes], desired, 5 * MINUTE, now)
    assert (held, len(entries)) == (expected, length)


@pytest.mark.parametrize(
    ("current", "desired", "least", "most", "expected", "reason"),
    [
        pytest.param(3, 5, 1, 10, 5, "DesiredWithinRange", id="within"),
        pytest.param(3, 1, 2, 8, 2, "TooFewReplicas", id="too few"),
        pytest.param(20, 1000, 1, 10, 10, "TooManyReplicas", id="too many"),
        pytest.param(3, 1000, 1, 2000, 6, "ScaleUpLimit", id="no more than twice as many"),
        pytest.param(1, 100, 1, 200, 4, "ScaleUpLimit", id="or four"),
    ],
)
def test_a_size_stays_within_the_rules(current, desired, least, most, expected, reason):
    replicas, (said, _) = within_rules(current, desired, least, most)
    assert (replicas, said) == (expected, reason)


def test_a_change_of_size_takes_the_place_of_one_that_counts_no_more():
    behavior = horizontal_pod_autoscaler({"spec": {"behavior": {}}})["spec"]["behavior"]
    memory = scaled(Memory(ups=((4, 0), (3, 90_000))), behavior, 2, 5, 100_000)
    assert memory.ups == ((3, 100_000), (3, 90_000))
    assert scaled(memory, behavior, 5, 1, 100_000).downs == ((4, 100_000),)
    assert scaled(memory, None, 5, 1, 100_000) == memory


def test_a_window_on_the_way_up_holds_a_size_down():
    behavior = {
        "scaleUp": {**POLICIES, "stabilizationWindowSeconds": 60, "selectPolicy": "Max"},
        "scaleDown": {**POLICIES, "stabilizationWindowSeconds": 300},
    }
    memory = Memory(recommendations=((4, 100_000),))
    settled, _ = normalize_with_behavior(memory, behavior, 4, 8, 1, 10, 130_000)
    assert (settled.replicas, settled.able[0], settled.limit[0]) == (4, "ScaleUpStabilized", "DesiredWithinRange")


@pytest.mark.parametrize(
    ("pod", "container", "expected"),
    [
        pytest.param({"containers": [{"name": "a"}]}, "", "missing request for cpu in container a of Pod p", id="none"),
        pytest.param({"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}, "b", None, id="unknown"),
    ],
)
def test_a_container_without_a_request_says_so(pod, container, expected):
    with pytest.raises(MetricError) as refused:
        requests_of([{"metadata": {"name": "p"}, "spec": pod}], container, "cpu")
    assert str(refused.value) == (expected or "container b not found in Pod p")


def test_requests_of_the_pod_stand_for_those_of_its_containers():
    pod = {
        "metadata": {"name": "p"},
        "spec": {
            "resources": {"requests": {"cpu": "2"}},
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}],
            "initContainers": [
                {"name": "i", "resources": {"requests": {"cpu": "5"}}},
                {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
            ],
        },
    }
    assert requests_of([pod], "", "cpu") == {"p": 2000}
    assert requests_of([pod], "", "memory") == {"p": quantity.milli("1Gi")}
    assert requests_of([pod], "a", "cpu") == {"p": 500}
    bare = {**pod, "spec": {key: value for key, value in pod["spec"].items() if key != "resources"}}
    assert requests_of([bare], "", "cpu") == {"p": 600}
