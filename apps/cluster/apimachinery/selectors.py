"""Label and field selectors, parsed once and asked often.

Models      k8s.io/apimachinery/pkg/labels (selector.go) and pkg/fields
Leaves out  nothing
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.remember import remembered
from apps.cluster.apimachinery.status import FieldError, StatusError, bad_request


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term: `operator` is one of =, ==, !=, in, notin, exists, !, gt, lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        if self.operator in ("=", "==", "in"):
            return value in self.values
        if self.operator in ("!=", "notin"):
            return value is None or value not in self.values
        if self.operator == "exists":
            return value is not None
        if self.operator == "!":
            return value is None
        left, right = _int64(value), _int64(self.values[0])
        if left is None or right is None:
            return False
        return left > right if self.operator == "gt" else left < right

    def __str__(self) -> str:
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"
        if self.operator in ("exists", "!"):
            return self.key if self.operator == "exists" else f"!{self.key}"
        sign = {"gt": ">", "lt": "<"}.get(self.operator, self.operator)
        return f"{self.key}{sign}{','.join(sorted(self.values))}"


_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


def _int64(text: str | None) -> int | None:
    if text is None or not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 63 else None


class Selector:
    """Every requirement must hold. Without requirements it matches everything, or (`Nothing`) nothing."""

    __slots__ = ("_equal", "_nothing", "requirements")

    def __init__(self, requirements: tuple[Requirement, ...] = (), *, nothing: bool = False) -> None:
        self.requirements = requirements
        self._nothing = nothing
        # The usual selector is a few equalities: checked without going through Requirement.
        simple = all(term.operator in ("=", "==", "in") and len(term.values) == 1 for term in requirements)
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
        return ",".join(str(term) for term in sorted(self.requirements, key=lambda term: term.key))


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


# What a selector is made of: marks and two words; everything else is an identifier.
_MARKS = {")", ",", "!", "==", "=", ">", "<", "!=", "("}
_WORDS = {"in", "notin"}
_SPECIAL = "=!(),><"
_SPACE = " \t\r\n"
_SIGNS = {"=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt", "in": "in", "notin": "notin"}
_BINARY = "in, notin, =, ==, !=, gt, lt"


class Token(NamedTuple):
    """`kind` is the mark or word itself, "id", "end" or "error"."""

    kind: str
    text: str


def lex(text: str) -> list[Token]:
    """The tokens of a selector, the end included.

    >>> [token.kind for token in lex("key notin (a)")]
    ['id', 'notin', '(', 'id', ')', 'end']
    """
    tokens: list[Token] = []
    place = 0
    while True:
        while place < len(text) and text[place] in _SPACE:
            place += 1
        if place == len(text):
            tokens.append(Token("end", ""))
            return tokens
        start = place
        if text[place] in _SPECIAL:
            mark = ""
            while place < len(text) and text[place] in _SPECIAL:
                longer = text[start : place + 1]
                if longer in _MARKS:
                    mark = longer
                elif mark:
                    break
                place += 1
            found = text[start:place]
            tokens.append(Token(mark, mark) if mark else Token("error", f"error expected: keyword found '{found}'"))
        else:
            while place < len(text) and text[place] not in _SPECIAL + _SPACE:
                place += 1
            word = text[start:place]
            tokens.append(Token(word if word in _WORDS else "id", word))


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = lex(text)
        self.place = 0

    def look(self) -> Token:
        """The next token; among keys and values, `in` and `notin` are identifiers too."""
        token = self.tokens[self.place]
        return Token("id", token.text) if token.kind in _WORDS else token

    def take(self) -> Token:
        token = self.look()
        self.place += 1
        return token

    def parse(self) -> list[Requirement]:
        terms: list[Requirement] = []
        while True:
            token = self.look()
            if token.kind == "end":
                return terms
            if token.kind not in ("id", "!"):
                raise bad_request(f"found '{token.text}', expected: !, identifier, or 'end of string'")
            terms.append(self.requirement())
            token = self.take()
            if token.kind == "end":
                return terms
            if token.kind != ",":
                raise bad_request(f"found '{token.text}', expected: ',' or 'end of string'")
            after = self.look()
            if after.kind not in ("id", "!"):
                raise bad_request(f"found '{after.text}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        token, absent = self.take(), False
        if token.kind == "!":
            token, absent = self.take(), True
        if token.kind != "id":
            raise _wrong(f"found '{token.text}', expected: identifier")
        problems = names.qualified_name(token.text)
        if problems:
            raise _wrong(str(FieldError("Invalid value", "<nil>", token.text, "; ".join(problems))))
        if absent or self.look().kind in ("end", ","):
            return Requirement(token.text, "!" if absent else "exists")
        sign = self.tokens[self.place]
        self.place += 1
        if sign.kind not in _SIGNS:
            raise _wrong(f"found '{sign.text}', expected: {_BINARY}")
        operator = _SIGNS[sign.kind]
        values = self.listed() if operator in _WORDS else self.exact()
        return _checked(Requirement(token.text, operator, tuple(sorted(set(values)))))

    def exact(self) -> list[str]:
        if self.look().kind in ("end", ","):
            return [""]
        token = self.take()
        if token.kind != "id":
            raise _wrong(f"found '{token.text}', expected: identifier")
        return [token.text]

    def listed(self) -> list[str]:
        token = self.take()
        if token.kind != "(":
            raise _wrong(f"found '{token.text}' expected: '('")
        first = self.look()
        if first.kind == ")":
            self.take()
            return [""]
        if first.kind not in ("id", ","):
            raise _wrong(f"found '{first.text}', expected: ',', ')' or identifier")
        values = self.identifiers()
        if self.take().kind != ")":
            raise _wrong(f"found '{first.text}', expected: ')'")
        return values

    def identifiers(self) -> list[str]:
        values: list[str] = []
        while True:
            token = self.take()
            after = self.look() if token.kind in ("id", ",") else token
            if token.kind == "id":
                values.append(token.text)
                if after.kind == ")":
                    return values
                if after.kind != ",":
                    raise _wrong(f"found '{after.text}', expected: ',' or ')'")
            elif token.kind == ",":
                if not values or after.kind in (")", ","):
                    values.append("")
                if after.kind == ")":
                    return values
            else:
                raise _wrong(f"found '{token.text}', expected: ',', or identifier")


def _wrong(what: str) -> StatusError:
    return bad_request(f"unable to parse requirement: {what}")


def _checked(term: Requirement) -> Requirement:
    """Values must be values of labels, and numbers where they are compared."""
    found: list[FieldError] = []
    for index, value in enumerate(term.values):
        if term.operator in ("gt", "lt") and _int64(value) is None:
            detail = "for 'Gt', 'Lt' operators, the value must be an integer"
            found.append(FieldError("Invalid value", f"values[{index}]", value, detail))
    for index, value in enumerate(term.values):
        problems = names.label_value(value)
        if problems:
            found.append(FieldError("Invalid value", f"values[{index}][{term.key}]", value, "; ".join(problems)))
    if found:
        listed = ", ".join(dict.fromkeys(map(str, found)))
        raise _wrong(listed if len(found) == 1 else f"[{listed}]")
    return term


@remembered(1024)
def parse(text: str) -> Selector:
    """A selector from its text form, `app=web,tier in (a,b),!legacy`.

    Raises:
        StatusError: 400, the text is no selector.
    """
    return Selector(tuple(sorted(_Parser(text).parse(), key=lambda term: term.key)))


def from_map(labels: Mapping[str, str] | None) -> Selector:
    """Equality on every entry, as a Service's or ReplicationController's selector means it."""
    return Selector(tuple(Requirement(key, "=", (value,)) for key, value in (labels or {}).items()))


_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": "gt", "Lt": "lt"}


def from_label_selector(selector: Mapping[str, Any] | None) -> Selector:
    """A metav1.LabelSelector: None matches nothing, an empty one everything."""
    if selector is None:
        return NOTHING
    terms = [Requirement(key, "=", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
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
