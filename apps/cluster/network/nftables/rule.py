"""A rule of nftables, parsed from the text that `nft -f` takes.

Models      nft(8): what kube-proxy writes
Leaves out  everything else that page knows; a rule that needs it is refused, never half understood
"""

from __future__ import annotations

import shlex
from functools import lru_cache
from typing import NamedTuple


class RuleError(ValueError):
    """A rule with words that are not known here."""


class Statement(NamedTuple):
    """One step of a rule, done if all before it held.

    Tests: `is` (fields against `values`, or against the set `name`), `fib`, `ct`, `marked`, `protocol`.
    Choices: `vmap` (fields looked up in the map `name`), `numgen vmap` and `numgen dnat` (one of `values` by chance).
    Acts: `mark` (or, xor in `fields`), `dnat`, `update`, `masquerade`, `jump`, `goto`, `drop`, `reject`, `accept`,
    `return`.
    """

    kind: str
    fields: tuple[str, ...] = ()  # saddr daddr l4proto dport
    name: str = ""
    values: tuple[str, ...] = ()
    negated: bool = False


class Rule(NamedTuple):
    statements: tuple[Statement, ...]
    comment: str = ""
    family: str = "ip"  # as its own words say


ADDRESSES = {"saddr", "daddr"}
WORDS = frozenset({"drop", "reject", "accept", "return"})


@lru_cache(maxsize=65536)
def parse_rule(text: str) -> Rule:
    """A rule's text.

    Raises:
        RuleError
    """
    return _Parser(text).rule()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.family = text, 0, "ip"
        self.words = shlex.split(text)

    def rule(self) -> Rule:
        found: list[Statement] = []
        comment = ""
        while self.at < len(self.words):
            if self.words[self.at] == "comment":
                self.at += 1
                comment = self.next()
            else:
                found.append(self.statement())
        return Rule(tuple(found), comment, self.family)

    def next(self) -> str:
        if self.at >= len(self.words):
            raise RuleError(f"{self.text}: more was expected")
        self.at += 1
        return self.words[self.at - 1]

    def takes(self, *words: str) -> bool:
        """Whether these come next; then they are taken."""
        if tuple(self.words[self.at : self.at + len(words)]) != words:
            return False
        self.at += len(words)
        return True

    def must(self, *words: str) -> None:
        if not self.takes(*words):
            raise RuleError(f"{self.text}: {' '.join(words)} expected")

    def field(self) -> str:
        word = self.next()
        if word in {"ip", "ip6"}:
            self.family = word
            return self.next()
        if word in {"meta", "th"}:
            return self.next()
        raise RuleError(f"{self.text}: unknown expression {word}")

    def braces(self) -> tuple[str, ...]:
        """What stands between braces, separated by commas, each with its spaces."""
        self.must("{")
        found: list[list[str]] = [[]]
        while (word := self.next()) != "}":
            first, *more = word.split(",")
            found[-1] += [first] if first else []
            found += [[piece] if piece else [] for piece in more]
        return tuple(" ".join(words) for words in found)

    def statement(self) -> Statement:
        if self.takes("fib"):
            field = self.next()
            self.must("type", "local")
            return Statement("fib", (field,))
        if self.takes("ct"):
            return Statement("ct", (self.next(),), self.next())
        if self.takes("mark"):
            return self.mark()
        if self.takes("numgen"):
            return Statement("numgen vmap", values=self.numgen("vmap"))
        if self.takes("dnat"):
            if self.takes("to"):
                return Statement("dnat", name=self.next())
            self.family = self.next()
            self.must("addr", ".", "port", "to", "numgen")
            return Statement("numgen dnat", values=self.numgen("map"))
        if self.takes("update"):
            name = self.next().removeprefix("@")
            return Statement("update", tuple(self.braces()[0].split()[1:]), name)
        if self.takes("masquerade"):
            return Statement("masquerade", name="fully-random" if self.takes("fully-random") else "")
        for kind in ("jump", "goto"):
            if self.takes(kind):
                return Statement(kind, name=self.next())
        if self.words[self.at] in WORDS:
            return Statement(self.next())
        return self.test()

    def mark(self) -> Statement:
        if self.takes("and"):
            bits = self.next()
            self.must("!=", "0")
            return Statement("marked", name=bits)
        self.must("set", "mark")
        how = self.next()
        return Statement("mark", (how,), self.next())

    def numgen(self, kind: str) -> tuple[str, ...]:
        self.must("random", "mod")
        count = int(self.next())
        self.must(kind)
        values = tuple(value.partition(" : ")[2] for value in self.braces())
        if len(values) != count:
            raise RuleError(f"{self.text}: {count} values expected")
        return values

    def test(self) -> Statement:
        fields = [self.field()]
        while self.takes("."):
            fields.append(self.field())
        if self.takes("vmap"):
            return Statement("vmap", tuple(fields), self.next().removeprefix("@"))
        negated = self.takes("!=")
        if self.words[self.at : self.at + 1] == ["{"]:
            return Statement("is", tuple(fields), values=self.braces(), negated=negated)
        word = self.next()
        if word.startswith("@"):
            return Statement("is", tuple(fields), word[1:], negated=negated)
        if fields == ["l4proto"]:
            return Statement("protocol", name=word)
        return Statement("is", tuple(fields), values=(word,), negated=negated)
