"""The Job controller: Pods that run to completion, as many at a time and as many in all as the Job asks for.

Models      pkg/controller/job/job_controller.go (syncJob, manageJob, trackJobStatusAndRemoveFinalizers), 1.36
Leaves out  Pods created or deleted side by side: here one after another; Pod groups for gang scheduling (alpha, off)

Level-triggered, and in no hurry: what Pods do is looked at once a second, so that many ends are one turn's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.cluster.apimachinery import selectors
from apps.cluster.apimachinery.meta import (
    EMPTY,
    Obj,
    controller_of,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from apps.cluster.apimachinery.selectors import Selector
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import REACTION_MS, Client, Controller, Informers, Recorder
from apps.cluster.controllers.job import finish, tracking
from apps.cluster.controllers.job.backoff import Record
from apps.cluster.controllers.job.pods import PodMaker
from apps.cluster.controllers.job.sizing import Sizing, size
from apps.cluster.controllers.job.turn import (
    TRACKING,
    Turn,
    begin,
    finished_condition,
    is_suspended,
    is_tracked,
    written,
)
from apps.cluster.controllers.pod_helpers import is_pod_ready
from apps.cluster.controllers.refs import RefManager, add_controller_index, orphans, owned
from apps.cluster.controllers.replicaset.scale import slow_start_batches
from apps.cluster.engine import Engine

BATCH_MS = 1_000  # how long events of Pods are gathered before a turn
FAR_MS = 600_000  # a turn later than this is no reason to keep a cluster from coming to rest
CONTROLLER = "kubernetes.io/job-controller"  # spec.managedBy, when it is us
_POD = "pod "  # queue keys of Pods that have lost their Job: "pod default/sum-x7k2p"


class JobController(Controller):
    """A turn claims Pods, decides whether the Job ends, makes or deletes Pods, and counts those that ended."""

    name = "job-controller"
    backoff_base_ms = 1_000
    backoff_max_ms = 60_000

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.jobs = informers("jobs")
        self.pods = informers("pods")
        self._records: dict[str, Record] = {}  # back-off, by the Job's key
        add_controller_index(self.pods)
        self.jobs.add_handler(lambda job: self.enqueue(key_of(job)), self._job_updated, self._job_deleted)
        self.pods.add_handler(self._pod_added, self._pod_updated, lambda pod: self._pod_deleted(pod, final=True))

    def stop(self) -> None:
        super().stop()
        self._records.clear()

    def state(self) -> dict[str, Any]:
        return {"records": {key: list(record) for key, record in self._records.items()}}

    def set_state(self, data: dict[str, Any]) -> None:
        self._records = {key: Record(*record) for key, record in data["records"].items()}

    # What wakes a Job.

    def _job_updated(self, old: Obj, new: Obj) -> None:
        same = old["metadata"].get("generation") == new["metadata"].get("generation")
        self.enqueue(key_of(new), BATCH_MS if same else REACTION_MS)
        if finished_condition(new) is not None:
            self._release_all(new)

    def _job_deleted(self, job: Obj) -> None:
        self.enqueue(key_of(job))
        self._release_all(job)

    def _release_all(self, job: Obj) -> None:
        """Nobody will count this Job's Pods any more: none is to be kept from vanishing."""
        for pod in owned(self.pods, job):
            if is_tracked(pod):
                self.enqueue(_POD + key_of(pod))

    def _owner(self, pod: Obj, reference: Obj) -> Obj | None:
        job = self.jobs.get(f"{namespace_of(pod)}/{reference['name']}")
        return job if job is not None and uid_of(job) == reference["uid"] else None

    def _pod_added(self, pod: Obj) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            self._pod_deleted(pod)
            return
        reference = controller_of(pod)
        if reference is None:
            self._wake_matching(pod)
        elif reference["kind"] == "Job" and (job := self._owner(pod, reference)) is not None:
            self.enqueue(key_of(job), BATCH_MS)

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        reference = controller_of(new)
        if reference is not None and reference["kind"] != "Job":
            return
        if "deletionTimestamp" in new["metadata"]:
            self._pod_deleted(new)
            return
        before = controller_of(old)
        if before is not None and before != reference and before["kind"] == "Job":
            job = self._owner(old, before)
            if job is not None:
                self.enqueue(key_of(job), BATCH_MS)
        if reference is not None:
            job = self._owner(new, reference)
            if job is not None:
                self.enqueue(key_of(job), BATCH_MS)
        elif before is not None or labels_of(old) != labels_of(new):
            self._wake_matching(new)
        elif is_tracked(new):
            self.enqueue(_POD + key_of(new))

    def _pod_deleted(self, pod: Obj, final: bool = False) -> None:
        """Gone, or going: whoever counts it has to look, and what nobody counts is let go."""
        reference = controller_of(pod)
        if reference is not None and reference["kind"] != "Job":
            return
        job = self._owner(pod, reference) if reference is not None else None
        if job is not None and finished_condition(job) is None:
            self.enqueue(key_of(job), BATCH_MS)
        elif is_tracked(pod) and not final:
            self.enqueue(_POD + key_of(pod))

    def _wake_matching(self, pod: Obj) -> None:
        """An orphan: whoever selects it may want to adopt it, and its finalizer holds it for nobody."""
        if is_tracked(pod):
            self.enqueue(_POD + key_of(pod))
        for job in self.jobs.list(namespace_of(pod)):
            if _selector(job).matches(labels_of(pod)):
                self.enqueue(key_of(job), BATCH_MS)

    # One turn.

    def sync(self, key: str) -> None:
        """A Job's turn, or the end of a Pod that has lost its Job.

        Raises:
            StatusError: a write was refused; the turn is tried again later.
        """
        if key.startswith(_POD):
            self._sync_orphan(key.removeprefix(_POD))
            return
        job = self.jobs.get(key)
        if job is None or finished_condition(job) is not None:
            self._records.pop(key, None)
            return
        if _is_managed_elsewhere(job):
            return
        turn = begin(job, self._claim(job), self._records.get(key, Record()), self.engine.now_ms)
        turn.finished = finish.end_of(turn)
        news, refused = self._work(key, turn)
        counts = {"active": turn.active, "ready": turn.ready, "terminating": turn.terminating}
        before = job.get("status") or EMPTY
        stale = turn.active != before.get("active", 0) or any(
            counts[n] != before.get(n) for n in ("ready", "terminating")
        )
        turn.status = {**turn.status, **counts}
        self._track(key, turn, news, stale)
        if refused is not None:
            raise refused

    def _claim(self, job: Obj) -> list[Obj]:
        """The Job's Pods, after adopting and releasing."""
        strays = orphans(self.pods, job)
        manager = RefManager(self.client, "pods", job, "jobs", _selector(job), "job", finalizers=(TRACKING,))
        claimed = manager.claim(owned(self.pods, job) + strays)
        return [self.pods.get(key_of(pod)) or pod for pod in claimed] if strays else claimed

    def _work(self, key: str, turn: Turn) -> tuple[str, StatusError | None]:
        """Delete what a Job at its end has left, else see to the number of Pods.

        Gives "Suspended" or "Resumed" when that is news, and the first refusal.
        """
        if turn.finished is not None:
            deleted, refused = self._delete(turn, turn.active_pods, "job.end-pod")
            if deleted != turn.active:
                turn.finished = None  # some are left: the end cannot be declared yet
            turn.active -= deleted
            return "", refused
        left = finish.deadline_left_ms(turn)
        if left is not None:
            self._later(key, left)
        if "deletionTimestamp" in turn.job["metadata"]:
            turn.finished = finish.completions_reached(turn)
            return "", None
        refused = self._manage(key, turn, size(turn))
        turn.finished = finish.completions_reached(turn)
        return "" if turn.finished is not None else self._note_suspension(turn), refused

    def _note_suspension(self, turn: Turn) -> str:
        news = finish.suspended_or_resumed(turn)
        if news:
            self.recorder.event(turn.job, "Normal", news, f"Job {news.lower()}")
        return news

    def _later(self, key: str, wait_ms: int) -> None:
        self.enqueue(key, wait_ms, quiet=wait_ms > FAR_MS)

    def _manage(self, key: str, turn: Turn, sizing: Sizing) -> StatusError | None:
        """Do as planned; the first refusal, if there was one."""
        if sizing.delete:
            why = "job.suspend-pod" if is_suspended(turn.job) else "job.surplus-pod"
            deleted, refused = self._delete(turn, sizing.delete, why, release=True)
            turn.active -= deleted
            return refused
        if sizing.wait_ms:
            self._later(key, max(sizing.wait_ms, BATCH_MS))
            turn.active = 0  # so says upstream while it backs off, whatever runs meanwhile
            return None
        return self._create(turn, sizing) if sizing.create else None

    def _create(self, turn: Turn, sizing: Sizing) -> StatusError | None:
        job, maker, left = turn.job, PodMaker(turn.job), sizing.create
        indexes = iter(sizing.indexes)
        for batch in slow_start_batches(sizing.create):
            refused: StatusError | None = None
            for _ in range(batch):
                index = next(indexes, None)
                try:
                    self._create_one(turn, maker, index)
                except StatusError as error:
                    if _namespace_is_terminating(error):
                        turn.active += 1  # as upstream counts it: any creation will fail, and that is no news
                        continue
                    self.recorder.event(job, "Warning", "FailedCreate", f"Error creating: {error.message}")
                    refused = refused or error
                else:
                    turn.active += 1
            left -= batch
            if refused is not None:
                return refused
        return None

    def _create_one(self, turn: Turn, maker: PodMaker, index: int | None) -> None:
        replaced = turn.delayed.get(index) if index is not None else None
        failures = turn.record.failures if replaced is None else 1
        params: dict[str, Any] = {"owner": name_of(turn.job)}
        if index is not None:
            pod, why, params["index"] = maker.indexed(index, replaced), "job.create-index", index
        else:
            pod, why = maker.plain(), "job.create-pod"
        if failures:
            why, params["failures"] = "job.retry-index" if index is not None else "job.retry-pod", turn.failed
        created = self.client.create("pods", pod, why=why, **params)
        self.recorder.event(turn.job, "Normal", "SuccessfulCreate", "Created pod: " + name_of(created))

    def _delete(
        self, turn: Turn, pods: Sequence[Obj], why: str, release: bool = False
    ) -> tuple[int, StatusError | None]:
        """Delete Pods, with `release` without counting them: how many went, and the first refusal.

        What is being deleted counts as terminating, and no longer as ready.
        """
        job, deleted = turn.job, 0
        refused: StatusError | None = None
        for pod in pods:
            try:
                if release:
                    self._release(pod, job)
                self.client.delete("pods", namespace_of(pod), name_of(pod), why=why, owner=name_of(job))
            except StatusError as error:
                if error.reason != "NotFound":
                    self.recorder.event(job, "Warning", "FailedDelete", f"Error deleting: {error.message}")
                    refused = refused or error
                    continue
            else:
                self.recorder.event(job, "Normal", "SuccessfulDelete", "Deleted pod: " + name_of(pod))
            deleted += 1
            turn.ready -= is_pod_ready(pod)
        turn.terminating += deleted
        return deleted, refused

    # Counting.

    def _track(self, key: str, turn: Turn, news: str, stale: bool) -> None:
        """Note what has ended, let it go, count it, and finish the Job when that was the last."""
        known = len(turn.status.get("conditions") or ())
        noted = tracking.track(turn)
        if noted.news or news or stale:
            decided = turn.finished is not None and len(turn.status.get("conditions") or ()) > known
            self._write(turn, _why_noted(turn, news, decided))
            self._records[key] = turn.record
        left, refused = self._release_counted(turn.job, noted)
        counted = tracking.settle(turn, left)
        if refused is not None:
            if counted:
                self._write(turn, "job.count")
            raise refused
        done = not noted.full and finish.enact(turn)
        if counted or done:
            self._write(turn, _why_done(turn) if done else "job.count")
        if done:
            self._tell_finished(turn)

    def _write(self, turn: Turn, why: str) -> None:
        """Write the status, and go on with the Job as it is then."""
        status = turn.status = written(turn.status)
        wanted = turn.spec.get("completions")
        end = turn.finished or EMPTY
        turn.job = self.client.update_status(
            "jobs",
            {**turn.job, "status": status},
            why=why,
            active=status.get("active", 0),
            ready=status.get("ready", 0),
            succeeded=status.get("succeeded", 0),
            failed=status.get("failed", 0),
            wanted=1 if wanted is None else wanted,
            ended=len(turn.uncounted("succeeded")) + len(turn.uncounted("failed")),
            reason=end.get("reason", ""),
        )

    def _release_counted(self, job: Obj, noted: tracking.Tracked) -> tuple[set[str], StatusError | None]:
        """Take the finalizer from Pods that are noted: uids of those that still have it, and the first refusal."""
        left = set(noted.with_finalizer)
        refused: StatusError | None = None
        for pod in noted.release:
            try:
                self._release(pod, job)
            except StatusError as error:
                if error.reason != "NotFound":
                    refused = refused or error
                    continue
            left.discard(uid_of(pod))
        return left, refused

    def _release(self, pod: Obj, job: Obj | None) -> None:
        if is_tracked(pod):
            body = {"metadata": {"$deleteFromPrimitiveList/finalizers": [TRACKING]}}
            owner = name_of(job) if job is not None else ""
            why = "job.release-pod" if job is not None else "job.release-orphan"
            self.client.patch("pods", namespace_of(pod), name_of(pod), body, type="strategic", why=why, owner=owner)

    def _tell_finished(self, turn: Turn) -> None:
        end, job = turn.finished or EMPTY, turn.job
        if end["type"] != finish.COMPLETE:
            self.recorder.event(job, "Warning", end.get("reason", ""), end.get("message", ""))
            return
        wanted = turn.spec.get("completions")
        if wanted is not None and turn.status.get("succeeded", 0) > wanted:
            told = "Too many succeeded pods running after completion count reached"
            self.recorder.event(job, "Warning", "TooManySucceededPods", told)
        self.recorder.event(job, "Normal", "Completed", "Job completed")

    def _sync_orphan(self, key: str) -> None:
        """Let go of a Pod that no Job will count."""
        pod = self.pods.get(key)
        if pod is None:
            return
        reference = controller_of(pod)
        if reference is not None:
            if reference["kind"] != "Job" or reference.get("apiVersion") != "batch/v1":
                return
            job = self._owner(pod, reference)
            if job is not None and (_is_managed_elsewhere(job) or finished_condition(job) is None):
                return
        try:
            self._release(pod, None)
        except StatusError as error:
            if error.reason != "NotFound":
                raise


def _selector(job: Obj) -> Selector:
    return selectors.from_label_selector(job["spec"].get("selector"))


def _is_managed_elsewhere(job: Obj) -> bool:
    manager: str = job["spec"].get("managedBy", CONTROLLER)
    return manager != CONTROLLER


def _namespace_is_terminating(error: StatusError) -> bool:
    return any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ())


def _why_noted(turn: Turn, news: str, decided: bool) -> str:
    """What the first write of a turn is about."""
    if news:
        return "job.suspend" if news == "Suspended" else "job.resume"
    if decided:
        success = turn.finished is not None and turn.finished["type"] == finish.COMPLETE
        return "job.success-criteria-met" if success else "job.failure-target"
    if turn.uncounted("succeeded") or turn.uncounted("failed"):
        return "job.note-ended"
    return "job.report"


def _why_done(turn: Turn) -> str:
    return "job.complete" if turn.finished is not None and turn.finished["type"] == finish.COMPLETE else "job.fail"
