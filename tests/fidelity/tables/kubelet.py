"""The kubelet: a Pod's phase, its status, and what it asks for."""

from __future__ import annotations

from typing import Any

from apps.cluster.kubelet import conditions, status
from apps.cluster.kubelet.container_status import Attempt
from apps.cluster.kubelet.phase import any_regular_container_started, get_phase
from apps.cluster.kubelet.resources import status_resources
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import Obj, bare


@adaptor(
    "kubelet__kubelet__TestPodPhaseWithContainerRestartPolicyInitContainers",
    "kubelet__kubelet__TestPodPhaseWithRestartAlwaysAndPodHasRun",
    "kubelet__kubelet__TestPodPhaseWithRestartAlwaysInitContainers",
    "kubelet__kubelet__TestPodPhaseWithRestartNever",
)
def phase(row: Row) -> None:
    pod = row["pod"] or {"spec": row["spec"], "status": {"containerStatuses": row["statuses"]}}
    given = pod.get("status") or {}
    statuses = [*(given.get("containerStatuses") or ()), *(given.get("initContainerStatuses") or ())]
    flags = {"terminal": bool(row["podIsTerminal"]), "initialized": bool(row["podHasInitialized"])}
    found = get_phase(pod["spec"], statuses, **flags)
    same(found, row["status"] if "status" in row else row["expectedPhase"])


@adaptor("kubelet__container__TestHasAnyActiveRegularContainerStarted")
def a_regular_container_has_started(row: Row) -> None:
    active = row["podStatus"].get("ActiveContainerStatuses") or ()
    names = [one["Name"] for one in active if one["State"] in ("running", "exited")]
    same(any_regular_container_started(row["spec"], names), row["expected"])


def attempts(pod_status: Obj) -> dict[str, list[Attempt]]:
    """A kubecontainer.PodStatus's containers, by name."""
    out: dict[str, list[Attempt]] = {}
    for row in pod_status.get("ContainerStatuses") or ():
        attempt = Attempt(row["ID"], row["Image"], row["ImageRef"], row["RestartCount"], row["State"])
        attempt.exit_code = row["ExitCode"]
        attempt.reason, attempt.message = row["Reason"], row["Message"]
        out.setdefault(row["Name"], []).append(attempt)
    return out


def _generate(row: Row) -> Obj:
    pod = {**row["pod"], "status": row["pod"].get("status") or {}}
    runtime = attempts(row["currentStatus"])
    sandboxes = row["currentStatus"].get("SandboxStatuses")
    names = [one["name"] for one in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]]
    resources = row["inPlacePodLevelResourcesVerticalScalingEnabled"]
    return status.generate(
        pod,
        row["previousStatus"] or {},
        runtime,
        dict.fromkeys(names, (True, True)),
        "2026-11-23T04:22:00Z",
        sandbox_ip=sandboxes[0]["network"]["ip"] if sandboxes else None,
        host_ip="127.0.0.1",
        terminal=bool(row["isPodTerminal"]),
        resources=status_resources(pod["spec"]) if resources else None,
    )


def _container_facts(one: Obj) -> Any:
    """All but times: the fixtures count from 1970, our clock begins later."""
    kept = {key: one.get(key) for key in ("name", "restartCount", "containerID", "resources", "allocatedResources")}
    for field in ("state", "lastState"):
        for state, said in (one.get(field) or {}).items():
            kept[field] = [state, {key: value for key, value in said.items() if not key.endswith("At")}]
    return bare(kept)


@adaptor("kubelet__kubelet__Test_generateAPIPodStatus")
def generate_status(row: Row) -> None:
    expected, made = row["expected"], _generate(row)
    for field in ("phase", "reason", "message"):
        same(made.get(field, ""), expected.get(field, ""), field)
    same(made.get("qosClass", expected.get("qosClass")), expected.get("qosClass"), "qosClass")
    for field in ("containerStatuses", "initContainerStatuses"):
        ours = [_container_facts(one) for one in made.get(field) or ()]
        same(ours, [_container_facts(one) for one in expected.get(field) or ()], field)
    if row["inPlacePodLevelResourcesVerticalScalingEnabled"]:
        for field in ("resources", "allocatedResources"):
            same(made.get(field, {}), expected.get(field, {}), field)
    _conditions(row, expected, made)


def _conditions(row: Row, expected: Obj, made: Obj) -> None:
    """The fake prober of that test says ready for every container, running or not: so the findings are compared on
    its container statuses, not on ours."""
    wanted = {one["type"]: one for one in [*expected["conditions"], row["expectedPodReadyToStartContainersCondition"]]}
    disruption = row["expectedPodDisruptionCondition"]
    if disruption and disruption.get("type"):
        wanted[disruption["type"]] = disruption
    ours = {one["type"]: one for one in made["conditions"]}
    statuses = [*expected["containerStatuses"], *(expected.get("initContainerStatuses") or ())]
    ready = conditions.containers_ready(row["pod"]["spec"], {one["name"]: one for one in statuses}, expected["phase"])
    for type_ in (conditions.READY, conditions.CONTAINERS_READY):
        said = wanted.pop(type_)
        same(ready, (said["status"], said.get("reason", ""), said.get("message", "")), type_)
        ours.pop(type_)
    told = {type_: one["status"] for type_, one in wanted.items() if type_}
    same({type_: one["status"] for type_, one in ours.items()}, told, "conditions")
