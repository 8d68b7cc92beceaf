"""The kubelet: a Pod's phase, its status, and what it asks for."""

from __future__ import annotations

from typing import Any

from apps.cluster.kubelet import conditions, container_config, hosts, status
from apps.cluster.kubelet.container_status import Attempt, convert, sandbox_state
from apps.cluster.kubelet.phase import (
    any_regular_container_started,
    get_phase,
    must_restart_all,
    regular_container_has_run,
)
from apps.cluster.kubelet.resources import status_resources
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import Obj, bare

# Tests that tell getPhase of a Pod whose own containers have run.
RUNS = ("TestPodPhaseWithContainerRestartPolicy", "TestPodPhaseWithRestartAllContainers")


@adaptor(
    "kubelet__kubelet__TestPodPhaseWithContainerRestartPolicyInitContainers",
    "kubelet__kubelet__TestPodPhaseWithRestartAlwaysAndPodHasRun",
    "kubelet__kubelet__TestPodPhaseWithRestartAlwaysInitContainers",
    "kubelet__kubelet__TestPodPhaseWithRestartNever",
    also=(
        "kubelet__kubelet__TestPodPhaseWithRestartAlways",
        "kubelet__kubelet__TestPodPhaseWithRestartAlwaysRestartableInitContainers",
        "kubelet__kubelet__TestPodPhaseWithRestartNeverInitContainers",
        "kubelet__kubelet__TestPodPhaseWithRestartNeverRestartableInitContainers",
        "kubelet__kubelet__TestPodPhaseWithRestartOnFailure",
        "kubelet__kubelet__TestPodPhaseWithContainerRestartPolicy",
        "kubelet__kubelet__TestPodPhaseWithRestartAllContainers",
    ),
)
def phase(row: Row) -> None:
    pod = row["pod"] or {"spec": row["spec"], "status": {"containerStatuses": row["statuses"]}}
    given = pod.get("status") or {}
    statuses = [*(given.get("containerStatuses") or ()), *(given.get("initContainerStatuses") or ())]
    initialized = bool(row["podHasInitialized"]) or row.table.rpartition("__")[2] in RUNS
    flags = {"terminal": bool(row["podIsTerminal"]), "initialized": initialized}
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


@adaptor("kubelet__container__TestGetContainerSpec")
def a_container_by_its_name(row: Row) -> None:
    same(bare(container_config.find(row["havePod"], row["haveName"])), bare(row["wantContainer"]))


@adaptor("kubelet__container__TestHashContainerWithoutResources")
def hash_of_a_container(row: Row) -> None:
    same(container_config.container_hash(row["container"]), row["expectedHash"])


@adaptor(also=("kubelet__container__TestHashContainer",))
def hash_of_a_container_in_parts(row: Row) -> None:
    same(container_config.container_hash({"name": row["name"], "image": row["image"]}), row["expectedHash"])


@adaptor("kubelet__container__TestSandboxToContainerState")
def state_of_a_sandbox(row: Row) -> None:
    same(sandbox_state(row["input"] or 0), row["expected"])


@adaptor("kubelet__container__TestShouldAllContainersRestart")
def all_containers_restart(row: Row) -> None:
    newest: dict[str, Obj] = {}
    for one in (row["podStatus"] or {}).get("ContainerStatuses") or ():
        newest.setdefault(one["Name"], one)
    codes = {name: one["ExitCode"] for name, one in newest.items() if one["State"] == "exited"}
    same(must_restart_all(row["pod"]["spec"], codes, row["apiPodStatus"]), bool(row["expected"]))


@adaptor(also=("kubelet__container__TestHasAnyRegularContainerStarted",))
def a_regular_container_has_run(row: Row) -> None:
    same(regular_container_has_run(row["spec"], row["statuses"] or ()), bool(row["expectStarted"]))


def _values(envs: list[Obj] | None) -> dict[str, str]:
    return {one.get("name", one.get("Name", "")): one.get("value", one.get("Value", "")) for one in envs or ()}


@adaptor(also=("kubelet__container__TestExpandCommandAndArgs",))
def command_and_arguments(row: Row) -> None:
    container, values = row["container"] or {}, _values(row["envs"])
    same(container_config.words(container.get("command"), values), row["expectedCommand"] or [], "command")
    same(container_config.words(container.get("args"), values), row["expectedArgs"] or [], "args")


@adaptor(also=("kubelet__container__TestExpandContainerCommandOnlyStatic",))
def command_with_plain_values(row: Row) -> None:
    same(container_config.words(row["command"], _values(row["envs"])), row["expected"] or [])


@adaptor(also=("kubelet__container__TestExpandVolumeMountsWithSubpath",))
def path_of_a_mount(row: Row) -> None:
    mount = row["container"]["volumeMounts"][0]
    path = container_config.sub_path(mount.get("subPathExpr", ""), _values(row["envs"]))
    same(path is not None, bool(row["expectedOk"]), "ok")
    if path is not None:
        same(path, row["expectedSubPath"] or "", "path")


@adaptor(also=("kubelet__container__TestHasPrivilegedContainer",))
def a_privileged_container(row: Row) -> None:
    for kind in ("containers", "initContainers"):
        pod = {"spec": {kind: [{"securityContext": row["securityContext"]}]}}
        same(container_config.is_privileged(pod), bool(row["expected"]), kind)


@adaptor(also=("kubelet__container__TestMakePortMappings",))
def ports_of_a_container(row: Row) -> None:
    expected = [
        {
            "protocol": one["Protocol"],
            "containerPort": one["ContainerPort"],
            "hostPort": one["HostPort"],
            "hostIP": one["HostIP"],
        }
        for one in row["expectedPortMappings"] or ()
    ]
    same(container_config.port_mappings(row["container"]), expected)


@adaptor("kubelet__kubelet__TestNodeHostsFileContent")
def hosts_file_of_the_machine(row: Row) -> None:
    made = hosts.node_file(row["rawHostsFileContent"], row["hostAliases"] or ())
    same(made, row["expectedHostsFileContent"])


@adaptor(also=("kubelet__kubelet__TestManagedHostsFileContent",))
def hosts_file_of_a_pod(row: Row) -> None:
    made = hosts.managed_file(
        row["hostIPs"] or (), row["hostName"] or "", row["hostDomainName"] or "", row["hostAliases"] or ()
    )
    same(made, row["expectedContent"])


@adaptor("kubelet__kubelet__TestTruncatePodHostname")
def a_long_hostname(row: Row) -> None:
    same(hosts.truncated("pod", row["input"]), row["output"])


@adaptor(also=("kubelet__kubelet__TestGeneratePodHostNameAndDomain",))
def hostname_of_a_pod(row: Row) -> None:
    if row["podHostnameOverride"] is not None and not row["featureGateEnabled"]:
        return  # on in 1.36
    spec = {
        "hostname": row["podHostname"],
        "subdomain": row["podSubdomain"],
        "hostnameOverride": row["podHostnameOverride"],
    }
    pod = {"metadata": {"name": row["podName"], "namespace": "default"}, "spec": spec}
    try:
        found: tuple[str, str] | None = hosts.hostname_and_domain(pod)
    except hosts.InvalidHostname:
        found = None
    same(found is None, bool(row["expectError"]), "error")
    if found is not None:
        same(found, (row["expectedHostname"] or "", row["expectedDomain"] or ""))


@adaptor(also=("kubelet__kubelet__TestResolveRecursiveReadOnly",))
def recursive_read_only(row: Row) -> None:
    problem, found = "", False
    try:
        found = container_config.recursive_read_only(row["m"], supported=bool(row["runtimeSupportsRRO"]))
    except ValueError as error:
        problem = str(error)
    if row["expectedErr"]:
        same(row["expectedErr"] in problem, True, problem)
    else:
        same((found, problem), (bool(row["expected"]), ""))


@adaptor("kubelet__kubelet__Test_generateAPIPodStatusForInPlaceVPAEnabled")
def no_resize_without_a_change(row: Row) -> None:
    pod = row["pod"]
    made = status.generate(
        pod, row["oldStatus"] or pod["status"], {}, {}, "2026-11-23T04:22:00Z", sandbox_ip=None, host_ip="127.0.0.1"
    )
    same([one["type"] for one in made["conditions"] if one["type"].startswith("PodResize")], [])


DIGEST = "registry.k8s.io/example@sha256:"


@adaptor("kubelet__kubelet__TestConvertToAPIContainerStatusesWithImageVolumeDigest")
def digest_of_an_image_volume(row: Row) -> None:
    pod = row["pod"]
    expected = row["expected"]
    wanted = [
        mount["volumeStatus"]["image"]["imageRef"]
        for one in expected
        for mount in one.get("volumeMounts") or ()
        if mount.get("volumeStatus")
    ]
    made = convert(
        pod,
        pod["spec"]["containers"],
        attempts(row["currentStatus"]),
        row["previousStatus"] or (),
        {},
        image_refs={"image-volume": wanted[0]} if wanted else {},
    )
    for ours, theirs in zip(made, expected, strict=True):
        same(bare(ours.get("volumeMounts")), bare(theirs.get("volumeMounts")), "volumeMounts")
        same(ours["containerID"], theirs.get("containerID", ""), "containerID")
        same(list(ours["state"]), list(theirs["state"]), "state")


@adaptor(also=("kubelet__kubelet__TestConvertToAPIContainerStatuses",))
def container_statuses(row: Row) -> None:
    made = convert(
        row["pod"],
        row["containers"] or (),
        attempts(row["currentStatus"]),
        row["previousStatus"] or (),
        {},
        init=bool(row["isInitContainer"]),
        restarting=bool(row["podRestarting"]),
    )
    for ours, theirs in zip(made, row["expected"] or (), strict=True):
        found, wanted = _container_facts(ours), _container_facts(theirs)
        for one in (found, wanted):
            one.pop("containerID", None)
            one.pop("resources", None)
            for field in ("state", "lastState"):
                if one.get(field) and isinstance(one[field][1], dict):
                    one[field][1].pop("containerID", None)
        same(found, wanted)
