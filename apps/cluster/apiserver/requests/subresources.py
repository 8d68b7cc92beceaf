"""What hangs below an object: status, scale, binding, eviction, ephemeralcontainers, resize, approval, finalize, token.

Models      pkg/registry/*/storage/storage.go, pkg/registry/core/pod/storage (eviction.go), policy/v1 Eviction
Leaves out  exec, attach, portforward, proxy: there is nobody at the other end of a stream
"""

from __future__ import annotations

import dataclasses
from typing import Any

from apps.cluster.api.validation import pods
from apps.cluster.apimachinery.status import StatusError, bad_request, generic, invalid
from apps.cluster.apiserver import scale
from apps.cluster.apiserver.requests import bodies, presenting, tokens, writes
from apps.cluster.apiserver.requests.call import Call
from apps.cluster.apiserver.requests.messages import Response
from apps.cluster.apiserver.requests.options import delete_options, write_options

Obj = dict[str, Any]
# Subresources that are the object itself, of which a write touches one part.
PARTS = frozenset({"status", "ephemeralcontainers", "resize", "approval", "finalize"})


def answer(call: Call) -> Response:
    """Raises: StatusError."""
    subresource, verb = call.attributes.subresource, call.attributes.verb
    if subresource == "scale":
        return _scale(call)
    if subresource in PARTS:
        if verb == "get":
            record = call.record()
            whole = presenting.whole(call.server, call.info, record.value, record)
            return Response(200, presenting.one(call.server, call.info, whole, call.form))
        return writes.update(call, subresource) if verb == "update" else writes.patch(call, subresource)
    if subresource == "binding":
        return _bind(call)
    if subresource == "eviction":
        return _evict(call)
    if subresource == "token":
        return tokens.create(call)
    reader = call.server.readers.get(subresource)
    if reader is None:
        raise generic(404)
    found: Response = reader(call)
    return found


def success(code: int = 201) -> Response:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code}
    return Response(code, status)


def _scale(call: Call) -> Response:
    """Whatever has replicas, seen and changed as an autoscaling/v1 Scale."""
    server, info = call.server, call.info
    record = call.record()
    paths = server.scale_paths(info)
    shown = scale.of(record.value, info, paths)
    verb = call.attributes.verb
    if verb == "get":
        return _shown(call, shown)
    if verb == "update":
        options = write_options(call.params, "UpdateOptions")
        call.dry_run = options.dry_run
        doc, repeated = bodies.read(call.request, "autoscaling/v1", "Scale")
        wanted = scale.typed(doc, repeated, options.field_validation, call.warnings)
    else:
        type_ = bodies.content_type(call.request)
        types = (writes.JSON_PATCH, writes.MERGE, writes.STRATEGIC, writes.APPLY)
        text = bodies.patch_body(call.request, types)
        options = write_options(call.params, "PatchOptions", apply=type_ == writes.APPLY)
        call.dry_run = options.dry_run
        if type_ == writes.APPLY:
            config, _ = bodies.parse_yaml(text)
            wanted = {**shown, "spec": {**shown["spec"], **((config or {}).get("spec") or {})}}
        else:
            wanted = writes.patched_object(call, type_, text, shown, options)
    writes.check_name(wanted, call.name)
    given = wanted["metadata"].get("namespace") or ""
    if given and given != call.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    stored = server.scale(call.actor(options.field_manager), info, record.value, wanted, dry_run=options.dry_run)
    return _shown(call, scale.of(stored, info, paths))


def _shown(call: Call, shown: Obj) -> Response:
    """A Scale in the form that was asked for."""
    info = dataclasses.replace(call.info, group="autoscaling", version="v1", kind="Scale", builtin=True)
    return Response(200, presenting.one(call.server, info, shown, call.form))


def _bind(call: Call) -> Response:
    """Give a Pod its node."""
    options = write_options(call.params, "CreateOptions")
    call.dry_run = options.dry_run
    doc, _ = bodies.read(call.request, "v1", "Binding")
    doc = doc if isinstance(doc, dict) else {}
    if doc.get("kind") not in (None, "Binding"):
        raise bodies.wrong_kind(str(doc.get("apiVersion", "")), str(doc["kind"]), "v1", "Binding")
    target = doc.get("target") or {}
    name = (doc.get("metadata") or {}).get("name", "")
    if name and name != call.name:
        raise bad_request("name in URL does not match name in Binding object")
    found = pods.binding(doc)
    if found:
        raise invalid("Binding", "", name, found)
    call.server.bind(
        call.actor(options.field_manager), call.namespace, call.name, target["name"], dry_run=options.dry_run
    )
    return success()


def _evict(call: Call) -> Response:
    """A deletion that a disruption budget may refuse."""
    options = write_options(call.params, "CreateOptions")
    doc, _ = bodies.read(call.request, "policy/v1", "Eviction")
    doc = doc if isinstance(doc, dict) else {}
    if doc.get("kind") not in (None, "Eviction"):
        raise bodies.wrong_kind(str(doc.get("apiVersion", "")), str(doc["kind"]), "policy/v1", "Eviction")
    name = (doc.get("metadata") or {}).get("name", "")
    if name and name != call.name:
        raise bad_request("name in URL does not match name in Eviction object")
    how = delete_options({}, doc.get("deleteOptions"))
    call.dry_run = options.dry_run or how.dry_run
    call.server.evict(
        call.actor(options.field_manager),
        call.namespace,
        call.name,
        grace_period_seconds=how.grace_period_seconds,
        uid=how.uid,
        resource_version=how.resource_version,
        dry_run=call.dry_run,
    )
    return success()


def refuse(code: int) -> StatusError:
    return generic(code)
