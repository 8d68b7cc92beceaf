"""What a kubelet remembers of one Pod while it is on its node. Plain data, so that a cluster can be saved mid-story.

Models      pkg/kubelet/pod_workers.go (podSyncStatus), pkg/kubelet/container (PodStatus), prober results
Leaves out  goroutines: a worker takes its turns from the engine
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.cluster.kubelet.container_status import EXITED, RUNNING, Attempt, Waiting
from apps.cluster.kubelet.images import Image, behaviour
from apps.cluster.kubelet.phase import is_sidecar
from apps.cluster.kubelet.probes import READINESS

Obj = dict[str, Any]

NEVER = -1
SETTLED_AFTER = 3  # failures of a readiness probe after which nothing new is to be expected

# What comes next for a container.
IDLE = ""  # it has not been its turn
PULLING = "pulling"
PULL_FAILED = "pull-failed"  # ErrImagePull was reported; next: say that we back off
PULL_BACKOFF = "pull-backoff"
BLOCKED = "blocked"  # its configuration is missing, or the image and pulling is forbidden; next: try again
STARTING = "starting"
UP = "up"
STOPPING = "stopping"
ENDED = "ended"  # to be restarted
CRASHED = "crashed"  # it was said that it ended; next: say that we back off
CRASH_BACKOFF = "crash-backoff"
DONE = "done"

BUSY = frozenset({PULLING, STARTING})

# What comes next for a Pod.
WAITING_FOR_VOLUMES = "volumes"
WAITING_FOR_NETWORK = "network"
MAKING_SANDBOX = "sandbox"
RUN = "run"
FINISHING = "finishing"
TERMINATING = "terminating"


class Container:
    """One container of a Pod: its attempts, newest first, and what is next."""

    __slots__ = (
        "attempts",
        "configured",
        "due_ms",
        "failures",
        "image",
        "init",
        "name",
        "probes",
        "pull",
        "ready",
        "reason",
        "restarts",
        "sidecar",
        "spec",
        "started",
        "step",
        "tries",
    )

    def __init__(self, spec: Obj, *, init: bool) -> None:
        self.name: str = spec["name"]
        self.spec = spec
        self.init = init
        self.sidecar = init and is_sidecar(spec)
        self.image: Image | None = None  # how it behaves; worked out when first needed
        self.attempts: list[Attempt] = []
        self.step = IDLE
        self.due_ms = NEVER
        self.reason: Waiting | None = None  # why it is not running, as the last sync found
        self.restarts = 0  # what the next attempt is to say
        self.ready = False
        self.started = False
        self.probes: dict[str, int] = {}  # kind -> when its next probe is due
        self.failures: dict[str, int] = {}  # kind -> failures (or, negative, successes) in a row
        self.pull: tuple[int, int] = (0, 0)  # when asked for, ms it takes by itself
        self.tries = 0
        self.configured = True

    @property
    def running(self) -> bool:
        attempts = self.attempts
        return bool(attempts) and attempts[0].state == RUNNING

    @property
    def completed(self) -> bool:
        """An init container that has done its part."""
        if self.sidecar:
            return self.started and self.running
        return bool(self.attempts) and self.attempts[0].state == EXITED and self.attempts[0].exit_code == 0

    def behaves(self, pod: Obj, overrides: Mapping[str, Mapping[str, Any]] | None) -> Image:
        image = self.image
        if image is None:
            image = self.image = behaviour(pod, self.spec, init=self.init and not self.sidecar, overrides=overrides)
        return image

    def next_due(self) -> int:
        """When its next turn is, NEVER for none."""
        due = self.due_ms
        for when in self.probes.values():
            if due == NEVER or when < due:
                due = when
        return due

    def save(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "attempts": [attempt.save() for attempt in self.attempts],
            "step": self.step,
            "due_ms": self.due_ms,
            "reason": list(self.reason) if self.reason else None,
            "restarts": self.restarts,
            "ready": self.ready,
            "started": self.started,
            "probes": dict(self.probes),
            "failures": dict(self.failures),
            "pull": list(self.pull),
            "tries": self.tries,
            "configured": self.configured,
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.attempts = [Attempt.restore(attempt) for attempt in data["attempts"]]
        self.step = data["step"]
        self.due_ms = data["due_ms"]
        self.reason = (data["reason"][0], data["reason"][1]) if data["reason"] else None
        self.restarts = data["restarts"]
        self.ready = data["ready"]
        self.started = data["started"]
        self.probes = dict(data["probes"])
        self.failures = dict(data["failures"])
        self.pull = (data["pull"][0], data["pull"][1])
        self.tries = data["tries"]
        self.configured = data["configured"]


class PodWorker:
    """One Pod on its node."""

    __slots__ = (
        "address",
        "cleanup_ms",
        "containers",
        "deadline_ms",
        "due_ms",
        "evicted",
        "key",
        "process",
        "request",
        "resources",
        "spec",
        "stage",
        "static",
        "status",
        "told",
        "tries",
        "uid",
        "wake_ms",
    )

    def __init__(self, key: str, pod: Obj, *, static: bool) -> None:
        spec = pod["spec"]
        self.key = key
        self.uid: str = pod["metadata"]["uid"]
        self.spec = spec
        self.static = static
        self.stage = MAKING_SANDBOX
        self.due_ms = NEVER
        self.address: str | None = None  # of its sandbox; None without one
        self.containers: list[Container] = [
            *(Container(container, init=True) for container in spec.get("initContainers") or ()),
            *(Container(container, init=False) for container in spec["containers"]),
        ]
        self.status: Obj = pod.get("status") or {}  # as last reported
        self.deadline_ms = NEVER
        self.cleanup_ms = NEVER
        self.request: tuple[int, int] = (0, 0)  # milli cores, bytes
        self.resources: tuple[Obj, Obj] | None = None
        self.process = ""  # the system component it runs, if it is one
        self.told = False  # the host knows that the process runs
        self.tries = 0
        self.evicted: tuple[str, str] | None = None  # reason and message of why it has to fail
        self.wake_ms = NEVER  # the turn already asked for

    def runtime(self) -> dict[str, Sequence[Attempt]]:
        """Attempts by container name, for those that have any."""
        return {container.name: container.attempts for container in self.containers if container.attempts}

    def probed(self) -> dict[str, tuple[bool, bool]]:
        return {container.name: (container.ready, container.started) for container in self.containers}

    def reasons(self) -> dict[str, Waiting]:
        return {container.name: container.reason for container in self.containers if container.reason is not None}

    def busy(self) -> bool:
        """A sync is under way: an image is being pulled or a container started. Its end is what gets reported."""
        return any(container.step in BUSY for container in self.containers)

    def settled(self) -> bool:
        """All it waits for is a readiness probe that has failed often enough to be the state of things."""
        if self.due_ms != NEVER or self.deadline_ms != NEVER:
            return False
        for container in self.containers:
            if container.due_ms != NEVER:
                return False
            for kind in container.probes:
                if kind != READINESS or container.failures.get(kind, 0) < SETTLED_AFTER:
                    return False
        return True

    def next_due(self) -> int:
        due = self.due_ms
        for container in self.containers:
            when = container.next_due()
            if when != NEVER and (due == NEVER or when < due):
                due = when
        if self.deadline_ms != NEVER and (due == NEVER or self.deadline_ms < due):
            due = self.deadline_ms
        return due

    def save(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "uid": self.uid,
            "spec": self.spec,
            "static": self.static,
            "stage": self.stage,
            "due_ms": self.due_ms,
            "address": self.address,
            "containers": [container.save() for container in self.containers],
            "status": self.status,
            "deadline_ms": self.deadline_ms,
            "cleanup_ms": self.cleanup_ms,
            "request": list(self.request),
            "resources": list(self.resources) if self.resources else None,
            "process": self.process,
            "told": self.told,
            "tries": self.tries,
            "evicted": list(self.evicted) if self.evicted else None,
            "wake_ms": self.wake_ms,
        }

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> PodWorker:
        out = cls(data["key"], {"metadata": {"uid": data["uid"]}, "spec": data["spec"]}, static=data["static"])
        out.stage = data["stage"]
        out.due_ms = data["due_ms"]
        out.address = data["address"]
        for container, saved in zip(out.containers, data["containers"], strict=True):
            container.load(saved)
        out.status = data["status"]
        out.deadline_ms = data["deadline_ms"]
        out.cleanup_ms = data["cleanup_ms"]
        out.request = (data["request"][0], data["request"][1])
        out.resources = (data["resources"][0], data["resources"][1]) if data["resources"] else None
        out.process = data["process"]
        out.told = data["told"]
        out.tries = data["tries"]
        out.evicted = (data["evicted"][0], data["evicted"][1]) if data["evicted"] else None
        out.wake_ms = data["wake_ms"]
        return out
