"""What the API's types are made of: the JSON files of `definitions/`, each read when one of its types is asked for.

A definition is named as OpenAPI documents name it (`io.k8s.api.apps.v1.Deployment`). Lists of kinds follow from the
kinds; the few types that are no structs are written out here.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

Obj = dict[str, Any]
HERE = Path(__file__).parent / "definitions"
ROOT = "io.k8s."
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
# apiVersion -> where its types are defined.
PACKAGES = {
    "v1": "api.core.v1",
    "admissionregistration.k8s.io/v1": "api.admissionregistration.v1",
    "apiextensions.k8s.io/v1": "apiextensions-apiserver.pkg.apis.apiextensions.v1",
    "apiregistration.k8s.io/v1": "kube-aggregator.pkg.apis.apiregistration.v1",
    "apps/v1": "api.apps.v1",
    "authentication.k8s.io/v1": "api.authentication.v1",
    "authorization.k8s.io/v1": "api.authorization.v1",
    "autoscaling/v1": "api.autoscaling.v1",
    "autoscaling/v2": "api.autoscaling.v2",
    "batch/v1": "api.batch.v1",
    "certificates.k8s.io/v1": "api.certificates.v1",
    "coordination.k8s.io/v1": "api.coordination.v1",
    "discovery.k8s.io/v1": "api.discovery.v1",
    "events.k8s.io/v1": "api.events.v1",
    "flowcontrol.apiserver.k8s.io/v1": "api.flowcontrol.v1",
    "metrics.k8s.io/v1beta1": "metrics.pkg.apis.metrics.v1beta1",
    "networking.k8s.io/v1": "api.networking.v1",
    "node.k8s.io/v1": "api.node.v1",
    "policy/v1": "api.policy.v1",
    "rbac.authorization.k8s.io/v1": "api.rbac.v1",
    "resource.k8s.io/v1": "api.resource.v1",
    "scheduling.k8s.io/v1": "api.scheduling.v1",
    "storage.k8s.io/v1": "api.storage.v1",
}
API_VERSIONS = {package: api_version for api_version, package in PACKAGES.items()}
TEXT = {"type": "string"}
MOMENT = {"format": "date-time", "type": "string"}
OBJECT = {"type": "object"}
# Types that are no structs: as OpenAPI v3 has them, and as v2 does where that is otherwise.
PLAIN: dict[str, Obj] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [TEXT, {"type": "number"}]},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": OBJECT,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, TEXT],
    },
    f"{META}Duration": TEXT,
    f"{META}FieldsV1": OBJECT,
    f"{META}MicroTime": MOMENT,
    f"{META}Patch": OBJECT,
    f"{META}Time": MOMENT,
    f"{EXTENSIONS}CustomResourceSubresourceStatus": OBJECT,
    f"{EXTENSIONS}JSON": {},
    f"{EXTENSIONS}JSONSchemaPropsOrArray": {},
    f"{EXTENSIONS}JSONSchemaPropsOrBool": {},
    f"{EXTENSIONS}JSONSchemaPropsOrStringArray": {},
}
PLAIN_V2: dict[str, Obj] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": TEXT,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"format": "int-or-string", "type": "string"},
}


class Field(NamedTuple):
    """One field. `kind` is a scalar, the whole name of a definition, or one of these after `[]` or `{}`."""

    name: str
    kind: str
    required: bool = False
    default: str = ""  # in JSON; "" is none
    extensions: tuple[tuple[str, Any], ...] = ()
    values: tuple[str, ...] = ()  # what it may be; of a list or a map, what is in it may be


class Definition(NamedTuple):
    name: str
    fields: tuple[Field, ...]
    extensions: tuple[tuple[str, Any], ...] = ()
    kind: tuple[str, str, str] | None = None  # group, version and kind of what stands alone


LETTERS = {
    "lt": "x-kubernetes-list-type",
    "lk": "x-kubernetes-list-map-keys",
    "mt": "x-kubernetes-map-type",
    "ps": "x-kubernetes-patch-strategy",
    "pk": "x-kubernetes-patch-merge-key",
}


@cache
def _file(package: str) -> dict[str, list[str]]:
    path = HERE / f"{package}.json"
    loaded: dict[str, list[str]] = json.loads(path.read_text()) if path.exists() else {}
    return loaded


def name_of(api_version: str, kind: str) -> str:
    """The definition of a kind.

    >>> name_of("apps/v1", "Deployment")
    'io.k8s.api.apps.v1.Deployment'
    """
    return f"{ROOT}{PACKAGES[api_version]}.{kind}"


def definition(name: str) -> Definition:
    """Raises: KeyError, there is none of that name."""
    package, _, base = name.removeprefix(ROOT).rpartition(".")
    lines = _file(package).get(base)
    if lines is None and base.endswith("List"):
        return _list_of(package, base)
    if lines is None:
        raise KeyError(name)
    about = lines[0].split(" ")[1:] if lines and lines[0].startswith("#") else []
    extensions: list[tuple[str, Any]] = []
    for word in about:
        if word.startswith("mt:"):
            extensions.append(("x-kubernetes-map-type", word[3:]))
        elif word.startswith("unions:"):
            extensions.append(("x-kubernetes-unions", json.loads(word[7:])))
    fields = tuple(_field(package, line) for line in lines[1 if about else 0 :])
    return Definition(name, fields, tuple(extensions), _kind(package, base) if "kind" in about else None)


def _kind(package: str, base: str) -> tuple[str, str, str]:
    group, _, version = API_VERSIONS.get(package, "v1").rpartition("/")
    return group, version, base


def _list_of(package: str, base: str) -> Definition:
    item = base.removesuffix("List")
    if item not in _file(package):
        raise KeyError(base)
    fields = (
        Field("apiVersion", "string"),
        Field("items", f"[]{ROOT}{package}.{item}", True),
        Field("kind", "string"),
        Field("metadata", f"{META}ListMeta", default="{}"),
    )
    return Definition(f"{ROOT}{package}.{base}", fields, (), _kind(package, base))


def _field(package: str, line: str) -> Field:
    plain, _, allowed = line.partition(" e:")
    name, kind, *rest = plain.split(" ")
    default, extensions = "", []
    for word in rest:
        if word.startswith("="):
            default = word[1:]
            continue
        letters, _, value = word.partition(":")
        extensions.append((LETTERS[letters], value.split(",") if letters == "lk" else value))
    values = tuple(allowed.removeprefix("[]").split("|")) if allowed else ()
    return Field(name.rstrip("!"), _whole(package, kind), name.endswith("!"), default, tuple(extensions), values)


def _whole(package: str, kind: str) -> str:
    """A type with the whole name of what it refers to."""
    if kind[:2] in ("[]", "{}"):
        return kind[:2] + _whole(package, kind[2:])
    if "." in kind:
        return ROOT + kind
    return f"{ROOT}{package}.{kind}" if kind[0].isupper() else kind
