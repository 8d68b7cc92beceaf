"""What a Pod cannot start without: ConfigMaps, Secrets, claims.

Models      pkg/volume/configmap, secret, projected (SetUp), pkg/kubelet/volumemanager (claims must be bound),
            pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables)
Leaves out  what files and variables then contain; a program that would make a Secret itself makes none
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Obj = dict[str, Any]
Find = Callable[[str, str], "Obj | None"]  # resource, name -> the object in the Pod's namespace

_KINDS = {"configmaps": "configmap", "secrets": "secret"}


def missing_volume(pod: Mapping[str, Any], find: Find) -> str | None:
    """The message of FailedMount for the first volume that cannot be set up; None when all can.

    "": there is nothing to say yet, a claim is still to be bound.
    """
    for volume in pod["spec"].get("volumes") or ():
        problem = _problem(pod, volume, find)
        if problem:
            return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {problem}'
        if problem is not None:
            return problem
    return None


def _problem(pod: Mapping[str, Any], volume: Mapping[str, Any], find: Find) -> str | None:
    projected = volume.get("projected")
    if projected is not None:
        missing = [
            why
            for source in projected.get("sources") or ()
            for resource, field in (("configmaps", "configMap"), ("secrets", "secret"))
            if (why := _source(resource, source.get(field), "name", find)) is not None
        ]
        if len(missing) > 1:
            return f"[{', '.join(missing)}]"
        return missing[0] if missing else None
    for resource, field, key in (("configmaps", "configMap", "name"), ("secrets", "secret", "secretName")):
        why = _source(resource, volume.get(field), key, find)
        if why is not None:
            return why
    claim = claim_of(pod, volume)
    if claim:
        found = find("persistentvolumeclaims", claim)
        if found is None or (found.get("status") or {}).get("phase") != "Bound":
            return ""
    return None


def _source(resource: str, source: Mapping[str, Any] | None, key: str, find: Find) -> str | None:
    """Why a ConfigMap or a Secret cannot be mounted."""
    if source is None or source.get("optional"):
        return None
    name = source.get(key, "")
    found = find(resource, name)
    if found is None:
        return f'{_KINDS[resource]} "{name}" not found'
    for item in source.get("items") or ():
        if item["key"] not in _data(found):
            kind = "config" if resource == "configmaps" else "secret"
            return f"references non-existent {kind} key: {item['key']}"
    return None


def claim_of(pod: Mapping[str, Any], volume: Mapping[str, Any]) -> str:
    """The name of the claim behind a volume: its own, or the one made for an ephemeral volume; "" without one."""
    if "persistentVolumeClaim" in volume:
        return str(volume["persistentVolumeClaim"].get("claimName", ""))
    return f"{pod['metadata']['name']}-{volume['name']}" if "ephemeral" in volume else ""


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
