"""ReplicaSets and ReplicationControllers on a real API server: creation, adoption, release, failure."""

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.controllers.pod_helpers import is_pod_active, is_pod_terminating
from apps.cluster.controllers.replicaset.census import count
from apps.cluster.controllers.replicaset.replica_set import ReplicaSetController
from tests.cluster.controllers.small import ControlPlane, deployment, pod_template


def replica_set(replicas, **metadata):
    return {
        "metadata": {"name": "x", "namespace": "default", **metadata},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "x"}}, "template": pod_template(app="x")},
    }


def pod(name, app="x"):
    return {"metadata": {"name": name, "namespace": "default", "labels": {"app": app}}, "spec": pod_template()["spec"]}


def owners(obj):
    return [owner["name"] for owner in obj["metadata"].get("ownerReferences", ())]


def test_it_adopts_a_pod_that_its_selector_matches_and_makes_one_fewer():
    plane = ControlPlane()
    plane.kubectl.create("pods", pod("lone"))
    plane.kubectl.create("pods", pod("other", app="y"))
    plane.run()
    plane.kubectl.create("replicasets", replica_set(3))
    plane.run()
    assert owners(plane.get("pods", "lone")) == ["x"]
    assert owners(plane.get("pods", "other")) == []
    assert len(plane.apiserver.list("pods")) == 4
    assert plane.get("replicasets", "x")["status"] == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
        "observedGeneration": 1,
    }


def test_it_lets_go_of_a_pod_whose_label_was_changed_and_makes_another():
    plane = ControlPlane()
    plane.kubectl.create("replicasets", replica_set(2))
    plane.run()
    name = plane.apiserver.list("pods")[0]["metadata"]["name"]
    plane.kubectl.patch("pods", "default", name, {"metadata": {"labels": {"app": "debug"}}})
    plane.run()
    assert owners(plane.get("pods", name)) == []
    assert len(plane.apiserver.list("pods", label_selector="app=x")) == 2


def test_an_adopted_surplus_is_deleted():
    plane = ControlPlane()
    for number in range(3):
        plane.kubectl.create("pods", pod(f"lone-{number}"))
    plane.run()
    plane.kubectl.create("replicasets", replica_set(1))
    plane.run()
    assert len(plane.apiserver.list("pods")) == 1
    assert len(plane.messages("SuccessfulDelete")) == 2


def test_a_failed_pod_is_replaced_and_left_lying():
    plane = ControlPlane()
    plane.kubectl.create("replicasets", replica_set(1))
    plane.run()
    [first] = plane.apiserver.list("pods")
    plane.kubectl.update_status("pods", {**first, "status": {**first["status"], "phase": "Failed"}})
    plane.run()
    assert len(plane.apiserver.list("pods")) == 2
    assert plane.get("replicasets", "x")["status"]["replicas"] == 1


def test_a_refused_creation_stops_the_batch_and_is_reported_once():
    plane = ControlPlane()
    refused = replica_set(8)
    refused["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
    plane.kubectl.create("replicasets", refused)
    plane.run_for(15)
    assert len(plane.messages("FailedCreate")) == 1  # the first batch is one Pod
    [condition] = plane.get("replicasets", "x")["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")


def test_more_pods_than_one_burst_take_several_turns():
    plane = ControlPlane()
    plane.kubectl.create("replicasets", replica_set(1100))
    plane.run()
    instants = [step.time_ms for step in plane.engine.trace.steps if step.message == "replicaset.create-pod"]
    assert [instants.count(instant) for instant in sorted(set(instants))] == [500, 500, 100]


def test_the_pods_of_a_replica_set_share_one_spec():
    plane = ControlPlane()
    plane.kubectl.create("replicasets", replica_set(3))
    plane.run_for(15)
    specs = [found["spec"] for found in plane.apiserver.list("pods")]
    assert specs[0]["containers"][0]["image"] is specs[2]["containers"][0]["image"]


def test_a_replication_controller_does_the_same():
    plane = ControlPlane()
    plane.kubectl.create(
        "replicationcontrollers",
        {
            "metadata": {"name": "old", "namespace": "default"},
            "spec": {"replicas": 2, "selector": {"app": "old"}, "template": pod_template(app="old")},
        },
    )
    plane.run()
    assert plane.get("replicationcontrollers", "old")["status"] == {
        "replicas": 2,
        "fullyLabeledReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "observedGeneration": 1,
    }
    assert all(owners(found) == ["old"] for found in plane.apiserver.list("pods"))


def assert_the_tallies_are_right(plane: ControlPlane) -> None:
    controller = plane.engine.component("replicaset-controller")
    assert isinstance(controller, ReplicaSetController)
    for found in controller.replica_sets.list():
        known = controller._known_census(found)
        pods = controller.pods.by_index("controllerUID", found["metadata"]["uid"])
        active = [one for one in pods if is_pod_active(one)]
        terminating = sum(is_pod_terminating(one) for one in pods)
        assert known in (None, count(found, active, terminating, plane.engine.now_ms))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    acts=st.lists(
        st.tuples(
            st.sampled_from(["scale", "image", "delete", "relabel", "fail"]), st.integers(0, 7), st.integers(1, 900)
        ),
        max_size=12,
    ),
)
def test_keeping_count_gives_the_same_as_counting(seed, acts):
    plane = ControlPlane(seed, spread_ms=500)
    plane.kubectl.create("deployments", deployment(3))
    for act, number, wait_ms in acts:
        plane.run_for(wait_ms)
        assert_the_tallies_are_right(plane)
        pods = plane.apiserver.list("pods")
        chosen = pods[number % len(pods)] if pods else None
        if act == "scale":
            plane.scale(number)
        elif act == "image":
            plane.set_image(f"nginx:{number}")
        elif chosen is None:
            continue
        elif act == "delete":
            plane.kubectl.delete("pods", "default", chosen["metadata"]["name"])
        elif act == "relabel":
            body = {"metadata": {"labels": {"app": "web" if number % 2 else "other"}}}
            plane.kubectl.patch("pods", "default", chosen["metadata"]["name"], body)
        else:
            plane.kubectl.update_status("pods", {**chosen, "status": {**chosen["status"], "phase": "Failed"}})
    assert plane.run()
    assert_the_tallies_are_right(plane)
    wanted = plane.get("deployments", "web")["spec"]["replicas"]
    assert plane.get("deployments", "web")["status"].get("availableReplicas", 0) == wanted
