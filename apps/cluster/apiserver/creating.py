"""A new object on its way through the chain: admission, defaulting, validation.

Models      staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go (Create), rest.BeforeCreate,
            endpoints/handlers/create.go
Leaves out  nothing beyond what the admission plugins and the kinds say

Pods are made by the thousand from templates that were judged before, so what depends on a Pod's spec alone is done once
for all Pods that share the spec object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery import status as errors
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import allocators
from apps.cluster.apiserver.admission import CREATE, Attributes, chain, limit_ranger, service_account
from apps.cluster.apiserver.admission.attributes import Look
from apps.cluster.apiserver.authentication import User, node_of
from apps.cluster.apiserver.strategy import (
    FIRST_STATUS,
    qos_class,
    with_generated_selector,
    with_template_generation,
    without_disabled,
)
from apps.cluster.engine import Randomness

Obj = dict[str, Any]
NOTHING: dict[str, Any] = {}
MOST_TEMPLATES = 4096
ACCESS = "kube-api-access-"


class PodTemplate(NamedTuple):
    """A Pod spec that was admitted, defaulted and validated once, for the Pods that share it."""

    spec: dict[str, Any]  # kept, so that its id stays its own
    account: Obj
    classes: tuple[str, ...]
    runtime_class: Obj | None
    ranges: list[Obj]
    annotation: str  # what LimitRanger says it did
    ready: dict[str, Any]
    token: bool
    qos: str


class Creation:
    """Judges new objects against what there is."""

    def __init__(
        self,
        tables: dict[str, dict[str, Obj]],
        infos: Mapping[str, ResourceInfo],
        random: Randomness,
        charge: Callable[[Obj], object] | None = None,
        allowed: Callable[[User, str, str, str, str, str], bool] | None = None,
    ) -> None:
        self._tables = tables
        self._infos = infos
        self._random = random
        self._charge = charge
        self._allowed = allowed
        self._templates: dict[int, PodTemplate] = {}

    def forget(self) -> None:
        """Other objects will come: what was kept of templates is of no use."""
        self._templates.clear()

    def admit(
        self,
        info: ResourceInfo,
        obj: Obj,
        namespace: str,
        name: str,
        user: User,
        *,
        generated: bool = False,
        dry_run: bool = False,
        warnings: list[str] | None = None,
        look: Look | None = None,
    ) -> Obj:
        """Defaulting, mutating admission, the kind's strategy, validation and validating admission of a new object.

        Mutating plugins do not know a generated name yet.

        Raises:
            StatusError: refused; it says at which stage.
        """
        a = Attributes(
            CREATE,
            info,
            namespace,
            "" if generated else name,
            _nameless(info.default(obj)) if generated else info.default(obj),
            None,
            user,
            self._tables,
            self._random.suffix,
            dry_run=dry_run,
            charge=self._charge,
            allowed=self._allowed,
        )
        chain.admit(a, look)
        made = a.obj
        if generated:
            made = {**made, "metadata": {"name": name, **made["metadata"]}}
        if info.plural == "services":
            made = allocators.allocate(made, self._tables, self._random, dry_run=dry_run)
        made = prepared(info, made)
        found = info.validate(made)
        if found:
            raise refused_by_schema(errors.invalid(info.kind, info.group, name, found))
        a.obj, a.name = made, name
        chain.validate(a, look)
        if warnings is not None:
            warnings.extend(a.warnings)
        return dict(a.obj)

    def admit_pod(
        self,
        obj: Obj,
        namespace: str,
        name: str,
        user: User,
        *,
        generated: bool = False,
        dry_run: bool = False,
        warnings: list[str] | None = None,
    ) -> Obj:
        """The same for a Pod. What depends on its spec alone is done once for all Pods that share the spec object."""
        tables = self._tables
        info = self._infos["pods"]
        given = obj.get("spec")
        if not isinstance(given, dict):
            found = info.validate({**obj, "spec": {}})
            raise refused_by_schema(errors.invalid("Pod", "", name, found))
        kept = self._templates.get(id(given))
        if kept is None or kept.spec is not given or node_of(user) is not None or not self._holds(kept, namespace):
            pod = self.admit(info, obj, namespace, name, user, generated=generated, dry_run=dry_run, warnings=warnings)
            if not given.get("nodeName") and warnings is None:
                self._keep(given, namespace, pod)
            return pod
        spec = service_account.mount_token(kept.ready, self._random.suffix) if kept.token else kept.ready
        pod = {**obj, "spec": spec, "status": {"phase": "Pending", "qosClass": kept.qos}}
        if kept.annotation:
            annotations = {
                **(obj["metadata"].get("annotations") or NOTHING),
                limit_ranger.ANNOTATION: kept.annotation,
            }
            pod["metadata"] = {**obj["metadata"], "annotations": annotations}
        if chain.judges_each_pod(tables, namespace):
            a = Attributes(
                CREATE,
                info,
                namespace,
                name,
                pod,
                None,
                user,
                tables,
                self._random.suffix,
                dry_run=dry_run,
                charge=self._charge,
            )
            chain.validate(a)
        return pod

    def _holds(self, kept: PodTemplate, namespace: str) -> bool:
        """Whether what was worked out for a template would come out the same now."""
        tables = self._tables
        there = tables.get("namespaces", NOTHING).get(namespace)
        if there is None or there.get("status", NOTHING).get("phase") != "Active":
            return False
        spec = kept.spec
        account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
        if tables.get("serviceaccounts", NOTHING).get(f"{namespace}/{account}") is not kept.account:
            return False
        if kept.classes != tuple(tables.get("priorityclasses", ())):
            return False  # PriorityClasses never change their value: their names say whether a priority still holds
        runtime_class = spec.get("runtimeClassName")
        if (
            runtime_class is not None
            and tables.get("runtimeclasses", NOTHING).get(runtime_class) is not kept.runtime_class
        ):
            return False
        if not tables.get("limitranges"):
            return not kept.ranges
        return kept.ranges == self._ranges(namespace)

    def _ranges(self, namespace: str) -> list[Obj]:
        table = self._tables.get("limitranges", NOTHING)
        return [one for one in table.values() if one["metadata"]["namespace"] == namespace]

    def _keep(self, given: dict[str, Any], namespace: str, pod: Obj) -> None:
        if service_account.MIRROR in (pod["metadata"].get("annotations") or NOTHING):
            return
        tables = self._tables
        if len(self._templates) > MOST_TEMPLATES:
            self._templates.clear()
        ready, token = without_token(given, pod["spec"])
        self._templates[id(given)] = PodTemplate(
            given,
            tables["serviceaccounts"][f"{namespace}/{pod['spec']['serviceAccountName']}"],
            tuple(tables.get("priorityclasses", ())),
            tables.get("runtimeclasses", NOTHING).get(given.get("runtimeClassName")),
            self._ranges(namespace),
            (pod["metadata"].get("annotations") or NOTHING).get(limit_ranger.ANNOTATION, ""),
            ready,
            token,
            pod["status"]["qosClass"],
        )


def without_token(given: dict[str, Any], spec: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A Pod's spec before its token was mounted, and whether one was."""
    before = len(given.get("volumes") or ())
    volumes = spec.get("volumes") or []
    if len(volumes) == before or not volumes[-1]["name"].startswith(ACCESS):
        return spec, False
    name = volumes[-1]["name"]
    # What becomes empty stays, so that fields are in the same order in whatever is made of it.
    out = {**spec, "volumes": volumes[:-1]}
    for field in ("initContainers", "containers"):
        if spec.get(field):
            out[field] = [_unmounted(container, name) for container in spec[field]]
    return out, True


def _unmounted(container: Obj, volume: str) -> Obj:
    mounts = container.get("volumeMounts")
    if not mounts or mounts[-1]["name"] != volume:
        return container
    return {**container, "volumeMounts": mounts[:-1]}


def _nameless(obj: Obj) -> Obj:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "name"}
    return {**obj, "metadata": metadata}


def refused_by_schema(error: StatusError) -> StatusError:
    error.stage = "schema"
    return error


def prepared(info: ResourceInfo, obj: Obj) -> Obj:
    """What the kind's strategy makes of a new object before it is validated."""
    resource = info.plural
    if resource == "pods":
        return {**obj, "status": {"phase": "Pending", "qosClass": qos_class(obj["spec"])}}
    if resource == "namespaces":
        obj = new_namespace(obj)
    elif resource == "daemonsets":
        obj = {**obj, "metadata": with_template_generation(obj["metadata"], 1)}
    elif resource == "statefulsets":
        obj = without_disabled(obj)
    elif resource == "jobs":
        obj = info.default(with_generated_selector(obj))  # what is read back from the store is defaulted again
    elif resource == "apiservices":
        return {**obj, "status": local_status(obj)}
    first = FIRST_STATUS.get(resource)
    return obj if first is None else {**obj, "status": first}


def local_status(api_service: Obj) -> Obj:
    """What the server itself answers is there from the start (the aggregator's pkg/registry/apiservice/strategy.go)."""
    if (api_service.get("spec") or {}).get("service") is not None:
        return {}
    available = {
        "type": "Available",
        "status": "True",
        "lastTransitionTime": api_service["metadata"]["creationTimestamp"],
        "reason": "Local",
        "message": "Local APIServices are always available",
    }
    return {"conditions": [available]}


def signed_for(request: Obj, user: User) -> Obj:
    """A CertificateSigningRequest says who made it, whatever was sent (pkg/registry/certificates, strategy.go)."""
    spec = {key: value for key, value in (request.get("spec") or {}).items() if key not in ("uid", "extra")}
    return {**request, "spec": {**spec, "username": user.name, "groups": list(user.groups)}}


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
