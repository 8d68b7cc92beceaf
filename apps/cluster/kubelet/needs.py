"""ConfigMaps and Secrets that a Pod cannot start without.

Models      pkg/volume/configmap, pkg/volume/secret (SetUp), pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables)
Leaves out  projected volumes; what files and variables then contain; a program that would make a Secret itself
            makes none
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Obj = dict[str, Any]
Find = Callable[[str, str], "Obj | None"]  # resource, name -> the object in the Pod's namespace

_KINDS = {"configmaps": "configmap", "secrets": "secret"}


def missing_volume(spec: Mapping[str, Any], find: Find) -> str:
    """The message of FailedMount for the first volume whose source is not there; "" when all are."""
    for volume in spec.get("volumes") or ():
        for resource, field, key in (("configmaps", "configMap", "name"), ("secrets", "secret", "secretName")):
            source = volume.get(field)
            if source is None or source.get("optional"):
                continue
            name = source.get(key, "")
            found = find(resource, name)
            if found is None:
                return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {_KINDS[resource]} "{name}" not found'
            for item in source.get("items") or ():
                if item["key"] not in _data(found):
                    kind = "config" if resource == "configmaps" else "secret"
                    problem = f"references non-existent {kind} key: {item['key']}"
                    return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {problem}'
    return ""


def missing_env(container: Mapping[str, Any], namespace: str, find: Find) -> str:
    """Why the container's environment cannot be made; "" when it can."""
    for resource, name, key in _references(container):
        found = find(resource, name)
        if found is None:
            return f'{_KINDS[resource]} "{name}" not found'
        if key and key not in _data(found):
            kind = "ConfigMap" if resource == "configmaps" else "Secret"
            return f"couldn't find key {key} in {kind} {namespace}/{name}"
    return ""


def _data(obj: Obj) -> set[str]:
    return {*(obj.get("data") or ()), *(obj.get("binaryData") or ()), *(obj.get("stringData") or ())}


def _references(container: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for source in container.get("envFrom") or ():
        for resource, field in (("configmaps", "configMapRef"), ("secrets", "secretRef")):
            reference = source.get(field)
            if reference is not None and not reference.get("optional"):
                yield resource, reference.get("name", ""), ""
    for variable in container.get("env") or ():
        value_from = variable.get("valueFrom")
        if not value_from:
            continue
        for resource, field in (("configmaps", "configMapKeyRef"), ("secrets", "secretKeyRef")):
            reference = value_from.get(field)
            if reference is not None and not reference.get("optional"):
                yield resource, reference.get("name", ""), reference.get("key", "")
