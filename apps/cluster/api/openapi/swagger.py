"""Operations of OpenAPI v3 as v2 writes them.

Models      k8s.io/kube-openapi pkg/builder
Leaves out  parameters told once for all operations: each has its own
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.openapi.schemas import REF_V2, REF_V3

Obj = dict[str, Any]
ORDER = (
    "*/*",
    "text/plain",
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


def path_item(item: Obj) -> Obj:
    """All that can be asked of an address."""
    out: Obj = {method: _operation(value) for method, value in item.items() if method != "parameters"}
    if "parameters" in item:
        out["parameters"] = [_parameter(one) for one in item["parameters"]]
    return out


def _ref(schema: Obj) -> Obj:
    if "$ref" in schema:
        ref: str = schema["$ref"]
        return {"$ref": ref.replace(REF_V3, REF_V2)}
    return schema


def _parameter(one: Obj) -> Obj:
    plain: Obj = {name: value for name, value in one.items() if name != "schema"}
    return {**plain, **one["schema"]}


def _media(content: Obj) -> list[str]:
    return sorted(content, key=lambda one: (ORDER.index(one) if one in ORDER else len(ORDER), one))


def _operation(operation: Obj) -> Obj:
    body = operation.get("requestBody")
    out: Obj = {"description": operation["description"]}
    produces = _media(operation["responses"].get("200", {}).get("content", {}))
    if "x-kubernetes-action" in operation:
        out["consumes"] = _media(body["content"]) if body else ["*/*"]
    elif "API" in operation["operationId"] or operation["tags"] == ["version"]:
        out["consumes"] = produces
    out["produces"] = produces
    out["schemes"] = ["https"]
    out["tags"] = operation["tags"]
    out["operationId"] = operation["operationId"]
    parameters = [_parameter(one) for one in operation.get("parameters", ())]
    if body:
        schema = _ref(next(iter(body["content"].values()))["schema"])
        required = {"required": True} if body.get("required") else {}
        parameters.insert(0, {"in": "body", "name": "body", **required, "schema": schema})
    if parameters:
        out["parameters"] = parameters
    out["responses"] = {code: _response(answer) for code, answer in operation["responses"].items()}
    for name in ("x-kubernetes-action", "x-kubernetes-group-version-kind"):
        if name in operation:
            out[name] = operation[name]
    return out


def _response(answer: Obj) -> Obj:
    out: Obj = {"description": answer["description"]}
    content = answer.get("content")
    if content:
        out["schema"] = _ref(next(iter(content.values()))["schema"])
    return out
