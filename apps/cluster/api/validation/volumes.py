"""The volumes of a Pod.

Models      pkg/apis/core/validation/validation.go (ValidateVolumes, validateVolumeSource and one function a source)
Leaves out  nothing of the sources Kubernetes 1.36 knows
"""

from __future__ import annotations

import re
from collections.abc import Callable

from apps.cluster.api.validation import projected
from apps.cluster.api.validation.claims import claim_template
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    is_negative,
    not_supported,
    required,
    too_long,
)
from apps.cluster.api.validation.paths import dns_label, local_descending, mode, no_backsteps, require
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import Obj

MORE_THAN_ONE = "may not specify more than 1 volume type"
PARTITION = names.between(1, 255)
HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
IQN = re.compile(r"iqn\.\d{4}-\d{2}\.([0-9A-Za-z\-.]+)(:[^,;*&$|\s]+)$", re.ASCII)
EUI = re.compile(r"^eui.[0-9A-Za-z]{16}$")
NAA = re.compile(r"^naa.[0-9A-Za-z]{32}$")
ISCSI_TOO_LONG = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is"
    " specified."
)


def _empty_dir(errors: Errors, at: str, source: Obj) -> None:
    limit = source.get("sizeLimit")
    if limit is not None and is_negative(limit):
        forbidden(errors, f"{at}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def host_path(errors: Errors, at: str, source: Obj) -> None:
    path = source.get("path", "")
    if not path:
        required(errors, f"{at}.path")
        return
    no_backsteps(errors, f"{at}.path", path)
    kind = source.get("type")
    if kind is not None and kind not in HOST_PATH_TYPES:
        not_supported(errors, f"{at}.type", kind, HOST_PATH_TYPES)


def _git_repo(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "repository")
    local_descending(errors, f"{at}.directory", source.get("directory", ""))


def _partition(errors: Errors, at: str, source: Obj) -> None:
    partition = source.get("partition", 0)
    if not 0 <= partition <= 255:
        invalid(errors, f"{at}.partition", partition, PARTITION)


def gce_disk(errors: Errors, at: str, source: Obj) -> None:
    at = at.replace("gcePersistentDisk", "persistentDisk")
    require(errors, at, source, "pdName")
    _partition(errors, at, source)


def aws_disk(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "volumeID")
    _partition(errors, at, source)


def _secret(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "secretName")
    mode(errors, f"{at}.defaultMode", source.get("defaultMode"))
    projected.items(errors, f"{at}.items", source)


def _config_map(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "name")
    mode(errors, f"{at}.defaultMode", source.get("defaultMode"))
    projected.items(errors, f"{at}.items", source)


def nfs(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "server", "path")
    if not source.get("path", "").startswith("/"):
        invalid(errors, f"{at}.path", source.get("path", ""), "must be an absolute path")


def _iscsi_name(errors: Errors, at: str, name: str, prefix_detail: str) -> None:
    if not name.startswith(("iqn", "eui", "naa")):
        invalid(errors, at, name, prefix_detail)
    for prefix, pattern in (("iqn", IQN), ("eui", EUI), ("naa", NAA)):
        if name.startswith(prefix) and not pattern.search(name):
            invalid(errors, at, name, "must be valid format")


def iscsi(errors: Errors, at: str, source: Obj, owner: str = "", persistent: bool = False) -> None:
    """A Pod's iSCSI volume; a PersistentVolume's says less about a wrong prefix."""
    wrong_prefix = "must be valid format" if persistent else "must be valid format starting with iqn, eui, or naa"
    require(errors, at, source, "targetPortal")
    portal, initiator = source.get("targetPortal", ""), source.get("initiatorName")
    if persistent and initiator is not None and len(f"{owner}:{portal}") > 64:
        invalid(errors, f"{at}.targetportal", portal, ISCSI_TOO_LONG)
    if not source.get("iqn"):
        required(errors, f"{at}.iqn")
    else:
        _iscsi_name(errors, f"{at}.iqn", source["iqn"], wrong_prefix)
    lun = source.get("lun", 0)
    if not 0 <= lun <= 255:
        invalid(errors, f"{at}.lun", lun, names.between(0, 255))
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        required(errors, f"{at}.secretRef")
    if persistent and source.get("secretRef") is not None:
        require(errors, at, source, "secretRef.name")
    if initiator is not None:
        _iscsi_name(errors, f"{at}.initiatorname", initiator, wrong_prefix)


def flocker(errors: Errors, at: str, source: Obj) -> None:
    name, uuid = source.get("datasetName", ""), source.get("datasetUUID", "")
    if not name and not uuid:
        required(errors, at, "one of datasetName and datasetUUID is required")
    if name and uuid:
        invalid(errors, at, "resource", "datasetName and datasetUUID can not be specified simultaneously")
    if "/" in name:
        invalid(errors, f"{at}.datasetName", name, "must not contain '/'")


def quobyte(errors: Errors, at: str, source: Obj) -> None:
    pair = "must be a host:port pair or multiple pairs separated by commas"
    registry = source.get("registry", "")
    if not registry:
        required(errors, f"{at}.registry", pair)
    elif len(source.get("tenant", "")) >= 65:
        required(errors, f"{at}.tenant", "must be a UUID and may not exceed a length of 64 characters")
    else:
        for one in registry.split(","):
            if ":" not in one or (one.count(":") > 1 and not one.startswith("[")):
                invalid(errors, f"{at}.registry", registry, pair)
    require(errors, at, source, "volume")


def fc(errors: Errors, at: str, source: Obj) -> None:
    targets, ids = source.get("targetWWNs") or [], source.get("wwids") or []
    if not targets and not ids:
        required(errors, f"{at}.targetWWNs", "must specify either targetWWNs or wwids, but not both")
    if targets and ids:
        invalid(errors, f"{at}.targetWWNs", targets, "targetWWNs and wwids can not be specified simultaneously")
    if targets:
        lun = source.get("lun")
        if lun is None:
            required(errors, f"{at}.lun", "lun is required if targetWWNs is specified")
        elif not 0 <= lun <= 255:
            invalid(errors, f"{at}.lun", lun, names.between(0, 255))


def flex(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "driver")
    for key in sorted(source.get("options") or ()):
        domain = "." + key.partition("/")[0].lower()
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            invalid(errors, f"{at}.options[{key}]", key, "kubernetes.io and k8s.io namespaces are reserved")


def azure_disk(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "diskName", "diskURI")
    caching, kind, uri = source.get("cachingMode"), source.get("kind"), source.get("diskURI", "")
    modes, kinds = ("None", "ReadOnly", "ReadWrite"), ("Dedicated", "Managed", "Shared")
    if caching is not None and caching not in modes:
        not_supported(errors, f"{at}.cachingMode", caching, modes)
    if kind is not None and kind not in kinds:
        not_supported(errors, f"{at}.kind", kind, kinds)
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        valid = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
        not_supported(errors, f"{at}.diskURI", uri, (valid,))
    if kind is not None and kind != "Managed" and not uri.startswith("https://"):
        valid = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
        not_supported(errors, f"{at}.diskURI", uri, (valid,))


def storage_os(errors: Errors, at: str, source: Obj, persistent: bool = False) -> None:
    name = source.get("volumeName", "")
    if not name:
        required(errors, f"{at}.volumeName")
    else:
        dns_label(errors, f"{at}.volumeName", name)
    if source.get("volumeNamespace"):
        dns_label(errors, f"{at}.volumeNamespace", source["volumeNamespace"])
    if source.get("secretRef") is not None:
        require(errors, at, source, "secretRef.name", *(("secretRef.namespace",) if persistent else ()))


def csi_driver_name(errors: Errors, at: str, name: str) -> None:
    if not name:
        required(errors, at)
        return
    if len(name) > 63:
        too_long(errors, at, 63)
    all_invalid(errors, at, name, names.dns1123_subdomain(name.lower()))


def _csi(errors: Errors, at: str, source: Obj) -> None:
    csi_driver_name(errors, f"{at}.driver", source.get("driver", ""))
    reference = source.get("nodePublishSecretRef")
    if reference is not None:
        name = reference.get("name", "")
        if not name:
            required(errors, f"{at}.nodePublishSecretRef.name")
        else:
            all_invalid(errors, f"{at}.name", name, names.dns1123_subdomain(name))


def _ephemeral(errors: Errors, at: str, source: Obj) -> None:
    template = source.get("volumeClaimTemplate")
    if template is None:
        required(errors, f"{at}.volumeClaimTemplate")
    else:
        claim_template(errors, f"{at}.volumeClaimTemplate", template)


def _cinder(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "volumeID")
    if source.get("secretRef") is not None:
        require(errors, at, source, "secretRef.name")


def _needs(*fields: str) -> Callable[[Errors, str, Obj], None]:
    def rule(errors: Errors, at: str, source: Obj) -> None:
        require(errors, at, source, *fields)

    return rule


PULL_POLICIES = ("Always", "IfNotPresent", "Never")


def pull_policy(errors: Errors, at: str, policy: str) -> None:
    if not policy:
        required(errors, at)
    elif policy not in PULL_POLICIES:
        not_supported(errors, at, policy, PULL_POLICIES)


def _image(errors: Errors, at: str, source: Obj) -> None:
    pull_policy(errors, f"{at}.pullPolicy", source.get("pullPolicy", ""))


def _downward(errors: Errors, at: str, source: Obj) -> None:
    projected.downward_volume(errors, at, source)


# In the order in which the real server looks at them.
SOURCES: dict[str, Callable[[Errors, str, Obj], None]] = {
    "emptyDir": _empty_dir,
    "hostPath": host_path,
    "gitRepo": _git_repo,
    "gcePersistentDisk": gce_disk,
    "awsElasticBlockStore": aws_disk,
    "secret": _secret,
    "nfs": nfs,
    "iscsi": iscsi,
    "glusterfs": _needs("endpoints", "path"),
    "flocker": flocker,
    "persistentVolumeClaim": _needs("claimName"),
    "rbd": _needs("monitors", "image"),
    "cinder": _cinder,
    "cephfs": _needs("monitors"),
    "quobyte": quobyte,
    "downwardAPI": _downward,
    "fc": fc,
    "flexVolume": flex,
    "configMap": _config_map,
    "azureFile": _needs("secretName", "shareName"),
    "vsphereVolume": _needs("volumePath"),
    "photonPersistentDisk": _needs("pdID"),
    "portworxVolume": _needs("volumeID"),
    "azureDisk": azure_disk,
    "storageos": storage_os,
    "projected": projected.projected,
    "scaleIO": _needs("gateway", "system", "volumeName"),
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
_SPELLED = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}  # as the real message has them
_ORDER = {name: place for place, name in enumerate(SOURCES)}


def _source(errors: Errors, at: str, volume: Obj, pod_name: str, is_pod: bool) -> None:
    found = [name for name in volume if name in _ORDER and volume[name] is not None]
    if not found:
        required(errors, at, "must specify a volume type")
        return
    if len(found) > 1:
        found.sort(key=_ORDER.__getitem__)
    for place, name in enumerate(found):
        if place:
            forbidden(errors, f"{at}.{_SPELLED.get(name, name)}", MORE_THAN_ONE)
        else:
            SOURCES[name](errors, f"{at}.{name}", volume[name])
        if name == "iscsi" and volume[name].get("initiatorName") is not None:
            portal = volume[name].get("targetPortal", "")
            if len(f"{volume.get('name', '')}:{portal}") > 64:
                invalid(errors, f"{at}.name", volume.get("name", ""), ISCSI_TOO_LONG)
        if name == "ephemeral" and not place and pod_name and volume.get("name"):
            claim = f"{pod_name}-{volume['name']}"
            for problem in names.dns1123_subdomain(claim):
                invalid(errors, f"{at}.name", volume["name"], f'PVC name "{claim}": {problem}')
        if name == "image" and not place and is_pod and not volume[name].get("reference"):
            required(errors, f"{at}.image.reference")


def volumes(errors: Errors, at: str, found: list[Obj], pod_name: str = "", is_pod: bool = False) -> dict[str, Obj]:
    """Judge the volumes; the good ones come back by name, for mounts to be held against."""
    good: dict[str, Obj] = {}
    made = {f"{pod_name}-{one.get('name', '')}" for one in found if pod_name and one.get("ephemeral") is not None}
    for index, volume in enumerate(found):
        here = f"{at}[{index}]"
        before = len(errors)
        _source(errors, here, volume, pod_name, is_pod)
        name = volume.get("name", "")
        if not name:
            required(errors, f"{here}.name")
        else:
            dns_label(errors, f"{here}.name", name)
        if name in good:
            duplicate(errors, f"{here}.name", name)
        if len(errors) == before:
            good[name] = volume
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
        if claim and claim in made:
            detail = "must not reference a PVC that gets created for an ephemeral volume"
            invalid(errors, f"{here}.persistentVolumeClaim.claimName", claim, detail)
    return good
