"""FlowSchema and PriorityLevelConfiguration.

Models      pkg/apis/flowcontrol/validation/validation.go,
            k8s.io/apiserver/pkg/util/shufflesharding (the bits a hand needs)
Leaves out  nothing
"""

from __future__ import annotations

import math
from typing import Any

from apps.cluster.api.flowcontrol import EXEMPT, FIXED, LEVELS, SCHEMAS
from apps.cluster.api.schema.internal import written
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    same,
)
from apps.cluster.api.validation.objectmeta import object_meta
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, name_of
from apps.cluster.apimachinery.status import FieldError

HIGHEST_PRECEDENCE = 10000
METHODS = ("ByNamespace", "ByUser")
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
# Kind of a subject -> the field that says who.
SUBJECTS = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}
ENABLEMENTS = ("Exempt", "Limited")
RESPONSES = ("Queue", "Reject")
MOST_QUEUES = 10_000_000
HASH_BITS = 60
PRESERVE_ZERO = "flowcontrol.k8s.io/preserve-zero-concurrency-shares"
NO_SHARES = "must be a non-negative integer"
PERCENT = "must be between 0 and 100, inclusive"
NAMESPACE_RULE = "each member of this list must be '*' or a DNS-1123 label; "


# ---- flow schemas ----------------------------------------------------------------------------------


def flow_schema(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    spec, name = obj.get("spec") or EMPTY, name_of(obj)
    _schema_spec(errors, name, spec)
    fixed = FIXED[SCHEMAS].get(name)
    if fixed is not None and not same(spec, fixed):
        shown = written("FlowSchemaSpec", spec, "flowcontrol")
        invalid(errors, "spec", shown, f"spec of '{name}' must equal the fixed value")
    _conditions(errors, obj)
    return errors


def flow_schema_update(new: Obj, old: Obj) -> list[FieldError]:
    return flow_schema(new)


def status_update(new: Obj, old: Obj) -> list[FieldError]:
    """Of both kinds."""
    errors: Errors = []
    _conditions(errors, new)
    return errors


def _conditions(errors: Errors, obj: Obj) -> None:
    seen: set[str] = set()
    for index, one in enumerate((obj.get("status") or EMPTY).get("conditions") or ()):
        at, kind = f"status.conditions[{index}].type", one.get("type", "")
        if kind in seen:
            duplicate(errors, at, kind)
        seen.add(kind)
        if not kind:
            required(errors, at)


def _schema_spec(errors: Errors, name: str, spec: Obj) -> None:
    precedence, at = spec.get("matchingPrecedence", 0), "spec.matchingPrecedence"
    if precedence <= 0:
        invalid(errors, at, precedence, "must be a positive value")
    if precedence > HIGHEST_PRECEDENCE:
        invalid(errors, at, precedence, f"must not be greater than {HIGHEST_PRECEDENCE}")
    if precedence == 1 and name != EXEMPT:
        invalid(errors, at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1")
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in METHODS:
        shown = written("FlowDistinguisherMethod", method, "flowcontrol")
        not_supported(errors, "spec.distinguisherMethod.type", shown, METHODS)
    level, at = (
        (spec.get("priorityLevelConfiguration") or EMPTY).get("name", ""),
        "spec.priorityLevelConfiguration.name",
    )
    if level:
        all_invalid(errors, at, level, names.dns1123_subdomain(level))
    else:
        required(errors, at, "must reference a priority level")
    for index, rule in enumerate(spec.get("rules") or ()):
        _rule(errors, f"spec.rules[{index}]", rule)


def _rule(errors: Errors, at: str, rule: Obj) -> None:
    subjects = rule.get("subjects") or ()
    for index, subject in enumerate(subjects):
        _subject(errors, f"{at}.subjects[{index}]", subject)
    if not subjects:
        required(errors, f"{at}.subjects", "subjects must contain at least one value")
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        required(errors, at, "at least one of resourceRules and nonResourceRules has to be non-empty")
    for index, one in enumerate(rule.get("resourceRules") or ()):
        _resource_rule(errors, f"{at}.resourceRules[{index}]", one)
    for index, one in enumerate(rule.get("nonResourceRules") or ()):
        here = f"{at}.nonResourceRules[{index}]"
        _verbs(errors, here, one)
        _listed(
            errors, here, one, "nonResourceURLs", "nonResourceURLs must contain at least one value", "non-resource URLs"
        )
        urls = one.get("nonResourceURLs") or ()
        if "*" not in urls:
            for place, url in enumerate(urls):
                _url(errors, f"{here}.nonResourceURLs[{place}]", url)


def _subject(errors: Errors, at: str, subject: Obj) -> None:
    kind = subject.get("kind", "")
    if kind not in SUBJECTS:
        not_supported(errors, f"{at}.kind", kind, sorted(SUBJECTS))
        return
    field = SUBJECTS[kind]
    who, here = subject.get(field), f"{at}.{field}"
    if who is None:
        required(errors, here, f"{field} is required when subject kind is '{kind}'")
    elif not who.get("name"):
        required(errors, f"{here}.name")
    if who is not None and kind == "ServiceAccount":
        if who.get("name") and who["name"] != "*":
            all_invalid(errors, f"{here}.name", who["name"], names.dns1123_subdomain(who["name"]))
        if who.get("namespace"):
            all_invalid(errors, f"{here}.namespace", who["namespace"], names.dns1123_label(who["namespace"]))
        else:
            required(errors, f"{here}.namespace", "must specify namespace for service account")
    for other, name in SUBJECTS.items():
        if other != kind and subject.get(name) is not None:
            forbidden(errors, f"{at}.{name}", f"{name} is forbidden when subject kind is not '{other}'")


def _verbs(errors: Errors, at: str, rule: Obj) -> None:
    verbs, here = rule.get("verbs") or [], f"{at}.verbs"
    if not verbs:
        required(errors, here, "verbs must contain at least one value")
    elif "*" in verbs:
        if len(verbs) > 1:
            invalid(errors, here, verbs, "if '*' is present, must not specify other verbs")
    elif not set(verbs) <= set(VERBS):
        not_supported(errors, here, verbs, VERBS)


def _listed(errors: Errors, at: str, rule: Obj, field: str, empty: str, others: str) -> None:
    found, here = rule.get(field) or [], f"{at}.{field}"
    if not found:
        required(errors, here, empty)
    elif len(found) > 1 and "*" in found:
        invalid(errors, here, found, f"if '*' is present, must not specify other {others}")


def _resource_rule(errors: Errors, at: str, rule: Obj) -> None:
    _verbs(errors, at, rule)
    _listed(errors, at, rule, "apiGroups", "resource rules must supply at least one api group", "api groups")
    _listed(errors, at, rule, "resources", "resource rules must supply at least one resource", "resources")
    namespaces, here = rule.get("namespaces") or [], f"{at}.namespaces"
    if not namespaces and not rule.get("clusterScope"):
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        required(errors, here, detail)
    elif "*" in namespaces:
        if len(namespaces) > 1:
            invalid(errors, here, namespaces, "if '*' is present, must not specify other namespaces")
    else:
        for index, name in enumerate(namespaces):
            for problem in names.dns1123_label(name):
                invalid(errors, f"{here}[{index}]", name, NAMESPACE_RULE + problem)


def _url(errors: Errors, at: str, path: str) -> None:
    if path == "/":
        return
    problem = ""
    if not path:
        problem = "must not be empty"
    elif not path.startswith("/"):
        problem = "must start with slash"
    elif " " in path:
        problem = "must not contain white-space"
    elif "//" in path:
        problem = "must not contain double slash"
    elif path.count("*") > 1 or ("*" in path and not path.endswith("/*")):
        problem = "wildcard can only do suffix matching"
    if problem:
        invalid(errors, at, path, problem)


# ---- priority levels -------------------------------------------------------------------------------


def priority_level(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    if PRESERVE_ZERO in annotations_of(obj):
        forbidden(errors, "metadata.annotations", f"annotation '{PRESERVE_ZERO}' is forbidden")
    spec, name = obj.get("spec") or EMPTY, name_of(obj)
    _level_spec(errors, name, spec)
    fixed = FIXED[LEVELS].get(name)
    if fixed is not None:
        # Of `exempt` the shares may be changed.
        kept = {**spec, "exempt": fixed["exempt"]} if name == EXEMPT else spec
        if not same(kept, fixed):
            but = " except the 'spec.exempt' field" if name == EXEMPT else ""
            shown = written("PriorityLevelConfigurationSpec", spec, "flowcontrol")
            invalid(errors, "spec", shown, f"spec of '{name}'{but} must equal the fixed value")
    _conditions(errors, obj)
    return errors


def priority_level_update(new: Obj, old: Obj) -> list[FieldError]:
    return priority_level(new)


def _level_spec(errors: Errors, name: str, spec: Obj) -> None:
    kind = spec.get("type", "")
    if (name == EXEMPT) != (kind == "Exempt"):
        invalid(errors, "spec.type", kind, "must be 'Exempt' if and only if `name` is 'exempt'")
    limited, exempt = spec.get("limited"), spec.get("exempt")
    if kind == "Exempt":
        if limited is not None:
            forbidden(errors, "spec.limited", "must be nil if the type is not Limited")
        if exempt is not None:
            _shares(errors, "spec.exempt", exempt)
            _lendable(errors, "spec.exempt", exempt)
    elif kind == "Limited":
        if exempt is not None:
            forbidden(errors, "spec.exempt", "must be nil if the type is Limited")
        if limited is None:
            required(errors, "spec.limited", "must not be empty when type is Limited")
        else:
            _limited(errors, limited)
    else:
        not_supported(errors, "spec.type", kind, ENABLEMENTS)


def _shares(errors: Errors, at: str, part: Obj) -> None:
    shares = part.get("nominalConcurrencyShares")
    if shares is not None and shares < 0:
        invalid(errors, f"{at}.nominalConcurrencyShares", shares, NO_SHARES)


def _lendable(errors: Errors, at: str, part: Obj) -> None:
    percent = part.get("lendablePercent")
    if percent is not None and not 0 <= percent <= 100:
        invalid(errors, f"{at}.lendablePercent", percent, PERCENT)


def _limited(errors: Errors, limited: Obj) -> None:
    at = "spec.limited"
    _shares(errors, at, limited)
    response, here = limited.get("limitResponse") or EMPTY, f"{at}.limitResponse"
    kind, queuing = response.get("type", ""), response.get("queuing")
    if kind == "Reject":
        if queuing is not None:
            forbidden(errors, f"{here}.queuing", "must be nil if limited.limitResponse.type is not Limited")
    elif kind == "Queue":
        if queuing is None:
            required(errors, f"{here}.queuing", "must not be empty if limited.limitResponse.type is Limited")
        else:
            _queuing(errors, f"{here}.queuing", queuing)
    else:
        not_supported(errors, f"{here}.type", kind, RESPONSES)
    _lendable(errors, at, limited)
    borrowing = limited.get("borrowingLimitPercent")
    if borrowing is not None and borrowing < 0:
        invalid(errors, f"{at}.borrowingLimitPercent", borrowing, f"if specified, {NO_SHARES}")


def _queuing(errors: Errors, at: str, queuing: Obj) -> None:
    def bad(field: str, value: Any, detail: str) -> None:
        invalid(errors, f"{at}.{field}", value, detail)

    length, queues, hand = (queuing.get(field, 0) for field in ("queueLengthLimit", "queues", "handSize"))
    if length <= 0:
        bad("queueLengthLimit", length, "must be positive")
    if queues <= 0:
        bad("queues", queues, "must be positive")
    elif queues > MOST_QUEUES:
        bad("queues", queues, f"must not be greater than {MOST_QUEUES}")
    if hand <= 0:
        bad("handSize", hand, "must be positive")
    elif hand > queues:
        bad("handSize", hand, f"should not be greater than queues ({queues})")
    elif entropy_bits(queues, hand) > HASH_BITS:
        needed = f"required entropy bits of deckSize {queues} and handSize {hand}"
        bad("handSize", hand, f"{needed} should not be greater than {HASH_BITS}")


def entropy_bits(queues: int, hand: int) -> int:
    """How many bits of a hash it takes to deal a hand of queues.

    >>> entropy_bits(64, 6), entropy_bits(128, 9)
    (36, 63)
    """
    return math.ceil(math.log2(queues) * hand)
