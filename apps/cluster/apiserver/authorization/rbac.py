"""RBAC: whether a rule of a role that somebody is bound to allows what they ask.

Models      plugin/pkg/auth/authorizer/rbac, pkg/registry/rbac/validation/rule.go,
            pkg/apis/rbac/v1/evaluation_helpers.go
Leaves out  nothing known

Pure functions over the stored Roles, ClusterRoles and their bindings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from apps.cluster.apiserver.authentication import ACCOUNT_PREFIX, User

Obj = dict[str, Any]
Tables = Mapping[str, Mapping[str, Obj]]
NOTHING: dict[str, Any] = {}


class Ask(NamedTuple):
    """authorizer.Attributes. `path` is set for what is no resource: "/version"."""

    user: User
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    fields: tuple[tuple[str, str], ...] = ()  # of the field selector: (field, value) for each "="


class Granted(NamedTuple):
    """A rule that applies to somebody, and why. `error` instead of a rule: its role could not be found."""

    rule: Obj
    binding: Obj
    subject: Obj
    error: str = ""


def allows(rule: Mapping[str, Any], ask: Ask) -> bool:
    verbs = rule.get("verbs") or ()
    if "*" not in verbs and ask.verb not in verbs:
        return False
    if ask.path:
        return any(_path_matches(pattern, ask.path) for pattern in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if "*" not in groups and ask.group not in groups:
        return False
    resources = rule.get("resources") or ()
    combined = f"{ask.resource}/{ask.subresource}" if ask.subresource else ask.resource
    if (
        "*" not in resources
        and combined not in resources
        and not (ask.subresource and f"*/{ask.subresource}" in resources)
    ):
        return False
    names = rule.get("resourceNames") or ()
    return not names or ask.name in names


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


def applies(subject: Mapping[str, Any], user: User, namespace: str) -> bool:
    kind, name = subject.get("kind"), subject.get("name", "")
    if kind == "User":
        return bool(user.name == name)
    if kind == "Group":
        return name in user.groups
    if kind == "ServiceAccount":
        home = subject.get("namespace") or namespace
        return bool(home) and user.name == f"{ACCOUNT_PREFIX}{home}:{name}"
    return False


def rules_for(tables: Tables, user: User, namespace: str) -> Iterator[Granted]:
    """Every rule that applies to somebody: those that hold everywhere, then those of the namespace."""
    for binding in _sorted(tables.get("clusterrolebindings", NOTHING)):
        for subject in binding.get("subjects") or ():
            if applies(subject, user, ""):
                yield from _granted(tables, binding, subject, "")
                break
    if namespace:
        for binding in _sorted(tables.get("rolebindings", NOTHING)):
            if binding["metadata"]["namespace"] == namespace:
                for subject in binding.get("subjects") or ():
                    if applies(subject, user, namespace):
                        yield from _granted(tables, binding, subject, namespace)
                        break


def _sorted(table: Mapping[str, Obj]) -> list[Obj]:
    return [table[key] for key in sorted(table)]


def _granted(tables: Tables, binding: Obj, subject: Obj, namespace: str) -> Iterator[Granted]:
    role, error = role_of(tables, binding.get("roleRef") or NOTHING, namespace)
    if role is None:
        yield Granted(NOTHING, binding, subject, error)
        return
    for rule in role.get("rules") or ():
        yield Granted(rule, binding, subject)


def role_of(tables: Tables, reference: Mapping[str, Any], namespace: str) -> tuple[Obj | None, str]:
    """The role that a binding refers to, or why there is none."""
    kind, name = reference.get("kind"), reference.get("name", "")
    if kind == "Role":
        found = tables.get("roles", NOTHING).get(f"{namespace}/{name}")
        return found, f'role.rbac.authorization.k8s.io "{name}" not found'
    if kind == "ClusterRole":
        found = tables.get("clusterroles", NOTHING).get(name)
        return found, f'clusterrole.rbac.authorization.k8s.io "{name}" not found'
    return None, f'unsupported role reference kind: "{kind}"'


def authorize(tables: Tables, ask: Ask) -> tuple[Granted | None, str]:
    """The grant that allows it, or None and what there is to say of it."""
    problems: list[str] = []
    for granted in rules_for(tables, ask.user, ask.namespace):
        if granted.error:
            problems.append(granted.error)
        elif allows(granted.rule, ask):
            return granted, described(granted)
    return None, f"RBAC: {aggregate(problems)}" if problems else ""


def aggregate(problems: Sequence[str]) -> str:
    """As utilerrors.NewAggregate says several."""
    distinct = list(dict.fromkeys(problems))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"


def described(granted: Granted) -> str:
    """`RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "y" to Group "z"`."""
    binding, subject = granted.binding, granted.subject
    metadata = binding["metadata"]
    namespace = metadata.get("namespace", "")
    reference = binding.get("roleRef") or NOTHING
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    name = f"{metadata['name']}/{namespace}" if namespace else metadata["name"]
    who = subject.get("name", "")
    if subject.get("kind") == "ServiceAccount":
        who = f"{who}/{subject.get('namespace') or namespace}"
    return (
        f'RBAC: allowed by {kind} "{name}" of {reference.get("kind")} "{reference.get("name")}" to '
        f'{subject.get("kind")} "{who}"'
    )
