"""The pure half of the Deployment controller: sizes, revisions, proportions, progress."""

import pytest

from apps.cluster.apimachinery import timestamps
from apps.cluster.controllers.deployment import progress, proportions, revisions, rolling

NOW = timestamps.parse("2026-11-23T09:00:00Z")


def deployment(replicas=10, surge=None, unavailable=None, *, strategy="RollingUpdate", status=None, **spec):
    rolling_update = {"maxSurge": surge, "maxUnavailable": unavailable}
    rolling_update = {name: value for name, value in rolling_update.items() if value is not None}
    return {
        "kind": "Deployment",
        "metadata": {"name": "web", "generation": 1},
        "spec": {"replicas": replicas, "strategy": {"type": strategy, "rollingUpdate": rolling_update}, **spec},
        "status": status or {},
    }


def replica_set(name, replicas, available=0, *, age=0, annotations=None, **status):
    created = timestamps.format_ms(NOW - age * 1000)
    return {
        "kind": "ReplicaSet",
        "metadata": {"name": name, "creationTimestamp": created, "annotations": annotations or {}},
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas, "availableReplicas": available, **status},
    }


@pytest.mark.parametrize(
    ("given", "old", "new", "expected"),
    [
        pytest.param(
            deployment(4, "25%", "25%"),
            [("old", 4, 4)],
            ("new", 1, 0),
            [("old", 3)],
            id="one may be missing, so one goes",
        ),
        pytest.param(
            deployment(4, "25%", "25%"), [("old", 3, 3)], ("new", 2, 0), [], id="no more until a new one is available"
        ),
        pytest.param(
            deployment(4, "25%", "25%"), [("old", 3, 3)], ("new", 2, 1), [("old", 2)], id="each available one frees one"
        ),
        pytest.param(deployment(3, 1, 0), [("old", 3, 3)], ("new", 1, 0), [], id="maxUnavailable 0 waits"),
        pytest.param(
            deployment(10, 3, 2),
            [("old", 10, 7)],
            ("new", 3, 0),
            [("old", 8)],
            id="unhealthy Pods go first, as many as may be missing",
        ),
        pytest.param(
            deployment(10, 3, 2),
            [("older", 5, 2), ("old", 5, 5)],
            ("new", 3, 3),
            [("older", 2), ("older", 0)],
            id="the oldest ReplicaSet loses its unhealthy Pods, then its healthy ones",
        ),
        pytest.param(deployment(3, 1, 1), [], ("new", 3, 3), [], id="nothing old, nothing to do"),
    ],
)
def test_reconcile_old(given, old, new, expected):
    old_sets = [replica_set(name, size, available, age=100 - n) for n, (name, size, available) in enumerate(old)]
    new_set = replica_set(*new)
    plan = rolling.reconcile_old(given, [*old_sets, new_set], old_sets, new_set)
    assert [(scaling.replica_set["metadata"]["name"], scaling.size) for scaling in plan] == expected


@pytest.mark.parametrize(
    ("annotations", "revision", "exists", "expected"),
    [
        pytest.param({}, 1, False, {"revision": "1", "desired-replicas": "10", "max-replicas": "13"}, id="a new one"),
        pytest.param({"revision": "2"}, 2, True, None, id="up to date"),
        pytest.param(
            {"revision": "2"}, 5, True, {"revision": "5", "revision-history": "2"}, id="a rollback raises the revision"
        ),
        pytest.param(
            {"revision": "5", "revision-history": "1,3"},
            7,
            True,
            {"revision": "7", "revision-history": "1,3,5"},
            id="the history grows",
        ),
        pytest.param({"revision": "9"}, 5, True, None, id="a lower revision changes nothing"),
        pytest.param({"revision": "mine"}, 5, True, None, id="a revision that is no number is left alone"),
    ],
)
def test_new_annotations(annotations, revision, exists, expected):
    prefix = "deployment.kubernetes.io/"
    given = {prefix + name: value for name, value in annotations.items()}
    found = revisions.new_annotations(
        deployment(10, "25%", "25%"), replica_set("web-1", 0, annotations=given), revision, exists=exists
    )
    assert found == (None if expected is None else {prefix + name: value for name, value in expected.items()})


def test_a_revision_history_stays_within_2000_characters():
    long = ",".join(str(number) for number in range(100, 600))
    given = {revisions.REVISION: "600", revisions.REVISION_HISTORY: long}
    found = revisions.new_annotations(deployment(), replica_set("web", 0, annotations=given), 601, exists=True)
    history = found[revisions.REVISION_HISTORY]
    assert len(history) <= 2000
    assert history.endswith("599,600")
    assert history.startswith("101,")


def test_a_change_cause_is_copied_but_what_was_last_applied_is_not():
    given = deployment()
    given["metadata"]["annotations"] = {
        "kubernetes.io/change-cause": "first",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        revisions.REVISION: "7",
    }
    found = revisions.new_annotations(given, replica_set("web", 0), 1, exists=False)
    assert found["kubernetes.io/change-cause"] == "first"
    assert found[revisions.REVISION] == "1"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in found


@pytest.mark.parametrize(
    ("given", "sets", "expected"),
    [
        pytest.param(
            deployment(15, "25%", "25%"),
            [("old", 8, 13), ("new", 5, 13)],
            [("old", 12), ("new", 7)],
            id="8 + 5 of 13 become 12 + 7 of 19",
        ),
        pytest.param(
            deployment(5, "25%", "25%"),
            [("old", 8, 13), ("new", 5, 13)],
            [("old", 4), ("new", 3)],
            id="and shrink alike, what rounding leaves over from the largest",
        ),
        pytest.param(
            deployment(0, "25%", "25%"), [("old", 8, 13), ("new", 5, 13)], [("old", 0), ("new", 0)], id="to nothing"
        ),
        pytest.param(
            deployment(12, 0, 1),
            [("old", 5, 10), ("new", 5, 10)],
            [("new", 6), ("old", 6)],
            id="among equals the youngest grows first",
        ),
        pytest.param(deployment(10, 3, 2), [("old", 8, 13), ("new", 5, 13)], [("old", 8), ("new", 5)], id="no change"),
    ],
)
def test_proportional_sizes(given, sets, expected):
    replica_sets = [
        replica_set(name, size, age=100 - n, annotations={revisions.MAX_REPLICAS: str(most)})
        for n, (name, size, most) in enumerate(sets)
    ]
    found = proportions.proportional_sizes(given, replica_sets)
    assert [(rs["metadata"]["name"], size) for rs, size in found] == expected


def progressing(status, reason, ago=0):
    since = timestamps.format_ms(NOW - ago * 1000)
    times = {"lastUpdateTime": since, "lastTransitionTime": since}
    return {"type": "Progressing", "status": status, "reason": reason, "message": "", **times}


@pytest.mark.parametrize(
    ("before", "new", "reason", "status", "message"),
    [
        pytest.param(
            {"conditions": [progressing("True", "NewReplicaSetCreated")]},
            ("web-1", 3, 0),
            "ReplicaSetUpdated",
            "True",
            'ReplicaSet "web-1" is progressing.',
            id="new Pods are progress",
        ),
        pytest.param(
            {"replicas": 3, "updatedReplicas": 3, "conditions": [progressing("True", "ReplicaSetUpdated")]},
            ("web-1", 3, 3),
            "NewReplicaSetAvailable",
            "True",
            'ReplicaSet "web-1" has successfully progressed.',
            id="all available is the end",
        ),
        pytest.param(
            {"replicas": 3, "updatedReplicas": 3, "conditions": [progressing("True", "ReplicaSetUpdated", ago=11)]},
            ("web-1", 3, 0),
            "ProgressDeadlineExceeded",
            "False",
            'ReplicaSet "web-1" has timed out progressing.',
            id="no progress for longer than the deadline is a failure",
        ),
        pytest.param(
            {"replicas": 3, "updatedReplicas": 3, "conditions": [progressing("True", "ReplicaSetUpdated", ago=10)]},
            ("web-1", 3, 0),
            "ReplicaSetUpdated",
            "True",
            "",
            id="not yet at the deadline itself",
        ),
        pytest.param(
            {
                "replicas": 3,
                "updatedReplicas": 3,
                "conditions": [progressing("True", "NewReplicaSetAvailable", ago=99)],
            },
            ("web-1", 3, 0),
            "NewReplicaSetAvailable",
            "True",
            "",
            id="a finished rollout cannot time out when Pods fail later",
        ),
    ],
)
def test_progressing(before, new, reason, status, message):
    given = deployment(3, 1, 0, status=before, progressDeadlineSeconds=10)
    new_set = replica_set(*new)
    found = progress.rollout_status(given, [new_set], new_set, NOW)
    [condition] = [c for c in found["conditions"] if c["type"] == "Progressing"]
    assert (condition["reason"], condition["status"], condition["message"]) == (reason, status, message)


def test_without_a_deadline_nothing_is_said_about_progress():
    given = deployment(3, 1, 0, status={"conditions": [progressing("True", "ReplicaSetUpdated")]})
    new = replica_set("web-1", 3)
    found = progress.rollout_status(given, [new], new, NOW)
    assert [c["type"] for c in found["conditions"]] == ["Available"]


def test_a_replica_set_that_may_not_create_pods_is_a_failure_of_its_deployment():
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    since = timestamps.format_ms(NOW - 5000)
    new = replica_set("web-1", 3, conditions=[{**failure, "lastTransitionTime": since}])
    found = progress.rollout_status(deployment(3), [new], new, NOW)
    assert found["conditions"][-1] == {**failure, "lastUpdateTime": since, "lastTransitionTime": since}


@pytest.mark.parametrize(
    ("paused", "reason", "expected"),
    [
        pytest.param(True, "ReplicaSetUpdated", ("Unknown", "DeploymentPaused", "Deployment is paused"), id="paused"),
        pytest.param(
            False, "DeploymentPaused", ("Unknown", "DeploymentResumed", "Deployment is resumed"), id="resumed"
        ),
        pytest.param(True, "DeploymentPaused", None, id="paused and reported"),
        pytest.param(True, "ProgressDeadlineExceeded", None, id="a missed deadline stays reported"),
    ],
)
def test_paused_condition(paused, reason, expected):
    status = {"conditions": [progressing("True", reason)]}
    given = deployment(paused=paused, progressDeadlineSeconds=600, status=status)
    found = progress.paused_condition(given, NOW)
    assert (found and (found["status"], found["reason"], found["message"])) == expected
