"""Warnings about PersistentVolumes and claims.

Models      pkg/api/persistentvolume/util.go, pkg/api/persistentvolumeclaim/util.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.cluster.apimachinery.quantity import parse
from apps.cluster.apiserver.warnings import nodes

NOTHING: dict[str, Any] = {}
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
OLD_CLASS = 'deprecated since v1.8; use "storageClassName" attribute instead'
VOLUME_SOURCES = (
    ("cephfs", "cephfs: deprecated in v1.28, non-functional in v1.31+"),
    ("photonPersistentDisk", "photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+"),
    ("scaleIO", "scaleIO: deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "storageOS: deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs: deprecated in v1.25, non-functional in v1.26+"),
    ("rbd", "rbd: deprecated in v1.28, non-functional in v1.31+"),
)


def claim(found: Mapping[str, Any]) -> Iterator[str]:
    if BETA_CLASS in (found["metadata"].get("annotations") or NOTHING):
        yield f"metadata.annotations[{BETA_CLASS}]: {OLD_CLASS}"
    yield from claim_spec(found.get("spec") or NOTHING, "spec")


def claim_spec(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    resources = spec.get("resources") or NOTHING
    for kind in ("requests", "limits"):
        text = (resources.get(kind) or NOTHING).get("storage")
        if text is None:
            continue
        amount = parse(str(text))
        if amount.scaled(-3) % 1000:
            yield (
                f'{path}.resources.{kind}[storage]: fractional byte value "{amount.written()}" is invalid, must be an '
                "integer"
            )


def volume(found: Mapping[str, Any]) -> Iterator[str]:
    annotations = found["metadata"].get("annotations") or NOTHING
    for key, told in (
        (BETA_CLASS, OLD_CLASS),
        ("volume.beta.kubernetes.io/mount-options", 'deprecated since v1.31; use "mountOptions" attribute instead'),
    ):
        if key in annotations:
            yield f"metadata.annotations[{key}]: {told}"
    spec = found.get("spec") or NOTHING
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        yield (
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
            "approach is to use dynamic provisioning."
        )
    required = (spec.get("nodeAffinity") or NOTHING).get("required") or NOTHING
    for position, term in enumerate(required.get("nodeSelectorTerms") or ()):
        yield from nodes.term(term, f"spec.nodeAffinity.required.nodeSelectorTerms[{position}]", values=False)
    for source, told in VOLUME_SOURCES:
        if spec.get(source) is not None:
            yield f"spec.{told}"
