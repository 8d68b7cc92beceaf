"""Resizing Pods in place: what a request to the resize subresource may change.

Models      pkg/apis/core/validation/validation.go (ValidatePodResize), pkg/apis/core/helper/qos
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.validation.fields import Errors, forbidden, invalid, same
from apps.cluster.apimachinery import features, quantity
from apps.cluster.apimachinery.meta import EMPTY, Obj

RESIZABLE = ("cpu", "memory")


def _sums(amounts: list[Obj]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in amounts:
        for name in RESIZABLE:
            asked = quantity.nano(one[name]) if name in one else 0
            if asked > 0:
                found[name] = found.get(name, 0) + asked
    return found


def qos_class(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort."""
    own = spec.get("resources")
    if own is not None:
        everyone = [own]
    else:
        everyone = [
            container.get("resources") or EMPTY
            for kind in ("containers", "initContainers")
            for container in spec.get(kind) or ()
        ]
    requests = _sums([one.get("requests") or EMPTY for one in everyone])
    limits = _sums([one.get("limits") or EMPTY for one in everyone])
    if not requests and not limits:
        return "BestEffort"
    asked_for = [one for one in everyone if own is None or one.get("limits")]
    limited = all(len(_sums([one.get("limits") or EMPTY])) == len(RESIZABLE) for one in asked_for)
    return "Guaranteed" if limited and limits == requests else "Burstable"


def _supported(status: Obj) -> bool:
    """Whether the node tells what its containers really have."""
    for one in status.get("containerStatuses") or ():
        if (one.get("state") or EMPTY).get("running") is not None:
            return one.get("resources") is not None
    return True


def _is_set(spec: Obj) -> bool:
    own = spec.get("resources") or EMPTY
    return bool(own.get("requests") or own.get("limits"))


def _removed(errors: Errors, at: str, what: str, new: Obj, old: Obj) -> None:
    for kind, word in (("requests", "requests"), ("limits", "limits")):
        if any(name not in (new.get(kind) or EMPTY) for name in old.get(kind) or ()):
            forbidden(errors, f"{at}.{kind}", f"{what} {word} cannot be removed")


def _restored(new: Obj, old: Obj) -> Obj:
    """New requests and limits with cpu and memory as they were."""
    made: Obj = {}
    for kind in ("limits", "requests"):
        before, after = old.get(kind) or EMPTY, new.get(kind) or EMPTY
        amounts = {name: after[name] for name in after if name not in RESIZABLE}
        amounts |= {name: before[name] for name in RESIZABLE if name in before}
        if amounts:
            made[kind] = amounts
    return made


def _pod_level(errors: Errors, new: Obj, old: Obj) -> Obj:
    """Judge what the whole Pod asks for; the spec comes back with cpu and memory as they were."""
    before, after = old.get("resources"), new.get("resources")
    if before is not None and after is None:
        forbidden(errors, "spec.resources", "pod-level resources cannot be removed")
        return new
    if before is not None:
        assert after is not None
        _removed(errors, "spec.resources", "pod-level resource", after, before)
    made: Obj | None = None
    if after is not None:
        made = {**_restored(after, before or EMPTY), **({"claims": after["claims"]} if after.get("claims") else {})}
    if not made and before is None:
        made = None
    if not same(made, before):
        forbidden(errors, "spec", "only cpu and memory resources are mutable at pod-level")
    return {**new, "resources": made}


def _order(errors: Errors, new: Obj, old: Obj) -> bool:
    count = len(errors)
    for kind in ("containers", "initContainers"):
        before, after = old.get(kind) or [], new.get(kind) or []
        if len(before) != len(after):
            forbidden(errors, f"spec.{kind}", f"{kind} may not be added or removed on resize")
            continue
        for index, (was, now) in enumerate(zip(before, after, strict=True)):
            if was.get("name") != now.get("name"):
                where = f"spec.{kind}[{index}].name"
                forbidden(errors, where, f"{kind} may not be renamed or reordered on resize")
    return len(errors) == count


def _container(container: Obj, was: Obj) -> Obj:
    own = _restored(container.get("resources") or EMPTY, was.get("resources") or EMPTY)
    return {**container, "resources": own}


def _init_too() -> bool:
    return features.enabled("InPlacePodVerticalScalingInitContainers")


def _init_containers(errors: Errors, found: list[Obj], old: list[Obj]) -> list[Obj]:
    made = []
    for index, (container, was) in enumerate(zip(found, old, strict=True)):
        where = f"spec.initContainers[{index}]"
        if container.get("restartPolicy") != "Always" and not _init_too():
            if not same(container, was):
                forbidden(errors, "spec", "resources for non-sidecar init containers are immutable")
            made.append(container)
            continue
        restored = _container(container, was)
        if not same(restored, was):
            detail = "only cpu and memory resources for init or sidecar containers are mutable"
            forbidden(errors, where, detail)
        if not same(container, was) and container.get("restartPolicy") != "Always":
            for policy in container.get("resizePolicy") or ():
                if policy.get("restartPolicy") == "RestartContainer":
                    detail = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
                    forbidden(errors, where, detail)
        made.append(restored)
    return made


def resize(errors: Errors, new: Obj, old: Obj) -> None:
    """What changed in the spec must be cpu and memory alone. `errors` already has what is wrong with the rest."""
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    if qos_class(spec) != ((old.get("status") or EMPTY).get("qosClass") or qos_class(before)):
        shown = (new.get("status") or EMPTY).get("qosClass", "")
        invalid(errors, "spec", shown, "Pod QOS Class may not change as a result of resizing")
    status = old.get("status") or EMPTY
    if not _supported(status):
        forbidden(errors, "spec", "Pod running on node without support for resize")
    restored = spec
    if _is_set(before) or _is_set(spec):
        restored = _pod_level(errors, spec, before)
    if status.get("nodeAllocatableResourceClaimStatuses"):
        forbidden(errors, "spec", "pods with node allocatable resource claims cannot be resized")
    if not _order(errors, spec, before):
        return
    for kind in ("initContainers", "containers"):
        pairs = zip(spec.get(kind) or (), before.get(kind) or (), strict=True)
        for index, (container, was) in enumerate(pairs):
            if kind == "initContainers" and was.get("restartPolicy") != "Always" and not _init_too():
                continue
            after, had = container.get("resources") or EMPTY, was.get("resources") or EMPTY
            _removed(errors, f"spec.{kind}[{index}].resources", "resource", after, had)
    restored = {**restored}
    made = []
    for container, was in zip(spec.get("containers") or (), before.get("containers") or (), strict=True):
        made.append(_container(container, was))
        if not same(made[-1], was):
            forbidden(errors, "spec", "only cpu and memory resources are mutable")
    restored["containers"] = made
    restored["initContainers"] = _init_containers(
        errors, spec.get("initContainers") or [], before.get("initContainers") or []
    )
    if not errors and not same(restored, before):
        forbidden(errors, "spec", "only cpu and memory resources are mutable")
