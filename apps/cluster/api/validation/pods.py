"""Pods: creation, changes, status, resizing, ephemeral containers, binding.

Models      pkg/apis/core/validation/validation.go (ValidatePodCreate, ValidatePodUpdate, ValidatePodStatusUpdate,
            ValidatePodEphemeralContainersUpdate, ValidatePodResize, ValidatePodBinding)
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.validation import security
from apps.cluster.api.validation.containers import image_spaces
from apps.cluster.api.validation.difference import difference
from apps.cluster.api.validation.fields import Errors, forbidden, invalid, not_supported, required, same, sorted_map
from apps.cluster.api.validation.objectmeta import object_meta, object_meta_update
from apps.cluster.api.validation.podspec import MAX_INT32, MIRROR, pod_annotations, pod_spec
from apps.cluster.api.validation.podstatus import ON, Gates, pod_status
from apps.cluster.api.validation.ratchet import still_allowed
from apps.cluster.api.validation.resize import resize
from apps.cluster.api.validation.scheduling import tolerations
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError, go_quoted

UPDATABLE = ",".join(
    (
        "`spec.containers[*].image`",
        "`spec.initContainers[*].image`",
        "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )
)


def _metadata_and_spec(errors: Errors, obj: Obj) -> None:
    metadata, spec = obj["metadata"], obj.get("spec") or EMPTY
    object_meta(errors, metadata, True, names.dns1123_subdomain)
    found = metadata.get("annotations")
    if found:
        pod_annotations(errors, "metadata.annotations", found, spec)
    pod_spec(errors, "spec", spec, metadata)
    if not spec.get("serviceAccountName"):
        for index, volume in enumerate(spec.get("volumes") or ()):
            for place, source in enumerate((volume.get("projected") or EMPTY).get("sources") or ()):
                if source.get("serviceAccountToken") is not None:
                    where = f"spec.volumes[{index}].projected.sources[{place}].serviceAccountToken"
                    forbidden(errors, where, "must not be specified when serviceAccountName is not set")
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            image_spaces(errors, f"spec.{kind}[{index}]", container)


def pod(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    _metadata_and_spec(errors, obj)
    spec = obj.get("spec") or EMPTY
    if spec.get("ephemeralContainers"):
        forbidden(errors, "spec.ephemeralContainers", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        forbidden(errors, "spec.nodeName", "cannot be set until all schedulingGates have been cleared")
    found = obj["metadata"].get("annotations")
    if found:
        security.annotations_match(errors, "spec", found, spec)
    return errors


def _annotation_changes(errors: Errors, new: Obj, old: Obj) -> None:
    """What annotations that mean something to a Pod may become."""
    _changed(errors, new["metadata"].get("annotations") or EMPTY, old["metadata"].get("annotations") or EMPTY)
    found = new["metadata"].get("annotations")
    if found:
        pod_annotations(errors, "metadata.annotations", found, new.get("spec") or EMPTY)


def _changed(errors: Errors, new: dict[str, str], old: dict[str, str]) -> None:
    at = "metadata.annotations"
    for key in sorted(old):
        if new.get(key) != old[key]:
            if key.startswith(security.APPARMOR):
                forbidden(errors, f"{at}[{key}]", "may not remove or update AppArmor annotations")
            if key == MIRROR:
                forbidden(errors, f"{at}[{key}]", "may not remove or update mirror pod annotation")
    for key in sorted(new):
        if key not in old:
            if key.startswith(security.APPARMOR):
                forbidden(errors, f"{at}[{key}]", "may not add AppArmor annotations")
            if key == MIRROR:
                forbidden(errors, f"{at}[{key}]", "may not add mirror pod annotation")


def _deadline(errors: Errors, new: Obj, old: Obj) -> bool:
    """False when it is wrong, which ends the judgement."""
    after, before, at = new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"), "spec.activeDeadlineSeconds"
    if after is not None:
        if not 0 <= after <= MAX_INT32:
            invalid(errors, at, after, names.between(0, MAX_INT32))
            return False
        if before is not None and before < after:
            invalid(errors, at, after, "must be less than or equal to previous value")
            return False
    elif before is not None:
        invalid(errors, at, None, "must not update from a positive integer to nil value")
    return True


def _tolerations(errors: Errors, new: list[Obj], old: list[Obj]) -> None:
    def without_seconds(toleration: Obj) -> Obj:
        return {name: value for name, value in toleration.items() if name != "tolerationSeconds"}

    bare = [without_seconds(toleration) for toleration in new]
    for toleration in old:
        if without_seconds(toleration) not in bare:
            detail = "existing toleration can not be modified except its tolerationSeconds"
            forbidden(errors, "spec.tolerations", detail)
            return
    if new:
        tolerations(errors, "spec.tolerations", new)


def _gates(errors: Errors, new: list[Obj], old: list[Obj]) -> None:
    known = {gate.get("name") for gate in old}
    for index, gate in enumerate(new):
        if gate.get("name") not in known:
            detail = f"only deletion is allowed, but found new scheduling gate '{gate.get('name', '')}'"
            forbidden(errors, f"spec.schedulingGates[{index}].name", detail)


def _images(errors: Errors, kind: str, new: list[Obj], old: list[Obj]) -> bool:
    """False when containers came or went, which ends the judgement."""
    if len(new) != len(old):
        forbidden(errors, f"spec.{kind}", "pod updates may not add or remove containers")
        return False
    for index, container in enumerate(new):
        if not container.get("image"):
            required(errors, f"spec.{kind}[{index}].image")
        image_spaces(errors, f"spec.{kind}[{index}]", container)
    return True


def _gated(errors: Errors, munged: Obj, old: Obj) -> None:
    """Node selector and node affinity of a Pod with scheduling gates may become narrower."""
    after, before = munged.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if after != before:
        for key in sorted(before):
            if after.get(key) != before[key]:
                detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
                invalid(errors, "spec.nodeSelector", sorted_map(after), detail)
        munged["nodeSelector"] = before
    new_node = (munged.get("affinity") or EMPTY).get("nodeAffinity")
    old_node = (old.get("affinity") or EMPTY).get("nodeAffinity")
    if same(new_node, old_node):
        return
    _node_terms(errors, new_node, old_node)
    affinity = {name: value for name, value in (munged.get("affinity") or EMPTY).items() if name != "nodeAffinity"}
    if old_node is not None:
        affinity["nodeAffinity"] = old_node
    munged["affinity"] = affinity or (old.get("affinity") if old_node is None else None)


def _node_terms(errors: Errors, new: Obj | None, old: Obj | None) -> None:
    name = "requiredDuringSchedulingIgnoredDuringExecution"
    before: list[Obj] = ((old or EMPTY).get(name) or EMPTY).get("nodeSelectorTerms") or []
    after: list[Obj] = ((new or EMPTY).get(name) or EMPTY).get("nodeSelectorTerms") or []
    at = f"spec.affinity.nodeAffinity.{name}.nodeSelectorTerms"
    if not before:
        return
    if len(before) != len(after):
        invalid(errors, at, after, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")
        return
    for index, (old_term, new_term) in enumerate(zip(before, after, strict=True)):
        narrower = any(old_term.values()) or not any(new_term.values())
        for kind in ("matchExpressions", "matchFields"):
            kept: list[Any] = old_term.get(kind) or []
            narrower = narrower and (new_term.get(kind) or [])[: len(kept)] == kept
        if not narrower:
            invalid(errors, f"{at}[{index}]", new_term, "only additions are allowed (no mutations or deletions)")


def pod_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    annotated = new["metadata"].get("annotations") is not old["metadata"].get("annotations")
    if spec is before:
        if annotated:
            _annotation_changes(errors, new, old)
        return errors
    found: Errors = []
    _metadata_and_spec(found, new)
    if found:
        before_it: Errors = []
        _metadata_and_spec(before_it, old)
        found = still_allowed(found, before_it)
    errors += found
    if annotated:
        _annotation_changes(errors, new, old)
    for kind in ("containers", "initContainers"):
        if not _images(errors, kind, spec.get(kind) or [], before.get(kind) or []):
            return errors
    if not _deadline(errors, spec, before):
        return errors
    _tolerations(errors, spec.get("tolerations") or [], before.get("tolerations") or [])
    _gates(errors, spec.get("schedulingGates") or [], before.get("schedulingGates") or [])
    if same(spec, before):
        return errors
    munged = {**spec}
    for kind in ("containers", "initContainers"):
        if munged.get(kind):
            munged[kind] = [
                {**container, "image": was.get("image", "")}
                for container, was in zip(munged[kind], before[kind], strict=True)
            ]
    for name in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        munged[name] = before.get(name)
    grace = before.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0 and munged.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = grace
    if before.get("schedulingGates"):
        _gated(errors, munged, before)
    if not same(munged, before):
        munged = {name: value for name, value in munged.items() if value is not None}
        changes = difference("PodSpec", before, munged)
        detail = f"pod updates may not change fields other than {UPDATABLE}\n{changes}"
        forbidden(errors, "spec", detail)
    return errors


def pod_status_update(new: Obj, old: Obj, gates: Gates = ON) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    if new["metadata"].get("annotations") is not old["metadata"].get("annotations"):
        _annotation_changes(errors, new, old)
    if new.get("status") is not old.get("status"):
        pod_status(errors, new, old, gates)
    return errors


def _is_mirror(obj: Obj) -> bool:
    return MIRROR in (obj["metadata"].get("annotations") or EMPTY)


def ephemeral_containers_update(new: Obj, old: Obj) -> list[FieldError]:
    """The ephemeralcontainers subresource: containers may be added, and nothing else."""
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    _metadata_and_spec(errors, new)
    _annotation_changes(errors, new, old)
    if _is_mirror(old):
        return [FieldError("Forbidden", "", "", "static pods do not support ephemeral containers")]
    known = {one.get("name", ""): one for one in (new.get("spec") or EMPTY).get("ephemeralContainers") or ()}
    at = "spec.ephemeralContainers"
    for was in (old.get("spec") or EMPTY).get("ephemeralContainers") or ():
        name = was.get("name", "")
        now = known.get(name)
        subject = f"existing ephemeral containers {go_quoted(name)}"
        if now is None:
            forbidden(errors, at, f"{subject} may not be removed\n")
        elif not same(was, now):
            forbidden(errors, at, f"{subject} may not be changed\n{difference('EphemeralContainer', was, now)}")
    return errors


def pod_resize(new: Obj, old: Obj) -> list[FieldError]:
    """The resize subresource: cpu and memory may change, and nothing else."""
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    _metadata_and_spec(errors, new)
    if _is_mirror(old):
        return [FieldError("Forbidden", "", "", "static pods cannot be resized")]
    if ((old.get("spec") or EMPTY).get("os") or EMPTY).get("name") == "windows":
        return [FieldError("Forbidden", "", "", "windows pods cannot be resized")]
    resize(errors, new, old)
    return errors


def binding(obj: Obj) -> list[FieldError]:
    """The binding subresource: which node a Pod goes to."""
    errors: Errors = []
    target = obj.get("target") or EMPTY
    if target.get("kind", "") not in ("", "Node"):
        not_supported(errors, "target.kind", target["kind"], ("Node", "<empty>"))
    if not target.get("name"):
        required(errors, "target.name")
    return errors
