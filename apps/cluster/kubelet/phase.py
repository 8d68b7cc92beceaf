"""The phase of a Pod: Pending, Running, Succeeded or Failed, worked out from its containers.

Models      pkg/kubelet/kubelet_pods.go (getPhase), pkg/api/v1/pod/util.go (ContainerShouldRestart),
            pkg/kubelet/container/helpers.go (HasAnyActiveRegularContainerStarted)
Leaves out  nothing of its own
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Obj = dict[str, Any]

PENDING = "Pending"
RUNNING = "Running"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
TERMINAL = frozenset({SUCCEEDED, FAILED})

CONFIG_SOURCE = "kubernetes.io/config.source"
CONFIG_MIRROR = "kubernetes.io/config.mirror"


def is_sidecar(container: Mapping[str, Any]) -> bool:
    """An init container that keeps running beside the others (restartPolicy: Always)."""
    return container.get("restartPolicy") == "Always"


def is_static(pod: Mapping[str, Any]) -> bool:
    """It comes from a file on its node and not from the API server."""
    source = (pod["metadata"].get("annotations") or {}).get(CONFIG_SOURCE)
    return source is not None and source != "api"


RESTART = "Restart"
RESTART_ALL = "RestartAllContainers"


def matching_rule(container: Mapping[str, Any], exit_code: int) -> str:
    """The action of the container's first restart rule that speaks of this exit code, "" when none does.

    >>> rule = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
    >>> matching_rule({"restartPolicyRules": [rule]}, 42)
    'Restart'
    """
    for rule in container.get("restartPolicyRules") or ():
        wanted = rule.get("exitCodes")
        if not wanted:
            continue
        inside = exit_code in (wanted.get("values") or ())
        if inside == (wanted.get("operator") == "In"):
            return str(rule.get("action", ""))
    return ""


def should_restart(container: Mapping[str, Any], pod_policy: str | None, exit_code: int) -> bool:
    """Whether a container that ended with this code is to run again: its own rules, its own policy, then the Pod's.

    >>> should_restart({}, "OnFailure", 0), should_restart({}, "OnFailure", 1), should_restart({}, "Never", 1)
    (False, True, False)
    """
    own = container.get("restartPolicy")
    if own and matching_rule(container, exit_code) in (RESTART, RESTART_ALL):
        return True
    policy = own or pod_policy
    if policy == "Never":
        return False
    if policy == "OnFailure":
        return exit_code != 0
    return True


def probe_failure_restarts(container: Mapping[str, Any], pod_policy: str | None) -> bool:
    """Whether a container is started again that was stopped because a probe failed: rules are not asked then."""
    return (container.get("restartPolicy") or pod_policy) != "Never"


def restarts_all(container: Mapping[str, Any], exit_code: int) -> bool:
    """Whether its end makes every container of the Pod start anew."""
    return matching_rule(container, exit_code) == RESTART_ALL


def could_restart_all(spec: Mapping[str, Any]) -> bool:
    """Whether any container has a rule that restarts them all."""
    for containers in (spec.get("initContainers"), spec.get("containers")):
        for container in containers or ():
            for rule in container.get("restartPolicyRules") or ():
                if rule.get("action") == RESTART_ALL:
                    return True
    return False


def any_regular_container_started(spec: Mapping[str, Any], running_or_exited: Iterable[str]) -> bool:
    """One of the Pod's own containers (not its init containers) exists in the runtime's present sandbox."""
    regular = {container["name"] for container in spec["containers"]}
    return any(name in regular for name in running_or_exited)


def regular_container_has_run(spec: Mapping[str, Any], statuses: Iterable[Mapping[str, Any]]) -> bool:
    """One of the Pod's own containers runs, or has ended, as far as its statuses tell."""
    regular = {container["name"] for container in spec["containers"]}
    return any(
        status["name"] in regular and ("running" in state or "terminated" in state)
        for status in statuses
        if (state := status.get("state") or {}) is not None
    )


def must_restart_all(
    spec: Mapping[str, Any],
    exit_codes: Mapping[str, int],
    status: Mapping[str, Any] | None = None,
) -> bool:
    """Whether every container of the Pod is to start anew: it was said already, or one has ended with such a code.

    `exit_codes`: of containers whose newest attempt the runtime knows to have ended.
    """
    given = status or {}
    if any(
        one["type"] == "AllContainersRestarting" and one["status"] == "True" for one in given.get("conditions") or ()
    ):
        return True
    codes = {
        one["name"]: one["state"]["terminated"]["exitCode"]
        for field in ("initContainerStatuses", "containerStatuses")
        for one in given.get(field) or ()
        if "terminated" in (one.get("state") or {})
    }
    return any(
        restarts_all(container, code)
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
        for known in (exit_codes, codes)
        if (code := known.get(container["name"])) is not None
    )


def get_phase(
    spec: Mapping[str, Any],
    statuses: Sequence[Mapping[str, Any]],
    *,
    terminal: bool = False,
    initialized: bool = False,
    static: bool = False,
) -> str:
    """The phase, from the container statuses of init and regular containers together.

    `terminal`: the containers will not be started again whatever the policy. `initialized`: a regular container has
    run in this sandbox. `static`: terminal phases are not given to static Pods.
    """
    by_name = {status["name"]: status for status in statuses}
    policy = spec.get("restartPolicy")
    pending_init = pending_sidecars = failed_for_good = 0
    unknown = running = waiting = stopped = stopped_for_good = succeeded = 0

    for container in spec.get("initContainers") or ():
        status = by_name.get(container["name"])
        state = status["state"] if status is not None else {}
        if is_sidecar(container):
            if status is None:
                unknown += 1
            elif "running" in state:
                pending_sidecars += not status.get("started")
                running += 1
            elif "terminated" in state:
                pass  # a sidecar that ended does not count for the phase
            elif "waiting" in state:
                if "terminated" not in (status.get("lastState") or ()):
                    pending_sidecars += 1
                    waiting += 1
            else:
                pending_sidecars += 1
                unknown += 1
            continue
        ended = state.get("terminated")
        if ended is None and "waiting" in state and status is not None:
            ended = (status.get("lastState") or {}).get("terminated")
        if ended is None:
            pending_init += 1
        elif ended["exitCode"] != 0 and not should_restart(container, policy, ended["exitCode"]):
            failed_for_good += 1

    for container in spec["containers"]:
        status = by_name.get(container["name"])
        if status is None:
            unknown += 1
            continue
        state = status["state"]
        if "running" in state:
            running += 1
            continue
        if "terminated" in state:
            ended = state["terminated"]
            succeeded += ended["exitCode"] == 0
        elif "waiting" in state:
            ended = (status.get("lastState") or {}).get("terminated")
            if ended is None:
                waiting += 1
                continue
        else:
            unknown += 1
            continue
        stopped += 1
        stopped_for_good += not should_restart(container, policy, ended["exitCode"])

    if failed_for_good:
        return FAILED
    if pending_init or (pending_sidecars and not initialized) or waiting:
        return PENDING
    if running and not unknown:
        return RUNNING
    if not running and stopped and not unknown:
        if terminal and not static:
            return SUCCEEDED if stopped == succeeded else FAILED
        if stopped != stopped_for_good:
            return RUNNING  # at least one is about to be started again
        return SUCCEEDED if stopped == succeeded else FAILED
    return PENDING
