"""What a command may look like: the shape of the JSON that the log, a v1 link, a form or a socket carries.

Only the shape is checked here. Whether the cluster accepts it is for its API server to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from apps.cluster import strain
from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.status import bad_request
from apps.cluster.apiserver.requests import Request, routes
from apps.cluster.controlplane import names, quota
from apps.cluster.kubeadm.versions import KNOWN
from apps.cluster.kubelet import registry
from apps.cluster.metrics import load
from apps.scenarios import limits

Body = dict[str, Any]

ROLLOUT_VERBS = ("undo", "restart", "pause", "resume")
NODE_VERBS = (
    "join",
    "remove",
    "cordon",
    "uncordon",
    "drain",
    "power-off",
    "power-on",
    "reboot",
    "cut-network",
    "restore-network",
    strain.SHUT_DOWN,
    *strain.FILLS,
)
KUBEADM_VERBS = ("token-create", "token-delete", "reset", "upgrade", "upgrade-node")
NETWORK_VERBS = ("cut-network", "restore-network")
PATCH_TYPES = ("merge", "strategic", "json")
PROPAGATION = ("Background", "Foreground", "Orphan")
MAX_NAME = 253
MAX_GROUPS = 16
MAX_QUANTITY = 32
METHODS = ("POST", "PUT", "PATCH", "DELETE")
PATH = re.compile(r"/apis?/[!-~]{1,2040}")
MAX_QUERY = 8192
MAX_AGENT = 256
MAX_EXTRA = 16


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_NAME


def _name(value: Any) -> bool:
    return _text(value) and value != ""


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _amount(most: int, thousandths: bool) -> Callable[[Any], bool]:
    """A quantity between nothing and `most`."""

    def test(value: Any) -> bool:
        if not isinstance(value, str) or not 0 < len(value) <= MAX_QUANTITY:
            return False
        try:
            amount = quantity.milli(value) if thousandths else quantity.value(value)
        except quantity.InvalidQuantity:
            return False
        return 0 <= amount <= most

    return test


def _between(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: _whole(value) and least <= value <= most


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _said_of_image(field: str) -> Callable[[Any], bool]:
    return lambda value: not registry.problem(field, value)


def _objects(value: Any) -> bool:
    return (
        isinstance(value, list) and 0 < len(value) <= limits.DOCUMENTS and all(isinstance(obj, dict) for obj in value)
    )


def _one_of(*words: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in words


def _body(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and all(isinstance(item, dict) for item in value))


def _groups(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MAX_GROUPS and all(_name(group) for group in value)


def _extra(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MAX_EXTRA
        and all(map(_name, value))
        and all(map(_groups, value.values()))
    )


def _words(most: int) -> Callable[[Any], bool]:
    """Text of one line, as a header or a query has it."""
    return lambda value: isinstance(value, str) and len(value) <= most and value.isprintable()


def _path(value: Any) -> bool:
    return isinstance(value, str) and PATH.fullmatch(value) is not None


def _manifest(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= limits.MANIFEST_BYTES


_TARGET = {"resource": _name, "namespace": _text, "name": _name}
REQUIRED: dict[str, dict[str, Callable[[Any], bool]]] = {
    "apply": {"objects": _objects},
    "create": {"objects": _objects},
    "replace": {"objects": _objects},
    "patch": {"resource": _name, "name": _name, "body": _body},
    "delete": {"resource": _name, "name": _name},
    "scale": {"resource": _name, "name": _name, "replicas": _whole},
    "rollout": {"verb": _one_of(*ROLLOUT_VERBS), "resource": _name, "name": _name},
    "node": {"verb": _one_of(*NODE_VERBS), "name": _name},
    "load": {"resource": _one_of(*load.RESOURCES), "name": _name},
    "image": {"name": _name},
    "component": {"verb": _one_of(*names.VERBS), "name": _one_of(*names.NAMES)},
    "kubeadm": {"verb": _one_of(*KUBEADM_VERBS)},
    "etcd": {"verb": _one_of(*quota.VERBS)},
    "request": {"method": _one_of(*METHODS), "path": _path},
}
OPTIONAL: dict[str, dict[str, Callable[[Any], bool]]] = {
    "patch": {"namespace": _text, "type": _one_of(*PATCH_TYPES), "subresource": _text},
    "delete": {"namespace": _text, "propagation": _one_of(*PROPAGATION), "grace_period_seconds": _whole},
    "scale": {"namespace": _text},
    "rollout": {"namespace": _text, "revision": _whole},
    "load": {
        "namespace": _text,
        "cpu": _amount(load.MOST_CPU, True),
        "memory": _amount(load.MOST_MEMORY, False),
        "per": _one_of(*load.PER),
        "container": _name,
    },
    "node": {"peer": _name, "mib": _between(1, strain.MOST_MIB), "seconds": _between(0, strain.MOST_SECONDS)},
    "image": {strain.PURGE: _flag, **{field: _said_of_image(field) for field in registry.FIELDS}},
    "component": {"node": _name},
    "kubeadm": {"name": _name, "version": _one_of(*KNOWN)},
    "request": {
        "query": _words(MAX_QUERY),
        "content_type": _words(MAX_NAME),
        "accept": _words(MAX_NAME),
        "user_agent": _words(MAX_AGENT),
        "body": lambda value: isinstance(value, dict | list),
        "text": _manifest,
        "as_uid": _name,
        "as_extra": _extra,
        "user": _name,
        "groups": _groups,
    },
}


IN_A_NAME: dict[str, Callable[[Any], bool]] = {"as": _name, "as_groups": _groups}
for _op in ("apply", "create", "replace", "patch", "delete", "scale", "rollout", "request"):
    OPTIONAL[_op] = {**OPTIONAL.get(_op, {}), **IN_A_NAME}


def check(value: Any) -> Body:
    """The command itself, once its shape is known to be right.

    >>> check({"op": "scale", "resource": "deployments", "name": "web", "replicas": 5})["replicas"]
    5

    Raises:
        StatusError: 400 BadRequest that names the field.
    """
    if not isinstance(value, dict):
        raise bad_request("command: must be a JSON object")
    op = value.get("op")
    if not isinstance(op, str) or op not in REQUIRED:
        raise bad_request(f"command: op must be one of {', '.join(REQUIRED)}")
    required, optional = REQUIRED[op], OPTIONAL.get(op, {})
    for field, test in required.items():
        if field not in value:
            raise bad_request(f"command {op}: {field} is missing")
        if not test(value[field]):
            raise bad_request(f"command {op}: {field} has the wrong form")
    for field, given in value.items():
        if field == "op" or field in required:
            continue
        if field not in optional:
            raise bad_request(f"command {op}: unknown field {field[:80]}")
        if not optional[field](given):
            raise bad_request(f"command {op}: {field} has the wrong form")
    if "as_groups" in value and "as" not in value:
        raise bad_request(f"command {op}: as_groups needs as")
    if "body" in value and "text" in value:
        raise bad_request(f"command {op}: text has no meaning beside body")
    if "groups" in value and "user" not in value:
        raise bad_request(f"command {op}: groups needs user")
    if op == "node" and "peer" in value and value["verb"] not in NETWORK_VERBS:
        raise bad_request(f"command node: peer has no meaning for {value['verb']}")
    if op == "node":
        _check_node(value)
    return value


def _check_node(value: Body) -> None:
    """Some fields belong to some verbs only, and those need them."""
    verb = value["verb"]
    for field, verbs in (("peer", NETWORK_VERBS), ("mib", strain.FILLS), ("seconds", (strain.SHUT_DOWN,))):
        if field in value and verb not in verbs:
            raise bad_request(f"command node: {field} has no meaning for {verb}")
    if verb in strain.FILLS and "mib" not in value:
        raise bad_request("command node: mib is missing")


def parse(text: str | bytes) -> Body:
    """A command from JSON text.

    Raises:
        StatusError: 400 BadRequest; LimitExceeded when the text is too long.
    """
    if len(text) > limits.MESSAGE_BYTES:
        raise limits.exceeded("manifest_bytes", limits.MANIFEST_BYTES, len(text))
    return check(load_json(text))


def load_json(text: str | bytes) -> Any:
    """JSON as it came from outside. NaN and Infinity are no JSON; lone surrogates and NUL cannot be stored.

    Raises:
        StatusError: 400 BadRequest.
    """

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(text, parse_constant=refuse)
        measured(value)
        written = dumps(value)
        written.encode()  # also refuses lone surrogates and floats that overflowed
        if "\\u0000" in written and has_nul(value):
            raise ValueError("control characters are not allowed")
    except (ValueError, RecursionError) as error:
        raise bad_request(f"not JSON: {str(error)[:200]}") from None
    return value


def has_nul(value: Any) -> bool:
    """Whether a text in it, or a key, holds the character that no database keeps.

    >>> has_nul({"a": ["b", "c\\0"]}), has_nul({"a": r"\\u0000"})
    (True, False)
    """
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or has_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(has_nul(inner) for inner in value)


def measured(value: Any, budget: int = limits.MANIFEST_NODES) -> int:
    """How many values there are in a JSON value.

    Raises:
        LimitExceeded: too many, or too deep.
    """
    count, level = 1, [value]
    for _ in range(limits.MANIFEST_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return count
        count += len(level)
        if count > budget:
            raise limits.exceeded("manifest_nodes", limits.MANIFEST_NODES)
    raise limits.exceeded("manifest_depth", limits.MANIFEST_DEPTH)


def dumps(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces. The same value always gives the same text.

    >>> dumps({"b": 1, "a": ["한"]})
    '{"a":["한"],"b":1}'
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def said(body: Body) -> str:
    """The command as it would be typed, for the list of commands and the flags of the ruler.

    >>> said({"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 5})
    'kubectl scale deployments/web --replicas=5'
    """
    if "as" in body:
        groups = "".join(f" --as-group={group}" for group in body.get("as_groups", ())[:3])
        plain = {name: value for name, value in body.items() if name not in IN_A_NAME}
        return f"{said(plain)} --as={body['as'][:80]}{groups[:120]}"
    op = body["op"]
    if op == "request":
        return _request(body)
    namespace = body.get("namespace") or "default"
    where = "" if namespace == "default" else f" -n {namespace}"
    target = f"{body.get('resource', '')}/{body.get('name', '')}"
    if op in {"apply", "create", "replace"}:
        listed = [_typed(obj) for obj in body["objects"][:3]]
        more = len(body["objects"]) - len(listed)
        return f"kubectl {op} {' '.join(listed)}{f' +{more}' if more else ''}"
    if op == "patch":
        subresource = f" --subresource={body['subresource']}" if body.get("subresource") else ""
        changed = "" if isinstance(body["body"], list) else " " + ", ".join(_paths(body["body"])[:3])
        return f"kubectl patch {target}{subresource}{changed}{where}"
    if op == "delete":
        return f"kubectl delete {target}{where}"
    if op == "scale":
        return f"kubectl scale {target} --replicas={body['replicas']}{where}"
    if op == "rollout":
        revision = f" --to-revision={body['revision']}" if body.get("revision") else ""
        return f"kubectl rollout {body['verb']} {target}{revision}{where}"
    if op == "load":
        amounts = " ".join(f"{field}={body[field]}" for field in ("cpu", "memory") if field in body)
        each = " per Pod" if body.get("per") == "pod" else ""
        return f"load {target} {amounts or 'none'}{each}{where}"
    if op == "kubeadm":
        return _kubeadm(body)
    if op == "etcd":
        return "fill etcd" if body["verb"] == quota.FILL else "etcdctl compact, defrag, alarm disarm"
    if op == "image":
        changes = " ".join(f"{field}={value}" for field, value in body.items() if field not in ("op", "name"))
        return f"push {body['name']} {changes}".rstrip()[:120]
    verb, name = body["verb"], body["name"]
    if verb in strain.FILLS:
        return f"{verb} {name} {body['mib']}Mi"
    if op == "component":
        node = f" ({body['node']})" if body.get("node") else ""
        return f"{verb} {name}{node}"
    if verb in NETWORK_VERBS:
        peer = f" {body['peer']}" if body.get("peer") else ""
        return f"{verb} {name}{peer}"
    if verb == "join":
        return f"kubeadm join ({name})"
    if verb == "remove":
        return f"kubectl delete nodes/{name}"
    plain = verb.startswith("power") or verb in ("reboot", strain.SHUT_DOWN)
    return f"{verb} {name}" if plain else f"kubectl {verb} {name}"


def _request(body: Body) -> str:
    """Who asked, and the request as an access log has it, the address cut to what it names.

    >>> _request({"method": "DELETE", "path": "/api/v1/namespaces/dev/pods/web-0", "user_agent": "kubectl/v1.36.2"})
    'kubectl: DELETE pods/web-0 -n dev'
    """
    about = routes.parse(Request(body["method"], body["path"], body.get("query", "")))
    sent = body.get("body")
    agent = body.get("user_agent", "").partition("/")[0].strip() or "HTTP"
    name = about.name or (_typed(sent).partition("/")[2] if isinstance(sent, dict) else "")
    target = "/".join(part for part in (about.resource or body["path"], name, about.subresource) if part)
    patched = about.verb == "patch" and isinstance(sent, dict)
    changed = " " + ", ".join(_paths(sent)[:3]) if patched else ""
    where = f" -n {about.namespace}" if about.namespace not in ("", "default") else ""
    return f"{agent[:40]}: {body['method']} {target[:120]}{changed}{where}"


def _kubeadm(body: Body) -> str:
    verb, name = body["verb"], body.get("name", "")
    if verb == "upgrade":
        return f"kubeadm upgrade apply {body.get('version', '')}".rstrip()
    words = {"upgrade-node": "upgrade node", "token-create": "token create", "token-delete": f"token delete {name}"}
    where = f" ({name})" if name and verb in ("reset", "upgrade-node") else ""
    return f"kubeadm {words.get(verb, verb)}{where}".rstrip()


def _typed(obj: dict[str, Any]) -> str:
    metadata = obj.get("metadata")
    name = metadata.get("name", "") if isinstance(metadata, dict) else ""
    return f"{str(obj.get('kind', '')).lower()}/{name}"[:80]


def _paths(body: Any, prefix: str = "", depth: int = 0) -> list[str]:
    """The fields that a merge patch sets, as paths: `spec.replicas=5`, the way there cut short."""
    out: list[str] = []
    for key, value in body.items():
        path = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, dict) and value and depth < 6:
            out += _paths(value, path, depth + 1)
        elif isinstance(value, str | int | float | bool) or value is None:
            out.append(f"{path.rpartition('.')[2]}={value}"[:60])
        else:
            out.append(path.rpartition(".")[2][:60])
    return out
