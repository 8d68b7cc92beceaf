"""Reviews: objects that only ask, and are answered in their status. Nothing of them is stored.

Models      pkg/registry/authentication/selfsubjectreview, pkg/registry/authorization (selfsubjectaccessreview,
            subjectaccessreview, localsubjectaccessreview, selfsubjectrulesreview), pkg/apis/authorization/validation
Leaves out  tokens of others than ServiceAccounts; selectors of the attributes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from apps.cluster.apimachinery.status import FieldError, bad_request, invalid
from apps.cluster.apiserver.authentication import User, node_of
from apps.cluster.apiserver.authorization import rbac
from apps.cluster.apiserver.authorization.rbac import Ask

Obj = dict[str, Any]
NOTHING: dict[str, Any] = {}
GROUP = "authorization.k8s.io"
AUDIENCE = "https://kubernetes.default.svc.cluster.local"
Whose = Callable[[str], User | None]
REVIEWS = frozenset(
    {
        "tokenreviews",
        "selfsubjectreviews",
        "selfsubjectaccessreviews",
        "subjectaccessreviews",
        "localsubjectaccessreviews",
        "selfsubjectrulesreviews",
    }
)
ONE_OF = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
NOT_BOTH = "cannot be specified in combination with resourceAttributes"


def answer(
    authorizer: Any, tables: rbac.Tables, resource: str, obj: Obj, asker: User, whose: Whose | None = None
) -> Obj:
    """The review with its status. `authorizer` is the API server's; `whose` knows whose token one is.

    Raises:
        StatusError: 400, 422.
    """
    spec = obj.get("spec") or NOTHING
    if resource == "tokenreviews":
        return {**obj, "status": _reviewed(spec, whose)}
    if resource == "selfsubjectreviews":
        return {**obj, "status": {"userInfo": asker.as_dict()}}
    if resource == "selfsubjectrulesreviews":
        namespace = spec.get("namespace") or ""
        if not namespace:
            raise bad_request("no namespace on request")
        return {**obj, "status": rules(tables, asker, namespace)}
    _check(resource, obj, spec)
    user = asker
    if resource != "selfsubjectaccessreviews":
        user = User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "")
    found = authorizer.answer(ask(user, spec))
    status: Obj = {"allowed": found.allowed}
    if found.reason:
        status["reason"] = found.reason
    return {**obj, "status": status}


def _reviewed(spec: Mapping[str, Any], whose: Whose | None) -> Obj:
    """Whose a token is. Raises: StatusError 400, there is none."""
    token = spec.get("token") or ""
    if not token:
        raise bad_request("token is required for TokenReview in authentication")
    user = whose(token) if whose is not None else None
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    return {"authenticated": True, "user": user.as_dict(), "audiences": list(spec.get("audiences") or ()) or [AUDIENCE]}


def ask(user: User, spec: Mapping[str, Any]) -> Ask:
    """What a review asks."""
    plain = spec.get("nonResourceAttributes")
    if plain is not None:
        return Ask(user, plain.get("verb") or "", path=plain.get("path") or "/")
    wanted = spec.get("resourceAttributes") or NOTHING
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    verb, group, resource, subresource, namespace, name = (str(wanted.get(field) or "") for field in names)
    return Ask(user, verb, group, resource, subresource, namespace, name)


def rules(tables: rbac.Tables, user: User, namespace: str) -> Obj:
    """Everything that somebody may do in a namespace, as far as RBAC can say."""
    resources: list[Obj] = []
    paths: list[Obj] = []
    problems: list[str] = []
    for granted in rbac.rules_for(tables, user, namespace):
        if granted.error:
            problems.append(granted.error)
            continue
        rule = granted.rule
        if rule.get("resources"):
            kept = ("verbs", "apiGroups", "resources", "resourceNames")
            resources.append({name: rule[name] for name in kept if rule.get(name)})
        if rule.get("nonResourceURLs"):
            paths.append({"verbs": rule.get("verbs") or [], "nonResourceURLs": rule["nonResourceURLs"]})
    if node_of(user) is not None:
        problems.append("node authorizer does not support user rule resolution")
    status: Obj = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": bool(problems)}
    if problems:
        status["evaluationError"] = rbac.aggregate(problems)
    return status


def _check(resource: str, obj: Obj, spec: Mapping[str, Any]) -> None:
    problems: list[FieldError] = []
    wanted, plain = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if wanted is not None and plain is not None:
        problems.append(FieldError("Invalid value", "spec.nonResourceAttributes", plain, NOT_BOTH))
    if wanted is None and plain is None:
        problems.append(FieldError("Invalid value", "spec.resourceAttributes", None, ONE_OF))
    if resource != "selfsubjectaccessreviews" and not spec.get("user") and not spec.get("groups"):
        problems.append(FieldError("Invalid value", "spec.user", "", "at least one of user or group must be specified"))
    if resource == "localsubjectaccessreviews":
        namespace = obj["metadata"].get("namespace", "")
        if wanted is not None and (wanted.get("namespace") or "") != namespace:
            given = wanted.get("namespace") or ""
            problems.append(
                FieldError("Invalid value", "spec.resourceAttributes.namespace", given, "must match metadata.namespace")
            )
        if plain is not None:
            problems.append(
                FieldError("Invalid value", "spec.nonResourceAttributes", plain, "disallowed on this kind of request")
            )
    if problems:
        raise invalid(obj["kind"], GROUP, "", problems)
