"""kubectl rollout: what it sends, and what it says when it does not."""

import pytest

from apps.cluster import rollout
from apps.cluster.apimachinery.status import StatusError

REVISION = "deployment.kubernetes.io/revision"


def template(image, **labels):
    return {"metadata": {"labels": {"app": "web", **labels}}, "spec": {"containers": [{"name": "c", "image": image}]}}


def deployment(image="nginx:3", **spec):
    return {
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "uid": "d",
            "generation": 2,
            "annotations": {REVISION: "3", "kubernetes.io/change-cause": "third"},
        },
        "spec": {"replicas": 3, "template": template(image), **spec},
        "status": {"observedGeneration": 2},
    }


def replica_set(number, **annotations):
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"web-{number}",
            "namespace": "default",
            "annotations": {REVISION: str(number), "deployment.kubernetes.io/desired-replicas": "3", **annotations},
            "ownerReferences": [{"uid": "d", "controller": True}],
        },
        "spec": {"template": template(f"nginx:{number}", **{"pod-template-hash": f"hash{number}"})},
    }


SETS = [replica_set(3), replica_set(1, **{"kubernetes.io/change-cause": "first"}), replica_set(2)]


@pytest.mark.parametrize(
    ("to", "image"),
    [
        pytest.param(0, "nginx:2", id="the one before the present"),
        pytest.param(1, "nginx:1", id="a revision by its number"),
    ],
)
def test_undo_puts_an_earlier_template_back(to, image):
    patch = rollout.deployment_undo_patch(deployment(), SETS, to)
    assert patch[0] == {"op": "replace", "path": "/spec/template", "value": template(image)}


def test_undo_brings_the_annotations_back_but_those_of_the_deployment_itself():
    patch = rollout.deployment_undo_patch(deployment(), SETS, 1)
    assert patch[1]["value"] == {REVISION: "3", "kubernetes.io/change-cause": "first"}


def test_undo_to_the_present_template_changes_nothing():
    assert rollout.deployment_undo_patch(deployment(), SETS, 3) is None


@pytest.mark.parametrize(
    ("given", "sets", "to", "message"),
    [
        pytest.param(deployment(), SETS, 7, "unable to find specified revision 7 in history", id="no such revision"),
        pytest.param(
            deployment(), SETS[:1], 0, 'no rollout history found for deployment "web"', id="only one revision"
        ),
        pytest.param(
            deployment(paused=True),
            SETS,
            0,
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume deployment/web' "
            "and try again",
            id="paused",
        ),
    ],
)
def test_undo_refuses(given, sets, to, message):
    with pytest.raises(StatusError) as refused:
        rollout.deployment_undo_patch(given, sets, to)
    assert refused.value.message == message


def revision(number, image):
    data = {"spec": {"template": {**template(image), "$patch": "replace"}}}
    return {"kind": "ControllerRevision", "metadata": {"name": f"r{number}"}, "revision": number, "data": data}


def test_a_daemon_set_goes_back_to_the_data_of_its_controller_revision():
    revisions = [revision(2, "agent:2"), revision(1, "agent:1")]
    daemon_set = {"kind": "DaemonSet", "spec": {"template": template("agent:2")}}
    assert rollout.revision_undo_patch(daemon_set, revisions, 0) == revision(1, "agent:1")["data"]
    assert rollout.revision_undo_patch(daemon_set, revisions, 2) is None


def test_without_an_earlier_controller_revision_there_is_nothing_to_undo():
    with pytest.raises(StatusError, match="no last revision to roll back to"):
        rollout.revision_undo_patch({}, [revision(1, "agent:1")], 0)


@pytest.mark.parametrize(
    ("obj", "paused", "message"),
    [
        pytest.param(deployment(paused=True), True, 'deployments.apps "web" is already paused', id="already paused"),
        pytest.param(deployment(), False, 'deployments.apps "web" is not paused', id="not paused"),
        pytest.param({"kind": "DaemonSet"}, True, "pausing is not supported", id="a DaemonSet"),
    ],
)
def test_pause_and_resume_refuse(obj, paused, message):
    with pytest.raises(StatusError) as refused:
        rollout.pause_patch(obj, paused=paused)
    assert refused.value.message == message


def test_restart_changes_the_template_by_an_annotation():
    patch = rollout.restart_patch(deployment(), 1_000)
    assert patch["spec"]["template"]["metadata"]["annotations"] == {rollout.RESTARTED_AT: "2026-11-23T00:00:01Z"}
    with pytest.raises(StatusError, match="can't restart paused deployment"):
        rollout.restart_patch(deployment(paused=True), 1_000)


def test_history_lists_revisions_and_their_causes():
    assert rollout.history(deployment(), SETS) == [(1, "first"), (2, "<none>"), (3, "<none>")]


@pytest.mark.parametrize(
    ("status", "text", "done"),
    [
        pytest.param(
            {"observedGeneration": 1}, "Waiting for deployment spec update to be observed...", False, id="unseen"
        ),
        pytest.param(
            {"observedGeneration": 2, "replicas": 4, "updatedReplicas": 1},
            'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...',
            False,
            id="too few new",
        ),
        pytest.param(
            {"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3},
            'Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...',
            False,
            id="old ones left",
        ),
        pytest.param(
            {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2},
            'Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...',
            False,
            id="not all available",
        ),
        pytest.param(
            {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3},
            'deployment "web" successfully rolled out',
            True,
            id="done",
        ),
    ],
)
def test_rollout_status(status, text, done):
    assert rollout.status({**deployment(), "status": status}) == (text, done)


def test_rollout_status_ends_when_the_deadline_was_missed():
    conditions = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    given = {**deployment(), "status": {"observedGeneration": 2, "conditions": conditions}}
    with pytest.raises(StatusError, match='deployment "web" exceeded its progress deadline'):
        rollout.status(given)
