"""ServiceAccount: each Pod runs as an account, with its token mounted and its image pull secrets.

Models      plugin/pkg/admission/serviceaccount
Leaves out  the retries for an account made a moment ago (the cache here is never behind)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, UPDATE, Attributes, Obj, Plugin

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 (a path)
MIRROR = "kubernetes.io/config.mirror"
ENFORCE = "kubernetes.io/enforce-mountable-secrets"
TRUE = ("1", "t", "T", "TRUE", "true", "True")

_TOKEN_SOURCES = [
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {
        "downwardAPI": {
            "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
        }
    },
]


def admit(a: Attributes) -> None:
    """Raises: StatusError 403."""
    if a.operation != CREATE or a.subresource:
        return
    spec = a.obj["spec"]
    if MIRROR not in (a.obj["metadata"].get("annotations") or NOTHING):
        account = account_of(a)
        spec = named(spec, account)
        if wants_token(spec, account):
            spec = mount_token(spec, a.suffix)
        a.obj = {**a.obj, "spec": spec}
    validate(a)


def validate(a: Attributes) -> None:
    """Raises: StatusError 403."""
    spec = a.obj["spec"]
    if a.subresource == "ephemeralcontainers":
        if a.operation == UPDATE:
            account = account_of(a)
            if enforces(account):
                _limit_environment(a, spec.get("ephemeralContainers") or (), "ephemeral container", account)
        return
    if a.operation != CREATE:
        return
    if MIRROR in (a.obj["metadata"].get("annotations") or NOTHING):
        _mirror(a, spec)
        return
    account = account_of(a)
    if enforces(account):
        _limit_secrets(a, spec, account)


def account_of(a: Attributes) -> Obj:
    """Raises: StatusError 403, the Pod's account does not exist."""
    spec = a.obj.get("spec") or NOTHING
    name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    account = a.table("serviceaccounts").get(f"{a.namespace}/{name}")
    if account is None:
        raise a.forbidden(f'error looking up service account {a.namespace}/{name}: serviceaccount "{name}" not found')
    return account


def named(spec: dict[str, Any], account: Obj) -> dict[str, Any]:
    """The spec naming its account and pulling with the account's secrets."""
    name = account["metadata"]["name"]
    out = {**spec, "serviceAccountName": name, "serviceAccount": name}
    if not out.get("imagePullSecrets") and account.get("imagePullSecrets"):
        out["imagePullSecrets"] = [{"name": secret.get("name", "")} for secret in account["imagePullSecrets"]]
    return out


def wants_token(spec: Mapping[str, Any], account: Obj) -> bool:
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    return wanted is not False


def mount_token(spec: dict[str, Any], suffix: Callable[[int], str]) -> dict[str, Any]:
    """The spec with the projected token volume, mounted wherever nothing else sits at its path.

    The volume's name is drawn for each Pod, so this part is never shared between Pods.
    """
    name = ""
    for volume in spec.get("volumes") or ():
        if volume["name"].startswith("kube-api-access-"):
            name = volume["name"]
            break
    created = not name
    if created:
        name = f"kube-api-access-{suffix(5)}"
    mount = {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}
    used = False
    out = dict(spec)
    for field in ("initContainers", "containers"):
        containers = spec.get(field)
        if not containers:
            continue
        mounted = []
        for container in containers:
            mounts = container.get("volumeMounts")
            if mounts and any(there["mountPath"] == TOKEN_PATH for there in mounts):
                mounted.append(container)
                continue
            used = True
            mounted.append({**container, "volumeMounts": [*mounts, mount] if mounts else [mount]})
        out[field] = mounted
    if used and created:
        volume = {"name": name, "projected": {"sources": _TOKEN_SOURCES, "defaultMode": 420}}
        out["volumes"] = [*(spec.get("volumes") or ()), volume]
    return out


def _mirror(a: Attributes, spec: Mapping[str, Any]) -> None:
    if spec.get("serviceAccountName"):
        raise a.forbidden("a mirror pod may not reference service accounts")
    if any(True for _ in secret_names(spec)):
        raise a.forbidden("a mirror pod may not reference secrets")
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or NOTHING).get("sources") or ():
            if source.get("serviceAccountToken"):
                raise a.forbidden("a mirror pod may not use ServiceAccountToken volume projections")


def secret_names(spec: Mapping[str, Any]) -> Iterator[str]:
    """Every Secret that a Pod names."""
    for secret in spec.get("imagePullSecrets") or ():
        yield secret.get("name", "")
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            for source in container.get("envFrom") or ():
                if source.get("secretRef"):
                    yield source["secretRef"].get("name", "")
            for variable in container.get("env") or ():
                reference = (variable.get("valueFrom") or NOTHING).get("secretKeyRef")
                if reference:
                    yield reference.get("name", "")
    for volume in spec.get("volumes") or ():
        for source in volume.values():
            if not isinstance(source, dict):
                continue
            if source.get("secretName"):
                yield source["secretName"]
            for reference in ("secretRef", "nodePublishSecretRef"):
                if source.get(reference):
                    yield source[reference].get("name", "")
            for part in source.get("sources") or ():
                if part.get("secret"):
                    yield part["secret"].get("name", "")


def enforces(account: Obj) -> bool:
    return (account["metadata"].get("annotations") or NOTHING).get(ENFORCE) in TRUE


def _limit_secrets(a: Attributes, spec: Mapping[str, Any], account: Obj) -> None:
    """With the annotation only Secrets that the account lists may be used."""
    name = account["metadata"]["name"]
    mountable = {secret.get("name") for secret in account.get("secrets") or ()}
    for volume in spec.get("volumes") or ():
        secret = (volume.get("secret") or NOTHING).get("secretName")
        if volume.get("secret") and secret not in mountable:
            raise a.forbidden(
                f'volume with secret.secretName="{secret}" is not allowed because service account {name} does not '
                "reference that secret"
            )
    _limit_environment(a, spec.get("initContainers") or (), "init container", account)
    _limit_environment(a, spec.get("containers") or (), "container", account)
    pulling = {secret.get("name") for secret in account.get("imagePullSecrets") or ()}
    for position, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if secret.get("name") not in pulling:
            raise a.forbidden(
                f'imagePullSecrets[{position}].name="{secret.get("name", "")}" is not allowed because service account '
                f"{name} does not reference that imagePullSecret"
            )


def _limit_environment(a: Attributes, containers: Any, called: str, account: Obj) -> None:
    name = account["metadata"]["name"]
    mountable = {secret.get("name") for secret in account.get("secrets") or ()}
    for container in containers:
        said = f"{called} {container['name']} with"
        for variable in container.get("env") or ():
            reference = (variable.get("valueFrom") or NOTHING).get("secretKeyRef")
            if reference and reference.get("name", "") not in mountable:
                raise a.forbidden(
                    f'{said} envVar {variable["name"]} referencing secret.secretName="{reference.get("name", "")}" is '
                    f"not allowed because service account {name} does not reference that secret"
                )
        for source in container.get("envFrom") or ():
            reference = source.get("secretRef")
            if reference and reference.get("name", "") not in mountable:
                raise a.forbidden(
                    f'{said} envFrom referencing secret.secretName="{reference.get("name", "")}" is not allowed '
                    f"because service account {name} does not reference that secret"
                )


PLUGIN = Plugin(
    "ServiceAccount", frozenset({CREATE, UPDATE}), frozenset({"pods", "pods/ephemeralcontainers"}), admit, validate
)
