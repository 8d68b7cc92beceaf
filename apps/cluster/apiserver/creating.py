"""A new object on its way through the chain: admission, defaulting, validation.

Models      staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go (Create), rest.BeforeCreate
Leaves out  nothing beyond what admission.py and the kinds say

Pods are made by the thousand from templates that were judged before, so what depends on a Pod's spec alone is done once
for all Pods that share the spec object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery import status as errors
from apps.cluster.apiserver import admission, allocators
from apps.cluster.apiserver.strategy import FIRST_STATUS, qos_class, with_generated_selector, with_template_generation
from apps.cluster.engine import Randomness

Obj = dict[str, Any]
NOTHING: dict[str, Any] = {}
MOST_TEMPLATES = 4096


class PodTemplate(NamedTuple):
    """A Pod spec that was admitted, defaulted and validated once, for the Pods that share it."""

    spec: dict[str, Any]  # kept, so that its id stays its own
    account: Obj
    classes: Any
    ready: dict[str, Any]
    token: bool
    qos: str


class Creation:
    """Judges new objects against what there is."""

    def __init__(
        self, tables: dict[str, dict[str, Obj]], infos: Mapping[str, ResourceInfo], random: Randomness
    ) -> None:
        self._tables = tables
        self._infos = infos
        self._random = random
        self._templates: dict[int, PodTemplate] = {}

    def forget(self) -> None:
        """Other objects will come: what was kept of templates is of no use."""
        self._templates.clear()

    def admit(self, info: ResourceInfo, obj: Obj, namespace: str, name: str) -> Obj:
        """Admission, defaulting and validation of a new object that is no Pod."""
        resource = info.plural
        if namespace:
            admission.namespace_lifecycle(self._tables, resource, namespace, name)
        if resource == "persistentvolumeclaims":
            obj = admission.claim(self._tables, obj)
        elif resource == "persistentvolumes":
            obj = admission.with_finalizer(obj, "kubernetes.io/pv-protection")
        elif resource == "nodes":
            obj = admission.node(obj)
        elif resource == "namespaces":
            obj = new_namespace(obj)
        elif resource == "daemonsets":
            obj = {**obj, "metadata": with_template_generation(obj["metadata"], 1)}
        elif resource == "jobs":
            obj = with_generated_selector(obj)
        obj = info.default(obj)
        first = FIRST_STATUS.get(resource)
        if first is not None:
            obj = {**obj, "status": first}
        found = info.validate(obj)
        if found:
            raise errors.invalid(info.kind, info.group, name, found)
        if resource == "services":
            obj = allocators.allocate(obj, self._tables.get("services", NOTHING), self._random)
        return dict(obj)

    def admit_pod(self, obj: Obj, namespace: str, name: str) -> Obj:
        """The same for a Pod. What depends on its spec alone is done once for all Pods that share the spec object."""
        tables = self._tables
        namespaces = tables.get("namespaces", NOTHING)
        if namespaces.get(namespace, NOTHING).get("status", NOTHING).get("phase") != "Active":
            admission.namespace_lifecycle(tables, "pods", namespace, name)
        given = obj.get("spec")
        if admission.MIRROR in (obj["metadata"].get("annotations") or NOTHING):
            return self._whole_pod(obj, name, None, token=False)[0]
        if not isinstance(given, dict):
            found = self._infos["pods"].validate({**obj, "spec": {}})
            raise errors.invalid("Pod", "", name, found)
        account = admission.service_account_of(tables, namespace, given, name)
        classes = tables.get("priorityclasses")
        kept = self._templates.get(id(given))
        random = self._random
        if kept is not None and kept.spec is given and kept.account is account and kept.classes == _names(classes):
            spec = admission.mount_token(kept.ready, random.suffix) if kept.token else kept.ready
            return {**obj, "spec": spec, "status": {"phase": "Pending", "qosClass": kept.qos}}
        pod, ready, qos = self._whole_pod(obj, name, account, token=True)
        if len(self._templates) > MOST_TEMPLATES:
            self._templates.clear()
        token = admission.wants_token(given, account)
        self._templates[id(given)] = PodTemplate(given, account, _names(classes), ready, token, qos)
        return pod

    def _whole_pod(self, obj: Obj, name: str, account: Obj | None, *, token: bool) -> tuple[Obj, dict[str, Any], str]:
        """A Pod through the whole chain; also its spec before the token was mounted, and its QoS class."""
        info = self._infos["pods"]
        spec = obj.get("spec") or {}
        if account is not None:
            spec = admission.service_account(spec, account)
            spec = admission.default_toleration_seconds(spec)
        spec = admission.priority(self._tables, spec, name)
        ready = info.default({**obj, "spec": spec})["spec"]
        mounted = ready
        if account is not None and token and admission.wants_token(ready, account):
            mounted = admission.mount_token(ready, self._random.suffix)
        checked = {**obj, "spec": mounted}
        found = info.validate(checked)
        if found:
            raise errors.invalid("Pod", "", name, found)
        qos = qos_class(mounted)
        checked["status"] = {"phase": "Pending", "qosClass": qos}
        return checked, ready, qos


def _names(classes: dict[str, Obj] | None) -> tuple[str, ...]:
    """PriorityClasses never change their value, so their names say whether a resolved priority still holds."""
    return tuple(classes) if classes else ()


def new_namespace(obj: Obj) -> Obj:
    """With the finalizer that empties it, and its name as a label."""
    spec = obj.get("spec") or {}
    finalizers = spec.get("finalizers") or []
    if "kubernetes" not in finalizers:
        obj = {**obj, "spec": {**spec, "finalizers": [*finalizers, "kubernetes"]}}
    labels = obj["metadata"].get("labels") or {}
    name = obj["metadata"]["name"]
    if labels.get("kubernetes.io/metadata.name") != name:
        labels = {"kubernetes.io/metadata.name": name, **labels}
        obj = {**obj, "metadata": {**obj["metadata"], "labels": labels}}
    return obj
