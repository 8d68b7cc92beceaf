"""What a kubelet remembers of one Pod while it is on its node. Plain data, so that a cluster can be saved mid-story.

Models      pkg/kubelet/pod_workers.go (podSyncStatus), pkg/kubelet/container (PodStatus), prober results
Leaves out  goroutines: a worker takes its turns from the engine
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.cluster.kubelet.container_status import EXITED, RUNNING, Attempt, Waiting
from apps.cluster.kubelet.images import Image, behaviour
from apps.cluster.kubelet.phase import could_restart_all, is_sidecar
from apps.cluster.kubelet.probes import READINESS

Obj = dict[str, Any]

NEVER = -1
NOTHING: Mapping[str, Obj] = {}
SETTLED_AFTER = 3  # failures of a readiness probe after which nothing new is to be expected

# What comes next for a container.
IDLE = ""  # it has not been its turn
PULLING = "pulling"
PULL_FAILED = "pull-failed"  # ErrImagePull was reported; next: say that we back off
PULL_BACKOFF = "pull-backoff"
BLOCKED = "blocked"  # its configuration is missing, or the image and pulling is forbidden; next: try again
STARTING = "starting"
HOOK = "hook"  # it runs, and its postStart hook does
UP = "up"
STOP_WAITING = "stop-waiting"  # for its preStop hook, or for others to end before it
STOPPING = "stopping"
ENDED = "ended"  # to be restarted
CRASHED = "crashed"  # it was said that it ended; next: say that we back off
CRASH_BACKOFF = "crash-backoff"
DONE = "done"

BUSY = frozenset({PULLING, STARTING, HOOK})

# What comes next for a Pod.
WAITING_FOR_VOLUMES = "volumes"
WAITING_FOR_NETWORK = "network"
MAKING_SANDBOX = "sandbox"
RUN = "run"
RESETTING = "resetting"  # all its containers are being stopped, to start anew
FINISHING = "finishing"
TERMINATING = "terminating"


class Container:
    """One container of a Pod: its attempts, newest first, and what is next."""

    __slots__ = (
        "actuated",
        "attempts",
        "configured",
        "due_ms",
        "ends_ms",
        "ephemeral",
        "failures",
        "image",
        "init",
        "name",
        "oom",
        "probes",
        "pull",
        "ready",
        "reason",
        "replaced",
        "restarts",
        "sidecar",
        "spec",
        "started",
        "step",
        "stop",
        "told",
        "tries",
    )

    def __init__(self, spec: Obj, *, init: bool, ephemeral: bool = False) -> None:
        self.name: str = spec["name"]
        self.spec = spec
        self.init = init
        self.ephemeral = ephemeral
        self.sidecar = init and is_sidecar(spec)
        self.image: Image | None = None  # how it behaves; worked out when first needed
        self.told: Mapping[str, Any] | None = None  # what its image does that the catalogue does not say
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
        self.ends_ms = NEVER  # when its process ends, if it does by itself
        self.actuated: Obj | None = None  # the resources it still has while others are on their way to it
        self.oom = False  # … because it outgrows its memory
        self.stop: tuple[int, int] = (NEVER, 0)  # when a container that is being stopped will have ended; its grace
        self.replaced = False  # it is being stopped to be started anew in the same sync

    @property
    def field_path(self) -> str:
        """How Events name it."""
        kind = "ephemeralContainers" if self.ephemeral else "initContainers" if self.init else "containers"
        return f"spec.{kind}{{{self.name}}}"

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

    def behaves(self, pod: Obj) -> Image:
        """What its program does, as far as is known of its image."""
        image = self.image
        if image is None:
            overrides = {self.spec["image"]: self.told} if self.told else None
            image = self.image = behaviour(pod, self.spec, init=self.init and not self.sidecar, overrides=overrides)
        return image

    def is_made_of(self, told: Mapping[str, Any] | None) -> None:
        """What its image is like: what is in the registry, or what is on the machine."""
        if told != self.told:
            self.told = told
            self.image = None

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
            "told": dict(self.told) if self.told else None,
            "ends_ms": self.ends_ms,
            "oom": self.oom,
            "stop": list(self.stop),
            "replaced": self.replaced,
            "actuated": self.actuated,
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
        self.told = data["told"]
        self.ends_ms = data["ends_ms"]
        self.oom = data["oom"]
        self.stop = (data["stop"][0], data["stop"][1])
        self.replaced = data["replaced"]
        self.actuated = data["actuated"]


class PodWorker:
    """One Pod on its node."""

    __slots__ = (
        "address",
        "again",
        "allocated",
        "attached",
        "began_ms",
        "can_reset",
        "containers",
        "counted",
        "deadline_ms",
        "disruption",
        "due_ms",
        "evicted",
        "given",
        "in_progress",
        "key",
        "pending",
        "process",
        "request",
        "resize_ms",
        "resources",
        "restarting",
        "sandboxes",
        "seen",
        "spec",
        "stage",
        "static",
        "status",
        "told",
        "tries",
        "uid",
        "unsent_ms",
        "untold",
        "wake_ms",
    )

    def __init__(self, key: str, pod: Obj, *, static: bool) -> None:
        spec = pod["spec"]
        self.key = key
        self.uid: str = pod["metadata"]["uid"]
        self.spec = spec  # as the Pod came here
        self.seen = spec  # as it was looked at last
        self.static = static
        self.stage = MAKING_SANDBOX
        self.due_ms = NEVER
        self.address: str | None = None  # of its sandbox; None without one
        self.containers: list[Container] = [
            *(Container(container, init=True) for container in spec.get("initContainers") or ()),
            *(Container(container, init=False) for container in spec["containers"]),
        ]
        if "ephemeralContainers" in spec:
            self.adopt(spec)
        self.status: Obj = pod.get("status") or {}  # as last reported
        self.began_ms = 0
        self.deadline_ms = NEVER
        self.unsent_ms = NEVER  # when to try again to report what the API server did not take
        self.untold = False  # all that is left to do for it is to tell an API server that does not answer
        self.request: tuple[int, int, int] = (0, 0, 0)  # milli cores, bytes of memory, bytes of disk
        self.counted = False
        self.resources: tuple[Obj, Obj] | None = None
        self.process = ""  # the system component it runs, if it is one
        self.told = False  # the host knows that the process runs
        self.tries = 0
        self.attached: list[str] | None = None  # volumes that have to be attached here; None before that is known
        self.sandboxes = 0  # how many could not be made
        self.evicted: tuple[str, str] | None = None  # reason and message of why it has to fail
        self.disruption = ""  # the message of its DisruptionTarget condition
        self.again = False  # it was here before the machine was switched off
        self.can_reset = could_restart_all(spec)
        self.restarting = False  # all its containers are being restarted
        self.given: Obj | None = None  # resources by container, once they have been changed
        self.allocated: Obj | None = None  # the spec with the resources it has, while it asks for others
        self.pending: Obj | None = None  # its condition PodResizePending
        self.in_progress: Obj | None = None  # its condition PodResizeInProgress
        self.resize_ms = NEVER
        self.wake_ms = NEVER  # the turn already asked for

    def adopt(self, spec: Obj) -> None:
        """Ephemeral containers come later than the others, and never go."""
        for ephemeral in spec.get("ephemeralContainers") or ():
            if not any(c.name == ephemeral["name"] for c in self.containers):
                self.containers.append(Container(ephemeral, init=False, ephemeral=True))

    def initialized(self) -> bool:
        """One of its own containers is there, or has been: init containers are done with, for good."""
        return any(c.attempts and not c.init and not c.ephemeral for c in self.containers)

    def runtime(self) -> dict[str, Sequence[Attempt]]:
        """Attempts by container name, for those that have any."""
        return {container.name: container.attempts for container in self.containers if container.attempts}

    def probed(self) -> dict[str, tuple[bool, bool]]:
        return {container.name: (container.ready, container.started) for container in self.containers}

    def reasons(self) -> dict[str, Waiting]:
        return {container.name: container.reason for container in self.containers if container.reason is not None}

    def actuated(self) -> Mapping[str, Obj]:
        """The resources that running containers still have while others are on their way to them."""
        if self.in_progress is None:
            return NOTHING
        return {c.name: c.actuated for c in self.containers if c.actuated is not None}

    def resize_conditions(self) -> Sequence[Obj]:
        """PodResizePending and PodResizeInProgress, as far as they hold."""
        if self.pending is None and self.in_progress is None:
            return ()
        return [condition for condition in (self.pending, self.in_progress) if condition is not None]

    def busy(self) -> bool:
        """A sync is under way: an image is being pulled or a container started. Its end is what gets reported."""
        return any(container.step in BUSY for container in self.containers)

    def settled(self) -> bool:
        """All it waits for is a readiness probe that has failed often enough to be the state of things."""
        if self.untold:
            return True
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
        for when in (self.deadline_ms, self.unsent_ms, self.resize_ms):
            if when != NEVER and (due == NEVER or when < due):
                due = when
        return due

    def save(self) -> dict[str, Any]:
        first = {one["name"]: one for one in (*(self.spec.get("initContainers") or ()), *self.spec["containers"])}
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "changed": {c.name: c.spec for c in self.containers if not c.ephemeral and c.spec is not first[c.name]},
            "spec": self.spec,
            "static": self.static,
            "uid": self.uid,
            "key": self.key,
            "containers": [container.save() for container in self.containers],
            "request": list(self.request),
            "resources": list(self.resources) if self.resources else None,
            "evicted": list(self.evicted) if self.evicted else None,
        }

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> PodWorker:
        pod = {"metadata": {"uid": data["uid"]}, "spec": data["spec"]}
        out = cls(data["key"], pod, static=data["static"])
        for name in _PLAIN:
            setattr(out, name, data[name])
        out.adopt(data["seen"])
        for container, saved in zip(out.containers, data["containers"], strict=True):
            container.load(saved)
            container.spec = data["changed"].get(container.name, container.spec)
        out.request = (data["request"][0], data["request"][1], data["request"][2])
        out.resources = (data["resources"][0], data["resources"][1]) if data["resources"] else None
        out.evicted = (data["evicted"][0], data["evicted"][1]) if data["evicted"] else None
        return out


# What is saved of a worker as it is.
_PLAIN = (
    "address",
    "again",
    "allocated",
    "attached",
    "began_ms",
    "counted",
    "deadline_ms",
    "disruption",
    "due_ms",
    "given",
    "in_progress",
    "pending",
    "process",
    "resize_ms",
    "restarting",
    "sandboxes",
    "seen",
    "stage",
    "status",
    "told",
    "tries",
    "unsent_ms",
    "untold",
    "wake_ms",
)
