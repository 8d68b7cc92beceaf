"""Objects as a client sees them: with their managers, in the version asked for, whole or as metadata or a Table.

Models      endpoints/handlers/response.go, endpoints/handlers/negotiation
Leaves out  protobuf and CBOR
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.cluster.api import printers
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.fieldmanager.managed import Managed, encode
from apps.cluster.apiserver.requests import forms
from apps.cluster.apiserver.requests.bodies import MEDIA_TYPES
from apps.cluster.apiserver.requests.messages import Request
from apps.cluster.etcd import Record

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]


class Form:
    """The form of an answer: "" for objects as they are, "metadata" or "table"; and how it is written down."""

    __slots__ = ("as_", "content_type", "include_object")

    def __init__(self, as_: str = "", content_type: str = "application/json", include_object: str = "Metadata") -> None:
        self.as_ = as_
        self.content_type = content_type
        self.include_object = include_object


def negotiate(request: Request) -> Form:
    """The first form that the client accepts and the server has.

    Raises:
        StatusError: 406, there is none.
    """
    accept = request.header("Accept")
    include = (request.params().get("includeObject") or ["Metadata"])[0] or "Metadata"
    if not accept:
        return Form(include_object=include)
    for clause in accept.split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        given = dict(part.split("=", 1) for part in parameters if "=" in part)
        if media not in ("application/json", "application/yaml", "application/*", "*/*"):
            continue
        content_type = media if media.startswith("application/") and media != "application/*" else "application/json"
        as_ = given.get("as", "")
        if not as_:
            return Form("", content_type, include)
        if given.get("g") != "meta.k8s.io" or given.get("v") not in ("v1", "v1beta1"):
            continue
        if as_ == "Table":
            return Form("table", content_type, include)
        if as_ in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return Form("metadata", content_type, include)
    raise StatusError(406, "NotAcceptable", f"only the following media types are accepted: {MEDIA_TYPES}")


def whole(
    server: APIServer,
    info: ResourceInfo,
    obj: Obj,
    record: Record | None = None,
    managed: Managed | None = None,
    form: str = "",
) -> Obj:
    """One object with its managers: those given, or those its record has. `form`: its second one, by apiVersion."""
    metadata = dict(obj["metadata"])
    if not metadata.get("resourceVersion"):
        metadata.pop("resourceVersion", None)
    entries = encode(managed) if managed is not None else server.ledger.fields(info, record) if record else []
    if entries:
        metadata["managedFields"] = entries
    elif "managedFields" in metadata:
        del metadata["managedFields"]
    out: Obj = {"kind": info.kind, "apiVersion": info.api_version, "metadata": metadata}
    for name, value in obj.items():
        if name not in out:
            out[name] = value
    return forms.shown(out, form)


def one(server: APIServer, info: ResourceInfo, obj: Obj, form: Form) -> Obj:
    """The answer about one object that `whole` made."""
    if form.as_ == "metadata":
        return _metadata_only(obj)
    if form.as_ == "table":
        return _table(server, info, [obj], {"resourceVersion": obj["metadata"].get("resourceVersion", "")}, form)
    return obj


def many(server: APIServer, info: ResourceInfo, objects: list[Obj], metadata: Obj, form: Form, second: str = "") -> Obj:
    """The answer about several."""
    if form.as_ == "metadata":
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "items": [_metadata_only(obj) for obj in objects],
        }
    if form.as_ == "table":
        return _table(server, info, objects, metadata, form)
    if info.builtin:
        objects = [
            {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")} for obj in objects
        ]
    api_version = second or info.api_version
    return {"kind": f"{info.kind}List", "apiVersion": api_version, "metadata": metadata, "items": objects}


def _table(server: APIServer, info: ResourceInfo, objects: list[Obj], metadata: Obj, form: Form) -> Obj:
    columns = server.customs.columns(info)
    return printers.table(
        info, objects, server.now_ms, include=form.include_object, metadata=metadata, printer_columns=columns
    )


def _metadata_only(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
