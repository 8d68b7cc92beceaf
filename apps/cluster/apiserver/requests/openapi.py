"""The OpenAPI documents over the REST interface: `/openapi/v2`, `/openapi/v3` and the documents below it.

A document is made when it is first asked for, and kept compressed. Those of the built-in kinds are the same in every
cluster; those of custom kinds are kept by what their definitions say. The hash in the index is of what a document is
made from, so that the index makes none.

Models      k8s.io/kube-openapi pkg/handler, pkg/handler3; kube-aggregator pkg/controllers/openapi
Leaves out  nothing known
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.cluster.api import openapi
from apps.cluster.api.openapi import documents, gnostic
from apps.cluster.api.openapi.custom import name_of as custom_name
from apps.cluster.api.openapi.definitions import PACKAGES, name_of
from apps.cluster.api.openapi.operations import Resource, Sub
from apps.cluster.apiserver.requests import aggregated, served
from apps.cluster.apiserver.requests.messages import Request, Response
from apps.cluster.apiserver.requests.writes import SHOWN_WHEN_DELETED

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]
JSON = "application/json"
PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
PROTOBUFS = (PROTOBUF, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
KEPT = 64  # documents
_made: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()


def answer(server: APIServer, request: Request) -> Response | None:
    """The answer to an address below /openapi; None when there is none."""
    path = request.path.rstrip("/")
    if path == "/openapi/v2":
        return _v2(server, request)
    if path == "/openapi/v3":
        found = api(server)
        body = json.dumps(documents.index(found, _hashes(found)), separators=(",", ":"))
        return _sent(request, body.encode(), "text/plain; charset=utf-8")
    if path.startswith("/openapi/v3/"):
        return _v3(server, request, path.removeprefix("/openapi/v3/"))
    return None


def api(server: APIServer) -> documents.API:
    """What the server serves, for documents."""
    resources = []
    customs: dict[str, Obj] = {}
    for group, version in sorted(server.versions()):
        for info in served.infos(server, group, version):
            kind = (group, version, info.kind)
            subs = tuple(
                Sub(one.name, kind if one.kind == info.kind else (one.group, one.version, one.kind), one.verbs)
                for one in served.subresources(info)
            )
            custom = server.customs.knows(info.plural)
            listed = ""
            if custom:
                crd = customs[info.plural] = server.tables["customresourcedefinitions"][info.plural]
                name = custom_name(group, version, info.kind)
                listed = custom_name(group, version, crd["spec"]["names"].get("listKind") or f"{info.kind}List")
            elif f"{group}/{version}".lstrip("/") in PACKAGES:
                name = name_of(f"{group}/{version}".lstrip("/"), info.kind)
            else:
                continue
            shown = info.plural in SHOWN_WHEN_DELETED and info.plural != "namespaces"
            verbs = served.verbs(server, info)
            resources.append(Resource(kind, name, info.resource, info.namespaced, verbs, subs, shown, custom, listed))
    resources += [
        Resource((group, version, kind), name_of(f"{group}/{version}", kind), name, namespaced, aggregated.VERBS)
        for group, version in aggregated.groups(server)
        for name, kind, namespaced in aggregated.kinds(server, group, version)
        if f"{group}/{version}" in PACKAGES
    ]
    return documents.API(tuple(resources), tuple(customs[name] for name in sorted(customs)))


# ---- documents -------------------------------------------------------------------------------------


@cache
def _facts() -> str:
    """The digest of all that documents are made from but for custom kinds."""
    digest = hashlib.sha512()
    here = Path(openapi.__file__).parent
    for path in sorted([*here.glob("*.py"), *here.glob("*/*.json"), *here.glob("*/*.toml")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _hashes(found: documents.API) -> dict[str, str]:
    return {key: _hash(found, key) for key in documents.keys(found)}


def _hash(found: documents.API, key: str) -> str:
    """The hash of a document: another one whenever it says something else."""
    group = key.removeprefix("apis/").rpartition("/")[0]
    mine = [crd["spec"] for crd in found.customs if key == "v2" or crd["spec"]["group"] == group]
    told = [one.definition for one in found.resources if one.custom and (key == "v2" or one.kind[0] == group)]
    told += sorted({one.kind[0] for one in found.resources if key == "v2"})
    return documents.digest(documents.encoded({"key": key, "facts": _facts(), "customs": mine, "served": told}))


def _kept(form: str, key: str, hash_: str, make: Callable[[], bytes]) -> bytes:
    """A document, compressed: made once."""
    name = (form, key, hash_)
    body = _made.get(name)
    if body is None:
        body = _made[name] = gzip.compress(make(), 6, mtime=0)
        while len(_made) > KEPT:
            _made.popitem(last=False)
    _made.move_to_end(name)
    return body


def _v3(server: APIServer, request: Request, key: str) -> Response | None:
    found = api(server)
    if key not in documents.keys(found):
        return None
    hash_ = _hash(found, key)
    asked = (request.params().get("hash") or [""])[0]
    if asked and asked != hash_:
        return Response(301, "", {"Location": f"/openapi/v3/{key}?hash={hash_}"})
    if not _accepted(request, (JSON,)):
        return Response(406, "", {"Vary": "Accept"})
    headers = {"Etag": f'"{hash_}"', "Vary": "Accept"}
    if asked:
        headers["Cache-Control"] = "public, immutable"
    body = _kept("v3", key, hash_, lambda: documents.encoded(documents.v3(found, key) or {}))
    return _sent(request, body, JSON, headers, compressed=True)


def _v2(server: APIServer, request: Request) -> Response:
    media = _accepted(request, (JSON, *PROTOBUFS))
    if not media:
        return Response(406, "", {"Vary": "Accept"})
    found = api(server)
    hash_ = _hash(found, "v2")
    form = "json" if media == JSON else "protobuf"
    encode = documents.encoded if media == JSON else gnostic.encode
    body = _kept(form, "v2", hash_, lambda: encode(documents.v2(found)))
    headers = {"Etag": f'"{hash_}"', "Vary": "Accept"}
    return _sent(request, body, JSON if media == JSON else PROTOBUF, headers, compressed=True)


# ---- answers ---------------------------------------------------------------------------------------


def _accepted(request: Request, offered: tuple[str, ...]) -> str:
    """The first form that the client accepts; "" when it accepts none."""
    for clause in (request.header("Accept") or "*/*").split(","):
        media = clause.partition(";")[0].strip()
        for one in offered:
            if media in (one, "*/*", one.partition("/")[0] + "/*"):
                return one
    return ""


def _sent(
    request: Request, body: bytes, media: str, headers: dict[str, str] | None = None, *, compressed: bool = False
) -> Response:
    """A body, compressed for a client that takes it so; nothing when the client has it already."""
    whole = {"Cache-Control": "no-cache, private", "Content-Type": media, **(headers or {})}
    tag = whole.get("Etag")
    if tag and request.header("If-None-Match") == tag:
        return Response(304, b"", whole)
    if compressed and "gzip" in request.header("Accept-Encoding"):
        return Response(200, body, {**whole, "Content-Encoding": "gzip"})
    return Response(200, gzip.decompress(body) if compressed else body, whole)
