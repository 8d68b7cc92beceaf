"""Where a Pod may run: affinity, tolerations, topology spread, node selectors.

Models      pkg/apis/core/validation/validation.go (validateAffinity, ValidateTolerations,
            validateTopologySpreadConstraints, ValidateNodeSelector)
Leaves out  nothing
"""

from __future__ import annotations

import re

from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    positive,
    required,
)
from apps.cluster.api.validation.objectmeta import label_name, label_selector
from apps.cluster.apimachinery import features, names
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import go_quoted

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
OPERATORS = ("Equal", "Exists")
SINGLE = "must be specified single value when `operator` is 'Lt' or 'Gt'"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def _requirement(errors: Errors, at: str, expression: Obj, judge_values: bool) -> None:
    operator, values = expression.get("operator", ""), expression.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            required(errors, f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            forbidden(errors, f"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            required(errors, f"{at}.values", SINGLE)
    else:
        invalid(errors, f"{at}.operator", operator, "not a valid selector operator")
    label_name(errors, f"{at}.key", expression.get("key", ""))
    if judge_values:
        for index, value in enumerate(values):
            all_invalid(errors, f"{at}.values[{index}]", value, names.label_value(value))


def _field_requirement(errors: Errors, at: str, expression: Obj) -> None:
    operator, values = expression.get("operator", ""), expression.get("values") or []
    if operator not in ("In", "NotIn"):
        invalid(errors, f"{at}.operator", operator, "not a valid selector operator")
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        required(errors, f"{at}.values", detail)
    if expression.get("key") != "metadata.name":
        invalid(errors, f"{at}.key", expression.get("key", ""), "not a valid field selector key")
        return
    for index, value in enumerate(values):
        all_invalid(errors, f"{at}.values[{index}]", value, names.dns1123_subdomain(value))


def _term(errors: Errors, at: str, term: Obj, judge_values: bool) -> None:
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        _requirement(errors, f"{at}.matchExpressions[{index}]", expression, judge_values)
    for index, expression in enumerate(term.get("matchFields") or ()):
        _field_requirement(errors, f"{at}.matchFields[{index}]", expression)


def node_selector(errors: Errors, at: str, selector: Obj, *, any_value: bool = False) -> None:
    terms = selector.get("nodeSelectorTerms") or []
    if not terms:
        required(errors, f"{at}.nodeSelectorTerms", "must have at least one node selector term")
    for index, term in enumerate(terms):
        _term(errors, f"{at}.nodeSelectorTerms[{index}]", term, not any_value)


def _weight(errors: Errors, at: str, weight: int) -> None:
    if not 1 <= weight <= 100:
        invalid(errors, f"{at}.weight", weight, "must be in the range 1-100")


def _label_keys(errors: Errors, at: str, keys: list[str], selector: Obj | None) -> None:
    if not keys:
        return
    if selector is None:
        forbidden(errors, at, "must not be specified when labelSelector is not set")
        return
    for index, key in enumerate(keys):
        label_name(errors, f"{at}[{index}]", key)


def _match_keys(errors: Errors, at: str, match: list[str], mismatch: list[str], selector: Obj | None) -> None:
    _label_keys(errors, f"{at}.matchLabelKeys", match, selector)
    _label_keys(errors, f"{at}.mismatchLabelKeys", mismatch, selector)
    if selector is not None:
        seen = set(selector.get("matchLabels") or ())
        for expression in selector.get("matchExpressions") or ():
            key = expression.get("key", "")
            if key in match and key in seen:
                place = len(match) - 1 - match[::-1].index(key)
                invalid(errors, f"{at}[{place}]", key, "exists in both matchLabelKeys and labelSelector")
            seen.add(key)
    for index, key in enumerate(match):
        if key in mismatch:
            detail = "exists in both matchLabelKeys and mismatchLabelKeys"
            invalid(errors, f"{at}.matchLabelKeys[{index}]", key, detail)


def _pod_term(errors: Errors, at: str, term: Obj) -> None:
    selector = term.get("labelSelector")
    label_selector(errors, f"{at}.labelSelector", selector)
    label_selector(errors, f"{at}.namespaceSelector", term.get("namespaceSelector"))
    for namespace in term.get("namespaces") or ():
        all_invalid(errors, f"{at}.namespace", namespace, names.dns1123_label(namespace))
    _match_keys(errors, at, term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or [], selector)
    key = term.get("topologyKey", "")
    if not key:
        required(errors, f"{at}.topologyKey", "can not be empty")
    label_name(errors, f"{at}.topologyKey", key)


def _pod_affinity(errors: Errors, at: str, found: Obj) -> None:
    for index, term in enumerate(found.get(REQUIRED) or ()):
        _pod_term(errors, f"{at}.{REQUIRED}[{index}]", term)
    for index, weighted in enumerate(found.get(PREFERRED) or ()):
        here = f"{at}.{PREFERRED}[{index}]"
        _weight(errors, here, weighted.get("weight", 0))
        _pod_term(errors, f"{here}.podAffinityTerm", weighted.get("podAffinityTerm") or {})


def affinity(errors: Errors, at: str, found: Obj | None) -> None:
    if not found:
        return
    node = found.get("nodeAffinity")
    if node:
        if node.get(REQUIRED) is not None:
            node_selector(errors, f"{at}.nodeAffinity.{REQUIRED}", node[REQUIRED])
        for index, weighted in enumerate(node.get(PREFERRED) or ()):
            here = f"{at}.nodeAffinity.{PREFERRED}[{index}]"
            _weight(errors, here, weighted.get("weight", 0))
            _term(errors, f"{here}.preference", weighted.get("preference") or {}, False)
    for name in ("podAffinity", "podAntiAffinity"):
        if found.get(name):
            _pod_affinity(errors, f"{at}.{name}", found[name])


def taint_effect(errors: Errors, at: str, effect: str, allow_empty: bool) -> None:
    if not effect and not allow_empty:
        required(errors, at)
    elif effect not in EFFECTS:
        not_supported(errors, at, effect, EFFECTS)


DECIMAL = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)


def _number(errors: Errors, at: str, value: str) -> None:
    """A value that is compared with a taint's."""
    if not value:
        invalid(errors, at, value, "must be non-empty")
        invalid(errors, at, value, 'strconv.ParseInt: parsing "": invalid syntax')
    elif not DECIMAL.fullmatch(value):
        invalid(errors, at, value, "must be a valid decimal integer in canonical form")
        if not re.fullmatch(r"[+-]?[0-9]+", value, re.ASCII):
            invalid(errors, at, value, f"strconv.ParseInt: parsing {go_quoted(value)}: invalid syntax")
    elif not -(1 << 63) <= int(value) < 1 << 63:
        invalid(errors, at, value, f"strconv.ParseInt: parsing {go_quoted(value)}: value out of range")


def tolerations(errors: Errors, at: str, found: list[Obj]) -> None:
    for index, toleration in enumerate(found):
        here = f"{at}[{index}]"
        key, value = toleration.get("key", ""), toleration.get("value", "")
        operator, effect = toleration.get("operator", ""), toleration.get("effect", "")
        if key:
            label_name(errors, f"{here}.key", key)
        elif operator != "Exists":
            detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            invalid(errors, f"{here}.operator", operator, detail)
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            invalid(errors, f"{here}.effect", effect, detail)
        if operator in ("Equal", ""):
            problems = names.label_value(value)
            if problems:
                invalid(errors, f"{here}.operator", value, ";".join(problems))
        elif operator == "Exists":
            if value:
                invalid(errors, f"{here}.operator", value, "value must be empty when `operator` is 'Exists'")
        elif operator in ("Lt", "Gt"):
            if not features.enabled("TaintTolerationComparisonOperators"):
                not_supported(errors, f"{here}.operator", operator, (*OPERATORS, "Lt", "Gt"))
            else:
                _number(errors, f"{here}.value", value)
        else:
            not_supported(errors, f"{here}.operator", operator, OPERATORS)
        if effect:
            taint_effect(errors, f"{here}.effect", effect, True)


def spread(errors: Errors, at: str, constraints: list[Obj]) -> None:
    """topologySpreadConstraints."""
    for index, constraint in enumerate(constraints):
        here = f"{at}[{index}]"
        positive(errors, f"{here}.maxSkew", constraint.get("maxSkew", 0))
        key, action = constraint.get("topologyKey", ""), constraint.get("whenUnsatisfiable", "")
        if not key:
            required(errors, f"{here}.topologyKey", "can not be empty")
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            not_supported(errors, f"{here}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
        for other in constraints[index + 1 :]:
            if other.get("topologyKey", "") == key and other.get("whenUnsatisfiable", "") == action:
                duplicate(errors, f"{here}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}")
                break
        domains = constraint.get("minDomains")
        if domains is not None:
            positive(errors, f"{here}.minDomains", domains)
            if action != "DoNotSchedule":
                detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                invalid(errors, f"{here}.minDomains", domains, detail)
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            policy = constraint.get(name)
            if policy is not None and policy not in ("Honor", "Ignore"):
                not_supported(errors, f"{here}.{name}", policy, ("Honor", "Ignore"))
        selector = constraint.get("labelSelector")
        _match_keys(errors, here, constraint.get("matchLabelKeys") or [], [], selector)
        label_selector(errors, f"{here}.labelSelector", selector)
