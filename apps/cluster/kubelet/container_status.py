"""Container statuses: what the runtime knows of containers, in the API's words.

Models      pkg/kubelet/kubelet_pods.go (convertToAPIContainerStatuses), pkg/kubelet/container/helpers.go
            (ShouldContainerBeRestarted)
Leaves out  stop signals (off by default); device health
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.kubelet.container_config import recursive_read_only
from apps.cluster.kubelet.phase import is_sidecar, should_restart

Obj = dict[str, Any]

CREATED = "created"
RUNNING = "running"
EXITED = "exited"
UNKNOWN = "unknown"

CONTAINER_CREATING = "ContainerCreating"
POD_INITIALIZING = "PodInitializing"
STATUS_UNKNOWN = "ContainerStatusUnknown"
NO_STATE: Obj = {}
_CREATING = {"waiting": {"reason": CONTAINER_CREATING}}
_INITIALIZING = {"waiting": {"reason": POD_INITIALIZING}}
_VANISHED = {
    "terminated": {
        "exitCode": 137,
        "reason": STATUS_UNKNOWN,
        "message": "The container could not be located when the pod was deleted.  The container used to be Running",
        "startedAt": None,
        "finishedAt": None,
    }
}
_LOST = {
    "exitCode": 137,
    "reason": STATUS_UNKNOWN,
    "message": "The container could not be located when the pod was terminated",
    "startedAt": None,
    "finishedAt": None,
}
RESTARTING_ALL = "RestartingAllContainers"
_REMOVED = "The container is removed because RestartAllContainers in place"
_FORGOTTEN_INIT = (
    "Unable to get init container status from container runtime and pod has been initialized, "
    "treat it as exited normally"
)
_ROOT = {"linux": {"gid": 0, "supplementalGroups": [0], "uid": 0}}

Waiting = tuple[str, str]  # reason, message


class Attempt:
    """One container as the runtime keeps it: a restart makes another one. Times are virtual ms, -1 = not yet."""

    __slots__ = (
        "exit_code",
        "finished_ms",
        "id",
        "image",
        "image_ref",
        "message",
        "reason",
        "restarts",
        "started_ms",
        "state",
    )

    def __init__(self, id_: str, image: str, image_ref: str, restarts: int, state: str = CREATED) -> None:
        self.id = id_
        self.image = image
        self.image_ref = image_ref
        self.restarts = restarts
        self.state = state
        self.started_ms = -1
        self.finished_ms = -1
        self.exit_code = 0
        self.reason = ""
        self.message = ""

    def save(self) -> list[Any]:
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def restore(cls, data: Sequence[Any]) -> Attempt:
        out = cls.__new__(cls)
        for name, value in zip(cls.__slots__, data, strict=True):
            setattr(out, name, value)
        return out


def state_of(attempt: Attempt) -> Obj:
    """The `state` of a container status."""
    if attempt.state == RUNNING:
        return {"running": {"startedAt": _time(attempt.started_ms)}}
    if attempt.state == EXITED:
        ended: Obj = {"exitCode": attempt.exit_code}
        if attempt.reason:
            ended["reason"] = attempt.reason
        if attempt.message:
            ended["message"] = attempt.message
        ended["startedAt"] = _time(attempt.started_ms)
        ended["finishedAt"] = _time(attempt.finished_ms)
        if attempt.id:
            ended["containerID"] = attempt.id
        return {"terminated": ended}
    return {"waiting": {}}


def _time(ms: int) -> str | None:
    return format_ms(ms) if ms >= 0 else None


def volume_mounts(container: Mapping[str, Any], image_refs: Mapping[str, str] = NO_STATE) -> list[Obj]:
    """`status.volumeMounts`: read-only mounts say whether what is mounted below them is read-only too.

    `image_refs`: the digest behind each volume that is an image.
    """
    out: list[Obj] = []
    for mount in container.get("volumeMounts") or ():
        made: Obj = {"name": mount["name"], "mountPath": mount.get("mountPath", "")}
        if mount.get("readOnly"):
            try:
                recursive = recursive_read_only(mount, supported=True)
            except ValueError:
                recursive = False
            made |= {"readOnly": True, "recursiveReadOnly": "Enabled" if recursive else "Disabled"}
        if mount["name"] in image_refs:
            made["volumeStatus"] = {"image": {"imageRef": image_refs[mount["name"]]}}
        out.append(made)
    return out


def sandbox_state(state: int) -> str:
    """A container's state, for a sandbox that is told as one: 0 is ready, 1 not ready."""
    return {0: RUNNING, 1: EXITED}.get(state, UNKNOWN)


def needs_restart(
    container: Mapping[str, Any], policy: str | None, attempts: Sequence[Attempt], *, deleting: bool
) -> bool:
    """Whether the next sync is to start it."""
    if deleting:
        return False
    if not attempts:
        return True
    newest = attempts[0]
    if newest.state == RUNNING:
        return False
    if newest.state != EXITED:
        return True
    return should_restart(container, policy, newest.exit_code)


def convert(
    pod: Mapping[str, Any],
    containers: Sequence[Mapping[str, Any]],
    runtime: Mapping[str, Sequence[Attempt]],
    previous: Sequence[Obj],
    reasons: Mapping[str, Waiting],
    *,
    init: bool = False,
    restarting: bool = False,
    actuated: Mapping[str, Obj] = NO_STATE,
    image_refs: Mapping[str, str] = NO_STATE,
) -> list[Obj]:
    """Statuses of these containers, `ready` and `started` still false.

    `runtime`: attempts by container name, the newest first. `previous`: the statuses last reported. `reasons`: why a
    container that should be running is not, as the last sync found. `restarting`: all containers of the Pod are being
    removed, to start anew. `actuated`: resources of running containers that have not got the new ones yet.
    `image_refs`: the digest behind each volume that is an image.
    """
    spec = pod["spec"]
    deleting = "deletionTimestamp" in pod["metadata"]
    has_init = bool(spec.get("initContainers"))
    old_by_name = {status["name"]: status for status in previous}
    out: list[Obj] = []
    for container in containers:
        name = container["name"]
        old = old_by_name.get(name)
        attempts = runtime.get(name) or ()
        if attempts:
            status = _from_runtime(container, attempts, old, restarting=restarting)
            if name in actuated and "running" in status["state"]:
                status["resources"] = actuated[name]
        else:
            status = _without_runtime(container, old, deleting=deleting, has_init=has_init, restarting=restarting)
        mounts = container.get("volumeMounts")
        if mounts:
            status["volumeMounts"] = volume_mounts(container, image_refs if attempts else NO_STATE)
        if init and not attempts and "waiting" in status["state"] and _was_init(spec, container, runtime):
            status["state"] = {
                "terminated": {
                    "exitCode": 0,
                    "reason": "Completed",
                    "message": _FORGOTTEN_INIT,
                    "startedAt": None,
                    "finishedAt": None,
                }
            }
        elif (
            name in reasons
            and not (init and attempts and attempts[0].state == EXITED and not attempts[0].exit_code)
            and needs_restart(container, spec.get("restartPolicy"), attempts, deleting=deleting)
        ):
            if "terminated" in status["state"]:
                status["lastState"] = status["state"]
            status["state"] = _waiting(reasons[name])
        out.append(status)
    if not init and len(out) > 1:
        out.sort(key=_name)
    return out


def _name(status: Obj) -> str:
    return status["name"]  # type: ignore[no-any-return]


def _waiting(why: Waiting) -> Obj:
    reason, message = why
    return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}


def _was_init(spec: Mapping[str, Any], container: Mapping[str, Any], runtime: Mapping[str, Sequence[Attempt]]) -> bool:
    """An init container nobody remembers, of a Pod whose own containers exist: it must have ended well."""
    return not is_sidecar(container) and any(runtime.get(other["name"]) for other in spec["containers"])


def _from_runtime(
    container: Mapping[str, Any], attempts: Sequence[Attempt], old: Obj | None, *, restarting: bool
) -> Obj:
    newest = attempts[0]
    restarts = newest.restarts
    if newest.state == UNKNOWN and old is not None and "running" in old["state"]:
        restarts = old["restartCount"] + 1
        reason = RESTARTING_ALL if restarting else STATUS_UNKNOWN
        state: Obj = {"terminated": {**_LOST, "reason": reason}}
    else:
        state = state_of(newest)
        if old is not None and old.get("restartCount", 0) >= restarts:
            # The runtime has forgotten earlier attempts (all containers were restarted): the API has not.
            again = newest.state == RUNNING and "terminated" in (old.get("state") or NO_STATE)
            restarts = old["restartCount"] + 1 if again else old["restartCount"]
    status: Obj = {
        "name": container["name"],
        "state": state,
        "lastState": state_of(attempts[1]) if len(attempts) > 1 else _kept_last_state(newest, old),
        "ready": False,
        "restartCount": restarts,
        "image": newest.image,
        "imageID": newest.image_ref,
        "containerID": newest.id,
        "started": False,
    }
    resources = container.get("resources")
    if resources is not None:
        requests = resources.get("requests")
        if requests:
            status["allocatedResources"] = requests
        status["resources"] = resources
    if newest.state == RUNNING:
        status["user"] = _user(container)
    return status


def _kept_last_state(newest: Attempt, old: Obj | None) -> Obj:
    """An earlier end that the runtime has forgotten but the API still knows."""
    if old is None:
        return NO_STATE
    if old.get("containerID", "") != newest.id and "terminated" in (old.get("state") or NO_STATE):
        return {"terminated": old["state"]["terminated"]}
    last: Obj = old.get("lastState") or NO_STATE
    return last if "terminated" in last else NO_STATE


def _without_runtime(
    container: Mapping[str, Any], old: Obj | None, *, deleting: bool, has_init: bool, restarting: bool
) -> Obj:
    if restarting and old is not None and old.get("state") and "waiting" not in old["state"]:
        status = dict(old) if "terminated" in old["state"] else _unborn(container, has_init=has_init)
        status["state"] = {"waiting": {"reason": RESTARTING_ALL, "message": _REMOVED}}
        status["lastState"] = {
            "terminated": {
                "exitCode": 137,
                "reason": RESTARTING_ALL,
                "message": _REMOVED,
                "startedAt": None,
                "finishedAt": None,
            }
        }
        status["restartCount"] = old["restartCount"] + 1
        return status
    if old is not None and "terminated" in old["state"]:
        return dict(old)
    status = _unborn(container, has_init=has_init)
    if old is None:
        return status
    status["restartCount"] = old["restartCount"]
    status["lastState"] = old.get("lastState") or NO_STATE
    if "running" in old["state"] and "terminated" not in status["lastState"]:
        # It ran, and now nobody knows it: say that it ended, or the Pod would seem never to have started.
        status["lastState"] = _VANISHED
        if not deleting:
            status["restartCount"] += 1
    return status


def _unborn(container: Mapping[str, Any], *, has_init: bool) -> Obj:
    return {
        "name": container["name"],
        "state": _INITIALIZING if has_init else _CREATING,
        "lastState": NO_STATE,
        "ready": False,
        "restartCount": 0,
        "image": container.get("image", ""),
        "imageID": "",
        "started": False,
    }


def _user(container: Mapping[str, Any]) -> Obj:
    context = container.get("securityContext")
    if not context or ("runAsUser" not in context and "runAsGroup" not in context):
        return _ROOT
    group = context.get("runAsGroup", 0)
    return {"linux": {"gid": group, "supplementalGroups": [group], "uid": context.get("runAsUser", 0)}}
