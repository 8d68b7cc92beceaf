"""CustomResourceDefinitions at work: names accepted or not, kinds established, objects removed with their definition.

Models      apiextensions-apiserver pkg/controller (status/naming_controller.go, establish, finalizer/crd_finalizer.go),
            pkg/apiserver/customresource_handler.go
Leaves out  conversion by webhook: of several versions only the apiVersion differs

A kind is known from the moment its definition is written, so that a manifest may hold both; addresses lead to it once
it is established.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from apps.cluster.api import defaults, validation
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.api.scheme import unknown
from apps.cluster.apimachinery.conditions import find, set_condition
from apps.cluster.apimachinery.status import FieldError, StatusError, bad_request
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver.authentication import Actor
from apps.cluster.apiserver.customresources import rules, structural
from apps.cluster.apiserver.customresources.validation import validate
from apps.cluster.apiserver.fieldmanager.types import structural as node_of

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]
RESOURCE = "customresourcedefinitions"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
COMPONENT = "kube-apiserver"
REACTION_MS = 10
SELF = Actor(COMPONENT)
Judge = Callable[[Obj, Obj | None], list[FieldError]]  # of an object, and of what it was


class CustomKinds:
    """The definitions there are, and the kinds that they make."""

    name = "kube-apiserver.crds"  # under which it gets its turns

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._schemas: dict[tuple[str, str], Obj] = {}  # (resource, version) -> openAPIV3Schema
        self._specs: dict[str, Obj] = {}  # resource -> the definition's spec
        self._infos: dict[tuple[str, str], ResourceInfo] = {}  # (resource, version) -> its info, served or not
        self.judges: dict[str, Judge] = {}  # group -> what its makers ask of objects beyond their definitions
        info = server.infos[RESOURCE]
        server.infos[RESOURCE] = replace(
            info,
            default=rules.defaulted,
            validate=lambda crd: [*info.validate(crd), *rules.validate(crd)],
            validate_update=lambda new, old: [*info.validate_update(new, old), *rules.validate_update(new, old)],
        )
        server.watch(RESOURCE, self._receive)

    # ---- kinds -------------------------------------------------------------------------------------

    def _receive(self, key: str, before: Obj | None, after: Obj | None) -> None:
        if after is None:
            if before is not None:
                self._forget(before)
            return
        if before is None or before["spec"] is not after["spec"]:
            self._learn(after)
        self._server.wake(self.name, key, REACTION_MS)

    def reload(self, definitions: list[Obj]) -> None:
        """Other objects have come, these definitions among them."""
        for resource in list(self._specs):
            self._server.infos.pop(resource, None)
            self._server.ledger.nodes.pop(resource, None)
        self._schemas.clear()
        self._specs.clear()
        self._infos.clear()
        for crd in definitions:
            self._learn(crd)

    def _learn(self, crd: Obj) -> None:
        spec = crd["spec"]
        names = spec.get("names") or {}
        group, plural, kind = spec.get("group", ""), names.get("plural", ""), names.get("kind", "")
        storage = rules.storage_version(crd)
        if storage is None or not (group and plural and kind):
            return
        resource = f"{plural}.{group}"
        namespaced = spec.get("scope") != "Cluster"
        self._specs[resource] = spec
        for version in spec.get("versions") or ():
            schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
            self._schemas[resource, version["name"]] = schema
            below = version.get("subresources") or {}
            subresources = tuple(name for name in ("scale", "status") if below.get(name) is not None)
            plain = unknown(f"{group}/{version['name']}", kind, plural, namespaced)
            info = replace(
                plain,
                singular=names.get("singular") or kind.lower(),
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                subresources=subresources,
                default=_default_with(schema),
                validate=_validate_with(namespaced, schema, partial(self._judge, group)),
                validate_update=_update_with(schema, partial(self._judge, group)),
                validate_status=_update_with(schema),
            )
            self._infos[resource, version["name"]] = info
        self._server.infos[resource] = self._infos[resource, storage["name"]]
        self._server.ledger.nodes[resource] = node_of(self._schemas[resource, storage["name"]])

    def _judge(self, group: str, new: Obj, old: Obj | None) -> list[FieldError]:
        judge = self.judges.get(group)
        return judge(new, old) if judge is not None else []

    def _forget(self, crd: Obj) -> None:
        spec = crd["spec"]
        resource = f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}"
        self._specs.pop(resource, None)
        self._server.infos.pop(resource, None)
        self._server.ledger.nodes.pop(resource, None)
        for known in [key for key in self._infos if key[0] == resource]:
            del self._infos[known]
            del self._schemas[known]

    def knows(self, resource: str) -> bool:
        return resource in self._specs

    def by_kind(self, api_version: str, kind: str) -> ResourceInfo | None:
        """The info of a custom kind in one of its versions."""
        group, _, version = api_version.rpartition("/")
        for resource, spec in self._specs.items():
            if spec["group"] == group and spec["names"]["kind"] == kind:
                return self._infos.get((resource, version))
        return None

    def served(self, group: str, version: str, resource: str) -> ResourceInfo | None:
        """The info behind an address, once the definition is established and the version served."""
        name = f"{resource}.{group}"
        spec = self._specs.get(name)
        if spec is None or not self._established(name):
            return None
        if not any(there["name"] == version and there.get("served") for there in spec["versions"]):
            return None
        return self._infos[name, version]

    def _established(self, name: str) -> bool:
        crd = self._server.tables.get(RESOURCE, {}).get(name) or {}
        found = find((crd.get("status") or {}).get("conditions") or [], "Established")
        return found is not None and found["status"] == "True"

    def versions(self) -> set[tuple[str, str]]:
        """Groups and versions that established definitions serve."""
        found = set()
        for name, spec in self._specs.items():
            if self._established(name):
                found |= {(spec["group"], there["name"]) for there in spec["versions"] if there.get("served")}
        return found

    def _version(self, info: ResourceInfo) -> Obj:
        spec = self._specs.get(info.plural) or {"versions": ()}
        return next((there for there in spec["versions"] if there["name"] == info.version), {})

    def scale_paths(self, info: ResourceInfo) -> dict[str, str] | None:
        found: dict[str, str] | None = (self._version(info).get("subresources") or {}).get("scale")
        return found

    def columns(self, info: ResourceInfo) -> list[Obj] | None:
        """What a Table of the kind shows besides the name."""
        found: list[Obj] | None = self._version(info).get("additionalPrinterColumns")
        return found

    def selectable(self, info: ResourceInfo) -> tuple[str, ...]:
        """Fields that a field selector may name, as `spec.color`."""
        fields = self._version(info).get("selectableFields") or ()
        return tuple(field["jsonPath"].removeprefix(".") for field in fields)

    def pruned(self, info: ResourceInfo, obj: Obj) -> tuple[Obj, list[str]]:
        """The object without unknown fields, and their paths."""
        schema = self._schemas.get((info.plural, info.version))
        unknown_fields: list[str] = []
        if schema is None or (self._specs[info.plural].get("preserveUnknownFields")):
            return obj, unknown_fields
        out: Obj = structural.prune(obj, schema, unknown_fields)
        return out, unknown_fields

    def for_create(self, info: ResourceInfo, obj: Obj, *, strict: bool) -> Obj:
        """A new object of a custom kind: pruned, and without the status that /status alone may write.

        Raises:
            StatusError: 400, `strict` and there is something to prune.
        """
        if info.plural == RESOURCE:
            storage = rules.storage_version(obj) if isinstance(obj.get("spec"), dict) else None
            stored = [storage["name"]] if storage is not None and storage.get("name") else []
            names = {"plural": "", "kind": ""}
            return {**obj, "status": {"conditions": None, "acceptedNames": names, "storedVersions": stored}}
        out = self.for_update(info, obj, strict=strict)
        if info.plural in self._specs and "status" in info.subresources and "status" in out:
            out = {name: value for name, value in out.items() if name != "status"}
        return out

    def for_update(self, info: ResourceInfo, obj: Obj, *, strict: bool) -> Obj:
        """A custom object without unknown fields. Raises: StatusError 400, `strict` and there are some."""
        if info.plural not in self._specs:
            return obj
        out, found = self.pruned(info, obj)
        if found and strict:
            text = ", ".join(f'unknown field "{path}"' for path in found)
            raise bad_request(
                f'{info.kind} in version "{info.version}" cannot be handled as a {info.kind}: '
                f"strict decoding error: {text}"
            )
        return out

    @staticmethod
    def finalizers(metadata: Obj, finalizers: list[str]) -> list[str]:
        """A deletion of a definition adds one that waits for its objects."""
        return finalizers if "deletionTimestamp" in metadata or CLEANUP in finalizers else [*finalizers, CLEANUP]

    def marked_for_deletion(self, old: Obj, new: Obj) -> Obj:
        """A definition on its way out waits until its objects are gone."""
        if "deletionTimestamp" in old["metadata"]:
            return new
        metadata = {name: value for name, value in new["metadata"].items() if name != "deletionGracePeriodSeconds"}
        text = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
        status = new.get("status") or {}
        pending = _condition("Terminating", "True", "InstanceDeletionPending", text)
        conditions = self._with(status.get("conditions") or [], pending)
        return {
            **new,
            "metadata": metadata,
            "status": {**status, "conditions": conditions},
        }

    # ---- the controllers of definitions ------------------------------------------------------------

    def run(self, key: str) -> None:
        crd = self._server.tables.get(RESOURCE, {}).get(key)
        if crd is None:
            return
        try:
            if "deletionTimestamp" in crd["metadata"]:
                self._finalize(crd)
            else:
                self._name(crd)
        except StatusError:
            self._server.wake(self.name, key, 1000)

    def save(self) -> dict[str, Any]:
        return {}

    def load(self, data: Any) -> None:
        """Everything is in the objects."""

    def _name(self, crd: Obj) -> None:
        """One condition a turn: names accepted first, established next, as two controllers do it."""
        status = crd.get("status") or {}
        conditions = status.get("conditions") or []
        accepted, condition = self._accepted(crd, status.get("acceptedNames") or {})
        established = find(conditions, "Established")
        good = condition["status"] == "True"
        was = find(conditions, "NamesAccepted")
        if (
            was is None
            or (was["status"], was.get("reason"), was.get("message"))
            != (
                condition["status"],
                condition["reason"],
                condition["message"],
            )
            or accepted != status.get("acceptedNames")
        ):
            conditions = self._with(conditions, condition)
            if established is None or established["status"] != "True":
                why = (
                    ("Installing", "the initial names have been accepted")
                    if good
                    else ("NotAccepted", "not all names are accepted")
                )
                conditions = self._with(conditions, _condition("Established", "False", *why))
            self._write(crd, {**status, "acceptedNames": accepted, "conditions": conditions}, "crd.names-accepted")
            return
        if good and (established is None or established["status"] != "True"):
            fresh = _condition("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
            self._write(crd, {**status, "conditions": self._with(conditions, fresh)}, "crd.established")

    def _accepted(self, crd: Obj, accepted: Obj) -> tuple[Obj, Obj]:
        """The names that are ours now, and the condition that says so."""
        names = crd["spec"]["names"]
        resources, kinds = self._taken(crd)
        out = dict(accepted)
        reason, message = "NoConflicts", "no conflicts found"
        for field, label, taken in (
            ("plural", "PluralConflict", resources),
            ("singular", "SingularConflict", resources),
            ("kind", "KindConflict", kinds),
            ("listKind", "ListKindConflict", kinds),
        ):
            wanted = names.get(field, "")
            if wanted != accepted.get(field, "") and wanted in taken:
                reason, message = label, f'"{wanted}" is already in use'
            elif wanted:
                out[field] = wanted
        clashes = [
            f'"{short}" is already in use'
            for short in names.get("shortNames") or ()
            if short not in (accepted.get("shortNames") or ()) and short in resources
        ]
        if clashes:
            reason = "ShortNamesConflict"
            message = clashes[0] if len(clashes) == 1 else f"[{', '.join(clashes)}]"
        elif names.get("shortNames"):
            out["shortNames"] = names["shortNames"]
        if names.get("categories"):
            out["categories"] = names["categories"]
        good = reason == "NoConflicts"
        return out, _condition("NamesAccepted", "True" if good else "False", reason, message)

    def _taken(self, crd: Obj) -> tuple[set[str], set[str]]:
        """Names that other definitions of the group have been given."""
        resources: set[str] = set()
        kinds: set[str] = set()
        for other in self._server.tables.get(RESOURCE, {}).values():
            if other["metadata"]["name"] == crd["metadata"]["name"] or other["spec"]["group"] != crd["spec"]["group"]:
                continue
            names = (other.get("status") or {}).get("acceptedNames") or {}
            resources |= {names.get("plural", ""), names.get("singular", ""), *(names.get("shortNames") or ())}
            kinds |= {names.get("kind", ""), names.get("listKind", "")}
        return resources - {""}, kinds - {""}

    def _with(self, conditions: list[Obj], fresh: Obj) -> list[Obj]:
        return set_condition(conditions, fresh, format_ms(self._server.now_ms))

    def _write(self, crd: Obj, status: Obj, why: str) -> None:
        name = crd["metadata"]["name"]
        self._server.update(
            SELF,
            RESOURCE,
            {**crd, "status": status},
            subresource="status",
            why=f"{COMPONENT}.{why}",
            params={"name": name},
        )

    def _finalize(self, crd: Obj) -> None:
        """Remove the objects, then let the definition go."""
        finalizers = crd["metadata"].get("finalizers") or []
        if CLEANUP not in finalizers:
            return
        server, name = self._server, crd["metadata"]["name"]
        status = crd.get("status") or {}
        conditions = status.get("conditions") or []
        terminating = find(conditions, "Terminating")
        reason = terminating["reason"] if terminating is not None else ""
        if reason not in ("InstanceDeletionInProgress", "InstanceDeletionCompleted"):
            text = "CustomResource deletion is in progress"
            fresh = _condition("Terminating", "True", "InstanceDeletionInProgress", text)
            self._write(crd, {**status, "conditions": self._with(conditions, fresh)}, "crd.terminating")
            return
        table = server.tables.get(name, {})
        for key in list(table):
            metadata = table[key]["metadata"] if key in table else {}
            if metadata and "deletionTimestamp" not in metadata:
                server.delete(
                    SELF,
                    name,
                    metadata.get("namespace", ""),
                    metadata["name"],
                    why=f"{COMPONENT}.crd.delete-instance",
                    params={"name": metadata["name"]},
                )
        if server.tables.get(name):
            server.wake(self.name, name, 5000)  # some wait for finalizers of their own
            return
        if reason != "InstanceDeletionCompleted":
            fresh = _condition("Terminating", "False", "InstanceDeletionCompleted", "removed all instances")
            self._write(crd, {**status, "conditions": self._with(conditions, fresh)}, "crd.emptied")
            return
        metadata = {**crd["metadata"], "finalizers": [there for there in finalizers if there != CLEANUP]}
        server.update(SELF, RESOURCE, {**crd, "metadata": metadata}, why=f"{COMPONENT}.crd.gone", params={"name": name})


def _condition(type_: str, status: str, reason: str, message: str) -> Obj:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def _default_with(schema: Obj) -> Any:
    def default(obj: Obj) -> Obj:
        filled: Obj = structural.fill(obj, schema)
        return filled

    return default if schema else defaults.unchanged


def _validate_with(namespaced: bool, schema: Obj, judge: Judge) -> Any:
    metadata = validation.create_of("", namespaced)

    def check(obj: Obj) -> list[FieldError]:
        return [*metadata(obj), *validate(obj, schema)] or judge(obj, None)

    return check


def _update_with(schema: Obj, judge: Judge | None = None) -> Any:
    metadata = validation.update_of("")

    def check(new: Obj, old: Obj) -> list[FieldError]:
        found = [*metadata(new, old), *validate(new, schema)]
        return found or (judge(new, old) if judge is not None else [])

    return check
