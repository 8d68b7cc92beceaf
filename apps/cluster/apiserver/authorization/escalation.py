"""Nobody grants what they do not have: a role, or a binding to one, may hold no more than its author may do.

Models      pkg/registry/rbac (escalation_check.go, */policybased/storage.go), pkg/registry/rbac/validation,
            component-helpers/auth/rbac/validation (Covers)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import StatusError, forbidden, not_found
from apps.cluster.apiserver.authentication import MASTERS, User
from apps.cluster.apiserver.authorization import rbac
from apps.cluster.apiserver.authorization.rbac import Ask

Obj = dict[str, Any]
NOTHING: dict[str, Any] = {}
GROUP = "rbac.authorization.k8s.io"
EVERYTHING = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)


def check(authorizer: Any, tables: rbac.Tables, info: ResourceInfo, obj: Obj, old: Obj | None, user: User) -> None:
    """Judge a role or binding that somebody is about to write. `authorizer` is the API server's.

    Raises:
        StatusError: 403; 404, a binding to a role that is not there.
    """
    if MASTERS in user.groups:
        return
    namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
    asked = name if old is not None else ""
    if info.plural in ("roles", "clusterroles"):
        if authorizer.answer(Ask(user, "escalate", GROUP, info.plural, "", namespace, asked)).allowed:
            return
        if old is not None and _same_but_owners(obj, old):
            return
        _confirm(tables, info, name, user, namespace, obj.get("rules") or ())
        if _aggregates(obj) or (old is not None and _aggregates(old)):
            missing = uncovered(tables, user, namespace, EVERYTHING)
            if missing:
                raise _refused(info, name, "must have cluster-admin privileges to use the aggregationRule")
        return
    reference = obj.get("roleRef") or NOTHING
    resource = {"ClusterRole": "clusterroles", "Role": "roles"}.get(reference.get("kind", ""), "")
    if (
        resource
        and authorizer.answer(Ask(user, "bind", GROUP, resource, "", namespace, reference.get("name", ""))).allowed
    ):
        return
    if old is not None and _same_but_owners(obj, old):
        return
    role, _ = rbac.role_of(tables, reference, namespace)
    if role is None:
        raise not_found(resource or "roles", reference.get("name", ""), GROUP)
    _confirm(tables, info, name, user, namespace, role.get("rules") or ())


def _aggregates(role: Obj) -> bool:
    return bool((role.get("aggregationRule") or NOTHING).get("clusterRoleSelectors"))


def _same_but_owners(new: Obj, old: Obj) -> bool:
    """Whether only what the garbage collector writes has changed."""
    ignored = ("ownerReferences", "finalizers", "resourceVersion", "generation", "managedFields")

    def bare(obj: Obj) -> Obj:
        return {**obj, "metadata": {name: value for name, value in obj["metadata"].items() if name not in ignored}}

    return bare(new) == bare(old)


def _confirm(
    tables: rbac.Tables, info: ResourceInfo, name: str, user: User, namespace: str, rules: Sequence[Mapping[str, Any]]
) -> None:
    missing = uncovered(tables, user, namespace, rules)
    if not missing:
        return
    groups = " ".join(f'"{group}"' for group in user.groups)
    said = "\n".join(sorted({text(rule) for rule in compact(missing)}))
    raise _refused(
        info,
        name,
        f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{said}',
    )


def _refused(info: ResourceInfo, name: str, why: str) -> StatusError:
    error = forbidden(info.resource, name, why, info.group)
    error.stage = "validating"
    return error


def uncovered(tables: rbac.Tables, user: User, namespace: str, rules: Iterable[Mapping[str, Any]]) -> list[Obj]:
    """What of the rules somebody may not do themselves, one verb and resource each."""
    own = [granted.rule for granted in rbac.rules_for(tables, user, namespace) if not granted.error]
    return [part for rule in rules for part in parts(rule) if not any(covers(one, part) for one in own)]


def parts(rule: Mapping[str, Any]) -> Iterator[Obj]:
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in rule.get("verbs") or ():
                part: Obj = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                names = rule.get("resourceNames") or ()
                if names:
                    for name in names:
                        yield {**part, "resourceNames": [name]}
                else:
                    yield part
    for path in rule.get("nonResourceURLs") or ():
        for verb in rule.get("verbs") or ():
            yield {"nonResourceURLs": [path], "verbs": [verb]}


def covers(owner: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    def has(field: str) -> bool:
        mine, wanted = owner.get(field) or (), part.get(field) or ()
        return "*" in mine or all(value in mine for value in wanted)

    names = owner.get("resourceNames") or ()
    wanted = part.get("resourceNames") or ()
    named = not names or (bool(wanted) and all(name in names for name in wanted))
    return (
        has("verbs")
        and has("apiGroups")
        and all(_resource(owner.get("resources") or (), one) for one in part.get("resources") or ())
        and all(_path(owner.get("nonResourceURLs") or (), one) for one in part.get("nonResourceURLs") or ())
        and named
    )


def _resource(mine: Sequence[str], wanted: str) -> bool:
    if "*" in mine or wanted in mine:
        return True
    return "/" in wanted and f"*/{wanted.partition('/')[2]}" in mine


def _path(mine: Sequence[str], wanted: str) -> bool:
    return any(one == wanted or (one.endswith("*") and wanted.startswith(one.rstrip("*"))) for one in mine)


def compact(rules: Sequence[Obj]) -> list[Obj]:
    """Rules that differ in their verb alone, as one."""
    out: list[Obj] = []
    places: dict[tuple[str, str, str | None], int] = {}
    for rule in rules:
        if "resources" not in rule:
            out.append(rule)
            continue
        key = (rule["apiGroups"][0], rule["resources"][0], (rule.get("resourceNames") or [None])[0])
        place = places.setdefault(key, len(out))
        if place == len(out):
            out.append(rule)
        else:
            out[place] = {**out[place], "verbs": [*out[place]["verbs"], *rule["verbs"]]}
    return out


def text(rule: Mapping[str, Any]) -> str:
    """`{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`."""
    named = (
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("ResourceNames", "resourceNames"),
        ("Verbs", "verbs"),
    )
    told = []
    for called, field in named:
        if rule.get(field):
            values = " ".join(f'"{value}"' for value in rule[field])
            told.append(f"{called}:[{values}]")
    return "{" + ", ".join(told) + "}"
