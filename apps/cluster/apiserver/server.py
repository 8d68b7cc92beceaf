"""The request chain of every write: who asks, admission, defaulting, validation, and then the store.

Models      staging/src/k8s.io/apiserver (endpoints/handlers, registry/generic/registry/store.go), pkg/registry/*
Leaves out  priority and fairness; status written by Kubernetes' own components is not validated

What is read comes from the watch cache (cache.py), what is written goes through storage.py; deletions (removal.py) and
what is asked of Pods alone (pod_requests.py) stand by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.cluster.api import schema
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery import patch as patches
from apps.cluster.apimachinery import status as errors
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import (
    admission,
    allocators,
    deleting,
    pod_requests,
    removal,
    scale,
    signing_requests,
    updating,
)
from apps.cluster.apiserver import warnings as said
from apps.cluster.apiserver.admission import Attributes, chain, node_restriction
from apps.cluster.apiserver.aggregation import Aggregation
from apps.cluster.apiserver.authentication import Actor, User, user_of
from apps.cluster.apiserver.authorization import RBAC_RESOURCES, Ask, Authorizer, escalation, reviews
from apps.cluster.apiserver.authorization.reviews import REVIEWS
from apps.cluster.apiserver.cache import NO_PARAMS, Obj
from apps.cluster.apiserver.creating import Creation, signed_for
from apps.cluster.apiserver.customresources import CustomKinds
from apps.cluster.apiserver.fieldmanager import Managed
from apps.cluster.apiserver.fieldmanager.managed import same_fields
from apps.cluster.apiserver.refusals import Refusals
from apps.cluster.apiserver.storage import SELF, Storage
from apps.cluster.apiserver.strategy import GENERATION
from apps.cluster.engine import Engine
from apps.cluster.etcd import Store

Warnings = list[str]
GENERATE_ATTEMPTS = 8
MAX_GENERATED_NAME = 58  # 63 less the five letters of the suffix
READER = "kubectl"
JUDGED_STATUS = ("certificatesigningrequests", "persistentvolumeclaims")  # kinds of whose status plugins have a say
# What the API server writes for itself beside what it is asked for: whose identity is no matter of the story's chance.
OWN = frozenset({"apiservices", "flowschemas", "prioritylevelconfigurations", "ipaddresses"})
NOBODY = User("", ())  # where nothing depends on who asks


ManagedAfter = Callable[[Obj, Obj], Managed]  # what a write makes of the managers, by the object before and after


def _taken(info: ResourceInfo, name: str, there: Obj, *, generated: bool) -> errors.StatusError:
    error = errors.already_exists(info.resource, name, info.group)
    if generated:
        error.message += ", the server was not able to generate a unique name for the object"
        error.details["retryAfterSeconds"] = 1
    elif "deletionTimestamp" in there["metadata"]:
        error.message = f"object is being deleted: {error.message}"
    return error


class APIServer(Storage):
    """Every read and write of the cluster's state. Refusals are StatusErrors, and change nothing."""

    def __init__(self, engine: Engine, store: Store, *, authorization: tuple[str, ...] = ("AlwaysAllow",)) -> None:
        """`authorization`: as --authorization-mode, whose default is what kube-apiserver's is."""
        super().__init__(engine, store)
        self.unhealthy = False  # it gets no answer from etcd
        self.aggregation = Aggregation(self._tables)
        self.authorizer = Authorizer(self._tables, authorization)
        for rbac_resource in RBAC_RESOURCES:
            self._watchers[rbac_resource] = [self._forget_authorization]
        self.warnings: list[str] = []  # what the answers to a reader say in Warning headers, since it was last emptied
        self._creation = Creation(self._tables, self.infos, engine.random, self._charge, self._allowed)
        self.refusals = Refusals(engine)
        self.customs = CustomKinds(self)
        engine.register(self.customs.name, self.customs)
        # What others hang in: checks of every request from outside, and what reads below an object.
        self.gates: list[Callable[..., None]] = []
        self.readers: dict[str, Callable[..., Any]] = {}
        self.sign: Callable[[bytes], bytes] | None = None  # what makes the tokens of ServiceAccounts good
        self.whose: Callable[[str], User | None] | None = None  # and who knows whose one is

    # ---- writing -------------------------------------------------------------------------------

    def create(
        self,
        actor: Actor,
        resource: str,
        obj: Obj,
        *,
        why: str = "",
        params: dict[str, Any] = NO_PARAMS,
        dry_run: bool = False,
        managed: Managed | None = None,
    ) -> Obj:
        """Store a new object and give it back as stored. `managed`: whose its fields are, if they are not the actor's.

        Raises:
            StatusError: 404 (namespace), 403 (admission), 409 (exists), 422 (validation).
        """
        info = self.infos.get(resource) or self.info(resource)
        sent = obj
        given = obj["metadata"]
        name = given.get("name", "")
        namespace = (given.get("namespace") or "default") if info.namespaced else ""
        self.authorizer.check(actor, "create", info.group, resource, "", namespace, "")
        warnings = self.warnings if actor.component == READER else None
        generate = given.get("generateName", "")
        generated = not name and bool(generate)
        table = self._tables.get(resource)
        if generated:
            name = self._generated_name(generate, f"{namespace}/" if namespace else "", table)
        key = f"{namespace}/{name}" if namespace else name
        metadata: dict[str, Any] = {"name": name}
        if generate:
            metadata["generateName"] = generate
        if namespace:
            metadata["namespace"] = namespace
        if actor.component == "kube-apiserver" and resource in OWN:
            metadata["uid"] = self.own_uid(resource, key)
        elif not info.builtin or resource == "customresourcedefinitions":
            # Most of them are Calico's own, beside the story: they draw nothing.
            metadata["uid"] = self._engine.random.uuid_of(f"{resource}/{key} {self._store.revision}")
        else:
            metadata["uid"] = self._engine.random.uuid()
        metadata["resourceVersion"] = ""
        if resource in GENERATION or not info.builtin:
            metadata["generation"] = 1
        metadata["creationTimestamp"] = format_ms(self._engine.now_ms)
        for field in ("labels", "annotations", "ownerReferences", "finalizers"):
            value = given.get(field)
            if value:
                metadata[field] = value
        api_version, kind = info.api_version, info.kind
        if not info.builtin or resource == "customresourcedefinitions":
            obj = self.customs.for_create(info, obj, strict=actor.component == READER)
        obj = {"apiVersion": api_version, "kind": kind, **obj, "metadata": metadata}
        if obj["apiVersion"] != api_version:
            obj["apiVersion"] = api_version  # one version is served of each kind
        as_sent = resource == "events" and self._plain(namespace)  # admission would add nothing
        user = user_of(actor) if not as_sent else NOBODY
        if resource == "certificatesigningrequests":
            obj = signed_for(obj, user)
        if resource in REVIEWS:
            metadata = {name: value for name, value in metadata.items() if name == "namespace"}
            asking = {**obj, "metadata": metadata}
            return reviews.answer(self.authorizer, self._tables, resource, asking, user, self.whose)
        if as_sent:
            pass
        elif resource == "pods":
            obj = self._creation.admit_pod(
                obj, namespace, name, user, generated=generated, dry_run=dry_run, warnings=warnings
            )
        else:
            obj = self._creation.admit(
                info, obj, namespace, name, user, generated=generated, dry_run=dry_run, warnings=warnings
            )
        table = self._tables.get(resource)
        if table is not None and key in table:
            raise _taken(info, name, table[key], generated=generated)
        if resource in RBAC_RESOURCES:
            escalation.check(self.authorizer, self._tables, info, obj, None, user)
        if warnings is not None:
            warnings.extend(said.of(resource, obj))
        if dry_run:
            return obj
        if resource == "services":
            self.reserve(obj, ())
        if managed is None and not (as_sent and actor.component != READER):  # what is stored tells as well
            self.ledger.asked(self._store.revision + 1, sent)
        return self.commit(actor, "create", info, key, None, obj, "", why, params, sent, managed)

    def update(
        self,
        actor: Actor,
        resource: str,
        obj: Obj,
        *,
        subresource: str = "",
        why: str = "",
        params: dict[str, Any] = NO_PARAMS,
        verb: str = "update",
        dry_run: bool = False,
        managed: ManagedAfter | None = None,
    ) -> Obj:
        """Replace an object, or with `subresource` a part of it alone. `managed`: whose its fields are then.

        Raises:
            StatusError: 404, 409 when `metadata.resourceVersion` is stale, 422.
        """
        info = self.infos.get(resource) or self.info(resource)
        wanted = obj["metadata"]
        namespace = (wanted.get("namespace") or "default") if info.namespaced else ""
        name = wanted["name"]
        if verb == "update":
            self.authorizer.check(actor, verb, info.group, resource, subresource, namespace, name)
        warnings = self.warnings if actor.component == READER else None
        key = f"{namespace}/{name}" if namespace else name
        table = self._tables.get(resource)
        old = table.get(key) if table is not None else None
        if old is None:
            raise errors.not_found(info.resource, name, info.group)
        current = old["metadata"]
        uid = wanted.get("uid")
        if uid and uid != current["uid"]:
            raise errors.conflict(
                info.resource,
                name,
                info.group,
                f"StorageError: invalid object, Code: 4, Key: /registry/{info.etcd_prefix}/{key}, ResourceVersion: 0, "
                f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, "
                f"UID in object meta: {current['uid']}",
            )
        version = wanted.get("resourceVersion")
        if version and version != current["resourceVersion"]:
            raise errors.conflict(info.resource, name, info.group)
        if subresource == "scale":
            obj, verb, subresource = scale.applied_to(old, obj, self.scale_paths(info)), "scale", ""
        if resource == signing_requests.RESOURCE:
            obj = signing_requests.limited(old, obj, subresource, self._engine.now_ms)
        if subresource == "status":
            if resource == "services":
                obj = info.default({**old, "status": obj.get("status", {}), "metadata": wanted})
            new = {**old, "status": obj.get("status", {})}
            if wanted is not current:
                new["metadata"] = updating.status_metadata(info, current, wanted)
            if new["status"] == old.get("status") and new["metadata"] == current:
                new = old
            else:
                if resource in JUDGED_STATUS or (
                    actor.component == "kubelet"
                    and not (resource == "pods" and node_restriction.harmless_status(actor.node, old, new))
                ):
                    a = self.attributes(actor, admission.UPDATE, info, namespace, name, new, old, "status")
                    chain.admit(a)
                    chain.validate(a)
                if actor.component == READER:
                    found = info.validate_status(new, old)
                    if found:
                        raise errors.invalid(info.kind, info.group, name, found)
        else:
            if not info.builtin:
                obj = self.customs.for_update(info, obj, strict=actor.component == READER)
            if subresource:
                obj = updating.part(subresource, old, obj)
            a = self.attributes(actor, admission.UPDATE, info, namespace, name, obj, old, subresource, dry_run=dry_run)
            new = updating.prepare(info, old, obj, a, self._engine.random)
            if new is not old and resource in RBAC_RESOURCES:
                escalation.check(self.authorizer, self._tables, info, new, old, user_of(actor))
            if new is not old and warnings is not None:
                warnings.extend([*a.warnings, *said.of(resource, new, old)])
        owned = managed(old, new) if managed is not None else None
        if new is old:
            if owned is None or same_fields(owned, self.managed(info, key)):
                return old
            new = dict(old)  # nothing but the ownership of its fields has changed
        if dry_run:
            return new
        if "deletionTimestamp" in current and not new["metadata"].get("finalizers") and deleting.may_go(info, new):
            return self.drop(actor, info, key, old, why, params)
        if resource != "services":
            return self.commit(actor, verb, info, key, old, new, subresource, why, params, None, owned)
        self.reserve(new, allocators.cluster_ips(old))
        stored = self.commit(actor, verb, info, key, old, new, subresource, why, params, None, owned)
        self.release(old, allocators.cluster_ips(new))
        return stored

    def patch(
        self,
        actor: Actor,
        resource: str,
        namespace: str,
        name: str,
        body: Any,
        *,
        type: str = "strategic",
        subresource: str = "",
        why: str = "",
        params: dict[str, Any] = NO_PARAMS,
        dry_run: bool = False,
    ) -> Obj:
        """Change part of an object: `type` is strategic, merge or json.

        Raises:
            StatusError: 400, 404, 409, 422.
        """
        info = self.infos.get(resource) or self.info(resource)
        if subresource and subresource not in info.subresources:
            raise errors.StatusError(404, "NotFound", "the server could not find the requested resource")
        self.authorizer.check(actor, "patch", info.group, resource, subresource, namespace, name)
        old = self.get(resource, namespace, name)
        target = scale.of(old, info, self.scale_paths(info)) if subresource == "scale" else old
        if type == "json":
            new = patches.json_patch(target, body)
        elif type == "merge" or not info.builtin:
            new = patches.merge_patch(target, body)
        else:
            new = patches.strategic_merge(target, body, schema.kind(target["apiVersion"], target["kind"]))
        if subresource == "scale":
            return self.scale(actor, info, old, new, why=why, params=params, dry_run=dry_run)
        if actor.component == READER:
            new = updating.decoded(info, name, new)
        if not (isinstance(body, dict) and (body.get("metadata") or NO_PARAMS).get("resourceVersion")):
            # A patch without a resourceVersion is applied to whatever is there.
            new = {**new, "metadata": {**new["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}}
        return self.update(
            actor,
            resource,
            new,
            subresource=subresource,
            why=why,
            params=params,
            verb="patch",
            dry_run=dry_run,
        )

    def scale(
        self,
        actor: Actor,
        info: ResourceInfo,
        old: Obj,
        wanted: Obj,
        *,
        why: str = "",
        params: dict[str, Any] = NO_PARAMS,
        dry_run: bool = False,
    ) -> Obj:
        """Give an object the replicas that a Scale asks for.

        Raises:
            StatusError: 409, 422.
        """
        new = scale.applied_to(old, wanted, self.scale_paths(info))
        return self.update(actor, info.plural, new, why=why, params=params, verb="scale", dry_run=dry_run)

    def delete(
        self,
        actor: Actor,
        resource: str,
        namespace: str,
        name: str,
        *,
        grace_period_seconds: int | None = None,
        propagation: str | None = None,
        uid: str = "",
        resource_version: str = "",
        why: str = "",
        params: dict[str, Any] = NO_PARAMS,
        dry_run: bool = False,
    ) -> tuple[Obj, bool]:
        """Delete, gracefully where the kind knows grace, and not before the last finalizer has gone.

        Gives what is left, or was there last, and whether it is gone.

        Raises:
            StatusError: 404, 409 when `uid` or `resource_version` is another, 403 for what may not be deleted.
        """
        info = self.infos.get(resource) or self.info(resource)
        self.authorizer.check(actor, "delete", info.group, resource, "", namespace, name)
        return removal.delete(
            self,
            actor,
            resource,
            namespace,
            name,
            grace_period_seconds=grace_period_seconds,
            propagation=propagation,
            uid=uid,
            resource_version=resource_version,
            why=why,
            params=params,
            dry_run=dry_run,
        )

    def bind(
        self,
        actor: Actor,
        namespace: str,
        name: str,
        node: str,
        *,
        why: str = "",
        params: dict[str, Any] = NO_PARAMS,
        dry_run: bool = False,
    ) -> Obj:
        """POST pods/{name}/binding. Raises: StatusError 404, 409 when it has a node or is being deleted."""
        return pod_requests.bind(self, actor, namespace, name, node, why=why, params=params, dry_run=dry_run)

    def evict(self, actor: Actor, namespace: str, name: str, **asked: Any) -> None:
        """POST pods/{name}/eviction. Raises: StatusError 403, 404, 429 when a budget forbids it, 500 for several."""
        pod_requests.evict(self, actor, namespace, name, **asked)

    # ---- the chain's links ---------------------------------------------------------------------

    def _plain(self, namespace: str) -> bool:
        """Whether no plugin has anything to say of an Event there."""
        there = self._tables["namespaces"].get(namespace)
        return there is not None and there.get("status", NO_PARAMS).get("phase") == "Active"

    def _forget_authorization(self, key: str, before: Obj | None, after: Obj | None) -> None:
        self.authorizer.forget()

    def _allowed(self, user: User, verb: str, group: str, resource: str, namespace: str, name: str) -> bool:
        return self.authorizer.answer(Ask(user, verb, group, resource, "", namespace, name)).allowed

    def _charge(self, quota: Obj) -> Obj:
        """The quota admission plugin writes what a request uses, before the request itself is stored."""
        return self.update(SELF, "resourcequotas", quota, subresource="status", why="kube-apiserver.charge-quota")

    def attributes(
        self,
        actor: Actor,
        operation: str,
        info: ResourceInfo,
        namespace: str,
        name: str,
        obj: Obj | None,
        old: Obj | None,
        subresource: str = "",
        *,
        dry_run: bool = False,
    ) -> Attributes:
        """What the admission plugins are told of a change or a deletion."""
        return Attributes(
            operation,
            info,
            namespace,
            name,
            obj,
            old,
            user_of(actor),
            self._tables,
            self._engine.random.suffix,
            subresource=subresource,
            dry_run=dry_run,
            charge=self._charge,
            allowed=self._allowed,
        )

    def _generated_name(self, base: str, prefix: str, table: dict[str, Obj] | None) -> str:
        """The base and five letters; another five while the name is taken, but not for ever."""
        base = base[:MAX_GENERATED_NAME]
        suffix = self._engine.random.suffix
        name = base + suffix(5)
        if table is not None:
            tries = 1
            while f"{prefix}{name}" in table and tries < GENERATE_ATTEMPTS:
                name = base + suffix(5)
                tries += 1
        return name

    def load(self) -> None:
        """Fill the watch cache from the store, oldest objects first."""
        self._creation.forget()
        self.authorizer.forget()
        super().load()
