"""PersistentVolumeClaims against a quota: their number and size, in all and by storage class.

Models      pkg/quota/v1/evaluator/core/persistent_volume_claims.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apps.cluster.apimachinery.quantity import parse
from apps.cluster.apimachinery.resourcelist import Amounts, nano
from apps.cluster.apiserver.quota.evaluator import NOTHING, ONE, Evaluator, Obj, selected

COUNT, CLAIMS, STORAGE = "count/persistentvolumeclaims", "persistentvolumeclaims", "requests.storage"
BY_CLASS = ".storageclass.storage.k8s.io/"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


class ClaimEvaluator(Evaluator):
    def __init__(self) -> None:
        super().__init__((COUNT, CLAIMS, STORAGE))

    def handles(self, operation: str, subresource: str, new: Obj, old: Obj | None) -> bool:
        if subresource == "status":
            return old is not None and needs_recount(new, old)
        return not subresource and operation in ("CREATE", "UPDATE")

    def matching(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name in self.names or name.endswith((BY_CLASS + CLAIMS, BY_CLASS + STORAGE))]

    def in_scope(self, selector: Mapping[str, Any], obj: Obj) -> bool:
        if selector.get("scopeName") != "VolumeAttributesClass":
            return False
        return selected(selector, "VolumeAttributesClass", attributes_classes(obj))

    def usage(self, obj: Obj, now_ms: int) -> Amounts:
        spec = obj.get("spec") or NOTHING
        annotations = obj["metadata"].get("annotations") or NOTHING
        name = annotations.get(BETA_CLASS, spec.get("storageClassName") or "")
        result: Amounts = {CLAIMS: ONE, COUNT: ONE}
        if name:
            result[name + BY_CLASS + CLAIMS] = ONE
        text = ((spec.get("resources") or NOTHING).get("requests") or NOTHING).get("storage")
        if text is not None:
            size = parse(str(text)).rounded_up(0)
            allocated = ((obj.get("status") or NOTHING).get("allocatedResources") or NOTHING).get("storage")
            if allocated is not None and nano(parse(str(allocated))) > nano(size):
                size = parse(str(allocated)).rounded_up(0)
            result[STORAGE] = size
            if name:
                result[name + BY_CLASS + STORAGE] = size
        return result


def attributes_classes(claim: Obj) -> list[str]:
    """The VolumeAttributesClasses that a claim has, had or is on its way to."""
    status = claim.get("status") or NOTHING
    names = (
        (claim.get("spec") or NOTHING).get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or NOTHING).get("targetVolumeAttributesClassName"),
    )
    return sorted({name for name in names if name})


def needs_recount(new: Obj, old: Obj) -> bool:
    """Whether a report on a claim changes what it uses."""
    before, after = old.get("status") or NOTHING, new.get("status") or NOTHING
    if (before.get("allocatedResources") or NOTHING).get("storage") != (after.get("allocatedResources") or NOTHING).get(
        "storage"
    ):
        return True
    return attributes_classes(new) != attributes_classes(old)
