"""Bodies: JSON, YAML or protobuf into objects, and what strict field validation has to say about them.

Models      endpoints/handlers/negotiation, sigs.k8s.io/json (UnmarshalStrict), sigs.k8s.io/yaml
Leaves out  CBOR
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from apps.cluster.api import protobuf, schema
from apps.cluster.api.decode import decode
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import StatusError, bad_request, generic
from apps.cluster.apiserver.requests.messages import Request

Obj = dict[str, Any]
MEDIA_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
MAX_BODY = 3 * 1024 * 1024
ACCEPTED = ("application/json", "application/yaml")


class _Repeats:
    """Keys that come twice, by the map they come in."""

    def __init__(self) -> None:
        self.keys: dict[int, list[str]] = {}
        self.maps: list[Any] = []  # kept, so that their ids stay theirs

    def take(self, pairs: list[tuple[Any, Any]]) -> Obj:
        out: Obj = {}
        for key, value in pairs:
            if key in out:
                self.keys.setdefault(id(out), []).append(key)
            out[key] = value
        if id(out) in self.keys:
            self.maps.append(out)
        return out

    def paths(self, value: Any, path: str = "") -> list[str]:
        """Each as strict decoding names it: `spec.replicas`, `spec.containers[0].name`."""
        found: list[str] = []
        if isinstance(value, dict):
            found += [f"{path}.{key}" if path else key for key in dict.fromkeys(self.keys.get(id(value), ()))]
            for key, item in value.items():
                found += self.paths(item, f"{path}.{key}" if path else str(key))
        elif isinstance(value, list):
            for at, item in enumerate(value):
                found += self.paths(item, f"{path}[{at}]")
        return found


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: no dates, and keys are text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_ALIAS = re.compile(r"(?m)(?:^|[\s\[{,:-])[&*][^\s,\]}]+")


def parse_yaml(text: str) -> tuple[Any, list[str]]:
    """The one document of a text, and the paths of doubled keys.

    Raises:
        ValueError: it is no YAML, or one that refers to itself.
    """
    if len(_ALIAS.findall(text)) > 100:
        raise ValueError("yaml: document contains excessive aliasing")
    repeats = _Repeats()

    class Loader(_Loader):
        pass

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> Any:
        loader.flatten_mapping(node)
        pairs = [
            (str(loader.construct_object(key, deep=True)), loader.construct_object(value, deep=True))
            for key, value in node.value
        ]
        return repeats.take(pairs)

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    try:
        value = yaml.load(text, Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"yaml: {str(error).splitlines()[0]}") from None
    return value, repeats.paths(value)


def parse_json(text: str) -> tuple[Any, list[str]]:
    """Raises: ValueError, it is no JSON."""
    repeats = _Repeats()
    try:
        value = json.loads(text, object_pairs_hook=repeats.take)
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    except json.JSONDecodeError as error:
        raise ValueError(_go_message(error, text)) from None
    return value, repeats.paths(value)


def _go_message(error: json.JSONDecodeError, text: str) -> str:
    if error.pos >= len(text.rstrip()):
        return "unexpected end of JSON input" if text.strip() else "EOF"
    char = text[error.pos]
    return f"invalid character '{char}' looking for beginning of value"


def content_type(request: Request) -> str:
    return request.header("Content-Type").partition(";")[0].strip()


def read(request: Request, api_version: str = "", kind: str = "", *, custom: bool = False) -> tuple[Any, list[str]]:
    """The body's data and the doubled keys in it. Of a body that does not say what it is, `kind` is expected.

    Raises:
        StatusError: 415, 413, 400.
    """
    type_ = content_type(request)
    if type_ == protobuf.MEDIA_TYPE and not custom:
        body = request.body if isinstance(request.body, bytes) else request.body.encode()
        limit_size(body)
        return protobuf.decode(body, api_version, kind), []
    if type_ not in ("", "*/*", *ACCEPTED):
        accepted = ", ".join(ACCEPTED) if custom else MEDIA_TYPES
        text = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        raise StatusError(415, "UnsupportedMediaType", text)
    text = request.text()
    limit_size(text)
    try:
        return parse_yaml(text) if type_ == "application/yaml" else parse_json(text)
    except ValueError as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from None


def limit_size(body: str | bytes) -> None:
    if len(body) > MAX_BODY:
        raise StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {MAX_BODY}")


def patch_body(request: Request, types: tuple[str, ...]) -> str:
    """The text of a patch. Raises: StatusError 415, a type that this resource knows no patch of; 413."""
    if content_type(request) not in types:
        raise generic(415)
    text = request.text()
    limit_size(text)
    return text


def typed(
    doc: Any, repeated: list[str], info: ResourceInfo, directive: str, warnings: list[str], api_version: str = ""
) -> Obj:
    """A document as an object of the kind that its address says.

    Raises:
        StatusError: 400, of another kind, malformed, or (`directive` Strict) with fields that are unknown or doubled.
    """
    api_version = api_version or info.api_version
    if not isinstance(doc, dict):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {info.kind}): couldn't get version/kind; "
            f"json parse error: json: cannot unmarshal {_json_type(doc)} into Go value of type struct"
            r' { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
        )
    given_version, given_kind = doc.get("apiVersion") or api_version, doc.get("kind") or info.kind
    if (given_version, given_kind) != (api_version, info.kind):
        raise wrong_kind(given_version, given_kind, api_version, info.kind)
    strict: list[str] = []
    whole = {**doc, "apiVersion": api_version, "kind": info.kind}
    if not isinstance(whole.get("metadata"), dict) and not info.builtin and whole.get("metadata") is None:
        whole["metadata"] = {}
    obj = decode(whole, strict=strict).obj
    problems = [*strict, *(f"duplicate field {json.dumps(path, ensure_ascii=False)}" for path in repeated)]
    report(problems, directive, warnings, f'{info.kind} in version "{info.version}" cannot be handled as a {info.kind}')
    if not isinstance(obj.get("metadata"), dict):
        obj = {**obj, "metadata": {}}
    return obj


def report(problems: list[str], directive: str, warnings: list[str], prefix: str) -> None:
    """Refuse, warn of, or ignore what strict decoding found."""
    if not problems or directive == "Ignore":
        return
    if directive == "Strict":
        text = "strict decoding error: " + ", ".join(problems)
        raise bad_request(f"{prefix}: {text}")
    warnings += problems


def wrong_kind(given_version: str, given_kind: str, api_version: str, kind: str) -> StatusError:
    """400: the body is of another kind than the address."""
    version = given_version.rpartition("/")[2]
    prefix = f'{given_kind} in version "{version}" cannot be handled as a {kind}: '
    if schema.kind(given_version, given_kind) is None:
        if given_kind == kind:
            return bad_request(
                f"the API version in the data ({given_version}) does not match the expected API version ({api_version})"
            )
        return bad_request(f'{prefix}no kind "{given_kind}" is registered for version "{given_version}" in scheme')
    group = api_version.rpartition("/")[0].partition(".")[0] or "core"
    given = given_version.rpartition("/")[2]
    return bad_request(f"{prefix}converting ({given}.{given_kind}) to ({group}.{kind}): unknown conversion")


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "number"
