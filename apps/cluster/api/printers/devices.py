"""Tables of the kinds of dynamic resource allocation and of groups of Pods.

Models      pkg/printers/internalversion/printers.go (printResourceClaim, printResourceSlice, printPodGroup, …)
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.printers.words import NONE, Cells, Look, is_going, name_of, spec_of, status_of
from apps.cluster.apimachinery.meta import EMPTY, Obj

DEVICES = ("totalDevices", "availableDevices", "allocatedDevices", "unavailableDevices")


def resource_claim(obj: Obj, look: Look) -> Cells:
    status = status_of(obj)
    words = ["deleted"] if is_going(obj) else []
    if status.get("allocation") is not None:
        words += ["allocated", "reserved"] if status.get("reservedFor") else ["allocated"]
    elif not words:
        words = ["pending"]
    return [name_of(obj), ",".join(words), look.age(obj)]


def resource_slice(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    pool = (spec.get("pool") or EMPTY).get("name", "")
    return [name_of(obj), spec.get("nodeName") or "", spec.get("driver", ""), pool, look.age(obj)]


def pool_status_request(obj: Obj, look: Look) -> Cells:
    status = obj.get("status")
    word, pools, done = "Pending", 0, NONE
    counts = ["-"] * (len(DEVICES) + 1)
    if status is not None:
        found = status.get("pools") or []
        for one in status.get("conditions") or ():
            if one.get("status") == "True" and one.get("type") in ("Complete", "Failed"):
                word = one["type"]
                done = look.since(one.get("lastTransitionTime")) if word == "Complete" else NONE
                break
        pools = status.get("poolCount") or 0
        if word != "Failed":
            counts = [str(sum(pool.get(field) or 0 for pool in found)) for field in DEVICES]
            counts.append(str(sum(pool.get("validationError") is not None for pool in found)))
        if word == "Complete" and pools > len(found):
            word = f"Complete ({len(found)}/{pools} pools)"
    return [name_of(obj), spec_of(obj).get("driver", ""), *counts, pools, word, done]


def device_taint_rule(obj: Obj, look: Look) -> Cells:
    taint = spec_of(obj).get("taint") or EMPTY
    added = look.since(taint["timeAdded"]) if taint.get("timeAdded") is not None else ""
    return [name_of(obj), *(taint.get(field, "") for field in ("key", "value", "effect")), added, look.age(obj)]


def pod_group(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    conditions = {one.get("type"): one for one in status_of(obj).get("conditions") or ()}
    word, scheduled = "Pending", conditions.get("PodGroupScheduled")
    if scheduled is not None:
        word = "Scheduled" if scheduled.get("status") == "True" else "Unschedulable"
    if "DisruptionTarget" in conditions:
        word = conditions["DisruptionTarget"].get("reason", "")
    reference = spec.get("podGroupTemplateRef")
    workload = ((reference or EMPTY).get("workload") or EMPTY).get("workloadName", "")
    policy = "Gang" if (spec.get("schedulingPolicy") or EMPTY).get("gang") is not None else "Basic"
    return [name_of(obj), policy, NONE if reference is None else workload, word, look.age(obj)]
