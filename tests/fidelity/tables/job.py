"""Jobs: which Pods count, which indexes are done, and when it is over."""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.meta import Obj, key_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.controllers.job import indexes
from apps.cluster.controllers.job.backoff import Record
from apps.cluster.controllers.job.indexes import COMPLETION_INDEX, Intervals
from apps.cluster.controllers.job.job_controller import JobController
from apps.cluster.controllers.job.sizing import pending_indexes
from apps.cluster.controllers.job.turn import TRACKING, begin
from tests.cluster.controllers.recording import bench, named, put
from tests.fidelity.tables.registry import Row, adaptor, same

NOW = "2026-11-23T04:10:06Z"  # the instant of the fixtures' fake clock
NOW_MS = timestamps.parse(NOW)


def a_job(**spec: Any) -> Obj:
    """The fixtures' Job."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "foobar", "namespace": "default", "uid": "job-uid", "generation": 1},
        "spec": {
            "parallelism": 1,
            "completions": 1,
            "backoffLimit": 6,
            "selector": {"matchLabels": {"foo": "bar"}},
            "template": {"metadata": {"labels": {"foo": "bar"}}, "spec": {"containers": []}},
            **spec,
        },
        "status": {},
    }


def whole(job: Obj) -> Obj:
    """A table's Job with the sections that the tables leave out when empty."""
    spec = {"template": {"spec": {}}, "backoffLimit": 6, **job.get("spec", {})}
    metadata = {"name": "foobar", "namespace": "default", "uid": "job-uid", **job.get("metadata", {})}
    return {"apiVersion": "batch/v1", "kind": "Job", "status": {}, **job, "spec": spec, "metadata": metadata}


def a_pod(phase: str, **status: Any) -> Obj:
    return {"metadata": {"finalizers": [TRACKING]}, "status": {"phase": phase, **status}}


def indexed_pod(row: Obj) -> Obj:
    pod: Obj = {"metadata": {"finalizers": [TRACKING]}, "status": {"phase": row["Phase"]}}
    if row["Index"] != "-":
        pod["metadata"]["annotations"] = {COMPLETION_INDEX: row["Index"]}
    return pod


def intervals(rows: list[Obj] | None) -> Intervals:
    return tuple((row["First"], row["Last"]) for row in rows or ())


def timeless(value: Any) -> Any:
    """Without what the tables do not compare: times, and how many Pods are ready."""
    if isinstance(value, dict):
        left_out = ("lastProbeTime", "lastTransitionTime", "startTime", "completionTime", "ready")
        return {name: timeless(entry) for name, entry in value.items() if name not in left_out}
    return [timeless(entry) for entry in value] if isinstance(value, list) else value


def sync(job: Obj, pods: list[Obj], refuse: tuple[str, ...] = ()) -> tuple[JobController, Any]:
    """One turn of the controller on a Job and its Pods."""
    controller, client = bench(JobController, NOW_MS, refuse)
    put(controller, "jobs", job)
    put(controller, "pods", *(named(pod, number, job) for number, pod in enumerate(pods)))
    controller.sync(key_of(job))
    return controller, client


def last_status(client: Any) -> Obj:
    written = client.of("status", "jobs")
    return written[-1] if written else {}


@adaptor("job__job__TestCalculateSucceededIndexes")
def succeeded_indexes(row: Row) -> None:
    job = a_job(completionMode="Indexed", completions=row["completions"])
    job["status"] = {"completedIndexes": row.get("prevSucceeded", "")}
    pods = []
    for number, entry in enumerate(row.get("pods", [])):
        pod = named(indexed_pod(entry), number, job)
        pods.append(pod)
    turn = begin(job, pods, Record(), NOW_MS)
    same(turn.succeeded_before, intervals(row.get("wantStatusIntervals")))
    same(turn.succeeded_indexes, intervals(row.get("wantIntervals")))


@adaptor("job__job__TestIntervalsHaveIndex")
def whether_an_index_is_among_them(row: Row) -> None:
    same(indexes.has(intervals(row.get("intervals")), row["index"]), row["wantHas"])


@adaptor("job__job__TestFirstPendingIndexes")
def the_first_indexes_without_a_pod(row: Row) -> None:
    job = a_job(completionMode="Indexed", completions=row["completions"])
    turn = begin(job, [named(indexed_pod(pod), n, job) for n, pod in enumerate(row.get("activePods", []))], Record(), 0)
    turn.succeeded_indexes = intervals(row.get("succeededIndexes"))
    turn.failed_indexes = intervals(row.get("failedIndexes"))
    same(pending_indexes(turn, row["cnt"]), row["want"])


@adaptor("job__job__TestPodGenerateNameWithIndex")
def the_name_of_an_indexed_pod(row: Row) -> None:
    same(indexes.generate_name(row["jobname"], row["index"]), row["wantPodGenerateName"])


@adaptor("job__job__TestJobBackoffForOnFailure")
def restarts_are_limited_with_on_failure(row: Row) -> None:
    spec = {name: row[name] for name in ("parallelism", "completions", "backoffLimit", "suspend")}
    job = a_job(**spec, template={"metadata": {"labels": {"foo": "bar"}}, "spec": {"restartPolicy": "OnFailure"}})
    pods = [a_pod(row["podPhase"], containerStatuses=[{"restartCount": count}]) for count in row["restartCounts"]]
    _, client = sync(job, pods)
    status = last_status(client)
    same(status.get("active", 0), row["expectedActive"])
    same(status.get("succeeded", 0), row["expectedSucceeded"])
    same(status.get("failed", 0), row["expectedFailed"])
    same(timeless(status.get("conditions", [])), timeless(row["expectedConditions"] or []))


@adaptor("job__job__TestJobBackoffOnRestartPolicyNever")
def failures_are_limited_with_never(row: Row) -> None:
    spec = {name: row[name] for name in ("parallelism", "completions", "backoffLimit")}
    job = a_job(**spec, template={"metadata": {"labels": {"foo": "bar"}}, "spec": {"restartPolicy": "Never"}})
    ended = {"state": {"terminated": {"finishedAt": "2026-11-23T00:00:00Z"}}}
    pods = [a_pod("Failed", containerStatuses=[ended]) for _ in range(row["failedPods"])]
    pods += [a_pod(row["activePodsPhase"]) for _ in range(row["activePods"])]
    _, client = sync(job, pods)
    status = last_status(client)
    same(status.get("active", 0), row["expectedActive"])
    same(status.get("succeeded", 0), row["expectedSucceeded"])
    same(status.get("failed", 0), row["expectedFailed"])
    same(timeless(status.get("conditions", [])), timeless(row["expectedConditions"] or []))


@adaptor("job__job__TestSyncJobPastDeadline")
def the_deadline(row: Row) -> None:
    spec = {name: row[name] for name in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds")}
    job = a_job(**spec, suspend=row["suspend"])
    job["status"] = {"startTime": timestamps.format_ms(NOW_MS - row["startTime"] * 1000)}
    pods = [a_pod("Running")] * row["activePods"]
    pods += [a_pod("Succeeded")] * row["succeededPods"] + [a_pod("Failed")] * row["failedPods"]
    _, client = sync(job, pods)
    status = last_status(client)
    same(status.get("active", 0), row["expectedActive"])
    same(status.get("succeeded", 0), row["expectedSucceeded"])
    same(status.get("failed", 0), row["expectedFailed"])
    same(len(client.of("delete", "pods")), row["expectedDeletions"])
    same(timeless(status["conditions"]), timeless(row["expectedConditions"] or []))


@adaptor("job__job__TestSyncJobUpdateRequeue")
def a_refused_status_is_tried_again(row: Row) -> None:
    controller, _ = bench(JobController, NOW_MS, ("status",) if "updateErr" in row else ())
    job = a_job()
    controller.informers("jobs").receive(key_of(job), None, job)
    controller.engine.now_ms += 10
    controller.run(key_of(job))
    same((key_of(job) in controller._due), row["wantRequeued"])


@adaptor("job__job__TestSyncJobWithJobBackoffLimitPerIndex")
def failures_are_limited_index_by_index(row: Row) -> None:
    _, client = sync(whole(row["job"]), row.get("pods", []))
    status, wanted = timeless(last_status(client)), timeless(row["wantStatus"])
    if not row.get("enableJobPodReplacementPolicy"):
        status.pop("terminating")  # was not reported before that gate
    same(status, wanted)


@adaptor("job__job__TestTrackJobStatusAndRemoveFinalizers")
def every_end_is_counted_once(row: Row) -> None:
    refuse = ("patch",) * ("podControlErr" in row) + ("status",) * ("statusUpdateErr" in row)
    controller, client = bench(JobController, NOW_MS, refuse)
    job = whole(row["job"])
    turn = begin(job, [named(pod, number, job) for number, pod in enumerate(row.get("pods", []))], Record(), NOW_MS)
    turn.status = {name: value for name, value in turn.status.items() if name != "startTime"}
    turn.finished = row.get("finishedCond")
    if "wantErr" in row:
        told = ""
        try:
            controller._track(key_of(job), turn, "", row["needsFlush"])
        except StatusError as error:
            told = error.message
        same(told, "mock error")
    else:
        controller._track(key_of(job), turn, "", row["needsFlush"])
    same(client.of("status", "jobs"), row.get("wantStatusUpdates", []))
    same(len(client.of("patch", "pods")), row["wantRmFinalizers"])


@adaptor("job__job__TestSyncOrphanPod")
def who_lets_go_of_a_pod(row: Row) -> None:
    controller, client = bench(JobController, NOW_MS)
    if row["inCache"]:
        put(controller, "jobs", whole(row["job"]))
    pod = named(a_pod("Running"), 0)
    pod["metadata"]["labels"] = row.get("podSelector", {}).get("matchLabels", {})
    if "owner" in row:
        pod["metadata"]["ownerReferences"] = [row["owner"]]
    put(controller, "pods", pod)
    controller.sync("pod " + key_of(pod))
    same(bool(client.of("patch", "pods")), row["wantFinalizerRemoved"])


@adaptor("job__job__TestWatchOrphanPods")
def a_pod_that_is_going_without_a_job_to_count_it_is_let_go(row: Row) -> None:
    controller, client = bench(JobController, NOW_MS)
    if row["inCache"]:
        put(controller, "jobs", whole(row["job"]))
    pod = named(a_pod("Running"), 0, whole(row["job"]) if "job" in row else None)
    pod["metadata"]["deletionTimestamp"] = NOW
    put(controller, "pods")
    controller.informers("pods").receive(key_of(pod), None, pod)
    controller.engine.now_ms += 10
    for key in list(controller._due):
        controller.run(key)
    same(client.of("patch", "pods"), ["mypod-0"])
