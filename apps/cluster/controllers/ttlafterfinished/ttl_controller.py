"""The TTL-after-finished controller: deletes Jobs some time after they have finished.

Models      pkg/controller/ttlafterfinished/ttlafterfinished_controller.go
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.meta import Obj, key_of, name_of, namespace_of, uid_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import REACTION_MS, Client, Controller, Informers, Recorder
from apps.cluster.controllers.job.turn import finished_condition
from apps.cluster.engine import Engine

FAR_MS = 600_000  # a deletion later than this is no reason to keep a cluster from coming to rest


def left_ms(job: Obj, now_ms: int) -> int | None:
    """Milliseconds until the Job is to be deleted; None for one that is not to be."""
    seconds, end = job["spec"].get("ttlSecondsAfterFinished"), finished_condition(job)
    if seconds is None or end is None or "deletionTimestamp" in job["metadata"]:
        return None
    return timestamps.parse(end["lastTransitionTime"]) + seconds * 1000 - now_ms  # type: ignore[no-any-return]


class TTLAfterFinishedController(Controller):
    """Looks at a Job when it finishes, and again when its time is over."""

    name = "ttl-after-finished-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.jobs = informers("jobs")
        self.jobs.add_handler(self._changed, lambda _, new: self._changed(new))

    def _changed(self, job: Obj) -> None:
        if left_ms(job, 0) is not None:
            self.enqueue(key_of(job))

    def sync(self, key: str) -> None:
        """Delete the Job when its time is over, its Pods before it.

        Raises:
            StatusError: the deletion was refused; it is tried again later.
        """
        job = self.jobs.get(key)
        left = left_ms(job, self.engine.now_ms) if job is not None else None
        if job is None or left is None:
            return
        if left > 0:
            self.enqueue(key, max(left, REACTION_MS), quiet=left > FAR_MS)
            return
        try:
            self.client.delete(
                "jobs",
                namespace_of(job),
                name_of(job),
                propagation="Foreground",
                uid=uid_of(job),
                why="ttlafterfinished.delete-job",
                seconds=job["spec"]["ttlSecondsAfterFinished"],
            )
        except StatusError as error:
            if error.reason != "NotFound":
                raise
