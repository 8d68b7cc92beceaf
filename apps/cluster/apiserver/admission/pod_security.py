"""PodSecurity: a namespace's labels say which standard its Pods are held to, and which they are warned of.

Models      staging/src/k8s.io/pod-security-admission/admission, plugin/pkg/admission/security/podsecurity
Leaves out  exemptions of its configuration file (none by default); the audit log, and so what `audit` would write there
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.apimachinery import status as errors
from apps.cluster.apimachinery.meta import controller_of
from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, UPDATE, Attributes, Obj, Plugin
from apps.cluster.apiserver.podsecurity import PRIVILEGED, Policy, Violation, compare, policy_of, violations

MOST_PODS = 3000
TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "replicationcontrollers": ("spec", "template"),
    "podtemplates": ("template",),
    "replicasets": ("spec", "template"),
    "deployments": ("spec", "template"),
    "statefulsets": ("spec", "template"),
    "daemonsets": ("spec", "template"),
    "jobs": ("spec", "template"),
    "cronjobs": ("spec", "jobTemplate", "spec", "template"),
}


def policy_in(a: Attributes) -> tuple[Policy, bool]:
    """The policy of the request's namespace, and whether its labels are in order."""
    namespace = a.table("namespaces").get(a.namespace) or NOTHING
    policy, problems = policy_of((namespace.get("metadata") or NOTHING).get("labels"))
    return policy, not problems


def validate(a: Attributes) -> None:
    """Raises: StatusError 403, 422."""
    if a.info.plural == "namespaces":
        _namespace(a)
    elif a.info.plural == "pods":
        _pod(a)
    else:
        _template(a)


def _pod(a: Attributes) -> None:
    policy, sound = policy_in(a)
    if sound and policy.open:
        return
    if a.operation == UPDATE and not significant(a.obj["spec"], (a.old or NOTHING).get("spec") or NOTHING):
        return
    _evaluate(a, policy, a.obj["metadata"], a.obj["spec"], enforce=True)


def _template(a: Attributes) -> None:
    policy, sound = policy_in(a)
    if sound and policy.warn.name == PRIVILEGED and policy.audit.name == PRIVILEGED:
        return
    found: Any = a.obj
    for field in TEMPLATES[a.info.plural]:
        found = (found or NOTHING).get(field)
    if found:
        _evaluate(a, policy, found.get("metadata") or NOTHING, found.get("spec") or NOTHING, enforce=False)


def _evaluate(a: Attributes, policy: Policy, meta: Obj, spec: Obj, *, enforce: bool) -> None:
    if enforce:
        found = violations(policy.enforce, meta, spec)
        if found:
            raise a.forbidden(f'violates PodSecurity "{policy.enforce}": {told(found)}')
    found = violations(policy.warn, meta, spec)
    if found:
        a.warnings.append(f'would violate PodSecurity "{policy.warn}": {told(found)}')


def told(found: list[Violation]) -> str:
    return ", ".join(str(one) for one in found)


def significant(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether an update changes what a Pod runs."""
    for field in ("containers", "initContainers"):
        now, before = new.get(field) or (), old.get(field) or ()
        if len(now) != len(before) or any(
            one.get("image") != other.get("image") for one, other in zip(now, before, strict=True)
        ):
            return True
    there = {one["name"]: one.get("image") for one in old.get("ephemeralContainers") or ()}
    return any(
        one["name"] not in there or there[one["name"]] != one.get("image")
        for one in new.get("ephemeralContainers") or ()
    )


def _namespace(a: Attributes) -> None:
    name = a.obj["metadata"]["name"]
    policy, problems = policy_of(a.obj["metadata"].get("labels"))
    if a.operation == CREATE or a.old is None:
        if problems:
            raise errors.invalid("Namespace", "", name, problems)
        return
    before, old_problems = policy_of(a.old["metadata"].get("labels"))
    if problems and problems != old_problems:
        raise errors.invalid("Namespace", "", name, problems)
    new, old = policy.enforce, before.enforce
    if new == old or new.name == PRIVILEGED or (new.version == old.version and compare(new.name, old.name) < 1):
        return
    a.warnings.extend(existing(a, name, policy))


def existing(a: Attributes, namespace: str, policy: Policy) -> list[str]:
    """What the Pods that are there already do against the level that is now enforced."""
    first: list[Obj] = []
    alike: list[Obj] = []
    seen: set[str] = set()
    for pod in a.table("pods").values():
        if pod["metadata"]["namespace"] != namespace:
            continue
        owner = controller_of(pod)
        if owner is not None and owner["uid"] in seen:
            alike.append(pod)
            continue
        first.append(pod)
        if owner is not None:
            seen.add(owner["uid"])
    pods = [*first, *alike]
    out: list[str] = []
    if len(pods) > MOST_PODS:
        out.append(
            f"new PodSecurity enforce level only checked against the first {MOST_PODS} of {len(pods)} existing pods"
        )
    found: dict[str, list[str]] = {}
    for pod in pods[:MOST_PODS]:
        reasons = [one.reason for one in violations(policy.enforce, pod["metadata"], pod["spec"])]
        if reasons:
            found.setdefault(", ".join(reasons), []).append(pod["metadata"]["name"])
    if found:
        out.append(
            f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{policy.enforce}"'
        )
    return [*out, *sorted(_counted(names, reason) for reason, names in found.items())]


def _counted(names: list[str], reason: str) -> str:
    others = len(names) - 1
    if not others:
        return f"{names[0]}: {reason}"
    return f"{min(names)} (and {others} other {'pod' if others == 1 else 'pods'}): {reason}"


PLUGIN = Plugin(
    "PodSecurity",
    frozenset({CREATE, UPDATE}),
    frozenset({"namespaces", "pods", "pods/ephemeralcontainers", "pods/resize", *TEMPLATES}),
    None,
    validate,
)
