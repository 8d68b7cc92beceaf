"""Which flow a request belongs to: the FlowSchema that it matches, and the priority level that this one names.

Models      staging/src/k8s.io/apiserver/pkg/util/flowcontrol (rule.go, apf_controller.go), the headers that
            pkg/server/filters/priority-and-fairness.go sets
Leaves out  queues: every request is served at once, whatever its level
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.cluster.apiserver.authentication import ACCOUNT_PREFIX, User
from apps.cluster.apiserver.requests.messages import Attributes

Obj = dict[str, Any]
Tables = Mapping[str, Mapping[str, Obj]]
ALL = "*"
LONG_RUNNING = frozenset({"log", "exec", "attach", "portforward", "proxy"})


def headers(tables: Tables, user: User, about: Attributes) -> dict[str, str]:
    """What an answer says of the flow that its request came in."""
    if about.subresource.partition("/")[0] in LONG_RUNNING:
        return {}
    schemas = tables.get("flowschemas", {}).values()
    ordered = sorted(schemas, key=lambda one: (one["spec"].get("matchingPrecedence", 0), one["metadata"]["name"]))
    for schema in ordered:
        if any(_matches(rule, user, about) for rule in schema["spec"].get("rules") or ()):
            name = schema["spec"]["priorityLevelConfiguration"]["name"]
            level = tables.get("prioritylevelconfigurations", {}).get(name)
            if level is None:
                continue
            return {
                "X-Kubernetes-Pf-Flowschema-Uid": schema["metadata"]["uid"],
                "X-Kubernetes-Pf-Prioritylevel-Uid": level["metadata"]["uid"],
            }
    return {}


def _matches(rule: Obj, user: User, about: Attributes) -> bool:
    if not any(_is(subject, user) for subject in rule.get("subjects") or ()):
        return False
    if about.is_resource:
        return any(_of_resource(one, about) for one in rule.get("resourceRules") or ())
    return any(_of_path(one, about) for one in rule.get("nonResourceRules") or ())


def _is(subject: Obj, user: User) -> bool:
    kind = subject.get("kind")
    if kind == "User":
        return (subject.get("user") or {}).get("name") in (ALL, user.name)
    if kind == "Group":
        name = (subject.get("group") or {}).get("name")
        return name == ALL or name in user.groups
    account = subject.get("serviceAccount") or {}
    prefix = f"{ACCOUNT_PREFIX}{account.get('namespace', '')}:"
    return user.name.startswith(prefix) and account.get("name") in (ALL, user.name[len(prefix) :])


def _of_resource(rule: Obj, about: Attributes) -> bool:
    resource = f"{about.resource}/{about.subresource}" if about.subresource else about.resource
    if not (_has(rule, "verbs", about.verb) and _has(rule, "apiGroups", about.group)):
        return False
    if not _has(rule, "resources", resource):
        return False
    return _has(rule, "namespaces", about.namespace) if about.namespace else bool(rule.get("clusterScope"))


def _of_path(rule: Obj, about: Attributes) -> bool:
    if not _has(rule, "verbs", about.verb):
        return False
    urls: Sequence[str] = rule.get("nonResourceURLs") or ()
    return any(
        url in (ALL, about.path) or about.path.startswith(url.removesuffix(ALL).removesuffix("/") + "/") for url in urls
    )


def _has(rule: Obj, field: str, value: str) -> bool:
    given = rule.get(field) or ()
    return ALL in given or value in given
