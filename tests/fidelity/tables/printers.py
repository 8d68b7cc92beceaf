"""Printers: the columns and cells of tables, as pkg/printers/internalversion makes them."""

from __future__ import annotations

import re
from typing import Any

from apps.cluster.api import printers
from apps.cluster.api.printers.pods import row_conditions
from apps.cluster.api.printers.words import Look
from apps.cluster.apimachinery.timestamps import human_duration, parse
from tests.fidelity.tables.goform import whole
from tests.fidelity.tables.registry import Row, adaptor, same

BEFORE = "printers__internalversion__"
# The test's name without TestPrint -> the kind, where that is not the name itself.
KINDS = {
    "HPA": "HorizontalPodAutoscaler",
    "Endpoint": "Endpoints",
    "EventsResultSorted": "Event",
    "NonTerminatedPod": "Pod",
    "PodConditions": "Pod",
    "PodWithRestartableInitContainer": "Pod",
    "Podwide": "Pod",
    "ServiceLoadBalancer": "Service",
}
GROUPS = {name.partition(".")[0]: name.partition(".")[2] for name in printers.PRINTERS}
TIME = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"')


def kind_of(test: str) -> str:
    name = test.removeprefix("TestPrint")
    return "Node" if name.startswith("Node") else KINDS.get(name, name)


def times(value: Any) -> list[int]:
    """Every instant that a row holds."""
    if isinstance(value, dict):
        return [one for entry in value.values() for one in times(entry)]
    if isinstance(value, list):
        return [one for entry in value for one in times(entry)]
    if isinstance(value, str) and TIME.fullmatch(f'"{value}"'):
        return [parse(value)]
    return []


def ages(cells: list[Any]) -> list[int]:
    """The ages among the cells, in milliseconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 86400 * 365}
    found = []
    for cell in cells:
        for text in re.findall(r"(?:^|\()((?:\d+[smhdy])+)(?: ago\))?$", str(cell)):
            found.append(sum(int(number) * units[unit] * 1000 for number, unit in re.findall(r"(\d+)([smhdy])", text)))
    return found


def held(kind: str, objects: list[Any], expected: list[dict[str, Any]], wide: bool) -> None:
    """A row's cells. When they were made is not recorded: it is an expected age after one of the row's instants."""
    moments = {time + age for time in [*times(objects), 0] for age in [*ages(expected[0]["cells"]), 0]}
    best: list[list[Any]] = []
    for now in sorted(moments):
        ours = [printers.cells(GROUPS[kind], kind, one, Look(now, wide)) for one in objects]
        best = best or ours
        if ours == [row["cells"] for row in expected]:
            best = ours
            break
    same(best, [row["cells"] for row in expected])
    if kind == "Pod":
        same([row_conditions(one) for one in objects], [row.get("conditions") or [] for row in expected])


def rows_of_objects(row: Row) -> None:
    expected = row["expected"] or row["expect"]
    kind = kind_of(row.table.rpartition("__")[2])
    subject = next(value for name, value in row.items() if name not in ("expected", "expect", "options", "name"))
    if kind.endswith("List"):
        kind, subject = kind.removesuffix("List"), subject["items"]
    # Tests that hand no options to the printer print what is always shown; those of nodes print everything.
    options = row["options"]
    wide = bool(options["Wide"]) if options is not None else len(expected[0]["cells"]) > narrow(kind)
    objects = subject if isinstance(subject, list) else [subject]
    held(kind, [whole(one) for one in objects], expected, wide)


def narrow(kind: str) -> int:
    return len(printers.columns(GROUPS[kind], kind, False))


def tests_of(names: str) -> tuple[str, ...]:
    return tuple(f"{BEFORE}TestPrint{name}" for name in names.split())


SEEN = (
    "ClusterTrustBundle ConfigMap IngressClass Job Namespace NetworkPolicy NodeExternalIP NodeKernelVersion NodeRole"
    " NonTerminatedPod Pod PodCertificateRequest PodList ResourceClaimTemplate ResourceSlice RuntimeClass"
    " ServiceAccount ServiceCIDR ServiceLoadBalancer StatefulSet StorageVersion"
)
UNSEEN = (
    "Event EventsResultSorted Secret NodeStatus NodeOSImage NodeArch NodeContainerRuntimeVersion NodeName"
    " NodeInternalIP Ingress PodWithRestartableInitContainer Podwide PodConditions PodTemplate PodTemplateList"
    " Deployment DaemonSet DaemonSetList JobList HPA Service ServiceList PodDisruptionBudget"
    " PodDisruptionBudgetList ControllerRevision RoleBinding ClusterRoleBinding CertificateSigningRequest"
    " ReplicationController ReplicaSet ReplicaSetList PersistentVolume PersistentVolumeClaim ComponentStatus"
    " CronJob CronJobList StorageClass VolumeAttributesClass Lease PriorityClass Endpoint EndpointSlice FlowSchema"
    " DeviceClass ResourceClaim PriorityLevelConfiguration Scale ValidatingAdmissionPolicyBinding LeaseCandidate"
    " ResourceQuota IPAddress IPAddressList ServiceCIDRList StorageVersionMigration StorageVersionMigrationList"
    " Workload WorkloadList PodGroup PodGroupList ResourcePoolStatusRequest"
)
adaptor(*tests_of(SEEN), also=tests_of(UNSEEN))(rows_of_objects)


@adaptor("printers__columns_all_kinds")
def columns(row: Row) -> None:
    kind = row["type"].partition(".")[2].removesuffix("List")
    ours = printers.columns(GROUPS[kind], kind)
    same([{**one, "description": ""} for one in ours], [{"description": "", **one} for one in row["columns"]])


# The rows hold what Go's function gave; what it was given is told here, by the row's name: milliseconds from now.
DAY = 86_400_000
OFFSETS = {
    "a while ago": -2_100,
    "almost now": -1_900,
    "now": 0,
    "in 30 seconds": 30_100,
    "in 5 minutes": 300_100,
    "in an hour": 6_000_100,
    "in 2 days": 2 * DAY + 100,
    "in months": 90 * DAY + 100,
    "in 10 years": 3650 * DAY + 100,
    "a while from now": -2_100,
    "30 seconds ago": 30_000,
    "5 minutes ago": 300_000,
    "an hour ago": 6_000_000,
    "2 days ago": 2 * DAY,
    "months ago": 90 * DAY,
    "10 years ago": 3650 * DAY,
}


@adaptor(BEFORE + "TestTranslateTimestampUntil", also=(BEFORE + "TestTranslateTimestampSince",))
def translate(row: Row) -> None:
    if row["name"] == "unknown":
        same(Look(0).until(None), row["exp"])
    else:
        same(human_duration(OFFSETS[row["name"]]), row["exp"])
