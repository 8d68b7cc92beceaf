"""Label and field selectors, parsed once and asked often.

Models      k8s.io/apimachinery/pkg/labels (selector.go) and pkg/fields
Leaves out  nothing known
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.cluster.apimachinery.remember import remembered
from apps.cluster.apimachinery.status import bad_request

_NAME = re.compile(r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$")
_PREFIX = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term: `operator` is one of in, notin, !=, exists, !, gt, lt; equality is `in` with one value."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        if self.operator == "in":
            return value in self.values
        if self.operator in ("notin", "!="):
            return value is None or value not in self.values
        if self.operator == "exists":
            return value is not None
        if self.operator == "!":
            return value is None
        if value is None:
            return False
        try:
            left, right = int(value), int(self.values[0])
        except ValueError:
            return False
        return left > right if self.operator == "gt" else left < right


class Selector:
    """Every requirement must hold. Without requirements it matches everything, or (`Nothing`) nothing."""

    __slots__ = ("_equal", "_nothing", "requirements")

    def __init__(self, requirements: tuple[Requirement, ...] = (), *, nothing: bool = False) -> None:
        self.requirements = requirements
        self._nothing = nothing
        # The usual selector is a few equalities: checked without going through Requirement.
        simple = all(term.operator == "in" and len(term.values) == 1 for term in requirements)
        self._equal = tuple((term.key, term.values[0]) for term in requirements) if simple else None

    @property
    def empty(self) -> bool:
        return not self.requirements and not self._nothing

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        if self._nothing:
            return False
        labels = labels or {}
        if self._equal is not None:
            return all(labels.get(key) == value for key, value in self._equal)
        return all(term.matches(labels) for term in self.requirements)

    def __str__(self) -> str:
        return ",".join(_print(term) for term in sorted(self.requirements, key=lambda term: term.key))


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


def _print(term: Requirement) -> str:
    if term.operator == "in" and len(term.values) == 1:
        return f"{term.key}={term.values[0]}"
    if term.operator in ("in", "notin"):
        return f"{term.key} {term.operator} ({','.join(sorted(term.values))})"
    if term.operator == "!=":
        return f"{term.key}!={term.values[0]}"
    if term.operator in ("gt", "lt"):
        return f"{term.key}{'>' if term.operator == 'gt' else '<'}{term.values[0]}"
    return term.key if term.operator == "exists" else f"!{term.key}"


_TOKEN = re.compile(r"\s*(==|!=|=|,|\(|\)|!|<|>|[^\s=!,()<>]+)")


@remembered(1024)
def parse(text: str) -> Selector:
    """A selector from its text form, `app=web,tier in (a,b),!legacy`.

    Raises:
        StatusError: 400, the text is no selector.
    """
    tokens: list[str] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise bad_request(f"unable to parse requirement: found '{stripped[position:]}'")
        tokens.append(match.group(1))
        position = match.end()
    terms: list[Requirement] = []
    i = 0

    def expect(what: str) -> str:
        nonlocal i
        if i >= len(tokens):
            raise bad_request(f"unable to parse requirement: found '', expected: {what}")
        token = tokens[i]
        i += 1
        return token

    while i < len(tokens):
        if tokens[i] == "!":
            i += 1
            terms.append(Requirement(_key(expect("identifier")), "!"))
        else:
            key = _key(expect("identifier"))
            operator = tokens[i] if i < len(tokens) else ","
            if operator == ",":
                terms.append(Requirement(key, "exists"))
            else:
                i += 1
                if operator in ("=", "==", "!=", ">", "<"):
                    value = ""
                    if i < len(tokens) and tokens[i] not in (",",):
                        value = expect("identifier")
                    name = {"=": "in", "==": "in", "!=": "!=", ">": "gt", "<": "lt"}[operator]
                    terms.append(Requirement(key, name, (_value(value),)))
                elif operator in ("in", "notin"):
                    if expect("'('") != "(":
                        raise bad_request(f"unable to parse requirement: found '{tokens[i - 1]}', expected: '('")
                    values: list[str] = []
                    pending = ""
                    while True:
                        piece = expect("',' or ')'")
                        if piece == ")":
                            values.append(pending)
                            break
                        if piece == ",":
                            values.append(pending)
                            pending = ""
                        elif pending:
                            raise bad_request(f"unable to parse requirement: found '{piece}', expected: ',' or ')'")
                        else:
                            pending = piece
                    terms.append(Requirement(key, operator, tuple(_value(value) for value in values)))
                else:
                    raise bad_request(
                        f"unable to parse requirement: found '{operator}', expected: in, notin, =, ==, !=, gt, lt"
                    )
        if i < len(tokens):
            if tokens[i] != ",":
                raise bad_request(f"unable to parse requirement: found '{tokens[i]}', expected: ',' or 'end of string'")
            i += 1
            if i >= len(tokens):
                raise bad_request("unable to parse requirement: found '', expected: identifier after ','")
    return Selector(tuple(sorted(terms, key=lambda term: term.key)))


def _key(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    if not _NAME.match(name) or len(name) > 63 or (slash and not _PREFIX.match(prefix)):
        raise bad_request(
            f'unable to parse requirement: <nil>: Invalid value: "{key}": name part must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  "
            "or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        )
    return key


def _value(value: str) -> str:
    if value and (not _NAME.match(value) or len(value) > 63):
        raise bad_request(
            f'unable to parse requirement: <nil>: Invalid value: "{value}": a valid label must be an empty string or '
            "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        )
    return value


def from_map(labels: Mapping[str, str] | None) -> Selector:
    """Equality on every entry, as a Service's or ReplicationController's selector means it."""
    return Selector(tuple(Requirement(key, "in", (value,)) for key, value in (labels or {}).items()))


_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": "gt", "Lt": "lt"}


def from_label_selector(selector: Mapping[str, Any] | None) -> Selector:
    """A metav1.LabelSelector: None matches nothing, an empty one everything."""
    if selector is None:
        return NOTHING
    terms = [Requirement(key, "in", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    terms += [
        Requirement(term["key"], _OPERATORS[term["operator"]], tuple(term.get("values") or ()))
        for term in selector.get("matchExpressions") or ()
    ]
    return Selector(tuple(terms))


@remembered(1024)
def field_selector(text: str) -> Callable[[dict[str, Any]], bool]:
    """A predicate from `spec.nodeName=worker-1,status.phase!=Running`.

    Raises:
        StatusError: 400, a term has no operator.
    """
    terms: list[tuple[tuple[str, ...], bool, str]] = []
    for part in text.split(","):
        if not part.strip():
            continue
        if "!=" in part:
            path, _, value = part.partition("!=")
            equal = False
        else:
            path, operator, value = part.partition("==" if "==" in part else "=")
            equal = True
            if not operator:
                raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        terms.append((tuple(path.strip().split(".")), equal, value.strip()))

    def matches(obj: dict[str, Any]) -> bool:
        for path, equal, wanted in terms:
            value: Any = obj
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            text_value = "" if value is None else (str(value).lower() if isinstance(value, bool) else str(value))
            if (text_value == wanted) is not equal:
                return False
        return True

    return matches
