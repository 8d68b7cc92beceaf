"""The status of a Pod: everything its kubelet says about it, from what the runtime knows and what was said before.

Models      pkg/kubelet/kubelet_pods.go (generateAPIPodStatus), pkg/kubelet/status/status_manager.go (mergePodStatus),
            pkg/kubelet/prober/prober_manager.go (UpdatePodStatus)
Leaves out  second IP family
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from apps.cluster.kubelet import conditions
from apps.cluster.kubelet.container_status import Attempt, Waiting, convert
from apps.cluster.kubelet.phase import FAILED, TERMINAL, could_restart_all, get_phase, is_sidecar, is_static

Obj = dict[str, Any]
Probed = Mapping[str, tuple[bool, bool]]  # container name -> (ready, started)

NO_REASONS: Mapping[str, Waiting] = {}
NOTHING: Mapping[str, Obj] = {}
_TRUE = conditions.TRUE
_FALSE = conditions.FALSE


@lru_cache(maxsize=8192)
def _addresses(ip: str) -> list[Obj]:
    """One for all Pods of a machine."""
    return [{"ip": ip}]


def generate(
    pod: Obj,
    old: Obj,
    runtime: Mapping[str, Sequence[Attempt]],
    probed: Probed,
    now: str,
    *,
    sandbox_ip: str | None,
    host_ip: str,
    reasons: Mapping[str, Waiting] = NO_REASONS,
    terminal: bool = False,
    resources: tuple[Obj, Obj] | None = None,
    evicted: tuple[str, str] | None = None,
    disruption: str = "",
    restarting: bool = False,
    resize: Sequence[Obj] = (),
    actuated: Mapping[str, Obj] = NOTHING,
    started: bool = True,
) -> Obj:
    """The new `status` of `pod`; `old` is the one last reported.

    `sandbox_ip`: the Pod's address, "" when its sandbox has none of its own (host network), None without a sandbox.
    `terminal`: its containers will not be started again. `resources`: what the whole Pod may use (allocatedResources,
    resources). `evicted`: reason and message of why it has to fail; `disruption`: the message of the condition that
    goes with it. `restarting`: all its containers are being removed, to start anew. `resize`: conditions of a resize in
    place; `actuated`: resources of containers that have not got the new ones yet. `started`: give it a start time.
    """
    spec = pod["spec"]
    init_specs = spec.get("initContainers") or ()
    more: dict[str, Any] = {"restarting": restarting, "actuated": actuated}
    statuses = convert(pod, spec["containers"], runtime, old.get("containerStatuses") or (), reasons, **more)
    init_statuses = (
        convert(pod, init_specs, runtime, old.get("initContainerStatuses") or (), reasons, init=True, **more)
        if init_specs
        else []
    )
    ephemeral = spec.get("ephemeralContainers")
    ephemeral_statuses = (
        convert(pod, ephemeral, runtime, old.get("ephemeralContainerStatuses") or (), reasons, **more)
        if ephemeral
        else []
    )
    _apply_probes(statuses, probed)
    if init_statuses:
        _apply_init_probes(init_specs, init_statuses, probed)

    everything = statuses + init_statuses
    reported = pod["status"].get("phase")
    phase = get_phase(
        spec,
        everything,
        terminal=terminal,
        initialized=any(container["name"] in runtime for container in spec["containers"]),
        static=is_static(pod),
    )
    if phase not in TERMINAL:
        if old.get("phase") in TERMINAL:
            phase = old["phase"]
        elif reported in TERMINAL:
            phase = reported
    if evicted is not None:
        phase = FAILED
    if reported in TERMINAL:
        phase = reported  # nothing leads out of a terminal phase

    out: Obj = {}
    generation = pod["metadata"].get("generation", 0)
    if generation:
        out["observedGeneration"] = generation
    out["phase"] = phase
    by_name = {status["name"]: status for status in everything}
    containers = conditions.containers_ready(spec, by_name, phase)
    kept: Sequence[Obj] = _newest(pod["status"].get("conditions") or (), old.get("conditions") or ())
    if disruption and phase in TERMINAL:
        kept = conditions.with_disruption(kept, disruption, generation, now)
    findings: list[tuple[str, conditions.Finding]] = [
        (conditions.READY_TO_START, _FALSE if sandbox_ip is None else _TRUE),
        (conditions.INITIALIZED, conditions.initialized(spec, by_name, phase, kept)),
        (conditions.READY, conditions.ready(spec.get("readinessGates") or (), kept, containers)),
        (conditions.CONTAINERS_READY, containers),
        (conditions.SCHEDULED, _TRUE),
    ]
    if restarting or could_restart_all(spec):
        findings.append((conditions.ALL_RESTARTING, conditions.all_restarting(phase, restarting and bool(runtime))))
    out["conditions"] = conditions.merged(findings, kept, generation, now, resize)
    if evicted is not None:
        out["reason"], out["message"] = evicted
    elif phase == old.get("phase"):
        for field in ("message", "reason"):
            text = old.get(field) or pod["status"].get(field)
            if text:
                out[field] = text
    out["hostIP"] = host_ip
    out["hostIPs"] = _addresses(host_ip)
    # A sandbox that is gone leaves the address that was last known (PLEG's cache).
    address = host_ip if spec.get("hostNetwork") else sandbox_ip or old.get("podIP")
    if address:
        out["podIP"] = address
        out["podIPs"] = [{"ip": address}]
    if started:
        out["startTime"] = old.get("startTime") or pod["status"].get("startTime") or now
    if init_statuses:
        out["initContainerStatuses"] = init_statuses
    out["containerStatuses"] = statuses
    if ephemeral_statuses:
        out["ephemeralContainerStatuses"] = ephemeral_statuses
    qos = pod["status"].get("qosClass")
    if qos:
        out["qosClass"] = qos
    if resources is not None:
        allocated, allowed = resources
        if allocated:
            out["allocatedResources"] = allocated
        out["resources"] = allowed
    for field in ("nominatedNodeName", "resourceClaimStatuses", "extendedResourceClaimStatus"):
        if field in pod["status"]:
            out[field] = pod["status"][field]  # somebody else's, kept by the merge
    return out


def _apply_probes(statuses: Sequence[Obj], probed: Probed) -> None:
    for status in statuses:
        if "running" in status["state"]:
            status["ready"], status["started"] = probed.get(status["name"], (False, False))


def _apply_init_probes(specs: Sequence[Obj], statuses: Sequence[Obj], probed: Probed) -> None:
    for container, status in zip(specs, statuses, strict=True):
        state = status["state"]
        if is_sidecar(container):
            if "running" in state:
                status["ready"], status["started"] = probed.get(status["name"], (False, False))
        else:
            ended = state.get("terminated")
            status["ready"] = ended is not None and ended["exitCode"] == 0
            status["started"] = "running" in state


def _newest(api: Sequence[Obj], ours: Sequence[Obj]) -> Sequence[Obj]:
    """Conditions as the API server has them; of those it does not know yet, what we said last."""
    if not ours or ours is api:
        return api
    known = {condition["type"] for condition in api}
    missing = [condition for condition in ours if condition["type"] not in known]
    return [*api, *missing] if missing else api
