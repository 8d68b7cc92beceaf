"""Calico's selectors, `role == 'db' && has(zone)`: parsed once, asked of labels, written back in one form.

Models      libcalico-go/lib/selector (tokenizer, parser, ast, stringset)
Leaves out  the restrictions on labels that its index reads off a selector (an optimisation)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from apps.cluster.apimachinery.remember import remembered

LONGEST_LABEL = 512
_BLANKS = " \t"
_OF_LABELS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")
_MARKS = {"(": "(", ")": ")", "{": "{", "}": "}", ",": ","}
_DOUBLED = {"=": "==", "&": "&&", "|": "||"}
_COMPARES = ("contains", "starts with", "ends with", "not in", "in")
_CALLS = ("has", "all", "global")


class InvalidSelector(ValueError):
    """The text is no selector; the message says what was wrong, as Calico says it."""


class Token(NamedTuple):
    kind: str  # a mark, an operator, "label", "string", "has", "all", "global", "end"
    value: str = ""


class Node(NamedTuple):
    """`op` is an operator between a label and values, "has", "all", "global", or "!", "&&", "||" over other nodes."""

    op: str
    label: str = ""
    values: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.op == "&&":
            return all(node.matches(labels) for node in self.nodes)
        if self.op == "||":
            return any(node.matches(labels) for node in self.nodes)
        if self.op == "!":
            return not self.nodes[0].matches(labels)
        if self.op in ("all", "global"):
            return True
        value = labels.get(self.label)
        if value is None:
            return self.op in ("!=", "not in")
        return _TESTS[self.op](value, self.values)

    def __str__(self) -> str:
        if self.op in ("&&", "||"):
            return "(" + f" {self.op} ".join(map(str, self.nodes)) + ")"
        if self.op == "!":
            return f"!{self.nodes[0]}"
        if self.op in _CALLS:
            return f"{self.op}({self.label})"
        if self.op in ("in", "not in"):
            return f"{self.label} {self.op} {{{', '.join(map(_quoted, self.values))}}}"
        return f"{self.label} {self.op} {_quoted(self.values[0])}"

    def prefixed(self, prefix: str) -> Node:
        """The same question of labels whose names begin with a prefix (`pcns.` for those of a namespace)."""
        nodes = tuple(node.prefixed(prefix) for node in self.nodes)
        return self._replace(label=prefix + self.label if self.label else "", nodes=nodes)


_TESTS: dict[str, Callable[[str, tuple[str, ...]], bool]] = {
    "==": lambda value, values: value == values[0],
    "!=": lambda value, values: value != values[0],
    "contains": lambda value, values: values[0] in value,
    "starts with": lambda value, values: value.startswith(values[0]),
    "ends with": lambda value, values: value.endswith(values[0]),
    "in": lambda value, values: in_set(value, values),
    "not in": lambda value, values: not in_set(value, values),
    "has": lambda value, values: True,
}

ALL = Node("all")


def string_set(values: Iterable[str]) -> tuple[str, ...]:
    """The values sorted, each once.

    >>> string_set(["foo", "bar", "baz", "baz"])
    ('bar', 'baz', 'foo')
    """
    return tuple(sorted(set(values)))


def in_set(value: str, values: tuple[str, ...]) -> bool:
    at = bisect_left(values, value)
    return at < len(values) and values[at] == value


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value else f'"{value}"'


@remembered(1024)
def parse(text: str) -> Node:
    """A selector; an empty one is of everything.

    >>> str(parse("role in {'db', 'cache'} && !has(zone)"))
    '(role in {"cache", "db"} && !has(zone))'

    Raises:
        InvalidSelector: the text is none.
    """
    tokens = tokenize(text)
    if tokens[0].kind == "end":
        return ALL
    node, at = _either(tokens, 0)
    if tokens[at].kind != "end":
        raise InvalidSelector(f"unexpected content at end of selector {text}")
    return node


def valid_label(name: str) -> bool:
    return 0 < len(name) <= LONGEST_LABEL and all(character in _OF_LABELS for character in name)


def tokenize(text: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while True:
        at = _past_blanks(text, at)
        if at == len(text):
            return [*tokens, Token("end")]
        token, at = _token(text, at, tokens[-1] if tokens else Token(""))
        tokens.append(token)


def _token(text: str, at: int, last: Token) -> tuple[Token, int]:
    first = text[at]
    if first in _MARKS:
        return Token(first), at + 1
    if first in "\"'":
        end = text.find(first, at + 1)
        if end < 0:
            raise InvalidSelector("unterminated string")
        return Token("string", text[at + 1 : end]), end + 1
    if first in _DOUBLED:
        if not text.startswith(_DOUBLED[first], at):
            raise InvalidSelector(f"expected {_DOUBLED[first]}")
        return Token(_DOUBLED[first]), at + 2
    if first == "!":
        return (Token("!="), at + 2) if text.startswith("!=", at) else (Token("!"), at + 1)
    if last.kind == "label":
        for operator in _COMPARES:
            end = _word(text, at, operator)
            if end:
                return Token(operator), end
        raise InvalidSelector(f'expected operator after label "{last.value}"')
    for call in _CALLS:
        if text.startswith(f"{call}(", at):
            return _call(text, at + len(call) + 1, call)
    name, end = _identifier(text, at)
    return Token("label", name), end


def _call(text: str, at: int, call: str) -> tuple[Token, int]:
    name = ""
    at = _past_blanks(text, at)
    if call == "has":
        name, at = _identifier(text, at)
        at = _past_blanks(text, at)
    if not text.startswith(")", at):
        raise InvalidSelector(f"no closing ')' after {call}(")
    return Token(call, name), at + 1


def _word(text: str, at: int, operator: str) -> int:
    """Where an operator of one or two words ends, or 0. Blanks between the two may be many or none (`notin`)."""
    for place, word in enumerate(operator.split()):
        at = _past_blanks(text, at) if place else at
        if not text.startswith(word, at):
            return 0
        at += len(word)
    if " " in operator:
        at = _past_blanks(text, at)
    return 0 if at < len(text) and text[at] in _OF_LABELS else at


def _identifier(text: str, at: int) -> tuple[str, int]:
    end = at
    while end < len(text) and text[end] in _OF_LABELS:
        end += 1
    if end - at > LONGEST_LABEL:
        raise InvalidSelector(f"label too long: {text[at:end]}")
    if end == at:
        raise InvalidSelector("expected identifier")
    return text[at:end], end


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _either(tokens: list[Token], at: int) -> tuple[Node, int]:
    return _joined(tokens, at, "||", _both)


def _both(tokens: list[Token], at: int) -> tuple[Node, int]:
    return _joined(tokens, at, "&&", _operation)


def _joined(
    tokens: list[Token], at: int, operator: str, part: Callable[[list[Token], int], tuple[Node, int]]
) -> tuple[Node, int]:
    node, at = part(tokens, at)
    nodes = [node]
    while tokens[at].kind == operator:
        node, at = part(tokens, at + 1)
        nodes.append(node)
    return (nodes[0] if len(nodes) == 1 else Node(operator, nodes=tuple(nodes))), at


def _operation(tokens: list[Token], at: int) -> tuple[Node, int]:
    negated = False
    while tokens[at].kind == "!":
        negated = not negated
        at += 1
    token = tokens[at]
    if token.kind in _CALLS:
        node, at = Node(token.kind, token.value), at + 1
    elif token.kind == "label":
        node, at = _comparison(tokens, at)
    elif token.kind == "(":
        node, at = _either(tokens, at + 1)
        if tokens[at].kind != ")":
            raise InvalidSelector("expected )")
        at += 1
    else:
        raise InvalidSelector(f"unexpected token: {token.kind}({token.value})")
    return (Node("!", nodes=(node,)) if negated else node), at


def _comparison(tokens: list[Token], at: int) -> tuple[Node, int]:
    if len(tokens) - at < 3:
        raise InvalidSelector("unexpected end of string looking for op")
    label, operator, value = tokens[at : at + 3]
    if operator.kind in ("in", "not in"):
        return _membership(tokens, at)
    if operator.kind not in _TESTS or operator.kind == "has":
        raise InvalidSelector(f"expected == or != not: {operator.kind}({operator.value})")
    if value.kind != "string":
        raise InvalidSelector("expected string")
    return Node(operator.kind, label.value, (value.value,)), at + 3


def _membership(tokens: list[Token], at: int) -> tuple[Node, int]:
    label, operator, opening = tokens[at : at + 3]
    if opening.kind != "{":
        raise InvalidSelector("expected set literal")
    at += 3
    values = []
    while tokens[at].kind == "string":
        values.append(tokens[at].value)
        at += 1
        if tokens[at].kind != ",":
            break
        at += 1
    if tokens[at].kind != "}":
        raise InvalidSelector("expected }")
    return Node(operator.kind, label.value, string_set(values)), at + 1
