"""The CronJob controller: a Job whenever the schedule says so.

Models      pkg/controller/cronjob/cronjob_controllerv2.go (syncCronJob, cleanupFinishedJobs), 1.36
Leaves out  nothing that shows

It sleeps until the next run: a cluster that only waits for one is at rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.meta import (
    EMPTY,
    Obj,
    controller_of,
    controller_ref,
    key_of,
    name_of,
    namespace_of,
    uid_of,
)
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import REACTION_MS, Client, Controller, Informers, Recorder
from apps.cluster.controllers.cronjob import due, schedule
from apps.cluster.controllers.cronjob.schedule import BadSchedule, Next
from apps.cluster.controllers.job.turn import finished_condition
from apps.cluster.engine import Engine

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
OWNER_INDEX = "cronJob"


def job_name(cron_job: Obj, scheduled_ms: int) -> str:
    """A run's Job is named by its minute, so that no run is started twice."""
    return f"{name_of(cron_job)}-{(timestamps.EPOCH_UNIX + scheduled_ms // 1000) // 60}"


def job_from(cron_job: Obj, scheduled_ms: int) -> Obj:
    """The Job of the run scheduled for an instant."""
    template = cron_job["spec"]["jobTemplate"]
    given = template.get("metadata") or EMPTY
    zone = cron_job["spec"].get("timeZone") or ""
    annotations = {**(given.get("annotations") or EMPTY), SCHEDULED_AT: schedule.format_in(scheduled_ms, zone)}
    metadata: Obj = {
        "name": job_name(cron_job, scheduled_ms),
        "namespace": namespace_of(cron_job),
        "annotations": annotations,
        "ownerReferences": [controller_ref(cron_job)],
    }
    if given.get("labels"):
        metadata["labels"] = given["labels"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


def oldest_first(jobs: Iterable[Obj]) -> list[Obj]:
    """Jobs by the time they started; those that have not, last; by name where that is the same."""
    return sorted(jobs, key=lambda job: (_started_ms(job) is None, _started_ms(job) or 0, name_of(job)))


def _started_ms(job: Obj) -> int | None:
    start = (job.get("status") or EMPTY).get("startTime")
    return timestamps.parse(start) if start else None


class CronJobController(Controller):
    """A turn tidies up, looks at the Jobs that run, and starts the run that is due."""

    name = "cronjob-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.cron_jobs = informers("cronjobs")
        self.jobs = informers("jobs")
        self.jobs.add_index(OWNER_INDEX, _owner_key)
        self.cron_jobs.add_handler(self._changed, self._updated, self._changed)
        self.jobs.add_handler(self._wake_owner, self._job_updated, self._wake_owner)

    # What wakes a CronJob.

    def _changed(self, cron_job: Obj) -> None:
        self.enqueue(key_of(cron_job))

    def _updated(self, old: Obj, new: Obj) -> None:
        before, spec = old["spec"], new["spec"]
        if before.get("schedule") == spec.get("schedule") and before.get("timeZone") == spec.get("timeZone"):
            self.enqueue(key_of(new))
            return
        try:
            wait = due.wait_ms(new, self.engine.now_ms, _after(new))
        except BadSchedule:
            told = f"unparseable schedule for cronjob: {spec['schedule']}"
            self.recorder.event(new, "Warning", "UnParseableCronJobSchedule", told)
            return
        self._sleep(key_of(new), wait)

    def _wake_owner(self, job: Obj) -> None:
        reference = controller_of(job)
        if reference is None or reference["kind"] != "CronJob":
            return
        found = self.cron_jobs.get(f"{namespace_of(job)}/{reference['name']}")
        if found is not None and uid_of(found) == reference["uid"]:
            self.enqueue(key_of(found))

    def _job_updated(self, old: Obj, new: Obj) -> None:
        if controller_of(old) != controller_of(new):
            self._wake_owner(old)
        self._wake_owner(new)

    def _sleep(self, key: str, wait_ms: int | None) -> None:
        """Until the next run. House-keeping, as far as the cluster's rest is concerned."""
        if wait_ms is not None:
            self.enqueue(key, max(wait_ms, REACTION_MS), quiet=True)

    def next_run_ms(self) -> int | None:
        """When it will look at a CronJob next, None while nothing waits."""
        return min(self._due.values(), default=None)

    # One turn.

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        cron_job = self.cron_jobs.get(key)
        if cron_job is None:
            return
        jobs = self.jobs.by_index(OWNER_INDEX, key)
        status = dict(cron_job.get("status") or EMPTY)
        self._clean_up(cron_job, jobs, status)
        self._look_at(cron_job, jobs, status)
        refused: StatusError | None = None
        wait: int | None = None
        if "deletionTimestamp" not in cron_job["metadata"] and not cron_job["spec"].get("suspend"):
            try:
                wait = self._start(cron_job, status)
            except StatusError as error:
                refused = error
        if status != (cron_job.get("status") or EMPTY):
            running = len(status.get("active") or ())
            self.client.update_status("cronjobs", {**cron_job, "status": status}, why="cronjob.report", active=running)
        if refused is not None:
            raise refused
        self._sleep(key, wait)

    def _clean_up(self, cron_job: Obj, jobs: list[Obj], status: Obj) -> None:
        """Delete finished Jobs beyond the history limits, the oldest first."""
        for end, field in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            limit = cron_job["spec"].get(field)
            if limit is None:
                continue
            ended = [job for job in jobs if (finished_condition(job) or EMPTY).get("type") == end]
            for job in oldest_first(ended)[: max(0, len(ended) - limit)]:
                self._delete(cron_job, job, status, "cronjob.delete-old-job", limit=limit)

    def _delete(self, cron_job: Obj, job: Obj, status: Obj, why: str, **params: Any) -> bool:
        """Delete a Job, and what it left in `status.active`; False when that was refused."""
        namespace, name = namespace_of(job), name_of(job)
        try:
            params["owner"] = name_of(cron_job)
            self.client.delete("jobs", namespace, name, propagation="Background", why=why, **params)
        except StatusError as error:
            self.recorder.event(cron_job, "Warning", "FailedDelete", f"Deleted job: {error.message}")
            return False
        _forget(status, uid_of(job))
        self.recorder.event(cron_job, "Normal", "SuccessfulDelete", f"Deleted job {name}")
        return True

    def _look_at(self, cron_job: Obj, jobs: list[Obj], status: Obj) -> None:
        """See which Jobs run, have ended, or are gone."""
        known = {reference["uid"] for reference in status.get("active") or ()}
        for job in jobs:
            end, uid = finished_condition(job), uid_of(job)
            if end is None:
                if uid not in known:
                    told = f"Saw a job that the controller did not create or forgot: {name_of(job)}"
                    self.recorder.event(cron_job, "Warning", "UnexpectedJob", told)
                continue
            if uid in known:
                _forget(status, uid)
                told = f"Saw completed job: {name_of(job)}, condition: {end['type']}"
                self.recorder.event(cron_job, "Normal", "SawCompletedJob", told)
            completed = job["status"].get("completionTime") if end["type"] == "Complete" else None
            last = status.get("lastSuccessfulTime")
            if completed and (last is None or timestamps.parse(completed) > timestamps.parse(last)):
                status["lastSuccessfulTime"] = completed
        children = {uid_of(job) for job in jobs}
        for reference in list(status.get("active") or ()):
            if reference["uid"] not in children:
                told = f"Active job went missing: {reference['name']}"
                self.recorder.event(cron_job, "Normal", "MissingJob", told)
                _forget(status, reference["uid"])

    def _start(self, cron_job: Obj, status: Obj) -> int | None:
        """Start the run that is due, if one is; how long to sleep then, None for ever.

        Raises:
            StatusError: a write was refused.
        """
        now = self.engine.now_ms
        try:
            after = _after(cron_job)
        except BadSchedule as error:
            self._tell_bad(cron_job, str(error))
            return None
        try:
            _, scheduled, missed = due.most_recent(cron_job, now, after, with_deadline=True)
        except due.NoInterval as error:
            told = f"invalid schedule: {cron_job['spec']['schedule']} : {error}"
            self.recorder.event(cron_job, "Warning", "InvalidSchedule", told)
            return None
        if scheduled is not None and missed > due.MANY:
            told = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            self.recorder.event(cron_job, "Warning", "TooManyMissedTimes", told)
        if scheduled is not None and not self._may_start(cron_job, status, scheduled):
            scheduled = None
        if scheduled is not None and not self._run(cron_job, status, scheduled):
            return None
        return due.wait_ms({**cron_job, "status": status}, now, after)

    def _may_start(self, cron_job: Obj, status: Obj, scheduled: int) -> bool:
        spec, active = cron_job["spec"], status.get("active") or ()
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None and scheduled + deadline * 1000 < self.engine.now_ms:
            told = f"Missed scheduled time to start a job: {schedule.format_rfc1123(scheduled)}"
            self.recorder.event(cron_job, "Warning", "MissSchedule", told)
            return False
        name = job_name(cron_job, scheduled)
        if any(reference["name"] == name for reference in active):
            return False
        last = status.get("lastScheduleTime")
        if last is not None and timestamps.parse(last) == scheduled:
            return False
        if spec.get("concurrencyPolicy") == "Forbid" and active:
            told = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.recorder.event(cron_job, "Normal", "JobAlreadyActive", told)
            return False
        return True

    def _run(self, cron_job: Obj, status: Obj, scheduled: int) -> bool:
        """Make the run's Job; False when somebody else has made one of its name.

        Raises:
            StatusError: refused.
        """
        if cron_job["spec"].get("concurrencyPolicy") == "Replace":
            for reference in list(status.get("active") or ()):
                job = self.client.get("jobs", reference["namespace"], reference["name"])
                if not self._delete(cron_job, job, status, "cronjob.replace-job"):
                    raise StatusError(500, "InternalError", f"could not replace job {key_of(job)}")
        wanted = job_from(cron_job, scheduled)
        try:
            made = self.client.create("jobs", wanted, why="cronjob.create-job", owner=name_of(cron_job))
        except StatusError as error:
            if error.reason != "AlreadyExists":
                if not any(
                    cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ()
                ):
                    told = f"Error creating job: {error.message}"
                    self.recorder.event(cron_job, "Warning", "FailedCreate", told)
                raise
            made = self.client.get("jobs", namespace_of(wanted), name_of(wanted))
            ours = (controller_of(made) or EMPTY).get("uid") == uid_of(cron_job)
            if not ours or any(reference["uid"] == uid_of(made) for reference in status.get("active") or ()):
                return False
        else:
            self.recorder.event(cron_job, "Normal", "SuccessfulCreate", f"Created job {name_of(made)}")
        status["active"] = [*(status.get("active") or ()), _reference(made)]
        status["lastScheduleTime"] = timestamps.format_ms(scheduled)
        return True

    def _tell_bad(self, cron_job: Obj, problem: str) -> None:
        """A time zone or a schedule that validation let pass."""
        zone, text = cron_job["spec"].get("timeZone"), cron_job["spec"]["schedule"]
        if zone is not None and problem.startswith("unknown time zone"):
            self.recorder.event(cron_job, "Warning", "UnknownTimeZone", f'invalid timeZone: "{zone}": {problem}')
        else:
            told = f'unparseable schedule: "{text}" : {problem}'
            self.recorder.event(cron_job, "Warning", "UnparseableSchedule", told)


def _owner_key(job: Obj) -> str:
    """Jobs are found by their owner's name, as upstream finds them."""
    reference = controller_of(job)
    return f"{namespace_of(job)}/{reference['name']}" if reference is not None else ""


def _after(cron_job: Obj) -> Next:
    """Raises: BadSchedule."""
    return schedule.parse(cron_job["spec"]["schedule"], cron_job["spec"].get("timeZone") or "")


def _forget(status: Obj, uid: str) -> None:
    active = [reference for reference in status.get("active") or () if reference["uid"] != uid]
    if active:
        status["active"] = active
    else:
        status.pop("active", None)


def _reference(job: Obj) -> Obj:
    metadata = job["metadata"]
    return {
        "kind": "Job",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": job["apiVersion"],
        "resourceVersion": metadata["resourceVersion"],
    }
