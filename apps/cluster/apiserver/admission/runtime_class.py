"""RuntimeClass: a Pod that names one takes over its overhead and where it may run.

Models      plugin/pkg/admission/runtimeclass, pkg/util/tolerations (MergeTolerations)
Leaves out  nothing known
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.resourcelist import amounts, same
from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, Attributes, Obj, Plugin


def _class_of(a: Attributes) -> Obj | None:
    name = a.obj["spec"].get("runtimeClassName")
    if name is None:
        return None
    found = a.table("runtimeclasses").get(name)
    if found is None:
        raise a.forbidden(f'pod rejected: RuntimeClass "{name}" not found')
    return found


def admit(a: Attributes) -> None:
    """Raises: StatusError 403."""
    found = _class_of(a)
    if found is None:
        return
    spec = a.obj["spec"]
    changed: dict[str, Any] = {}
    fixed = (found.get("overhead") or NOTHING).get("podFixed")
    if found.get("overhead"):
        if spec.get("overhead") and not same(amounts(fixed), amounts(spec["overhead"])):
            raise a.forbidden("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
        changed["overhead"] = fixed
    scheduling = found.get("scheduling")
    if scheduling:
        selector = dict(spec.get("nodeSelector") or NOTHING)
        for key, value in sorted((scheduling.get("nodeSelector") or NOTHING).items()):
            if selector.get(key, value) != value:
                raise a.forbidden(
                    f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                    f"pod.spec.nodeSelector[{key}] = {selector[key]}"
                )
            selector[key] = value
        if selector:
            changed["nodeSelector"] = selector
        tolerations = merged(spec.get("tolerations") or [], scheduling.get("tolerations") or [])
        if tolerations:
            changed["tolerations"] = tolerations
    if changed:
        a.with_spec(**changed)


def validate(a: Attributes) -> None:
    """Raises: StatusError 403."""
    found = _class_of(a)
    overhead = a.obj["spec"].get("overhead")
    if found is not None and found.get("overhead"):
        if not same(amounts(found["overhead"].get("podFixed")), amounts(overhead)):
            raise a.forbidden("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    elif overhead is not None:
        raise a.forbidden("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")


def merged(first: list[Obj], second: list[Obj]) -> list[Obj]:
    """Both lists without what another entry covers. Of equal ones the first stays."""
    everything = [*first, *second]
    out: list[Obj] = []
    for position, one in enumerate(everything):
        if any(covers(kept, one) for kept in out):
            continue
        if any(later != one and covers(later, one) for later in everything[position + 1 :]):
            continue
        out.append(one)
    return out


def covers(wide: Obj, narrow: Obj) -> bool:
    """Whether `wide` tolerates all that `narrow` does."""
    if wide == narrow:
        return True
    operator = wide.get("operator") or "Equal"
    if (narrow.get("key") or "") != (wide.get("key") or "") and (wide.get("key") or wide.get("operator") != "Exists"):
        return False
    if wide.get("effect") and wide["effect"] != narrow.get("effect"):
        return False
    seconds = wide.get("tolerationSeconds")
    if wide.get("effect") == "NoExecute" and seconds is not None:
        own = narrow.get("tolerationSeconds")
        if own is None or own > seconds:
            return False
    if operator == "Exists":
        return True
    same_value = (wide.get("value") or "") == (narrow.get("value") or "")
    return operator == "Equal" and narrow.get("operator") == "Equal" and same_value


PLUGIN = Plugin("RuntimeClass", frozenset({CREATE}), frozenset({"pods"}), admit, validate)
