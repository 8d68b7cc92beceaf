"""How far the model does what a real Kubernetes does: the counts of `make fidelity`, as the page shows them.

`content/fidelity/` holds everything: `counts.json` (written by `make fidelity`), `groups.toml` (what each group is, and
whose work it judges), `explained.toml` (why ours differs where it does), `left_out.toml` (why some is not run).
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

ROOT = Path(settings.BASE_DIR) / "content" / "fidelity"
EXAMPLES = 12  # differences that are told of one explanation
LEAST = 1.0  # of a hundred: the narrowest part of a scale
NAMED = 40  # tables that are named of one reason
UNKNOWN = {"en": "Why is not known yet.", "ko": "아직 까닭을 모른다."}


@dataclass
class Line:
    """One trace, table or manifest."""

    name: str
    matched: int
    total: int

    @property
    def whole(self) -> bool:
        return self.matched == self.total


@dataclass
class Group:
    """What belongs together, under one sentence."""

    title: str
    matched: int = 0
    total: int = 0
    left_out: int = 0
    lines: list[Line] = field(default_factory=list)

    @property
    def differ(self) -> int:
        return self.total - self.matched

    @property
    def parts(self) -> list[tuple[str, float, float]]:
        """The scale: what is the same, what differs, what is not compared, as (which, from, how much) of a hundred.

        The least part is wide enough to be seen, so that nothing looks whole that is not.
        """
        numbers = {"same": self.matched, "differ": self.differ, "unrun": self.left_out}
        all_ = sum(numbers.values()) or 1
        widths = {which: max(100 * number / all_, LEAST) for which, number in numbers.items() if number}
        if len(widths) > 1:
            widths["same"] = 100 - sum(width for which, width in widths.items() if which != "same")
        out, at = [], 0.0
        for which, width in widths.items():
            out.append((which, round(at, 2), round(width, 2)))
            at += width
        return out


@dataclass
class Component(Group):
    """A component, and the groups that judge its work."""

    article: str = ""
    groups: list[Group] = field(default_factory=list)


@dataclass
class Reason:
    """Why something differs, or is not run: how often, and some of it."""

    text: str
    count: int = 0
    examples: list[tuple[str, str, str]] = field(default_factory=list)  # line, what it is about, how it differs

    @property
    def more(self) -> int:
        return self.count - len(self.examples)


@cache
def _read(name: str) -> Any:
    text = (ROOT / name).read_text()
    return json.loads(text) if name.endswith(".json") else tomllib.loads(text)


@cache
def report(language: str) -> dict[str, Any]:
    """What the page says, in one language."""
    counts, named = _read("counts.json"), _read("groups.toml")
    by_name = {group["name"]: group for group in counts["groups"]}
    not_run: dict[str, int] = {}
    for table, rows, _, _ in counts["left_out"]:
        topic = table.partition("__")[0]
        not_run[topic] = not_run.get(topic, 0) + rows
    components = []
    for one in named["component"]:
        component = Component(one[language], article=one["article"])
        for name in one["groups"]:
            if name in by_name:
                component.groups.append(_group(by_name[name], named["group"][name][language], not_run.pop(name, 0)))
        _sum(component, component.groups)
        if component.groups:
            components.append(component)
    whole = Group("")
    _sum(whole, components)
    whole.left_out += sum(not_run.values())  # of topics none of whose rows are run
    return {
        "whole": whole,
        "components": components,
        "differences": _differences(counts, language),
        "not_run": _not_run(counts, language),
    }


def _group(data: dict[str, Any], title: str, left_out: int) -> Group:
    lines = [Line(line["name"], line["matched"], line["total"]) for line in data["lines"]]
    group = Group(title, left_out=left_out, lines=lines)
    group.matched = sum(line.matched for line in lines)
    group.total = sum(line.total for line in lines)
    return group


def _sum(into: Group, groups: list[Any]) -> None:
    into.matched = sum(group.matched for group in groups)
    into.total = sum(group.total for group in groups)
    into.left_out = sum(group.left_out for group in groups)


def _differences(counts: dict[str, Any], language: str) -> list[Reason]:
    """Everything that differs, by why; the most frequent reason first."""
    reasons: dict[str, Reason] = {}
    said = _said("explained.toml", language)
    for group in counts["groups"]:
        for line in group["lines"]:
            for about, how, why in line["differences"]:
                text = said.get(why, why) or UNKNOWN[language]
                reason = reasons.setdefault(text, Reason(text))
                reason.count += 1
                if len(reason.examples) < EXAMPLES:
                    reason.examples.append((line["name"], about, how))
    return sorted(reasons.values(), key=lambda one: -one.count)


def _not_run(counts: dict[str, Any], language: str) -> list[Reason]:
    """What is not run, by why: rows, and the tables they are in."""
    reasons: dict[str, Reason] = {}
    said = _said("left_out.toml", language)
    for table, rows, why, part in counts["left_out"]:
        text = said.get(why, why) or UNKNOWN[language]
        reason = reasons.setdefault(text, Reason(text))
        reason.count += rows
        if len(reason.examples) < NAMED:
            reason.examples.append((table, str(rows), "part" if part else ""))
    return sorted(reasons.values(), key=lambda one: -one.count)


def _said(name: str, language: str) -> dict[str, str]:
    """The reasons of a file in one language, by their English."""
    return {one["en"]: one[language] for one in _read(name)["why"]}
