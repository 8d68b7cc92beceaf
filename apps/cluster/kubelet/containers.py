"""The life of one container: pull, create, start, probe, end, start again after a while.

Models      pkg/kubelet/kuberuntime/kuberuntime_container.go (startContainer, killContainer), kuberuntime_manager.go
            (doBackOff), pkg/kubelet/images/image_manager.go (EnsureImageExists), pkg/kubelet/prober/worker.go
Leaves out  postStart hooks; BackOff events repeated at every resync; image volumes; the second the PLEG takes to notice
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Protocol

from apps.cluster.engine import Engine
from apps.cluster.kubelet import pod_worker as step
from apps.cluster.kubelet import probes
from apps.cluster.kubelet.backoff import Backoff, spoken
from apps.cluster.kubelet.container_status import EXITED
from apps.cluster.kubelet.cri import Runtime
from apps.cluster.kubelet.images import Image
from apps.cluster.kubelet.needs import missing_env
from apps.cluster.kubelet.phase import should_restart
from apps.cluster.kubelet.pod_worker import NEVER, Container, PodWorker

Obj = dict[str, Any]

NORMAL = "Normal"
WARNING = "Warning"
ANNOUNCE_MS = 1_000  # from a failure to the sync that finds itself backing off
CONFIG_RETRY_MS = 10_000
CONFIG_RETRY_MAX_MS = 80_000
SIGKILL_CODE, SIGTERM_CODE = 137, 143  # what a shell says of a process that a signal ended
STARTED = "Container started"
CREATED = "Container created"


class EventSink(Protocol):
    def event(
        self, obj: Obj, type_: str, reason: str, message: str, *, field_path: str = ..., action: str = ...
    ) -> None: ...


class ContainerManager:
    """Acts on containers of one node. It writes no status: it changes what the worker remembers."""

    __slots__ = ("_engine", "_find", "_overrides", "_recorder", "_runtime", "crashes", "pulls")

    def __init__(
        self,
        engine: Engine,
        runtime: Runtime,
        recorder: EventSink,
        overrides: Mapping[str, Mapping[str, Any]],
        find: Callable[[str, str, str], Obj | None],
    ) -> None:
        self._engine = engine
        self._runtime = runtime
        self._recorder = recorder
        self._overrides = overrides
        self._find = find  # resource, namespace, name
        self.crashes = Backoff()
        self.pulls = Backoff()

    # ---- starting ------------------------------------------------------------------------------

    def begin(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """Make sure that its image is there, then create it."""
        runtime = self._runtime
        image = c.behaves(pod, self._overrides)
        asked = c.spec["image"]
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
                self._create(worker, pod, c, image)
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
        image = c.behaves(pod, self._overrides)
        asked = c.spec["image"]
        if image.error:
            self.tell(pod, c, WARNING, "Failed", f'Failed to pull image "{asked}": {image.error}')
            self.tell(pod, c, WARNING, "Failed", "Error: ErrImagePull")
            self.pulls.next(f"{worker.uid}_{asked}", self._engine.now_ms)
            c.reason = ("ErrImagePull", image.error)
            self._next(c, step.PULL_FAILED, ANNOUNCE_MS)
            return
        self._runtime.image_pulled(pod, image)
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
        asked = c.spec["image"]
        message = f'Back-off pulling image "{asked}"'
        self.tell(pod, c, NORMAL, "BackOff", message)
        self.tell(pod, c, WARNING, "Failed", "Error: ImagePullBackOff")
        previous = f"{c.reason[0]}: {c.reason[1]}" if c.reason else ""
        c.reason = ("ImagePullBackOff", f"{message}: {previous}" if previous else message)
        self._next(c, step.PULL_BACKOFF, self.pulls.get(f"{worker.uid}_{asked}") - ANNOUNCE_MS)

    def _create(self, worker: PodWorker, pod: Obj, c: Container, image: Image) -> None:
        if not c.configured or "env" in c.spec or "envFrom" in c.spec:
            namespace = pod["metadata"]["namespace"]
            problem = missing_env(c.spec, namespace, lambda resource, name: self._find(resource, namespace, name))
            c.configured = not problem
            if problem:
                self.tell(pod, c, WARNING, "Failed", f"Error: {problem}")
                self._block(c, "CreateContainerConfigError", problem)
                return
        attempt = self._runtime.create_container(pod, c.name, image, c.restarts)
        c.attempts = [attempt, *c.attempts[:1]]
        c.tries = 0
        self.tell(pod, c, NORMAL, "Created", CREATED)
        self._next(c, step.STARTING, image.start_ms)

    def _started(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        attempt = c.attempts[0]
        self._runtime.start_container(pod, c.name, attempt)
        self.tell(pod, c, NORMAL, "Started", STARTED)
        image = c.behaves(pod, self._overrides)
        c.reason = None
        c.restarts = attempt.restarts + 1
        c.ready = c.started = False
        c.probes = {}
        c.failures = {}
        self._next(c, step.UP, image.ends_after_ms)
        spec = c.spec
        if c.init and not c.sidecar:
            c.started = True
        elif "startupProbe" in spec:
            c.probes[probes.STARTUP] = probes.first_tick(spec["startupProbe"], attempt.started_ms, attempt.started_ms)
        else:
            self._up(c, image, attempt.started_ms)
        if c.probes:
            self.probe(worker, pod, c)

    def _block(self, c: Container, reason: str, message: str) -> None:
        c.reason = (reason, message)
        c.tries += 1
        self._next(c, step.BLOCKED, min(CONFIG_RETRY_MS << (c.tries - 1), CONFIG_RETRY_MAX_MS))

    # ---- probing -------------------------------------------------------------------------------

    def _up(self, c: Container, image: Image, since_ms: int) -> None:
        """Its startup probe, if any, has passed: the others begin."""
        c.started = True
        started_ms = c.attempts[0].started_ms
        readiness = c.spec.get("readinessProbe")
        if readiness is None:
            c.ready = True
        else:
            c.probes[probes.READINESS] = probes.first_tick(readiness, started_ms, since_ms)
        liveness = c.spec.get("livenessProbe")
        if liveness is not None and image.sick_after_ms >= 0:
            sick_ms = max(since_ms, started_ms + image.sick_after_ms)
            c.probes[probes.LIVENESS] = probes.first_tick(liveness, started_ms, sick_ms)

    def probe(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """The probes that are due. What keeps passing is not asked again."""
        now = self._engine.now_ms
        image = c.behaves(pod, self._overrides)
        started_ms = c.attempts[0].started_ms
        for kind in (probes.STARTUP, probes.READINESS, probes.LIVENESS):
            due = c.probes.get(kind)
            if due is None or due > now:
                continue
            probe = c.spec[probes.FIELDS[kind]]
            if probes.outcome(kind, image, started_ms, now) == probes.SUCCESS:
                self._passed(c, image, kind, probe)
            elif self._failed(worker, pod, c, kind, probe):
                return

    def _passed(self, c: Container, image: Image, kind: str, probe: Mapping[str, Any]) -> None:
        now = self._engine.now_ms
        run = min(c.failures.get(kind, 0), 0) - 1  # successes in a row count downwards
        c.failures[kind] = run
        if -run < probes.success_threshold(probe):
            c.probes[kind] = now + probes.period_ms(probe)
            return
        del c.probes[kind]
        if kind == probes.STARTUP:
            self._up(c, image, now)
            if c.probes.get(probes.READINESS) == now:
                readiness = c.spec["readinessProbe"]
                if probes.outcome(probes.READINESS, image, c.attempts[0].started_ms, now) == probes.SUCCESS:
                    self._passed(c, image, probes.READINESS, readiness)
        elif kind == probes.READINESS:
            c.ready = True

    def _failed(self, worker: PodWorker, pod: Obj, c: Container, kind: str, probe: Mapping[str, Any]) -> bool:
        """A failure, told as an Event. True: it was one too many, the container is being stopped."""
        ports = {port["name"]: port["containerPort"] for port in c.spec.get("ports") or () if "name" in port}
        message = probes.failed_message(kind, probe, worker.address or "", ports)
        self.tell(pod, c, WARNING, "Unhealthy", message)
        run = max(c.failures.get(kind, 0), 0) + 1
        c.failures[kind] = run
        if kind != probes.READINESS and run >= probes.failure_threshold(probe):
            self.stop(pod, c, probes.restart_message(kind, c.name), _grace(pod, probe))
            return True
        c.probes[kind] = self._engine.now_ms + probes.period_ms(probe)
        return False

    # ---- ending --------------------------------------------------------------------------------

    def stop(self, pod: Obj, c: Container, message: str, grace_s: int, *, after_ms: int = 0) -> int:
        """Say why, run its preStop hook, send SIGTERM, and SIGKILL when the grace is over. Gives the ms it takes."""
        image = c.behaves(pod, self._overrides)
        self.tell(pod, c, NORMAL, "Killing", message)
        self._runtime.stop_container(pod, c.name, c.attempts[0], grace_s)
        wanted = after_ms + pre_stop_ms(c.spec) + image.stop_ms
        allowed = grace_s * 1000
        takes = min(wanted, allowed)
        c.probes = {}
        # A server ends well when it is asked to. A program with an end of its own has not come to it.
        asked = SIGTERM_CODE if image.ends_after_ms >= 0 else 0
        c.attempts[0].exit_code = asked if wanted <= allowed else SIGKILL_CODE
        self._next(c, step.STOPPING, takes)
        return takes

    def ended(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """Its process is gone."""
        attempt = c.attempts[0]
        image = c.behaves(pod, self._overrides)
        reason = ""
        if c.step == step.UP:
            attempt.exit_code = image.exit_code
            reason = image.reason
        attempt.state = EXITED
        attempt.finished_ms = self._engine.now_ms
        attempt.reason = reason or ("Completed" if attempt.exit_code == 0 else "Error")
        c.ready = c.started = False
        c.probes = {}
        again = c.sidecar or should_restart(c.spec, pod["spec"].get("restartPolicy"), attempt.exit_code)
        if c.init and not c.sidecar and attempt.exit_code == 0:
            again = False  # an init container that ended well has done its part
        c.due_ms = NEVER
        c.step = step.ENDED if again else step.DONE

    def again(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """Start an ended container again, unless it has ended too often lately."""
        now = self._engine.now_ms
        finished = c.attempts[0].finished_ms
        key = f"{worker.uid}/{c.name}"
        left = self.crashes.remaining_since(key, finished, now)
        if left > ANNOUNCE_MS:
            self._next(c, step.CRASHED, ANNOUNCE_MS)
            return
        self.crashes.next(key, finished)
        self.begin(worker, pod, c)

    def _back_off_crash(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        key = f"{worker.uid}/{c.name}"
        metadata = pod["metadata"]
        full = f"{metadata['name']}_{metadata['namespace']}({worker.uid})"
        delay = self.crashes.get(key)
        self.tell(pod, c, WARNING, "BackOff", f"Back-off restarting failed container {c.name} in pod {full}")
        c.reason = ("CrashLoopBackOff", f"back-off {spoken(delay)} restarting failed container={c.name} pod={full}")
        left = self.crashes.remaining_since(key, c.attempts[0].finished_ms, self._engine.now_ms)
        self._next(c, step.CRASH_BACKOFF, left)

    def _restart(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        self.crashes.next(f"{worker.uid}/{c.name}", c.attempts[0].finished_ms)
        self.begin(worker, pod, c)

    # ---- turns ---------------------------------------------------------------------------------

    def turn(self, worker: PodWorker, pod: Obj, c: Container) -> None:
        """What was due for this container."""
        self._TURNS[c.step](self, worker, pod, c)

    _TURNS: Mapping[str, Callable[[ContainerManager, PodWorker, Obj, Container], None]] = {
        step.PULLING: _pulled,
        step.PULL_FAILED: _back_off_pull,
        step.PULL_BACKOFF: begin,
        step.BLOCKED: begin,
        step.STARTING: _started,
        step.UP: ended,
        step.STOPPING: ended,
        step.CRASHED: _back_off_crash,
        step.CRASH_BACKOFF: _restart,
    }

    def _next(self, c: Container, what: str, delay_ms: int) -> None:
        c.step = what
        c.due_ms = self._engine.now_ms + delay_ms if delay_ms >= 0 else NEVER

    def tell(self, pod: Obj, c: Container, type_: str, reason: str, message: str) -> None:
        """An Event about this container of the Pod."""
        path = f"spec.initContainers{{{c.name}}}" if c.init else f"spec.containers{{{c.name}}}"
        self._recorder.event(pod, type_, reason, message, field_path=path)

    def forget(self, uid: str) -> None:
        if self.crashes.entries:
            self.crashes.forget(f"{uid}/")
        if self.pulls.entries:
            self.pulls.forget(f"{uid}_")

    def save(self) -> dict[str, Any]:
        return {"crashes": self.crashes.save(), "pulls": self.pulls.save()}

    def load(self, data: Mapping[str, Any]) -> None:
        self.crashes.load(data["crashes"])
        self.pulls.load(data["pulls"])


def _grace(pod: Obj, probe: Mapping[str, Any]) -> int:
    own = probe.get("terminationGracePeriodSeconds")
    return int(own if own is not None else pod["spec"].get("terminationGracePeriodSeconds", 30))


def pre_stop_ms(spec: Mapping[str, Any]) -> int:
    """How long its preStop hook takes: what it sleeps, else next to nothing.

    >>> pre_stop_ms({"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}})
    5000
    >>> pre_stop_ms({"lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "sleep 10"]}}}})
    10000
    """
    hook = (spec.get("lifecycle") or {}).get("preStop")
    if not hook:
        return 0
    if "sleep" in hook:
        return int(hook["sleep"].get("seconds", 0)) * 1000
    if "exec" in hook:
        words = " ".join(hook["exec"].get("command") or ()).replace('"', " ").replace("'", " ").split()
        for word, following in pairwise(words):
            if word.endswith("sleep") and following.isdigit():
                return int(following) * 1000
    return 100
