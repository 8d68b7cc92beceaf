"""create, update, patch (four kinds of it), delete and deletecollection.

Models      endpoints/handlers (create.go, update.go, patch.go, delete.go), rest/meta.go
Leaves out  retries of a patch that meets another write: there is one writer at a time
"""

from __future__ import annotations

import json
from typing import Any

from apps.cluster.api import schema
from apps.cluster.api.decode import decode
from apps.cluster.apimachinery import patch as patches
from apps.cluster.apimachinery import status as errors
from apps.cluster.apimachinery.status import FieldError, StatusError, bad_request, invalid
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import listing
from apps.cluster.apiserver.fieldmanager import Conflicts, Managed, applied, updated
from apps.cluster.apiserver.fieldmanager.managed import LAST_APPLIED, check_config, encode, from_request, manager_for
from apps.cluster.apiserver.fieldmanager.resets import keep_for
from apps.cluster.apiserver.requests import bodies, forms, presenting
from apps.cluster.apiserver.requests.call import Call
from apps.cluster.apiserver.requests.messages import Response
from apps.cluster.apiserver.requests.options import (
    DeleteOptions,
    WriteOptions,
    delete_options,
    list_options,
    write_options,
)

Obj = dict[str, Any]
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
# Kinds whose update must say which version it changes, and kinds that an update may create.
CONDITIONAL = frozenset(
    {
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
        "leases",
        "runtimeclasses",
        "poddisruptionbudgets",
        "csidrivers",
        "csinodes",
        "csistoragecapacities",
        "volumeattachments",
        "customresourcedefinitions",
        "apiservices",
    }
)
CREATED_BY_UPDATE = frozenset(
    {
        "leases",
        "endpoints",
        "events",
        "limitranges",
        "services",
        "runtimeclasses",
        "clusterroles",
        "clusterrolebindings",
        "roles",
        "rolebindings",
    }
)
# Kinds whose deletion is answered with the object.
SHOWN_WHEN_DELETED = frozenset(
    {
        "resourceclaimtemplates",
        "resourceslices",
        "resourceclaims",
        "deviceclasses",
        "csidrivers",
        "storageclasses",
        "volumeattachments",
        "csinodes",
        "volumeattributesclasses",
        "resourcequotas",
        "persistentvolumes",
        "serviceaccounts",
        "persistentvolumeclaims",
        "namespaces",
        "pods",
        "services",
        "podtemplates",
    }
)


# ---- create and update -----------------------------------------------------------------------------


def body_object(call: Call, options: WriteOptions) -> Obj:
    """The body as an object of the address's kind, in its namespace."""
    custom = call.server.customs.knows(call.info.plural)
    doc, repeated = bodies.read(call.request, call.second or call.info.api_version, call.info.kind, custom=custom)
    if call.second:
        obj = bodies.typed(doc, repeated, call.info, options.field_validation, call.warnings, call.second)
        obj = forms.stored(obj, call.second)
    else:
        obj = bodies.typed(doc, repeated, call.info, options.field_validation, call.warnings)
        obj = pruned(call, obj, options)
    return without_doubled_owners(call, in_namespace(call, obj))


def pruned(call: Call, obj: Obj, options: WriteOptions) -> Obj:
    """A custom object without the fields that its schema does not know."""
    if call.info.builtin:
        return obj
    out, unknown = call.server.customs.pruned(call.info, obj)
    problems = [f"unknown field {json.dumps(path, ensure_ascii=False)}" for path in unknown]
    kind, version = call.info.kind, call.info.version
    prefix = f'{kind} in version "{version}" cannot be handled as a {kind}'
    bodies.report(problems, options.field_validation, call.warnings, prefix)
    return out


def in_namespace(call: Call, obj: Obj) -> Obj:
    """Raises: StatusError 400, the object names another namespace than its address."""
    given = obj["metadata"].get("namespace") or ""
    if given == call.namespace:
        return obj
    if given and call.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    metadata = {name: value for name, value in obj["metadata"].items() if name != "namespace"}
    if call.namespace:
        metadata["namespace"] = call.namespace
    return {**obj, "metadata": metadata}


def without_doubled_owners(call: Call, obj: Obj) -> Obj:
    """Each owner once; who named one twice is told."""
    references = obj["metadata"].get("ownerReferences") or []
    kept = {reference.get("uid"): reference for reference in reversed(references)}
    if len(kept) == len(references):
        return obj
    uids = [reference.get("uid", "") for reference in references]
    doubled = ", ".join(dict.fromkeys(uid for at, uid in enumerate(uids) if uid in uids[:at]))
    call.warnings.append(
        "metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may "
        f"reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {doubled}"
    )
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": list(reversed(kept.values()))}}


def check_name(obj: Obj, name: str) -> None:
    """Raises: StatusError 400."""
    given = obj["metadata"].get("name") or ""
    if not given:
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if given != name:
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")


def manager_name(call: Call, options: WriteOptions) -> str:
    return call.actor(options.field_manager).manager


def create(call: Call) -> Response:
    """POST to a collection."""
    options = write_options(call.params, "CreateOptions")
    call.dry_run = options.dry_run
    obj = body_object(call, options)
    return create_object(call, obj, options)


def create_object(call: Call, obj: Obj, options: WriteOptions, managed: Managed | None = None) -> Response:
    if managed is None and (options.dry_run or obj["metadata"].get("managedFields") is not None):
        base = from_request(obj["metadata"].get("managedFields")) or {}
        info, node = call.info, call.server.ledger.node(call.info)
        manager = manager_for(manager_name(call, options), "Update", info.api_version)
        now = format_ms(call.server.now_ms)
        managed = updated(base, {}, info.default(obj), manager, now, node, keep_for(info, ""))
    if obj["metadata"].get("resourceVersion"):
        raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
    made = call.server.create(
        call.actor(options.field_manager), call.info.plural, obj, dry_run=options.dry_run, managed=managed
    )
    return call.show(made, managed=managed, code=201)


def update(call: Call, subresource: str = "") -> Response:
    """PUT to an object, or to its status."""
    options = write_options(call.params, "UpdateOptions")
    call.dry_run = options.dry_run
    obj = body_object(call, options)
    check_name(obj, call.name)
    return update_object(call, obj, options, subresource, may_create=True)


def update_object(
    call: Call,
    obj: Obj,
    options: WriteOptions,
    subresource: str = "",
    *,
    verb: str = "update",
    may_create: bool = False,
) -> Response:
    record = call.server.record(call.info, call.key)
    metadata = obj["metadata"]
    if record is None:
        if may_create and not subresource and call.info.plural in CREATED_BY_UPDATE:
            if metadata.get("uid"):
                raise precondition_without_object(call, metadata["uid"])
            return create_object(call, obj, options)
        raise errors.not_found(call.info.resource, call.name, call.info.group)
    if not metadata.get("resourceVersion") and (call.info.plural in CONDITIONAL or not call.info.builtin):
        found = FieldError("Invalid value", "metadata.resourceVersion", 0, "must be specified for an update")
        raise invalid(call.info.kind, call.info.group, call.name, [found])
    managed = _managers_given(call, obj, options, subresource)
    stored = call.server.update(
        call.actor(options.field_manager),
        call.info.plural,
        obj,
        subresource=subresource,
        verb=verb,
        dry_run=options.dry_run,
        managed=managed,
    )
    shown = None
    if options.dry_run:
        shown = managed(record.value, stored) if managed else _next(call, record.value, stored, options, subresource)
    return call.show(stored, managed=shown)


def precondition_without_object(call: Call, uid: str) -> StatusError:
    text = f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
    return errors.conflict(call.info.resource, call.name, call.info.group, text)


def _next(call: Call, old: Obj, new: Obj, options: WriteOptions, subresource: str) -> Managed:
    """What a dry run would have made of the managers."""
    info, server = call.info, call.server
    manager = manager_for(manager_name(call, options), "Update", info.api_version, subresource)
    before = server.managed(info, call.key)
    if old is new:
        return before
    now = format_ms(server.now_ms)
    return updated(before, old, new, manager, now, server.ledger.node(info), keep_for(info, subresource))


def _managers_given(call: Call, obj: Obj, options: WriteOptions, subresource: str) -> Any:
    """Whom the object itself names as its managers, if it names others than it has."""
    given = obj["metadata"].get("managedFields")
    if given is None or subresource:
        return None
    base = from_request(given)
    if base is None or encode(base) == encode(call.server.managed(call.info, call.key)):
        return None
    info, server = call.info, call.server
    manager = manager_for(manager_name(call, options), "Update", info.api_version)
    now = format_ms(server.now_ms)

    def after(old: Obj, new: Obj) -> Managed:
        return updated(base, old, new, manager, now, server.ledger.node(info), keep_for(info, "")) if base else base

    return after


# ---- patch -----------------------------------------------------------------------------------------


def patch(call: Call, subresource: str = "") -> Response:
    """PATCH of an object, or of its status."""
    types = (JSON_PATCH, MERGE, STRATEGIC, APPLY) if call.info.builtin else (JSON_PATCH, MERGE, APPLY)
    type_ = bodies.content_type(call.request)
    if type_ not in types and not call.info.builtin:
        listed = ", ".join(types)
        text = f"the body of the request was in an unknown format - accepted media types include: {listed}"
        raise StatusError(415, "UnsupportedMediaType", text)
    text = bodies.patch_body(call.request, types)
    options = write_options(call.params, "PatchOptions", apply=type_ == APPLY)
    call.dry_run = options.dry_run
    if type_ == APPLY:
        return _apply(call, text, options, subresource)
    record = call.record()
    current = presenting.whole(call.server, call.info, record.value, record, None, call.second)
    patched = patched_object(call, type_, text, current, options)
    patched = forms.stored(patched, call.second)
    patched = in_namespace(call, patched)
    check_name(patched, call.name)
    return update_object(call, patched, options, subresource, verb="patch")


def patched_object(call: Call, type_: str, text: str, current: Obj, options: WriteOptions) -> Obj:
    """What a patch makes of an object in the kind of that object.

    Raises:
        StatusError: 400, 422.
    """
    try:
        body, repeated = bodies.parse_json(text)
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if type_ == JSON_PATCH:
        new = patches.json_patch(current, body)
        repeated = [f"json patch {path}" for path in repeated]
    elif not isinstance(body, dict):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        )
    elif type_ == MERGE:
        new = patches.merge_patch(current, body)
    else:
        new = patches.strategic_merge(current, body, schema.kind(current["apiVersion"], current["kind"]))
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        raise bad_request("the patched object is no object any more")
    shown = patches.go_map(body) if type_ == STRATEGIC else _sorted_json(new)
    if (new.get("apiVersion"), new.get("kind")) != (current["apiVersion"], current["kind"]):
        raise _wrong_patch(shown, f'no kind "{new.get("kind")}" is registered for version "{new.get("apiVersion")}"')
    strict: list[str] = []
    try:
        obj = decode(new, strict=strict).obj
    except StatusError as error:
        raise _wrong_patch(shown, error.message.partition(": ")[2] or error.message) from None
    if not call.info.builtin and current["kind"] == call.info.kind:
        obj, unknown = call.server.customs.pruned(call.info, obj)
        strict += [f"unknown field {json.dumps(path, ensure_ascii=False)}" for path in unknown]
    problems = [*(f"duplicate field {json.dumps(path)}" for path in repeated), *strict]
    if problems and options.field_validation == "Strict":
        raise _wrong_patch(shown, "strict decoding error: " + ", ".join(problems))
    if options.field_validation == "Warn":
        call.warnings += problems
    return obj


def _wrong_patch(shown: str, why: str) -> StatusError:
    return invalid("", "", "", [FieldError("Invalid value", "patch", shown, why)])


def _sorted_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _apply(call: Call, text: str, options: WriteOptions, subresource: str) -> Response:
    """Server-side apply: the object is made, or made to agree with the configuration."""
    server, info = call.server, call.info
    try:
        config, repeated = bodies.parse_yaml(text)
    except ValueError as error:
        raise bad_request(f"error decoding YAML: {error}") from None
    if not isinstance(config, dict):
        raise bad_request(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go "
            "value of type map[string]interface {}"
        )
    check_config(config, call.second or info.api_version, info.kind)
    if call.second:
        given = set(config)
        turned = forms.stored({"metadata": {}, **config}, call.second)
        config = {name: value for name, value in turned.items() if name in given or value}
    record = server.record(info, call.key)
    if record is None and subresource:
        raise errors.not_found(info.resource, call.name, info.group)
    live = record.value if record is not None else {}
    managed = server.ledger.managed(info, record) if record is not None else {}
    manager = manager_for(options.field_manager, "Apply", info.api_version, subresource)
    node, keep, now = server.ledger.node(info), keep_for(info, subresource), format_ms(server.now_ms)
    try:
        result = applied(managed, live, config, manager, now, node, force=bool(options.force), keep=keep)
    except Conflicts as conflicts:
        raise conflicts.as_error() from None
    if repeated:
        found = [f"key {json.dumps(path.rpartition('.')[2])} already set in map" for path in repeated]
        if options.field_validation == "Strict":
            raise bad_request(
                f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors: {'; '.join(found)}"
            )
        if options.field_validation == "Warn":
            call.warnings += found
    merged = result.obj if result.obj is not None else live
    if options.field_manager == "kubectl":
        merged = _with_last_applied(merged, config)
    strict: list[str] = []
    obj = decode({**merged, "apiVersion": info.api_version, "kind": info.kind}, strict=strict).obj
    obj = in_namespace(call, obj)
    if record is None:
        if obj["metadata"].get("uid"):
            uid = obj["metadata"]["uid"]
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise errors.conflict(info.resource, call.name, info.group, why)
        check_name(obj, call.name)
        return create_object(call, obj, options, result.managed)
    check_name(obj, call.name)
    stored = server.update(
        call.actor(options.field_manager),
        info.plural,
        obj,
        subresource=subresource,
        verb="patch",
        dry_run=options.dry_run,
        managed=lambda old, new: result.managed,
    )
    unwritten = stored is live
    return call.show(stored, managed=managed if unwritten else result.managed)


def _with_last_applied(obj: Obj, config: Obj) -> Obj:
    """Client-side apply's annotation, brought up to date by kubectl's own server-side apply."""
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    if not annotations.get(LAST_APPLIED):
        return obj
    metadata = config.get("metadata") or {}
    own = {name: value for name, value in (metadata.get("annotations") or {}).items() if name != LAST_APPLIED}
    plain = {**config, "metadata": {**metadata, **({"annotations": own} if "annotations" in metadata else {})}}
    text = _sorted_json(plain) + "\n"
    return {**obj, "metadata": {**obj["metadata"], "annotations": {**annotations, LAST_APPLIED: text}}}


# ---- delete ----------------------------------------------------------------------------------------


def _delete_options(call: Call) -> DeleteOptions:
    body: Any = None
    if call.request.text().strip():
        body, _ = bodies.read(call.request, "v1", "DeleteOptions")
        if isinstance(body, dict) and body.get("kind") not in (None, "", "DeleteOptions"):
            raise bad_request(
                f'decoded object cannot be converted to DeleteOptions: no kind "{body["kind"]}" is registered'
            )
    return delete_options(call.params, body)


def delete(call: Call) -> Response:
    """DELETE of one object."""
    options = _delete_options(call)
    call.dry_run = options.dry_run
    record = call.record()
    managed = call.server.ledger.managed(call.info, record)
    left, gone = _delete(call, call.namespace, call.name, options)
    code = 202 if not gone and options.orphan_dependents is False else 200
    if gone and call.info.plural not in SHOWN_WHEN_DELETED:
        details: Obj = {"name": call.name}
        if call.info.group:
            details["group"] = call.info.group
        details["kind"] = call.info.resource
        details["uid"] = left["metadata"]["uid"]
        return Response(
            200,
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details},
        )
    return call.show(left, managed=managed, code=code)


def _delete(call: Call, namespace: str, name: str, options: DeleteOptions) -> tuple[Obj, bool]:
    return call.server.delete(
        call.actor(),
        call.info.plural,
        namespace,
        name,
        grace_period_seconds=options.grace_period_seconds,
        propagation=options.propagation,
        uid=options.uid,
        resource_version=options.resource_version,
        dry_run=options.dry_run,
    )


def delete_collection(call: Call) -> Response:
    """DELETE of everything in a list."""
    chosen = list_options(call.params)
    listing.check(chosen)
    options = _delete_options(call)
    call.dry_run = options.dry_run
    server, info = call.server, call.info
    selection = server.selection(info, call.namespace, chosen.label_selector, chosen.field_selector, call.second)
    page = listing.page(server, selection, chosen)
    shown = [presenting.whole(server, info, record.value, record, None, call.second) for _, record in page.items]
    for _, record in page.items:
        metadata = record.value["metadata"]
        try:
            _delete(call, metadata.get("namespace", ""), metadata["name"], options)
        except StatusError as error:
            if error.code != 404:
                raise
    return Response(200, presenting.many(server, info, shown, {"resourceVersion": str(page.revision)}, call.form))
