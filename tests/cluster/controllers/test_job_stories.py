"""The Job controller at work in a whole cluster."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import Actor
from apps.cluster.cluster import Cluster
from tests.cluster.controllers.batch import Story, job

Obj = dict[str, Any]
TRACKING = "batch.kubernetes.io/job-tracking"
DONE = [("SuccessCriteriaMet", "True", "CompletionsReached"), ("Complete", "True", "CompletionsReached")]


def failed(reason: str) -> list[tuple[str, str, str]]:
    return [("FailureTarget", "True", reason), ("Failed", "True", reason)]


def test_three_completions_two_at_a_time() -> None:
    story = Story(job(completions=3, parallelism=2))
    story.run(0.1)
    assert len(story.names("pods")) == 2
    assert all(TRACKING in story.get("pods", name)["metadata"]["finalizers"] for name in story.names("pods"))
    assert story.rest()
    assert len(story.names("pods")) == 3
    assert story.status()["succeeded"] == 3
    assert story.conditions() == DONE
    assert not any(story.get("pods", name)["metadata"].get("finalizers") for name in story.names("pods"))


def test_never_more_pods_than_parallelism_or_than_are_left() -> None:
    story = Story(job(completions=5, parallelism=3))
    story.rest()
    done = {"Succeeded": 0, "active": 0}
    for step in story.steps("pods/"):
        phase = ((step.after or {}).get("status") or {}).get("phase")
        before = ((step.before or {}).get("status") or {}).get("phase")
        done["active"] += (step.before is None) - (phase == "Succeeded" != before)
        done["Succeeded"] += phase == "Succeeded" != before
        assert done["active"] <= min(3, 5 - done["Succeeded"])


def test_an_end_is_noted_before_the_pod_is_let_go_and_counted_afterwards() -> None:
    story = Story(job())
    story.rest()
    told = [step.message for step in story.steps("") if step.component == "job-controller"][-3:]
    assert told == ["job.success-criteria-met", "job.release-pod", "job.complete"]
    noted, _, counted = [step.after for step in story.steps("") if step.component == "job-controller"][-3:]
    assert noted is not None
    assert counted is not None
    [uid] = noted["status"]["uncountedTerminatedPods"]["succeeded"]
    assert uid == story.get("pods", story.names("pods")[0])["metadata"]["uid"]
    assert "succeeded" not in noted["status"]
    assert counted["status"]["uncountedTerminatedPods"] == {}
    assert counted["status"]["succeeded"] == 1


def test_failures_are_tried_again_at_growing_intervals_until_the_limit() -> None:
    story = Story(job(command="sleep 1; exit 3", backoffLimit=3))
    story.rest()
    waits = [later - earlier for earlier, later in pairwise(story.created_at())]
    assert [10 <= waits[0] < 14, 20 <= waits[1] < 24, 40 <= waits[2] < 44] == [True] * 3
    assert story.status()["failed"] == 4
    assert story.conditions() == failed("BackoffLimitExceeded")
    assert story.events("Job", "BackoffLimitExceeded") == [
        "BackoffLimitExceeded: Job has reached the specified backoff limit"
    ]


def test_the_selector_is_the_servers_and_its_labels_are_on_everything() -> None:
    story = Story(job())
    made = story.get("jobs", "sum")
    uid = made["metadata"]["uid"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "sum",
        "controller-uid": uid,
        "job-name": "sum",
    }
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert made["spec"]["template"]["metadata"]["labels"] == labels
    assert made["metadata"]["labels"] == labels


def test_a_label_that_claims_to_be_another_job_is_refused() -> None:
    wrong = job()
    wrong["spec"]["template"]["metadata"]["labels"] = {"job-name": "other"}
    with pytest.raises(StatusError, match="must be 'sum'"):
        Story(wrong)


def test_a_pod_of_an_index_knows_it() -> None:
    story = Story(job(completionMode="Indexed", completions=3, parallelism=3))
    story.rest()
    pods = [story.get("pods", name) for name in story.names("pods")]
    assert [pod["metadata"]["name"].rpartition("-")[0] for pod in pods] == ["sum-0", "sum-1", "sum-2"]
    for index, pod in enumerate(pods):
        assert pod["spec"]["hostname"] == f"sum-{index}"
        assert pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] == str(index)
        assert pod["metadata"]["annotations"] == {"batch.kubernetes.io/job-completion-index": str(index)}
        [env] = pod["spec"]["containers"][0]["env"]
        assert env["name"] == "JOB_COMPLETION_INDEX"
    assert story.status()["completedIndexes"] == "0-2"


def test_each_index_has_a_limit_of_its_own() -> None:
    broken = job(command="exit 1", completionMode="Indexed", completions=2, parallelism=2, backoffLimitPerIndex=1)
    story = Story(broken)
    story.rest()
    assert story.conditions() == failed("FailedIndexes")
    assert story.status()["failedIndexes"] == "0,1"
    assert story.status()["failed"] == 4
    counts = [
        story.get("pods", name)["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"]
        for name in story.names("pods")
    ]
    assert sorted(counts) == ["0", "0", "1", "1"]


def test_success_of_the_leader_is_enough() -> None:
    leader = job(completionMode="Indexed", completions=3, parallelism=3, command="sleep 60")
    leader["spec"]["successPolicy"] = {"rules": [{"succeededIndexes": "0", "succeededCount": 1}]}
    story = Story(leader)
    story.run(5)
    [first] = [name for name in story.names("pods") if name.startswith("sum-0-")]
    pod = story.get("pods", first)
    status = {**pod["status"], "phase": "Succeeded"}
    story.cluster.apiserver.update(
        Actor("kubelet", pod["spec"]["nodeName"]), "pods", {**pod, "status": status}, subresource="status"
    )
    story.rest()
    assert story.conditions() == [
        ("SuccessCriteriaMet", "True", "SuccessPolicy"),
        ("Complete", "True", "SuccessPolicy"),
    ]
    assert story.status()["completedIndexes"] == "0"
    assert story.status()["succeeded"] == 1
    assert len(story.events("Job", "SuccessfulDelete")) == 2


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        pytest.param("FailJob", failed("PodFailurePolicy"), id="FailJob gives up at once"),
        pytest.param("Count", failed("BackoffLimitExceeded"), id="Count tries again as often as it may"),
        pytest.param("Ignore", [], id="Ignore goes on for ever"),
    ],
)
def test_what_becomes_of_an_exit_code(action: str, expected: list[Any]) -> None:
    rule = {"action": action, "onExitCodes": {"operator": "In", "values": [3]}}
    story = Story(job(command="exit 3", backoffLimit=1, podFailurePolicy={"rules": [rule]}))
    story.run(60)
    assert story.conditions() == expected
    if action == "FailJob":
        name = story.names("pods")[0]
        told = f"Container c for pod default/{name} failed with exit code 3 matching FailJob rule at index 0"
        assert story.status()["conditions"][0]["message"] == told


def test_suspending_deletes_pods_without_counting_them_and_stops_the_clock() -> None:
    story = Story(job(command="sleep 30", completions=2, parallelism=2, activeDeadlineSeconds=60))
    story.run(5)
    began = story.status()["startTime"]
    story.patch("jobs", "sum", {"suspend": True})
    story.run(90)
    assert story.names("pods") == []
    assert story.conditions() == [("Suspended", "True", "JobSuspended")]
    assert story.status() == {
        "conditions": story.status()["conditions"],
        "terminating": 0,
        "uncountedTerminatedPods": {},
        "ready": 0,
    }
    story.patch("jobs", "sum", {"suspend": False})
    story.rest()
    assert story.status()["startTime"] > began
    assert story.conditions() == [("Suspended", "False", "JobResumed"), *DONE]
    assert [event for event in story.events("Job") if "d: Job " in event] == [
        "Suspended: Job suspended",
        "Resumed: Job resumed",
        "Completed: Job completed",
    ]


def test_a_job_made_suspended_has_not_started() -> None:
    story = Story(job(suspend=True))
    assert story.rest()
    assert story.names("pods") == []
    assert "startTime" not in story.status()


def test_the_deadline_ends_pods_that_still_run() -> None:
    story = Story(job(command="sleep 300", parallelism=2, completions=2, activeDeadlineSeconds=10))
    story.rest()
    assert story.conditions() == failed("DeadlineExceeded")
    assert story.status()["failed"] == 2
    target, end = story.status()["conditions"]
    assert target["lastTransitionTime"] < end["lastTransitionTime"]  # Failed waits until the Pods are gone
    assert story.names("pods") == []


def test_with_on_failure_restarts_are_limited() -> None:
    story = Story(job(command="sleep 1; exit 1", restart="OnFailure", backoffLimit=2))
    story.rest()
    assert story.conditions() == failed("BackoffLimitExceeded")
    assert len(story.created_at()) == 1


@pytest.mark.parametrize(
    ("policy", "beside"),
    [
        pytest.param("TerminatingOrFailed", True, id="while the old one is going"),
        pytest.param("Failed", False, id="once the old one has ended"),
    ],
)
def test_when_a_pod_that_is_going_is_replaced(policy: str, beside: bool) -> None:
    slow = job(command="sleep 300", podReplacementPolicy=policy)
    slow["spec"]["template"]["metadata"]["annotations"] = {"sim/stop-ms": "25000"}
    story = Story(slow)
    story.run(5)
    [first] = story.names("pods")
    story.delete("pods", first)
    story.run(15)
    assert (len(story.names("pods")) == 2) is beside
    assert story.status()["terminating"] == 1
    story.run(30)
    assert len(story.names("pods")) == 1
    assert story.status()["failed"] == 1


def test_a_work_queue_is_done_when_one_has_succeeded_and_the_others_have_ended() -> None:
    story = Story(job(parallelism=3))
    story.rest()
    assert story.status()["succeeded"] == 3
    assert story.conditions() == DONE
    assert len(story.created_at()) == 3


def test_lowering_parallelism_deletes_pods_without_counting_them() -> None:
    story = Story(job(command="sleep 20", completions=4, parallelism=4))
    story.run(4)
    story.patch("jobs", "sum", {"parallelism": 1})
    story.run(3)
    assert len(story.names("pods")) == 1
    assert story.rest()
    assert story.status()["succeeded"] == 4
    assert "failed" not in story.status()


def test_a_deleted_job_holds_no_pod_back() -> None:
    story = Story(job(command="sleep 60", completions=2, parallelism=2))
    story.run(5)
    story.delete("jobs", "sum")
    assert story.rest()
    assert story.names("pods") == []


def test_a_job_that_has_finished_is_deleted_when_its_time_is_over() -> None:
    story = Story(job(ttlSecondsAfterFinished=30))
    story.run(20)
    assert story.conditions() == DONE
    assert story.rest()
    assert story.names("jobs") == story.names("pods") == []


def test_a_long_time_to_live_keeps_nobody_awake() -> None:
    story = Story(job(ttlSecondsAfterFinished=1_200))
    assert story.rest()
    assert story.cluster.now_ms - story.start_ms < 60_000
    assert story.conditions() == DONE
    story.run(1_300)
    assert story.names("jobs") == []


def test_pods_of_a_lost_node_are_replaced() -> None:
    story = Story(job(command="sleep 90"), workers=2)
    story.run(5)
    [first] = story.names("pods")
    lost = story.get("pods", first)["spec"]["nodeName"]
    story.cluster.execute({"op": "node", "verb": "power-off", "name": lost})
    story.run(420)
    others = [name for name in story.names("pods") if name != first]
    assert [story.get("pods", name)["spec"]["nodeName"] for name in others] != [lost]
    assert story.status()["failed"] == 1


def test_an_orphan_that_a_job_selects_is_adopted_and_counted() -> None:
    story = Story()
    labels = {"batch": "mine"}
    orphan = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stray", "namespace": "default", "labels": labels},
        "spec": job()["spec"]["template"]["spec"],
    }
    mine = job(manualSelector=True, selector={"matchLabels": labels})
    mine["spec"]["template"]["metadata"]["labels"] = labels
    story.create(orphan)
    story.create(mine)
    story.run(0.5)
    metadata = story.get("pods", "stray")["metadata"]
    assert [owner["name"] for owner in metadata["ownerReferences"]] == ["sum"]
    assert metadata["finalizers"] == [TRACKING]
    story.rest()
    assert story.names("pods") == ["stray"]
    assert story.conditions() == DONE


def test_a_job_of_another_controller_is_left_alone() -> None:
    story = Story(job(managedBy="example.com/queue"))
    assert story.rest()
    assert story.names("pods") == []
    assert story.status() == {}


def test_a_back_off_survives_saving() -> None:
    straight = Story(job(command="exit 1", backoffLimit=2))
    straight.run(8)
    halted = Cluster.restore(json.loads(json.dumps(straight.cluster.snapshot())))
    for cluster in (straight.cluster, halted):
        cluster.run_to_rest()
    told = [
        [(step.time_ms, step.ref, step.message) for step in cluster.trace.steps if step.component == "job-controller"]
        for cluster in (straight.cluster, halted)
    ]
    assert told[0] == told[1]


def test_who_deletes_a_job_through_the_api_and_says_no_more_keeps_its_pods() -> None:
    story = Story(job(command="sleep 60"))
    story.run(5)
    story.cluster.apiserver.delete(Actor("kubectl"), "jobs", "default", "sum")
    story.rest()
    assert story.names("jobs") == []
    [kept] = story.names("pods")
    metadata = story.get("pods", kept)["metadata"]
    assert "ownerReferences" not in metadata
    assert "finalizers" not in metadata
