"""Quantities reckoned with, and what Pods ask for."""

from __future__ import annotations

from typing import Any

from apps.cluster.api import podresources
from apps.cluster.apimachinery import quantity
from tests.fidelity.tables.registry import Row, adaptor, same

QUANTITY = "quantity__resource__"


@adaptor(QUANTITY + "TestMul")
def multiply(row: Row) -> None:
    product, fits = quantity.parse(row["a"]).times(row["b"] or 0)
    same((product.canonical(), fits), (row["expected"], bool(row["ok"])))


@adaptor(QUANTITY + "TestSub", also=(QUANTITY + "TestAdd",))
def subtract(row: Row) -> None:
    sign = -1 if row.table.endswith("Sub") else 1
    found = quantity.minus_or_plus(quantity.parse(row["a"]), quantity.parse(row["b"]), sign)
    same(found.canonical(), quantity.parse(row["expected"]).canonical())


# What Pods ask for.

RESOURCES = "pod-resources__resource__"


def options_of(given: dict[str, Any] | None) -> podresources.Options:
    given = given or {}
    return podresources.Options(
        use_status=given.get("UseStatusResources", False),
        pod_level_resize=given.get("InPlacePodLevelResourcesVerticalScalingEnabled", False),
        exclude_overhead=given.get("ExcludeOverhead", False),
        non_missing=given.get("NonMissingContainerRequests") or {},
        skip_pod_level=given.get("SkipPodLevelResources", False),
        skip_containers=given.get("SkipContainerLevelResources", False),
        claims=given.get("UseDRANodeAllocatableResourceClaimStatus", False),
    )


def pod_of(row: Row) -> dict[str, Any]:
    spec = {
        "containers": row["containers"] or [],
        "initContainers": row["initContainers"] or [],
        "overhead": row["overhead"],
        "resources": row["podResources"],
    }
    status = {
        "containerStatuses": row["containerStatuses"],
        "initContainerStatuses": row["initContainerStatuses"],
        "resources": (row["podStatus"] or row["podResourcesStatus"] or {}).get("resources"),
        "conditions": row["podResizeStatus"],
    }
    return {"spec": spec, "status": status}


def alike(found: podresources.Amounts, wanted: dict[str, str] | None) -> None:
    same(podresources.written(found), podresources.written(podresources.amounts(wanted)))


@adaptor(RESOURCES + "TestAggregateContainerRequestsAndLimits")
def aggregate(row: Row) -> None:
    pod, options = pod_of(row), options_of(row["options"])
    alike(podresources.aggregate(pod, "requests", options), row["expectedRequests"])
    alike(podresources.aggregate(pod, "limits", options), row["expectedLimits"])


@adaptor(
    also=(
        RESOURCES + "TestPodResourceRequests",
        RESOURCES + "TestPodLevelResourceRequests",
        RESOURCES + "TestPodResourceRequestsWithDRANodeAllocatableClaims",
    )
)
def requests(row: Row) -> None:
    pod = row["pod"] or pod_of(row)
    wanted = row["expectedRequests"] if "expectedRequests" in row else row["expected"]
    alike(podresources.requests(pod, options_of(row["options"] or row["opts"])), wanted)


@adaptor(also=(RESOURCES + "TestPodResourceLimits",))
def limits(row: Row) -> None:
    alike(podresources.limits(pod_of(row), options_of(row["options"])), row["expectedLimits"])


@adaptor(also=(RESOURCES + "TestPodRequestsAndLimits", RESOURCES + "TestPodRequestsAndLimitsWithoutOverhead"))
def requests_and_limits(row: Row) -> None:
    bare = podresources.Options(exclude_overhead="Without" in row.table)
    pod = row["pod"]
    alike(podresources.requests(pod, bare), row["expectedRequests"])
    alike(podresources.limits(pod, bare), row["expectedLimits"])


@adaptor(RESOURCES + "TestIsPodLevelResourcesSet", RESOURCES + "TestIsPodLevelLimitsSet")
def pod_level(row: Row) -> None:
    rule = podresources.pod_level_limits_set if "Limits" in row.table else podresources.pod_level_set
    same(rule({"spec": {"resources": row["podResources"]}}), bool(row["expected"]))


@adaptor(also=(RESOURCES + "TestIsSupportedPodLevelResource",))
def pod_level_name(row: Row) -> None:
    same(podresources.is_pod_level(row["resource"]), bool(row["expected"]))
