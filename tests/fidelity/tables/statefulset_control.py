"""StatefulSets at work: the functions that upstream's table of stories names, each for ordered and for Parallel sets.

Each story runs on a control plane whose Pods become ready, with one kind of request failing where the story says so. In
an ordered set, no Pod is ever made before all those below it are ready.
"""

from __future__ import annotations

from collections.abc import Callable

from apps.cluster.apimachinery.meta import key_of
from apps.cluster.controllers.statefulset.stateful_set import StatefulSetController
from tests.cluster.controllers.objects import CLAIM_TEMPLATES, stateful_set
from tests.cluster.controllers.recording import bench, put
from tests.cluster.controllers.world import World
from tests.fidelity.tables.failing import Failing
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import Obj

NOW_MS = 86_400_000
LONG_MS = 60_000


def _world(policy: str, replicas: int) -> World:
    world = World()
    world.create(stateful_set(replicas=replicas, podManagementPolicy=policy, volumeClaimTemplates=CLAIM_TEMPLATES))
    return world


def _fail(world: World, verb: str, resource: str, times: int) -> Failing:
    controller = world.controllers[StatefulSetController.name]
    controller.client = Failing(controller.client, verb, resource, times)
    failing: Failing = controller.client
    return failing


def _counts(world: World, replicas: int) -> None:
    status = world.status("statefulsets", "db", "default")
    for field in ("replicas", "readyReplicas", "updatedReplicas"):
        same(status.get(field, 0), replicas, field)
    same(sorted(world.names("pods")), sorted(f"db-{n}" for n in range(replicas)), "Pods")


def _in_order(world: World, policy: str) -> None:
    """No Pod of an ordered set was made before all below it were ready."""
    if policy == "Parallel":
        return
    ready: set[str] = set()
    for step in world.engine.trace.steps:
        name = step.ref.rpartition("/")[2]
        if not step.ref.startswith("pods/"):
            continue
        if step.verb == "create":
            below = {f"db-{n}" for n in range(int(name.rpartition("-")[2]))}
            same(sorted(below - ready), [], f"not ready before {name}")
        after: Obj = step.after or {"status": {}, "metadata": {}}
        conditions = after["status"].get("conditions") or ()
        if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions) and step.after:
            ready.add(name)
        else:
            ready.discard(name)


def create_pods(policy: str) -> None:
    world = _world(policy, 3)
    world.run(LONG_MS)
    _counts(world, 3)
    for pod in world.list("pods"):
        index = pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"]
        same(index, pod["metadata"]["name"].rpartition("-")[2], "index")
    _in_order(world, policy)


def scales_up(policy: str) -> None:
    world = _world(policy, 3)
    world.run(LONG_MS)
    world.patch("statefulsets", "db", {"spec": {"replicas": 4}})
    world.run(LONG_MS)
    _counts(world, 4)
    _in_order(world, policy)


def scales_down(policy: str) -> None:
    world = _world(policy, 3)
    world.run(LONG_MS)
    world.patch("statefulsets", "db", {"spec": {"replicas": 0}})
    world.run(LONG_MS)
    _counts(world, 0)


def replaces_pods(policy: str) -> None:
    world = _world(policy, 5)
    world.run(LONG_MS)
    for number in (0, 2, 4):
        world.delete("pods", f"db-{number}", grace_period_seconds=0)
    world.run(LONG_MS)
    _counts(world, 5)


def _recreates(phase: str, failures: int) -> Callable[[str], None]:
    def story(policy: str) -> None:
        world = _world(policy, 3)
        world.run(LONG_MS)
        failing = _fail(world, "delete", "pods", failures)
        before = world.get("pods", "db-0", "default")
        status = {**before["status"], "phase": phase, "conditions": []}
        world.kubectl.update_status("pods", {**before, "status": status})
        world.run(LONG_MS)
        same(failing.failed, failures, "failures")
        same(world.get("pods", "db-0", "default")["metadata"]["uid"] != before["metadata"]["uid"], True, "made anew")
        _counts(world, 3)

    return story


def _survives(verb: str, resource: str, times: int) -> Callable[[str], None]:
    def story(policy: str) -> None:
        world = _world(policy, 3)
        failing = _fail(world, verb, resource, times)
        world.run(LONG_MS)
        same(failing.failed, times, "failures")
        same(failing.left, 0, "failures left")
        _counts(world, 3)
        _in_order(world, policy)

    return story


def update_pod_failure(policy: str) -> None:
    """A Pod that lost the label with its name is told again who it is; when that fails, it is tried again."""
    world = _world(policy, 3)
    world.run(LONG_MS)
    failing = _fail(world, "update", "pods", 1)
    world.patch("pods", "db-0", {"metadata": {"labels": {"statefulset.kubernetes.io/pod-name": None}}})
    world.run(LONG_MS)
    same(failing.failed, 1, "failures")
    labels = world.get("pods", "db-0", "default")["metadata"]["labels"]
    same(labels.get("statefulset.kubernetes.io/pod-name"), "db-0")


def new_revision_delete_failure(policy: str) -> None:
    world = _world(policy, 3)
    world.run(LONG_MS)
    failing = _fail(world, "delete", "pods", 1)
    body = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx-new"}]}}}}
    world.patch("statefulsets", "db", body)
    while not failing.failed:
        world.run(1)
    status = world.status("statefulsets", "db", "default")
    same(status.get("currentReplicas"), 3, "currentReplicas after a failed deletion")
    world.run(LONG_MS)
    status = world.status("statefulsets", "db", "default")
    same((status.get("updatedReplicas"), status["currentRevision"]), (3, status["updateRevision"]), "rolled out")


def recreates_claim(policy: str) -> None:
    world = _world(policy, 3)
    world.up.clear()  # no Pod starts
    world.run(1_000)
    world.patch("persistentvolumeclaims", "data-db-0", {"metadata": {"finalizers": None}})
    world.delete("persistentvolumeclaims", "data-db-0")
    world.run(1_000)
    world.patch("pods", "db-0", {"metadata": {"annotations": {"looked-at": "again"}}})
    world.run(1_000)
    same("data-db-0" in world.names("persistentvolumeclaims"), True, "made anew")


STORIES: dict[str, Callable[[str], None]] = {
    "CreatePods": create_pods,
    "ScalesUp": scales_up,
    "ScalesDown": scales_down,
    "ReplacesPods": replaces_pods,
    "RecreatesFailedPod": _recreates("Failed", 0),
    "RecreatesSucceededPod": _recreates("Succeeded", 0),
    "RecreatesFailedPodWithDeleteFailure": _recreates("Failed", 1),
    "RecreatesSucceededPodWithDeleteFailure": _recreates("Succeeded", 1),
    "CreatePodFailure": _survives("create", "pods", 1),
    "UpdatePodFailure": update_pod_failure,
    "UpdateSetStatusFailure": _survives("update_status", "statefulsets", 2),
    "NewRevisionDeletePodFailure": new_revision_delete_failure,
    "RecreatesPVCForPendingPod": recreates_claim,
}


@adaptor("statefulset__statefulset__TestStatefulSetControl")
def story(row: Row) -> None:
    told = STORIES[row["fn"]["__func"].rpartition(".")[2]]
    for policy in ("OrderedReady", "Parallel"):
        told(policy)


@adaptor("statefulset__statefulset__TestParallelScale")
def parallel_scale(row: Row) -> None:
    """In one turn a Parallel set asks for at most 500 Pods more or less; two turns do for every row."""
    controller, client = bench(StatefulSetController, NOW_MS)
    the_set = stateful_set(replicas=row["desiredReplicas"], podManagementPolicy="Parallel")
    the_set["metadata"] |= {
        "namespace": "default",
        "uid": "set",
        "generation": 1,
        "creationTimestamp": "1970-01-01T00:00:00Z",
    }
    the_set["spec"]["updateStrategy"] = {"type": "OnDelete"}
    put(controller, "statefulsets", the_set)
    here = {number: _member(the_set, number) for number in range(row["replicas"])}
    put(controller, "pods", *here.values())
    most = 0
    for _ in range(2):
        done = len(client.log)
        controller.sync(key_of(the_set))
        asked = [entry for entry in client.log[done:] if entry[1] == "pods" and entry[0] in ("create", "delete")]
        most = max(most, len(asked))
        for verb, _, what in asked:
            name = what if isinstance(what, str) else what["metadata"]["name"]
            number = int(name.rpartition("-")[2])
            pod = here.pop(number, None) if verb == "delete" else None
            if verb == "create":
                here[number] = _member(the_set, number)
                put(controller, "pods", here[number])
            elif pod is not None:
                controller.informers("pods").receive(key_of(pod), pod, None)
    same(len(here), row["desiredReplicas"], "Pods")
    same(most >= row["expectedMinParallelRequests"], True, f"at once: {most}")


def _member(the_set: Obj, number: int) -> Obj:
    name = f"db-{number}"
    labels = {"app": "db", "statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": str(number)}
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "set", "controller": True}
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "1970-01-01T00:00:00Z"}
    metadata = {"name": name, "namespace": "default", "uid": name, "labels": labels, "ownerReferences": [owner]}
    spec = {"hostname": name, "subdomain": the_set["spec"]["serviceName"]}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Running", "conditions": [ready]}}
