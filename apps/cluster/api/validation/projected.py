"""Projected and downward API volumes, and the field references they share with environment variables.

Models      pkg/apis/core/validation/validation.go (validateProjectionSources, validateDownwardAPIVolumeFile,
            validateObjectFieldSelector, validateContainerResourceFieldSelector)
Leaves out  nothing
"""

from __future__ import annotations

import re

from apps.cluster.api.validation.fields import (
    Errors,
    forbidden,
    invalid,
    not_supported,
    required,
)
from apps.cluster.api.validation.objectmeta import label_selector
from apps.cluster.api.validation.paths import local_non_reserved, mode, qualified, require
from apps.cluster.api.validation.signers import bundle_name, signer_name, user_annotations
from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.meta import Obj

VOLUME_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
KNOWN_LABELS = {
    *VOLUME_FIELDS,
    *ENV_FIELDS,
    "spec.restartPolicy",
    "spec.schedulerName",
    "status.phase",
}
RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
HUGE = ("requests.hugepages-", "limits.hugepages-")
SUBSCRIPT = re.compile(r"(.+)\['(.*)'\]")
SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
TWICE = "conflicting duplicate paths"


def field_ref(errors: Errors, at: str, reference: Obj, allowed: tuple[str, ...]) -> None:
    """A fieldRef: `metadata.name`, `metadata.labels['app']`."""
    version, path = reference.get("apiVersion", ""), reference.get("fieldPath", "")
    if not version:
        required(errors, f"{at}.apiVersion")
        return
    if not path:
        required(errors, f"{at}.fieldPath")
        return
    problem = ""
    match = SUBSCRIPT.fullmatch(path)
    base = match[1] if match else path
    if version != "v1":
        problem = f"unsupported pod version: {version}"
    elif match:
        if base not in ("metadata.annotations", "metadata.labels"):
            problem = f"field label does not support subscript: {path}"
    elif path == "spec.host":
        path = "spec.nodeName"
    elif path not in KNOWN_LABELS:
        problem = f"field label not supported: {path}"
    if problem:
        invalid(errors, f"{at}.fieldPath", reference["fieldPath"], f"error converting fieldPath: {problem}")
    elif match:
        qualified(errors, at, match[2].lower() if base == "metadata.annotations" else match[2])
    elif path not in allowed:
        not_supported(errors, f"{at}.fieldPath", path, allowed)


def resource_ref(errors: Errors, at: str, reference: Obj, volume: bool) -> None:
    """A resourceFieldRef: `limits.cpu` of a container."""
    resource = reference.get("resource", "")
    if volume and not reference.get("containerName"):
        required(errors, f"{at}.containerName")
    elif not resource:
        required(errors, f"{at}.resource")
    elif resource not in RESOURCES and not resource.startswith(HUGE):
        not_supported(errors, f"{at}.resource", resource, RESOURCES)
    divisor = reference.get("divisor")
    if divisor is None or quantity.nano(divisor) == 0:
        return
    kind = resource.partition(".")[2]
    words = {
        "memory": "memory resource",
        "ephemeral-storage": "local ephemeral storage resource",
        "cpu": "cpu resource",
    }.get(kind, "hugepages resource" if resource.startswith(HUGE) else "")
    valid: tuple[str, ...] = ("1m", "1") if kind == "cpu" else SIZES
    listed = "1m and 1" if kind == "cpu" else ", ".join(SIZES)
    if words and quantity.canonical(divisor) not in valid:
        invalid(errors, f"{at}.divisor", resource, f"only divisor's values {listed} are supported with the {words}")


def items(errors: Errors, at: str, source: Obj) -> None:
    """keyToPath items of a Secret or ConfigMap volume."""
    for index, item in enumerate(source.get("items") or ()):
        here = f"{at}[{index}]"
        require(errors, here, item, "key", "path")
        local_non_reserved(errors, f"{here}.path", item.get("path", ""))
        mode(errors, f"{here}.mode", item.get("mode"))


def _file(errors: Errors, at: str, file: Obj) -> None:
    require(errors, at, file, "path")
    local_non_reserved(errors, f"{at}.path", file.get("path", ""))
    field, resource = file.get("fieldRef"), file.get("resourceFieldRef")
    if field is not None:
        field_ref(errors, f"{at}.fieldRef", field, VOLUME_FIELDS)
        if resource is not None:
            invalid(errors, at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    elif resource is not None:
        resource_ref(errors, f"{at}.resourceFieldRef", resource, True)
    else:
        required(errors, at, "one of fieldRef and resourceFieldRef is required")
    mode(errors, f"{at}.mode", file.get("mode"))


def downward_volume(errors: Errors, at: str, source: Obj) -> None:
    mode(errors, f"{at}.defaultMode", source.get("defaultMode"))
    for file in source.get("items") or ():
        _file(errors, at, file)


def projected(errors: Errors, at: str, source: Obj) -> None:
    """A projected volume: no two sources may write one path."""
    mode(errors, f"{at}.defaultMode", source.get("defaultMode"))
    paths: set[str] = set()

    def once(path: str, shown: str) -> None:
        if path in paths:
            invalid(errors, at, shown, TWICE)
        paths.add(path)

    for index, one in enumerate(source.get("sources") or ()):
        here = f"{at}.sources[{index}]"
        count = 0
        for name in ("secret", "configMap"):
            inner = one.get(name)
            if inner is not None:
                count += 1
                require(errors, f"{here}.{name}", inner, "name")
                items(errors, f"{here}.{name}.items", inner)
                for item in inner.get("items") or ():
                    if item.get("path"):
                        once(item["path"], inner.get("name", ""))
        downward = one.get("downwardAPI")
        if downward is not None:
            count += 1
            for file in downward.get("items") or ():
                _file(errors, f"{here}.downwardAPI", file)
                if file.get("path"):
                    once(file["path"], file["path"])
        token = one.get("serviceAccountToken")
        if token is not None:
            count += 1
            _token(errors, at, here, token)
        bundle = one.get("clusterTrustBundle")
        if bundle is not None:
            count += 1
            _bundle(errors, f"{here}.clusterTrustBundle", bundle)
            once(bundle.get("path", ""), bundle.get("path", ""))
        certificate = one.get("podCertificate")
        if certificate is not None:
            count += 1
            _certificate(errors, f"{here}.podCertificate", certificate)
            for name in ("credentialBundlePath", "keyPath", "certificateChainPath"):
                if certificate.get(name):
                    once(certificate[name], certificate[name])
        if count > 1:
            forbidden(errors, here, "may not specify more than 1 volume type per source")


def _token(errors: Errors, at: str, here: str, token: Obj) -> None:
    expiration = token.get("expirationSeconds", 0)
    where = f"{here}.serviceAccountToken.expirationSeconds"
    if expiration < 600:
        invalid(errors, where, expiration, "may not specify a duration less than 10 minutes")
    if expiration > 1 << 32:
        invalid(errors, where, expiration, "may not specify a duration larger than 2^32 seconds")
    if not token.get("path"):
        required(errors, f"{at}.path")
    else:
        local_non_reserved(errors, f"{at}.path", token["path"])


def _bundle(errors: Errors, at: str, bundle: Obj) -> None:
    name, signer = bundle.get("name"), bundle.get("signerName")
    if name is not None and signer is not None:
        invalid(errors, at, bundle, "only one of name and signerName may be used")
    elif name is not None:
        if not name:
            required(errors, f"{at}.name", "must be a valid object name")
        for problem in bundle_name(name):
            invalid(errors, f"{at}.name", name, f"not a valid clustertrustbundlename: {problem}")
        if bundle.get("labelSelector") is not None:
            detail = "labelSelector must be unset if name is specified"
            invalid(errors, f"{at}.labelSelector", bundle["labelSelector"], detail)
    elif signer is not None:
        if not signer:
            required(errors, f"{at}.signerName", "must be a valid signer name")
        signer_name(errors, f"{at}.signerName", signer)
        label_selector(errors, f"{at}.labelSelector", bundle.get("labelSelector"))
    else:
        required(errors, at, "either name or signerName must be specified")
    require(errors, at, bundle, "path")
    local_non_reserved(errors, f"{at}.path", bundle.get("path", ""))


def _certificate(errors: Errors, at: str, certificate: Obj) -> None:
    signer = certificate.get("signerName", "")
    signer_name(errors, f"{at}.signerName", signer)
    user_annotations(errors, f"{at}.userAnnotations", certificate.get("userAnnotations"))
    if certificate.get("keyType", "") not in KEY_TYPES:
        not_supported(errors, f"{at}.keyType", certificate.get("keyType", ""), KEY_TYPES)
    longest = certificate.get("maxExpirationSeconds")
    if longest is not None:
        where = f"{at}.maxExpirationSeconds"
        most = 86400 if signer.startswith("kubernetes.io/") else 7862400
        if longest < 3600:
            invalid(errors, where, longest, "if provided, maxExpirationSeconds must be >= 3600")
        if longest > most:
            invalid(errors, where, longest, f"if provided, maxExpirationSeconds must be <= {most}")
    written = 0
    for name in ("credentialBundlePath", "keyPath", "certificateChainPath"):
        if certificate.get(name):
            written += 1
            local_non_reserved(errors, f"{at}.{name}", certificate[name])
    if not written:
        required(errors, at, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath")
