"""Priority: a Pod's number comes from its PriorityClass; of global defaults there is one.

Models      plugin/pkg/admission/priority
Leaves out  PodGroups (behind a feature gate that is off)
"""

from __future__ import annotations

from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, UPDATE, Attributes, Obj, Plugin

PREEMPT = "PreemptLowerPriority"


def default_class(a: Attributes) -> Obj | None:
    """Of several global defaults the one of the smallest value."""
    found = None
    for candidate in a.table("priorityclasses").values():
        if candidate.get("globalDefault") and (found is None or found.get("value", 0) > candidate.get("value", 0)):
            found = candidate
    return found


def admit(a: Attributes) -> None:
    """Raises: StatusError 403."""
    if a.info.plural != "pods":
        return
    spec = a.obj["spec"]
    if a.operation == UPDATE:
        before = (a.old or NOTHING).get("spec") or NOTHING
        kept = {
            field: before[field]
            for field in ("priority", "preemptionPolicy")
            if spec.get(field) is None and before.get(field) is not None
        }
        if kept:
            a.with_spec(**kept)
        return
    name = spec.get("priorityClassName") or ""
    found = a.table("priorityclasses").get(name) if name else default_class(a)
    if name and found is None:
        raise a.forbidden(f"no PriorityClass with name {name} was found")
    number = found.get("value", 0) if found else 0
    policy = found.get("preemptionPolicy") if found else PREEMPT
    if spec.get("priority") is not None and spec["priority"] != number:
        raise a.forbidden(
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; priority admission "
            f"controller computed {number} from the given PriorityClass name"
        )
    out = {"priority": number}
    if found is not None and not name:
        out["priorityClassName"] = found["metadata"]["name"]
    if policy:
        if spec.get("preemptionPolicy") is not None and spec["preemptionPolicy"] != policy:
            raise a.forbidden(
                f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
                f"priority admission controller computed {policy} from the given PriorityClass name"
            )
        out["preemptionPolicy"] = policy
    a.with_spec(**out)


def validate(a: Attributes) -> None:
    """Raises: StatusError 403, a second global default."""
    if a.info.plural != "priorityclasses" or not a.obj.get("globalDefault"):
        return
    there = default_class(a)
    if there is None:
        return
    name = there["metadata"]["name"]
    if a.operation == CREATE or name != a.obj["metadata"]["name"]:
        raise a.forbidden(f"PriorityClass {name} is already marked as default. Only one default can exist")


PLUGIN = Plugin("Priority", frozenset({CREATE, UPDATE}), frozenset({"pods", "priorityclasses"}), admit, validate)
