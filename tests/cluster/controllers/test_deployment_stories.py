"""Rollouts from the first write to the last, on a real API server: what is written, in which order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster import rollout
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.controllers.deployment import counts, sync
from tests.cluster.controllers.small import ControlPlane, condition, deployment, pod_template

REVISION = "deployment.kubernetes.io/revision"


def started(replicas=3, **spec) -> ControlPlane:
    plane = ControlPlane()
    plane.kubectl.create("deployments", deployment(replicas, **spec))
    assert plane.run()
    return plane


def progress(plane: ControlPlane, since: int = 0) -> list[str]:
    """How the Deployment's Progressing condition went."""
    reasons: list[str] = []
    for step in plane.engine.trace.steps[since:]:
        if step.ref == "deployments/default/web" and step.after and step.after["status"].get("conditions"):
            for found in step.after["status"]["conditions"]:
                if found["type"] == "Progressing" and (not reasons or reasons[-1] != found["reason"]):
                    reasons.append(found["reason"])
    return reasons


def test_the_writes_of_a_first_rollout_in_order():
    plane = started(3)
    written = [
        (step.component, step.verb, step.ref.partition("/")[0], step.subresource)
        for step in plane.engine.trace.steps
        if step.rank == "change" and step.component.endswith("controller")
    ]
    status = ("deployment-controller", "update", "deployments", "status")
    report = ("replicaset-controller", "update", "replicasets", "status")
    pod = ("replicaset-controller", "create", "pods", "")
    assert written == [
        ("deployment-controller", "create", "replicasets", ""),
        status,  # revision and NewReplicaSetCreated
        status,  # observedGeneration and the counts
        pod,
        pod,
        pod,
        report,  # what there was before the Pods were made
        report,
        status,  # ReplicaSetUpdated
        report,  # ready
        status,  # NewReplicaSetAvailable
    ]
    assert progress(plane) == ["NewReplicaSetCreated", "ReplicaSetUpdated", "NewReplicaSetAvailable"]


@pytest.mark.parametrize(
    ("replicas", "spec", "sizes"),
    [
        pytest.param(
            3,
            {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}},
            ["up to 1", "down to 2", "up to 2", "down to 1", "up to 3", "down to 0"],
            id="one more, none fewer: one by one",
        ),
        pytest.param(
            3,
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}},
            ["down to 2", "up to 1", "down to 1", "up to 2", "down to 0", "up to 3"],
            id="none more, one fewer: the old go first",
        ),
        pytest.param(3, {"strategy": {"type": "Recreate"}}, ["down to 0", "up to 3"], id="Recreate: all go, all come"),
        pytest.param(
            10,
            {},
            ["up to 3", "down to 8", "up to 5"],
            id="10 at 25 %: 3 more and 2 fewer at once, and the 2 are replaced",
        ),
    ],
)
def test_the_sizes_a_rollout_goes_through(replicas, spec, sizes):
    plane = started(replicas, **spec)
    plane.set_image("nginx:2")
    assert plane.run()
    said = plane.messages("ScalingReplicaSet")[1:]
    assert [f"{text.split()[1]} to {text.split()[-1]}" for text in said][: len(sizes)] == sizes
    assert plane.sizes() == {"nginx:1": 0, "nginx:2": replicas}


def test_recreate_starts_nothing_new_before_the_last_old_pod_has_gone():
    plane = started(3, strategy={"type": "Recreate"})
    plane.set_image("nginx:2")
    plane.run()
    running: set[str] = set()
    images: dict[str, str] = {}
    for step in plane.engine.trace.steps:
        if step.ref.startswith("pods/"):
            if step.after is None:
                running.discard(step.ref)
            else:
                running.add(step.ref)
                images[step.ref] = step.after["spec"]["containers"][0]["image"]
            assert len({images[ref] for ref in running}) <= 1


def test_undo_reuses_the_old_replica_set_and_raises_its_revision():
    plane = started(2)
    plane.set_image("nginx:2")
    plane.run()
    rollout.perform(plane.kubectl, "undo", "deployments", "default", "web", 0, plane.engine.now_ms)
    plane.run()
    assert plane.sizes() == {"nginx:1": 2, "nginx:2": 0}
    [first] = [rs for rs in plane.apiserver.list("replicasets") if rs["spec"]["replicas"] == 2]
    assert first["metadata"]["annotations"][REVISION] == "3"
    assert first["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert plane.get("deployments", "web")["metadata"]["annotations"][REVISION] == "3"


def test_a_paused_deployment_scales_but_does_not_roll_out():
    plane = started(3)
    rollout.perform(plane.kubectl, "pause", "deployments", "default", "web", 0, plane.engine.now_ms)
    plane.run()
    assert condition(plane.get("deployments", "web"), "Progressing") == ("Unknown", "DeploymentPaused")
    plane.set_image("nginx:2")
    plane.scale(5)
    plane.run()
    assert plane.sizes() == {"nginx:1": 5}
    rollout.perform(plane.kubectl, "resume", "deployments", "default", "web", 0, plane.engine.now_ms)
    plane.run()
    assert plane.sizes() == {"nginx:1": 0, "nginx:2": 5}
    assert progress(plane)[-4:] == [
        "DeploymentPaused",
        "DeploymentResumed",
        "ReplicaSetUpdated",
        "NewReplicaSetAvailable",
    ]


def test_scaling_in_the_middle_of_a_stuck_rollout_is_proportional():
    plane = started(10)
    plane.set_image("nginx:bad")
    plane.run_for(3_000)
    assert plane.sizes() == {"nginx:1": 8, "nginx:bad": 5}
    plane.scale(15)
    plane.run_for(3_000)
    assert plane.sizes() == {"nginx:1": 12, "nginx:bad": 7}


def test_a_rollout_that_stands_still_misses_its_deadline_and_then_the_cluster_rests():
    plane = started(4, progressDeadlineSeconds=10)
    since = plane.engine.now_ms
    plane.set_image("nginx:bad")
    assert plane.run()
    assert 9_000 < plane.engine.now_ms - since < 12_000  # conditions know whole seconds
    assert condition(plane.get("deployments", "web"), "Progressing") == ("False", "ProgressDeadlineExceeded")
    assert plane.sizes() == {"nginx:1": 3, "nginx:bad": 2}


def test_a_finished_rollout_does_not_keep_the_cluster_awake_until_its_deadline():
    plane = started(3, progressDeadlineSeconds=600)
    assert plane.engine.now_ms < 5_000


def test_only_so_many_old_revisions_are_kept():
    plane = started(1, revisionHistoryLimit=2)
    for number in range(2, 7):
        plane.set_image(f"nginx:{number}")
        plane.run()
    assert list(plane.sizes()) == ["nginx:4", "nginx:5", "nginx:6"]


def test_pods_are_available_only_after_min_ready_seconds():
    plane = ControlPlane()
    plane.kubectl.create("deployments", deployment(2, minReadySeconds=5))
    plane.run_for(3_000)
    assert plane.get("deployments", "web")["status"]["readyReplicas"] == 2
    assert "availableReplicas" not in plane.get("deployments", "web")["status"]
    plane.run_for(3_000)
    assert plane.get("deployments", "web")["status"]["availableReplicas"] == 2


def test_two_templates_with_the_same_hash_get_different_replica_sets(monkeypatch):
    monkeypatch.setattr(sync, "pod_template_hash", lambda _, collisions: f"hash{collisions or 0}")
    plane = started(1)
    plane.set_image("nginx:2")
    assert plane.run()
    assert plane.get("deployments", "web")["status"]["collisionCount"] == 1
    assert [rs["metadata"]["name"] for rs in plane.apiserver.list("replicasets")] == ["web-hash0", "web-hash1"]
    assert plane.sizes() == {"nginx:1": 0, "nginx:2": 1}


def test_an_orphaned_replica_set_with_the_same_template_is_adopted_and_kept():
    plane = ControlPlane()
    orphan = {
        "metadata": {"name": "web-old", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": pod_template()},
    }
    plane.kubectl.create("replicasets", orphan)
    plane.run()
    plane.kubectl.create("deployments", deployment(2))
    plane.run()
    adopted = plane.get("replicasets", "web-old")
    assert adopted["metadata"]["ownerReferences"][0]["name"] == "web"
    assert adopted["metadata"]["annotations"][REVISION] == "1"
    assert len(plane.apiserver.list("replicasets")) == 1
    assert progress(plane)[0] == "FoundNewReplicaSet"


def test_a_replica_set_that_cannot_create_pods_fails_its_deployment():
    plane = ControlPlane()
    template = pod_template()
    template["spec"]["serviceAccountName"] = "nobody"
    plane.kubectl.create("deployments", deployment(3, template=template))
    plane.run_for(1_000)
    status, reason = condition(plane.get("deployments", "web"), "ReplicaFailure")
    assert (status, reason) == ("True", "FailedCreate")
    assert 'serviceaccount "nobody" not found' in plane.messages("FailedCreate")[0]
    plane.kubectl.create("serviceaccounts", {"metadata": {"name": "nobody", "namespace": "default"}})
    plane.run()
    found = plane.get("deployments", "web")["status"]
    assert found["availableReplicas"] == 3
    assert {c["type"] for c in found["conditions"]} == {"Available", "Progressing"}


def test_a_deployment_that_is_being_deleted_is_only_reported_on():
    plane = started(2)
    plane.kubectl.delete("deployments", "default", "web", propagation="Foreground")
    plane.kubectl.patch("deployments", "default", "web", {"spec": {"replicas": 5}})
    plane.run()
    assert plane.sizes() == {"nginx:1": 2}
    assert plane.get("deployments", "web")["status"]["observedGeneration"] > 1


def test_an_annotation_of_a_deployment_counts_as_wanted_state_and_reaches_its_replica_set():
    plane = started(1)
    body = {"metadata": {"annotations": {"kubernetes.io/change-cause": "first"}}}
    plane.kubectl.patch("deployments", "default", "web", body)
    plane.run()
    found = plane.get("deployments", "web")
    assert (found["metadata"]["generation"], found["status"]["observedGeneration"]) == (2, 2)
    [replica_set] = plane.apiserver.list("replicasets")
    assert replica_set["metadata"]["annotations"]["kubernetes.io/change-cause"] == "first"
    assert replica_set["metadata"]["generation"] == 1


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    replicas=st.integers(1, 9),
    surge=st.sampled_from([0, 1, 3, "25%", "50%", "100%"]),
    unavailable=st.sampled_from([0, 1, 2, "25%", "50%"]),
    images=st.lists(st.sampled_from(["nginx:2", "nginx:3", "nginx:bad"]), min_size=1, max_size=3),
    pause_ms=st.integers(0, 2_500),
)
def test_no_rollout_has_too_few_available_or_too_many_pods(seed, replicas, surge, unavailable, images, pause_ms):
    if surge in (0, "0%") and unavailable == 0:
        unavailable = 1
    plane = ControlPlane(seed, spread_ms=900)
    strategy = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    created = plane.kubectl.create("deployments", deployment(replicas, strategy=strategy))
    try:
        most = replicas + counts.max_surge(created)
        fewest = replicas - counts.max_unavailable(created)
    except StatusError:
        return
    assert plane.run()
    since = len(plane.engine.trace.steps)
    for image in [*images, "nginx:last"]:
        plane.set_image(image)
        plane.run_for(pause_ms)
    assert plane.run()
    assert plane.get("deployments", "web")["status"]["updatedReplicas"] == replicas
    steps = plane.engine.trace.steps
    pods = {step.ref: step.after for step in steps[:since] if step.ref.startswith("pods/")}
    for place in range(since, len(steps)):
        step = steps[place]
        if step.ref.startswith("pods/"):
            pods[step.ref] = step.after
        if place + 1 < len(steps) and steps[place + 1].time_ms == step.time_ms:
            continue  # within an instant one controller may be ahead of another
        alive = [pod for pod in pods.values() if pod is not None and "deletionTimestamp" not in pod["metadata"]]
        ready = [pod for pod in alive if any(c["type"] == "Ready" for c in pod["status"].get("conditions", ()))]
        assert len(ready) >= fewest, step
        assert len(alive) <= most, step
