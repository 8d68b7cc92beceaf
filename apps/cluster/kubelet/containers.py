"""The life of one container: pull, create, start, end, start again after a while.

Models      pkg/kubelet/kuberuntime/kuberuntime_container.go (startContainer), kuberuntime_manager.go (doBackOff),
            pkg/kubelet/images/image_manager.go (EnsureImageExists)
Leaves out  image volumes; pull secrets; the second the PLEG takes to notice that a process has ended
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from zlib import crc32

from apps.cluster.engine import Engine
from apps.cluster.kubelet import hooks, probing, stopping, usage
from apps.cluster.kubelet import pod_worker as step
from apps.cluster.kubelet.backoff import Backoff, spoken
from apps.cluster.kubelet.container_status import EXITED
from apps.cluster.kubelet.cri import Runtime
from apps.cluster.kubelet.images import Image, told_of
from apps.cluster.kubelet.needs import missing_env
from apps.cluster.kubelet.phase import probe_failure_restarts, restarts_all, should_restart
from apps.cluster.kubelet.pod_worker import NEVER, Container, PodWorker

Obj = dict[str, Any]

NORMAL = "Normal"
WARNING = "Warning"
ANNOUNCE_MS = 1_000  # from a failure to the sync that finds itself backing off
SYNC_MS = 10_000  # backOffPeriod: from a failed sync to the next one
SYNC_SPREAD_MS = 5_000  # its jitter
RESYNC_MS = 60_000  # the longest that a sync waits for a back-off to end
BROKEN_MS, BROKEN_CODE = 300, 1  # how a program ends that cannot work where it is
CONFIG_RETRY_MS = 10_000
CONFIG_RETRY_MAX_MS = 80_000
STARTED = "Container started"
CREATED = "Container created"


class EventSink(Protocol):
    def event(
        self, obj: Obj, type_: str, reason: str, message: str, *, field_path: str = ..., action: str = ...
    ) -> None: ...


class ContainerManager:
    """Acts on containers of one node. It writes no status: it changes what the worker remembers."""

    __slots__ = (
        "_changed",
        "_engine",
        "_find",
        "_overrides",
        "_recorder",
        "broken",
        "crashes",
        "heavy",
        "host_ip",
        "pulls",
        "runtime",
    )

    def __init__(
        self,
        engine: Engine,
        runtime: Runtime,
        recorder: EventSink,
        overrides: Mapping[str, Mapping[str, Any]],
        find: Callable[[str, str, str], Obj | None],
        host_ip: str = "",
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self.runtime = runtime
        self._recorder = recorder
        self._overrides = overrides
        self._find = find  # resource, namespace, name
        self.host_ip = host_ip
        self._changed = changed  # the machine's memory or disk is used otherwise than before
        self.broken: dict[str, None] = {}  # system components whose program a reader has made unable to start here
        self.heavy = False  # something has run here that is worth watching: it grows, or is large
        self.crashes = Backoff()
        self.pulls = Backoff()

    @property
    def now_ms(self) -> int:
        return self._engine.now_ms

    # ---- starting ------------------------------------------------------------------------------

    def begin(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """Make sure that its image is there, then create it."""
        runtime = self.runtime
        asked = c.spec["image"]
        if self._overrides or c.told:
            c.is_made_of(told_of(asked, self._overrides))
        image = c.behaves(pod)
        policy = c.spec.get("imagePullPolicy", "IfNotPresent")
        if policy != "Always":
            if runtime.image_present(image):
                self.tell(
                    pod,
                    c,
                    NORMAL,
                    "Pulled",
                    f'Container image "{asked}" already present on machine and can be accessed by the pod',
                )
                c.is_made_of(runtime.contents(image))
                self._create(worker, pod, c, c.behaves(pod))
                return
            if policy == "Never":
                message = f'Container image "{asked}" is not present with pull policy of Never'
                self.tell(pod, c, WARNING, "ErrImageNeverPull", message)
                self.tell(pod, c, WARNING, "Failed", "Error: ErrImageNeverPull")
                self._block(c, "ErrImageNeverPull", message)
                return
        self.tell(pod, c, NORMAL, "Pulling", f'Pulling image "{asked}"')
        takes, alone = runtime.pull_image(pod, image)
        c.pull = (self._engine.now_ms, alone)
        self._next(c, step.PULLING, takes)

    def _pulled(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        image = c.behaves(pod)
        asked = c.spec["image"]
        error = self.runtime.pull_problem(asked, image)
        if error:
            self.tell(pod, c, WARNING, "Failed", f'Failed to pull image "{asked}": {error}')
            self.tell(pod, c, WARNING, "Failed", "Error: ErrImagePull")
            self.pulls.next(f"{worker.uid}_{asked}", self._engine.now_ms)
            c.reason = ("ErrImagePull", error)
            self._next(c, step.PULL_FAILED, ANNOUNCE_MS)
            return
        self.runtime.image_pulled(pod, image, c.told)
        self._changed()
        begun, alone = c.pull
        waited = self._engine.now_ms - begun
        self.tell(
            pod,
            c,
            NORMAL,
            "Pulled",
            f'Successfully pulled image "{asked}" in {spoken(min(alone, waited))} '
            f"({spoken(waited)} including waiting). Image size: {image.size} bytes.",
        )
        self._create(worker, pod, c, image)

    def _back_off_pull(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """A sync while the pull is backed off from: it says so each time."""
        asked = c.spec["image"]
        left = self.pulls.get_left(f"{worker.uid}_{asked}", self._engine.now_ms)
        if not left:
            self.begin(worker, pod, c)
            return
        message = f'Back-off pulling image "{asked}"'
        self.tell(pod, c, NORMAL, "BackOff", message)
        self.tell(pod, c, WARNING, "Failed", "Error: ImagePullBackOff")
        if c.reason is None or c.reason[0] != "ImagePullBackOff":
            previous = f"{c.reason[0]}: {c.reason[1]}" if c.reason else ""
            c.reason = ("ImagePullBackOff", f"{message}: {previous}" if previous else message)
        again = SYNC_MS + crc32(f"{worker.uid}{left}".encode()) % SYNC_SPREAD_MS
        self._next(c, step.PULL_BACKOFF, again if left > again else left)

    def _create(self, worker: PodWorker, pod: Obj, c: Container, image: Image) -> None:
        if not c.configured or "env" in c.spec or "envFrom" in c.spec:
            namespace = pod["metadata"]["namespace"]
            problem = missing_env(c.spec, namespace, lambda resource, name: self._find(resource, namespace, name))
            c.configured = not problem
            if problem:
                self.tell(pod, c, WARNING, "Failed", f"Error: {problem}")
                self._block(c, "CreateContainerConfigError", problem)
                return
        attempt = self.runtime.create_container(pod, c.name, image, c.restarts)
        for old in c.attempts[1:]:
            self.runtime.remove_container(pod, c.name, old)
        c.attempts = [attempt, *c.attempts[:1]]
        c.tries = 0
        self.tell(pod, c, NORMAL, "Created", CREATED)
        self._next(c, step.STARTING, image.start_ms)

    def _started(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        attempt = c.attempts[0]
        self.runtime.start_container(pod, c.name, attempt)
        self.tell(pod, c, NORMAL, "Started", STARTED)
        c.restarts = attempt.restarts + 1
        c.ready = c.started = c.replaced = False
        c.probes = {}
        c.failures = {}
        hook = hooks.hook(c.spec, hooks.POST_START)
        if hook is not None:
            self._next(c, step.HOOK, hooks.takes_ms(hook))
            return
        self._runs(worker, pod, c)

    def _hooked(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """Its postStart hook has come to an end: only then is it said to run."""
        hook = hooks.hook(c.spec, hooks.POST_START)
        if hook is None or not hooks.fails(hook):
            self._runs(worker, pod, c)
            return
        self.tell(pod, c, WARNING, "FailedPostStartHook", "PostStartHook failed")
        c.reason = ("PostStartHookError", hooks.post_start_message(hook, c.name, full_name(pod)))
        grace = int(pod["spec"].get("terminationGracePeriodSeconds", 30))
        stopping.stop(self, pod, c, "FailedPostStartHook", grace)

    def _runs(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        c.reason = None
        image = c.behaves(pod)
        c.ends_ms, c.oom = NEVER, False
        started_ms = c.attempts[0].started_ms
        if image.ends_after_ms >= 0:
            c.ends_ms = started_ms + image.ends_after_ms
        if worker.process in self.broken and worker.process and not c.init:
            c.ends_ms = started_ms + BROKEN_MS
        if image.leak or image.writes or image.memory > usage.SMALL:
            self.heavy = True
            killed = usage.oom_ms(image, usage.memory_limit(c.spec))
            if killed >= 0 and (c.ends_ms == NEVER or started_ms + killed < c.ends_ms):
                c.ends_ms, c.oom = started_ms + killed, True
        if self.heavy:
            self._changed()
        c.step = step.UP
        c.due_ms = c.ends_ms if c.ends_ms == NEVER else max(c.ends_ms, self._engine.now_ms)
        probing.begin(self, worker, pod, c, image)

    def _block(self, c: Container, reason: str, message: str) -> None:
        c.reason = (reason, message)
        c.tries += 1
        self._next(c, step.BLOCKED, min(CONFIG_RETRY_MS << (c.tries - 1), CONFIG_RETRY_MAX_MS))

    # ---- ending --------------------------------------------------------------------------------

    def kill(self, c: Container, *, reason: str, exit_code: int = stopping.SIGKILL_CODE) -> None:
        """The kernel ends its process now, unasked."""
        attempt = c.attempts[0]
        attempt.exit_code, attempt.reason = exit_code, reason
        c.ends_ms, c.oom = self._engine.now_ms, True
        c.due_ms = c.ends_ms

    def ended(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """Its process is gone."""
        attempt = c.attempts[0]
        now = self._engine.now_ms
        attempt.state = EXITED
        attempt.finished_ms = now
        replaced = c.replaced
        if c.step == step.UP:
            image = c.behaves(pod)
            attempt.finished_ms = c.ends_ms if NEVER < c.ends_ms <= now else now
            if c.oom:
                attempt.exit_code, attempt.reason = stopping.SIGKILL_CODE, "OOMKilled"
            else:
                attempt.exit_code, attempt.reason = image.exit_code, image.reason
                if worker.process and worker.process in self.broken:
                    attempt.exit_code = BROKEN_CODE
            if attempt.exit_code and image.message:
                attempt.message = image.message
            replaced = False
        else:
            attempt.reason = ""
        attempt.reason = attempt.reason or ("Completed" if attempt.exit_code == 0 else "Error")
        c.ready = c.started = False
        c.probes = {}
        c.ends_ms = NEVER
        self.runtime.container_ended(pod, c.name, attempt)
        if self.heavy:
            self._changed()
        policy = pod["spec"].get("restartPolicy")
        if c.ephemeral:
            again = False
        elif replaced:
            again = c.sidecar or probe_failure_restarts(c.spec, policy)
        else:
            again = c.sidecar or should_restart(c.spec, policy, attempt.exit_code)
            if c.init and not c.sidecar and attempt.exit_code == 0:
                again = restarts_all(c.spec, 0)  # an init container that ended well has done its part
        c.due_ms = NEVER
        c.step = step.ENDED if again else step.DONE

    def again(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """Start an ended container again, unless it has ended too often lately.

        One that was stopped to be replaced is judged by the end of the one before it: the sync that stopped it has seen
        no other.
        """
        now = self._engine.now_ms
        attempts = c.attempts
        finished = attempts[0].finished_ms if attempts else NEVER
        if c.replaced:
            finished = attempts[1].finished_ms if len(attempts) > 1 else NEVER
            c.replaced = False
        if finished == NEVER:
            self.begin(worker, pod, c)
            return
        key = f"{worker.uid}/{c.name}"
        left = self.crashes.remaining_since(key, finished, now)
        if left > ANNOUNCE_MS:
            self._next(c, step.CRASHED, ANNOUNCE_MS)
            return
        self.crashes.next(key, finished)
        self.begin(worker, pod, c)

    def _back_off_crash(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """A sync while the container is backed off from: it says so each time, at least once a minute."""
        key = f"{worker.uid}/{c.name}"
        finished = c.attempts[0].finished_ms
        left = self.crashes.remaining_since(key, finished, self._engine.now_ms)
        if not left:
            self.crashes.next(key, finished)
            self.begin(worker, pod, c)
            return
        full = full_name(pod)
        delay = self.crashes.get(key)
        self.tell(pod, c, WARNING, "BackOff", f"Back-off restarting failed container {c.name} in pod {full}")
        c.reason = ("CrashLoopBackOff", f"back-off {spoken(delay)} restarting failed container={c.name} pod={full}")
        self._next(c, step.CRASH_BACKOFF, min(left, RESYNC_MS))

    def _signal(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        stopping.signal(self, pod, c)

    # ---- turns ---------------------------------------------------------------------------------

    def turn(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """What was due for this container."""
        self._TURNS[c.step](self, worker, pod, c)

    _TURNS: Mapping[str, Callable[[ContainerManager, PodWorker, Obj, Container], None]] = {
        step.PULLING: _pulled,
        step.PULL_FAILED: _back_off_pull,
        step.PULL_BACKOFF: _back_off_pull,
        step.BLOCKED: begin,
        step.STARTING: _started,
        step.HOOK: _hooked,
        step.UP: ended,
        step.STOP_WAITING: _signal,
        step.STOPPING: ended,
        step.CRASHED: _back_off_crash,
        step.CRASH_BACKOFF: _back_off_crash,
    }

    def _next(self, c: Container, what: str, delay_ms: int) -> None:
        c.step = what
        c.due_ms = self._engine.now_ms + delay_ms if delay_ms >= 0 else NEVER

    def tell(self, pod: Obj, c: Container, type_: str, reason: str, message: str) -> None:
        """An Event about this container of the Pod."""
        self._recorder.event(pod, type_, reason, message, field_path=c.field_path)

    def forget(self, uid: str) -> None:
        if self.crashes.entries:
            self.crashes.forget(f"{uid}/")
        if self.pulls.entries:
            self.pulls.forget(f"{uid}_")

    def save(self) -> dict[str, Any]:
        return {
            "crashes": self.crashes.save(),
            "pulls": self.pulls.save(),
            "heavy": self.heavy,
            "broken": list(self.broken),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.heavy = data["heavy"]
        self.broken = dict.fromkeys(data.get("broken", ()))
        self.crashes.load(data["crashes"])
        self.pulls.load(data["pulls"])


def full_name(pod: Obj) -> str:
    """A Pod as the kubelet prints it: name_namespace(uid)."""
    metadata = pod["metadata"]
    return f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
