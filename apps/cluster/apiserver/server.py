"""The request chain: who asks, admission, defaulting, validation, the store, and everyone who watches.

Models      staging/src/k8s.io/apiserver (endpoints/handlers, registry/generic/registry/store.go), pkg/registry/*
Leaves out  priority and fairness; status written by Kubernetes' own components is not validated; watch events reach
            components in the instant of the write
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any

from apps.cluster.api import schema
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.api.scheme import RESOURCES, info_for
from apps.cluster.apimachinery import patch as patches
from apps.cluster.apimachinery import status as errors
from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.selectors import field_selector as parse_fields
from apps.cluster.apimachinery.selectors import parse as parse_labels
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import admission, allocators, deleting, eviction, scale, signing_requests, updating
from apps.cluster.apiserver import warnings as said
from apps.cluster.apiserver.admission import Attributes, chain, node_restriction
from apps.cluster.apiserver.aggregation import Aggregation
from apps.cluster.apiserver.authentication import Actor, User, user_of
from apps.cluster.apiserver.authorization import RBAC_RESOURCES, Ask, Authorizer, escalation, reviews
from apps.cluster.apiserver.authorization.reviews import REVIEWS
from apps.cluster.apiserver.creating import Creation, signed_for
from apps.cluster.apiserver.customresources import CustomKinds
from apps.cluster.apiserver.fieldmanager import Ledger, Managed
from apps.cluster.apiserver.fieldmanager.managed import same_fields
from apps.cluster.apiserver.listing import Selection
from apps.cluster.apiserver.refusals import Refusals
from apps.cluster.apiserver.strategy import GENERATION
from apps.cluster.engine import Engine, Randomness, Step
from apps.cluster.etcd import Compacted, Record, Store

Obj = dict[str, Any]
Receive = Callable[[str, Obj | None, Obj | None], None]  # key, before, after
Warnings = list[str]
NO_PARAMS: dict[str, Any] = {}
UNMANAGED = frozenset({"delete", "bind", "evict"})  # writes that make nobody the owner of a field
GENERATE_ATTEMPTS = 8
MAX_GENERATED_NAME = 58  # 63 less the five letters of the suffix
READER = "kubectl"
JUDGED_STATUS = ("certificatesigningrequests", "persistentvolumeclaims")  # kinds of whose status plugins have a say
SELF = Actor("kube-apiserver")
# What the API server writes for itself beside what it is asked for: whose identity is no matter of the story's chance.
OWN = frozenset({"apiservices", "flowschemas", "prioritylevelconfigurations", "ipaddresses"})
NOBODY = User("", ())  # where nothing depends on who asks


ManagedAfter = Callable[[Obj, Obj], Managed]  # what a write makes of the managers, by the object before and after


@lru_cache(maxsize=256)
def _scheduled(generation: int, now: str) -> Obj:
    """The condition that a binding leaves; one for all Pods bound in a second."""
    return {
        "type": "PodScheduled",
        "observedGeneration": generation,
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }


def _taken(info: ResourceInfo, name: str, there: Obj, *, generated: bool) -> errors.StatusError:
    error = errors.already_exists(info.resource, name, info.group)
    if generated:
        error.message += ", the server was not able to generate a unique name for the object"
        error.details["retryAfterSeconds"] = 1
    elif "deletionTimestamp" in there["metadata"]:
        error.message = f"object is being deleted: {error.message}"
    return error


class APIServer:
    """Every read and write of the cluster's state. Refusals are StatusErrors, and change nothing."""

    def __init__(self, engine: Engine, store: Store, *, authorization: tuple[str, ...] = ("AlwaysAllow",)) -> None:
        """`authorization`: as --authorization-mode, whose default is what kube-apiserver's is."""
        self._engine = engine
        self._store = store
        self.unhealthy = False  # it gets no answer from etcd
        self.event_lease: Callable[[], int] = lambda: 0  # what Events are written with, so that they go after an hour
        engine.revision = store.revision
        self.infos: dict[str, ResourceInfo] = dict(RESOURCES)
        self._tables: dict[str, dict[str, Obj]] = {}
        self._watchers: dict[str, list[Receive]] = {}
        self._node_watchers: dict[str, list[Receive]] = {}
        self._pods_on: dict[str, dict[str, Obj]] = {}  # node -> its Pods, as the watch cache's index has them
        self.aggregation = Aggregation(self._tables)
        self.authorizer = Authorizer(self._tables, authorization)
        for rbac_resource in RBAC_RESOURCES:
            self._watchers[rbac_resource] = [self._forget_authorization]
        self.warnings: list[str] = []  # what the answers to a reader say in Warning headers, since it was last emptied
        self._creation = Creation(self._tables, self.infos, engine.random, self._charge, self._allowed)
        self.ledger = Ledger()
        self.refusals = Refusals(engine)
        self.customs = CustomKinds(self)
        engine.register(self.customs.name, self.customs)
        # What others hang in: checks of every request from outside, and what reads below an object.
        self.gates: list[Callable[..., None]] = []
        self.readers: dict[str, Callable[..., Any]] = {}
        self.sign: Callable[[bytes], bytes] | None = None  # what makes the tokens of ServiceAccounts good

    # ---- reading -------------------------------------------------------------------------------

    @property
    def tables(self) -> dict[str, dict[str, Obj]]:
        """The watch cache: what there is now, by resource and key, oldest first. To be read only."""
        return self._tables

    def info(self, resource: str) -> ResourceInfo:
        """Raises: StatusError 404, no such resource."""
        info = self.infos.get(resource)
        if info is None:
            raise errors.StatusError(404, "NotFound", "the server could not find the requested resource")
        return info

    def info_for(self, api_version: str, kind: str) -> ResourceInfo:
        """The resource of a kind; one never heard of is stored as it is from now on.

        Raises:
            StatusError: 404, the name is a built-in kind's and the version is not.
        """
        info = self.customs.by_kind(api_version, kind) or info_for(api_version, kind)
        known = self.infos.setdefault(info.plural, info)
        if known.builtin and known is not info and (known.api_version, known.kind) != (api_version, kind):
            raise errors.StatusError(404, "NotFound", f'no matches for kind "{kind}" in version "{api_version}"')
        return known

    def get(self, resource: str, namespace: str, name: str) -> Obj:
        """Raises: StatusError 404."""
        obj = self._tables.get(resource, NO_PARAMS).get(f"{namespace}/{name}" if namespace else name)
        if obj is None:
            info = self.info(resource)
            raise errors.not_found(info.resource, name, info.group)
        return obj  # type: ignore[no-any-return]

    @property
    def store(self) -> Store:
        """etcd. To be read only."""
        return self._store

    @property
    def now_ms(self) -> int:
        return self._engine.now_ms

    @property
    def random(self) -> Randomness:
        return self._engine.random

    def versions(self) -> set[tuple[str, str]]:
        """The groups and versions that are served."""
        served = {(info.group, info.version) for info in self.infos.values() if not self.customs.knows(info.plural)}
        return served | self.customs.versions() | {("events.k8s.io", "v1"), ("autoscaling", "v1")}

    def wake(self, name: str, key: str, delay_ms: int) -> None:
        """A turn for one of the controllers inside this process."""
        self._engine.wake(name, key, delay_ms)

    def scale_paths(self, info: ResourceInfo) -> dict[str, str] | None:
        """Where a custom kind keeps its replicas; None for a kind that keeps them where all do."""
        return self.customs.scale_paths(info)

    def selection(
        self, info: ResourceInfo, namespace: str, label_selector: str = "", field_selector: str = "", second: str = ""
    ) -> Selection:
        """The objects that a list or watch is about. Raises: StatusError 400, a selector is none."""
        return Selection(info, namespace, label_selector, field_selector, second, self.customs.selectable(info))

    def history(self, key: str, revision: int) -> Record | None:
        """A key's record as it was, None where compaction has taken it."""
        try:
            return self._store.get(key, revision)
        except Compacted:
            return None

    def record(self, info: ResourceInfo, key: str) -> Record | None:
        """The store's record of an object, its history included."""
        return self._store.get(f"/registry/{info.etcd_prefix}/{key}")

    def managed(self, info: ResourceInfo, key: str) -> Managed:
        """Who owns which field of an object."""
        return self.ledger.managed(info, self.record(info, key))

    def list(self, resource: str, namespace: str = "", label_selector: str = "", field_selector: str = "") -> list[Obj]:
        """Objects oldest first. Raises: StatusError 400 for a selector that is none, 404 for an unknown resource."""
        table = self._tables.get(resource)
        if table is None:
            self.info(resource)
            return []
        found: Iterable[Obj] = table.values()
        if namespace:
            found = (obj for obj in found if obj["metadata"].get("namespace") == namespace)
        if label_selector:
            labels = parse_labels(label_selector)
            found = (obj for obj in found if labels.matches(obj["metadata"].get("labels")))
        if field_selector:
            fields = parse_fields(field_selector)
            found = (obj for obj in found if fields(obj))
        return list(found)

    # ---- watching ------------------------------------------------------------------------------

    def watch(self, resource: str, receive: Receive) -> None:
        """From now on `receive(key, before, after)` is told of every change of the resource."""
        self._watchers.setdefault(resource, []).append(receive)

    def unwatch(self, resource: str, receive: Receive) -> None:
        self._watchers[resource].remove(receive)

    def watch_pods_on(self, node: str, receive: Receive) -> None:
        """As `watch` with the field selector `spec.nodeName=<node>`, which is what a kubelet asks for."""
        self._node_watchers.setdefault(node, []).append(receive)

    def pods_on(self, node: str) -> dict[str, Obj]:
        """The Pods bound to a node, by key. To be read only."""
        return self._pods_on.get(node, NO_PARAMS)

    def unwatch_pods_on(self, node: str, receive: Receive) -> None:
        self._node_watchers[node].remove(receive)

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
            metadata["uid"] = self._own_uid(resource, key)
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
            return reviews.answer(self.authorizer, self._tables, resource, asking, user)
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
            self._reserve(obj, ())
        if managed is None and not (as_sent and actor.component != READER):  # what is stored tells as well
            self.ledger.asked(self._store.revision + 1, sent)
        return self._commit(actor, "create", info, key, None, obj, "", why, params, sent, managed)

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
                    a = self._admit_change(actor, admission.UPDATE, info, namespace, name, new, old, "status")
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
            a = self._admit_change(
                actor, admission.UPDATE, info, namespace, name, obj, old, subresource, dry_run=dry_run
            )
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
            return self._remove(actor, info, key, old, why, params)
        if resource != "services":
            return self._commit(actor, verb, info, key, old, new, subresource, why, params, None, owned)
        self._reserve(new, allocators.cluster_ips(old))
        stored = self._commit(actor, verb, info, key, old, new, subresource, why, params, None, owned)
        self._release(old, allocators.cluster_ips(new))
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
        return self._delete(
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

    def _delete(
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
        """`delete`, by whoever may."""
        info = self.infos[resource]
        old = self.get(resource, namespace, name)
        metadata = old["metadata"]
        key = f"{namespace}/{name}" if namespace else name
        if actor.component == "kubelet" or resource == "namespaces":
            chain.admit(self._admit_change(actor, admission.DELETE, info, namespace, name, None, old))
        deleting.check_preconditions(info, metadata, uid, resource_version)
        if resource == "namespaces":
            return self._delete_namespace(actor, info, key, old, why, params, dry_run)
        grace = deleting.grace_seconds(resource, old, grace_period_seconds)
        finalizers = deleting.finalizers_for(resource, metadata.get("finalizers") or [], propagation)
        if resource == "customresourcedefinitions":
            finalizers = self.customs.finalizers(metadata, finalizers)
        if "deletionTimestamp" in metadata:
            already = metadata.get("deletionGracePeriodSeconds", 0)
            if grace >= already and finalizers == (metadata.get("finalizers") or []) and not (grace == 0 == already):
                return old, False  # a deletion is under way, and this one asks for nothing sooner
            if grace == 0 and not finalizers:
                if dry_run:
                    return old, True
                if already:
                    # The grace period is over: upstream writes that down, and removes the object by the next revision.
                    asked_ms = timestamps.parse(metadata["deletionTimestamp"]) - already * 1000
                    over = {**metadata, "deletionTimestamp": format_ms(asked_ms), "deletionGracePeriodSeconds": 0}
                    old = self._commit(actor, "delete", info, key, old, {**old, "metadata": over}, "", why, params)
                return self._remove(actor, info, key, old, why, params), True
            grace = min(grace, already)
        elif grace == 0 and not finalizers:
            if dry_run:
                return old, True
            if resource == "pods":
                # A kind that knows grace is marked first, even when there is none to wait for.
                now = {**metadata, "deletionTimestamp": format_ms(self._engine.now_ms), "deletionGracePeriodSeconds": 0}
                now["generation"] = metadata.get("generation", 0) + 1
                old = self._commit(actor, "delete", info, key, old, {**old, "metadata": now}, "", why, params)
            return self._remove(actor, info, key, old, why, params), True
        marked = {
            **metadata,
            "deletionTimestamp": metadata.get("deletionTimestamp") or format_ms(self._engine.now_ms + grace * 1000),
            "deletionGracePeriodSeconds": grace,
        }
        if grace < metadata.get("deletionGracePeriodSeconds", grace):
            marked["deletionTimestamp"] = format_ms(self._engine.now_ms + grace * 1000)
        if "generation" in metadata and "deletionTimestamp" not in metadata:
            marked["generation"] = metadata["generation"] + 1
        if finalizers:
            marked["finalizers"] = finalizers
        else:
            marked.pop("finalizers", None)
        if marked == metadata:
            return old, False
        new = {**old, "metadata": marked}
        if resource == "customresourcedefinitions":
            new = self.customs.marked_for_deletion(old, new)
        if dry_run:
            return new, False
        return self._commit(actor, "delete", info, key, old, new, "", why, params), False

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
        """POST pods/{name}/binding: give a Pod its node.

        Raises:
            StatusError: 404, 409 when it has one or is being deleted.
        """
        self.authorizer.check(actor, "create", "", "pods", "binding", namespace, name)
        pod = self.get("pods", namespace, name)
        spec = pod["spec"]
        if "deletionTimestamp" in pod["metadata"]:
            raise errors.conflict(
                "pods/binding", name, why=f"pod {name} is being deleted, cannot be assigned to a host"
            )
        if spec.get("nodeName"):
            raise errors.conflict(
                "pods/binding", name, why=f'pod {name} is already assigned to node "{spec["nodeName"]}"'
            )
        if spec.get("schedulingGates"):
            raise errors.conflict("pods/binding", name, why=f"pod {name} has non-empty .spec.schedulingGates")
        condition = _scheduled(pod["metadata"].get("generation", 1), format_ms(self._engine.now_ms))
        conditions = [c for c in pod["status"].get("conditions") or () if c["type"] != "PodScheduled"]
        status = {**pod["status"], "conditions": [*conditions, condition]}
        status.pop("nominatedNodeName", None)  # the promise has been kept
        new = {**pod, "spec": {**spec, "nodeName": node}, "status": status}
        topology = admission.topology_labels(self._tables, node)
        if topology:
            labels = {**(pod["metadata"].get("labels") or NO_PARAMS), **topology}
            new["metadata"] = {**pod["metadata"], "labels": labels}
        if dry_run:
            return new
        key = f"{namespace}/{name}"
        return self._commit(actor, "bind", self.infos["pods"], key, pod, new, "binding", why, params)

    def evict(
        self,
        actor: Actor,
        namespace: str,
        name: str,
        *,
        grace_period_seconds: int | None = None,
        uid: str = "",
        resource_version: str = "",
        why: str = "",
        params: dict[str, Any] = NO_PARAMS,
        dry_run: bool = False,
    ) -> None:
        """POST pods/{name}/eviction: a deletion that a disruption budget may refuse.

        Raises:
            StatusError: 403, 404, 429 when a budget forbids it, 500 when there are several.
        """
        self.authorizer.check(actor, "create", "", "pods", "eviction", namespace, name)
        info = self.infos["pods"]
        a = self._admit_change(actor, admission.CREATE, info, namespace, name, None, None, "eviction")
        chain.admit(a)
        chain.validate(a)
        pod = self.get("pods", namespace, name)
        deleting.check_preconditions(info, pod["metadata"], uid, resource_version)
        now = format_ms(self._engine.now_ms)
        verdict = eviction.judge(pod, self._tables.get("poddisruptionbudgets", NO_PARAMS).values(), now)
        if verdict.error is not None:
            verdict.error.stage = "registry"
            raise verdict.error
        if dry_run:
            return
        if verdict.budget is not None:
            named = {"name": verdict.budget["metadata"]["name"], "pod": name}
            self.update(
                SELF,
                "poddisruptionbudgets",
                verdict.budget,
                subresource="status",
                why="kube-apiserver.count-disruption",
                params=named,
            )
        marked = eviction.condemned(pod, now)
        if marked["status"] != pod["status"]:
            self._commit(actor, "evict", info, f"{namespace}/{name}", pod, marked, "eviction", why, params)
        self._delete(actor, "pods", namespace, name, grace_period_seconds=grace_period_seconds, why=why, params=params)

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

    def _admit_change(
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

    def _own_uid(self, resource: str, key: str) -> str:
        return self._engine.random.uuid_of(f"{resource}/{key} {self._store.revision + 1}")

    def _commit(
        self,
        actor: Actor,
        verb: str,
        info: ResourceInfo,
        key: str,
        before: Obj | None,
        after: Obj | None,
        subresource: str,
        why: str,
        params: dict[str, Any],
        sent: Obj | None = None,
        managed: Managed | None = None,
    ) -> Obj:
        """Write to the store, leave a step, tell the watchers. One revision."""
        engine = self._engine
        resource = info.plural
        store = self._store
        table = self._tables.get(resource)
        if table is None:
            table = self._tables[resource] = {}
        if after is None:
            assert before is not None
            revision = store.delete(f"/registry/{info.etcd_prefix}/{key}")
            del table[key]
        else:
            # The next revision is known before the write: one thread, one writer.
            revision = store.revision + 1
            after["metadata"] = {**after["metadata"], "resourceVersion": str(revision)}
            if resource == "events":
                store.put(f"/registry/{info.etcd_prefix}/{key}", after, self.event_lease())
            else:
                store.put(f"/registry/{info.etcd_prefix}/{key}", after)
            table[key] = after
            if verb not in UNMANAGED:
                ledger = self.ledger
                if managed is not None:
                    ledger.know(revision, managed)
                writer = f"@{actor.manager}" if actor.manager else actor.component
                ledger.note(revision, writer, why, "scale" if verb == "scale" else subresource, engine.now_ms)
        engine.revision = revision
        trace = engine.trace
        if trace.keep:
            if resource == "events":
                rank = "event"
            elif (resource == "leases" and not why.startswith("election.")) or why.startswith("heartbeat."):
                rank = "heartbeat"
            else:
                rank = "change"
            component, node, asker, groups, _, agent = actor
            if agent and not params:
                params = {"agent": agent}
            index = trace.next_index
            trace.append(
                Step(
                    index,
                    revision,
                    engine.now_ms,
                    component,
                    node,
                    verb,
                    f"{resource}/{key}",
                    subresource,
                    why,
                    params,
                    engine.cause,
                    before,
                    after,
                    rank,
                    sent,
                    "\n".join((asker, *groups)) if asker else "",
                )
            )
            cause = engine.cause
            engine.cause = index  # whoever wakes because of this write names it
        else:
            cause = 0
        watchers = self._watchers.get(resource)
        if watchers:
            for receive in watchers:
                receive(key, before, after)
        if resource == "pods":
            self._tell_kubelet(key, before, after)
        engine.cause = cause
        return after if after is not None else before  # type: ignore[return-value]

    def _tell_kubelet(self, key: str, before: Obj | None, after: Obj | None) -> None:
        node = (after or before or NO_PARAMS)["spec"].get("nodeName")
        if not node:
            return
        if after is None:
            on_node = self._pods_on[node]
            del on_node[key]
            if not on_node:
                del self._pods_on[node]
        else:
            there = self._pods_on.get(node)
            if there is None:
                self._pods_on[node] = {key: after}
            else:
                there[key] = after
        receivers = self._node_watchers.get(node)
        if receivers:
            if before is not None and before["spec"].get("nodeName") != node:
                before = None  # for this watch the Pod begins when it is bound
            for receive in receivers:
                receive(key, before, after)

    def _remove(self, actor: Actor, info: ResourceInfo, key: str, old: Obj, why: str, params: dict[str, Any]) -> Obj:
        self._commit(actor, "delete", info, key, old, None, "", why, params)
        if info.plural == "services":
            self._release(old, ())
        return old

    def _reserve(self, service: Obj, own: Collection[str]) -> None:
        """Before a Service is written: an IPAddress for each of its addresses that it does not have yet."""
        info = self.infos["ipaddresses"]
        for ip in allocators.cluster_ips(service):
            if ip not in own:
                made = allocators.address_object(ip, service)
                metadata = made["metadata"]
                metadata["uid"] = self._own_uid("ipaddresses", ip)
                metadata["creationTimestamp"] = format_ms(self._engine.now_ms)
                obj = {"apiVersion": info.api_version, "kind": info.kind, **made}
                params = {"service": "{namespace}/{name}".format(**service["metadata"])}
                self._commit(SELF, "create", info, ip, None, obj, "", "kube-apiserver.reserve-address", params, obj)

    def _release(self, service: Obj, kept: Collection[str]) -> None:
        """After a Service has changed or gone: the addresses that it has no more."""
        info, there = self.infos["ipaddresses"], self._tables.get("ipaddresses", NO_PARAMS)
        for ip in allocators.cluster_ips(service):
            if ip not in kept and ip in there:
                params = {"service": "{namespace}/{name}".format(**service["metadata"])}
                self._commit(SELF, "delete", info, ip, there[ip], None, "", "kube-apiserver.release-address", params)

    def _delete_namespace(
        self, actor: Actor, info: ResourceInfo, key: str, old: Obj, why: str, params: dict[str, Any], dry_run: bool
    ) -> tuple[Obj, bool]:
        if "deletionTimestamp" in old["metadata"]:
            if (old.get("spec") or NO_PARAMS).get("finalizers") or old["metadata"].get("finalizers"):
                return old, False
            return (old if dry_run else self._remove(actor, info, key, old, why, params)), True
        marked = {**old["metadata"], "deletionTimestamp": format_ms(self._engine.now_ms)}
        new = {**old, "metadata": marked, "status": {**old.get("status", {}), "phase": "Terminating"}}
        if dry_run:
            return new, False
        return self._commit(actor, "delete", info, key, old, new, "", why, params), False

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

    def expire(self, keys: Iterable[str]) -> None:
        """Etcd has taken Events away whose time was up: all in one revision, a step each."""
        engine = self._engine
        revision = engine.revision = self._store.revision
        trace = engine.trace
        table = self._tables["events"]
        receivers = self._watchers.get("events", ())
        for etcd_key in keys:
            key = etcd_key.removeprefix("/registry/events/")
            before = table.pop(key)
            if trace.keep:
                index, ref, why = trace.next_index, f"events/{key}", "etcd.event-expired"
                step = (index, revision, engine.now_ms, "etcd", "", "delete", ref, "", why, NO_PARAMS, 0, before, None)
                trace.append(Step(*step, "event"))
            for receive in receivers:
                receive(key, before, None)

    def compact(self, revision: int) -> None:
        """Have the store forget what is older than `revision`.

        Raises:
            ValueError: a revision of the future. Compacted: it has been done.
        """
        self.ledger.hold(dict(self._store.versioned("/registry/")), revision)
        self._store.compact(revision)

    # ---- saving --------------------------------------------------------------------------------

    def rewind(self, revision: int) -> None:
        """Nothing after `revision` has been. Before `load`, once the store has been set back."""
        self.ledger.rewind(revision)

    def load(self) -> None:
        """Fill the watch cache from the store, oldest objects first."""
        self._tables.clear()
        self._pods_on.clear()
        self._creation.forget()
        self.authorizer.forget()
        records = [(record.create_revision, key, record.value) for key, record in self._store.range("/registry/")]
        records.sort(key=lambda entry: entry[0])
        self.customs.reload([obj for _, _, obj in records if obj["kind"] == "CustomResourceDefinition"])
        for _, _, obj in records:
            info = self.info_for(obj["apiVersion"], obj["kind"])
            metadata = obj["metadata"]
            namespace = metadata.get("namespace")
            key = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
            self._tables.setdefault(info.plural, {})[key] = obj
            if info.plural == "pods" and obj["spec"].get("nodeName"):
                self._pods_on.setdefault(obj["spec"]["nodeName"], {})[key] = obj
