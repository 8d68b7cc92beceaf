"""ReplicaSets and ReplicationControllers on a real API server: creation, adoption, release, failure."""

from tests.cluster.controllers.small import ControlPlane, pod_template


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
