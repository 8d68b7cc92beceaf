"""serviceaccounts/token: a token for a ServiceAccount, bound to it and, if asked, to a Pod, a Secret or a node.

Models      pkg/registry/core/serviceaccount/storage/token.go, pkg/serviceaccount/claims.go and jwt.go,
            pkg/apis/authentication (defaults, validation)
Leaves out  keys: unless whoever looks after the API server signs (`APIServer.sign`), nobody is let in by a token
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from apps.cluster.apimachinery.status import FieldError, bad_request, conflict, invalid, not_found
from apps.cluster.apimachinery.timestamps import EPOCH_UNIX, format_ms
from apps.cluster.apiserver.authentication import User, service_account
from apps.cluster.apiserver.requests import bodies
from apps.cluster.apiserver.requests.call import Call
from apps.cluster.apiserver.requests.messages import Response
from apps.cluster.apiserver.requests.options import write_options

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]
Sign = Callable[[bytes], bytes]
KIND, GROUP, VERSION = "TokenRequest", "authentication.k8s.io", "authentication.k8s.io/v1"
ISSUER = "https://kubernetes.default.svc.cluster.local"  # and the one audience of the API server
HOUR_S, LEAST_S, MOST_S = 3600, 600, 2**32
ASKED_BY_KUBELETS_S, EXTENDED_S = 3607, 365 * 24 * 3600
BINDS = {("v1", "Pod"): "pods", ("v1", "Secret"): "secrets", ("v1", "Node"): "nodes"}


def create(call: Call) -> Response:
    """A TokenRequest, with its token.

    Raises:
        StatusError: 400, 404, 409, 422.
    """
    options = write_options(call.params, "CreateOptions")
    doc, _ = bodies.read(call.request, VERSION, KIND)
    doc = doc if isinstance(doc, dict) else {}
    kind, version = doc.get("kind") or KIND, doc.get("apiVersion") or VERSION
    if (version, kind) != (VERSION, KIND):
        raise bodies.wrong_kind(str(version), str(kind), VERSION, KIND)
    call.dry_run = options.dry_run
    account = call.record().value
    given = doc.get("metadata") or {}
    for field, expected, what in (("name", call.name, "name"), ("namespace", call.namespace, "namespace")):
        if given.get(field) and given[field] != expected:
            detail = f"must match the service account {what} if specified"
            raise invalid(
                KIND, GROUP, call.name, [FieldError("Invalid value", f"metadata.{field}", given[field], detail)]
            )
    uid = account["metadata"]["uid"]
    if given.get("uid") and given["uid"] != uid:
        text = f"the UID in the token request ({given['uid']}) does not match the UID of the service account ({uid})"
        raise conflict(KIND, call.name, GROUP, text)
    spec = doc.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    seconds = HOUR_S if seconds is None else seconds
    _check(seconds)
    audiences = list(spec.get("audiences") or (ISSUER,))
    bound = _bound(call, spec.get("boundObjectRef"))
    metadata = {**given, "name": call.name, "namespace": call.namespace, "uid": uid}
    now = call.server.now_ms
    metadata["creationTimestamp"] = format_ms(now)
    asked = {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": spec.get("boundObjectRef")}
    token = written(claims(account, bound, seconds, audiences, now), call.server.sign)
    return Response(
        201,
        {
            "kind": KIND,
            "apiVersion": VERSION,
            "metadata": metadata,
            "spec": asked,
            "status": {"token": token, "expirationTimestamp": format_ms(now + seconds * 1000)},
        },
    )


def _check(seconds: int) -> None:
    where = "spec.expirationSeconds"
    if seconds < LEAST_S:
        text = "may not specify a duration less than 10 minutes"
    elif seconds > MOST_S:
        text = "may not specify a duration larger than 2^32 seconds"
    else:
        return
    raise invalid(KIND, GROUP, "", [FieldError("Invalid value", where, seconds, text)])


def _bound(call: Call, ref: Obj | None) -> dict[str, Obj]:
    """The objects that a token is bound to, by what its claims call them."""
    if not ref:
        return {}
    version, kind, name = ref.get("apiVersion") or "", ref.get("kind") or "", ref.get("name") or ""
    resource = BINDS.get((version, kind))
    if resource is None:
        group, _, last = version.rpartition("/")
        raise bad_request(f"cannot bind token to object of type {group}/{last}, Kind={kind}")
    key = name if resource == "nodes" else f"{call.namespace}/{name}"
    record = call.server.record(call.server.info(resource), key)
    if record is None:
        raise not_found(resource, name)
    obj = record.value
    found = {kind.lower(): obj}
    if resource == "pods":
        if (obj["spec"].get("serviceAccountName") or "") != call.name:
            account = json.dumps(call.name)
            raise bad_request(
                f"cannot bind token for serviceaccount {account} to pod running with different serviceaccount name."
            )
        node = obj["spec"].get("nodeName")
        if node:
            there = call.server.record(call.server.info("nodes"), node)
            found["node"] = there.value if there is not None else {"metadata": {"name": node}}
    uid = obj["metadata"]["uid"]
    if ref.get("uid") and ref["uid"] != uid:
        text = (
            f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise conflict(kind, name, "", text)
    return found


def claims(account: Obj, bound: dict[str, Obj], seconds: int, audiences: list[str], now_ms: int) -> Obj:
    """What a token says, as the API server's issuer puts it."""
    metadata = account["metadata"]
    now = EPOCH_UNIX + now_ms // 1000
    private: Obj = {"namespace": metadata["namespace"]}
    for what in ("node", "pod", "secret"):
        if what in bound:
            private[what] = _ref(bound[what])
    private["serviceaccount"] = _ref(account)
    extended = "pod" in bound and seconds == ASKED_BY_KUBELETS_S and audiences == [ISSUER]
    if extended:
        private["warnafter"] = now + seconds
    drawn = sha256(f"{metadata['uid']} {now_ms} {sorted(private)}".encode()).hexdigest()
    return {
        "aud": audiences,
        "exp": now + (EXTENDED_S if extended else seconds),
        "iat": now,
        "iss": ISSUER,
        "jti": f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-a{drawn[17:20]}-{drawn[20:32]}",
        "kubernetes.io": private,
        "nbf": now,
        "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
    }


def _ref(obj: Obj) -> Obj:
    return {name: obj["metadata"][name] for name in ("name", "uid") if obj["metadata"].get(name)}


def written(said: Obj, sign: Sign | None = None) -> str:
    """A JSON web token. Its last part is as long as an RSA signature; unless somebody signs, it is none."""
    key = _part(sha256(ISSUER.encode()).digest())
    body = ".".join(
        _part(json.dumps(one, separators=(",", ":")).encode()) for one in ({"alg": "RS256", "kid": key}, said)
    )
    if sign is not None:
        return f"{body}.{_part(sign(body.encode()))}"
    signature = b"".join(sha256(f"{number} {body}".encode()).digest() for number in range(8))
    return f"{body}.{_part(signature)}"


def user_of(server: APIServer, token: str) -> User | None:
    """Whose token it is; None for one that is not signed here, over, or of what is no longer there."""
    body, _, signature = token.rpartition(".")
    if server.sign is None or body.count(".") != 1:
        return None
    try:
        given, said = _whole(signature), json.loads(_whole(body.partition(".")[2]))
    except ValueError:
        return None
    if not _same(given, server.sign(body.encode())):
        return None
    if EPOCH_UNIX + server.now_ms // 1000 >= said["exp"] or ISSUER not in said["aud"]:
        return None
    private = said["kubernetes.io"]
    namespace, account = private["namespace"], private["serviceaccount"]
    named = [("serviceaccounts", account), *((BINDS["v1", kind], private.get(kind.lower())) for _, kind in BINDS)]
    for resource, one in named:
        if not one or "uid" not in one or (resource == "nodes" and "pod" in private):
            continue  # a node that is named beside a Pod binds nothing
        key = one["name"] if resource == "nodes" else f"{namespace}/{one['name']}"
        there = server.tables.get(resource, {}).get(key)
        if there is None or there["metadata"]["uid"] != one["uid"]:
            return None
    return service_account(namespace, account["name"])._replace(uid=account["uid"])


def _same(one: bytes, other: bytes) -> bool:
    """Whether they are equal; takes the same time wherever they differ."""
    wrong = len(one) ^ len(other)
    for a, b in zip(one, other, strict=False):
        wrong |= a ^ b
    return not wrong


def _part(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _whole(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
