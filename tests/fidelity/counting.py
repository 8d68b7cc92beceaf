"""What is counted: lines of `matched/all name` in groups, with what differs in each.

Traces are counted fact by fact (`facts.py`), tables row by row, verdicts fact by fact and manifest by manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.fidelity import bootstrap, explain, scheduling, tables, verdicts
from tests.fidelity.facts import count, facts
from tests.fidelity.replay import load, names, replay
from tests.kubectl import programs, served, story
from tests.kubectl.recorded import recorded


@dataclass
class Line:
    """One trace, table or manifest. `differences`: what it is about, how it differs, and why (or None)."""

    name: str
    matched: int
    total: int
    differences: list[tuple[str, str, int | None]] = field(default_factory=list)

    def differs(self, about: str, how: str) -> None:
        self.differences.append((about, how, explain.why_it_differs(self.name, about, how)))


@dataclass
class Group:
    """Lines that belong together: the traces, the tables of one topic, the verdicts."""

    kind: str  # traces | recorded | tables | verdicts
    name: str
    lines: list[Line] = field(default_factory=list)
    skipped: str = ""

    @property
    def matched(self) -> int:
        return sum(line.matched for line in self.lines)

    @property
    def total(self) -> int:
        return sum(line.total for line in self.lines)


@dataclass
class LeftOut:
    """Tables, or rows of one, that are not run: how many rows, and which reason."""

    table: str
    rows: int
    why: int | None
    part: bool = False


def trace(name: str) -> Line:
    scenario = load(name)
    ours = facts(replay(scenario))
    line = Line(name, *count(scenario.facts, ours))
    for label, difference in (("missing", scenario.facts - ours), ("extra", ours - scenario.facts)):
        for fact, number in sorted(difference.items(), key=str):
            line.differs(" ".join(map(str, fact)), f"{label} {number}")
    return line


def table(name: str) -> Line:
    line = Line(name, 0, 0)
    for row in tables.rows(name):
        how = tables.run(row)
        if how and explain.why_row_left_out(name, row.title, row) is not None:
            continue
        line.total += 1
        line.matched += not how
        if how:
            line.differs(row.title, how)
    return line


def cases_of_scheduling() -> Line:
    line = Line("g-scheduling", 0, 0)
    for case in scheduling.recorded()["cases"]:
        how = scheduling.judge(case)
        line.total += 1
        line.matched += not how
        if how:
            line.differs(case["name"], how)
    return line


def objects_of_bootstrap() -> Line:
    found, wanted = bootstrap.ours(), bootstrap.kept()
    line = Line("f3-bootstrap", 0, len(wanted))
    for about, what in wanted:
        if (about, what) in found:
            line.matched += 1
        else:
            line.differs(f"{about} {what}", "missing")
    return line


def commands_of_kubectl() -> Group:
    """Each command of the recording, given to a site of ours; counted by its verb."""
    found = Group("recorded", "kubectl", skipped=programs.missing())
    if found.skipped:
        return found
    lines: dict[str, Line] = {}
    with TemporaryDirectory() as folder, served.site(Path(folder)) as site, served.make(site) as scenario:
        ran = story.play(scenario, Path(folder) / "work")
    for command in recorded():
        name = story.counted_as(command)
        line = lines.setdefault(name, Line(name, 0, 0))
        differences = list(dict.fromkeys(story.judge(command, ran[command.number])))
        line.total += 1
        line.matched += not differences
        for how in differences:
            line.differs(command.line, how)
    found.lines = [lines[name] for name in sorted(lines)]
    return found


def groups(wanted: Sequence[str] = ()) -> Iterator[Group]:
    """Every group, one at a time; or those, and the lines of those, whose names begin as wanted."""

    def chosen(*words: str) -> bool:
        return not wanted or any(word.startswith(tuple(wanted)) for word in words)

    lines = [trace(name) for name in names() if chosen(name, "traces")]
    if lines:
        yield Group("traces", "traces", lines)
    if chosen("scheduling"):
        yield Group("recorded", "scheduling", [cases_of_scheduling()])
    if chosen("bootstrap"):
        yield Group("recorded", "bootstrap", [objects_of_bootstrap()])
    if chosen("kubectl"):
        yield commands_of_kubectl()
    for topic in tables.topics():
        run = [name for name in tables.tables(topic) if tables.adaptor_of(name) and chosen(topic, name, "tables")]
        lines = [line for line in map(table, run) if line.total]
        if lines:
            yield Group("tables", topic, lines)
    if chosen("verdicts"):
        yield verdicts_group()


def verdicts_group() -> Group:
    found = Group("verdicts", "verdicts")
    found.skipped = verdicts.missing()
    if not found.skipped:
        found.lines = [_verdict(name) for name in verdicts.names()]
    return found


def _verdict(name: str) -> Line:
    line = Line(name, 0, 0)
    for about, how in verdicts.judge(name):
        line.total += 1
        line.matched += not how
        if how:
            line.differs(about, how)
    return line


def left_out() -> Iterator[LeftOut]:
    """The tables and rows that are not run."""
    for topic in tables.topics():
        for name, rows in tables.tables(topic).items():
            if not tables.adaptor_of(name):
                yield LeftOut(name, rows, explain.why_left_out(name))
                continue
            by_reason: dict[int, int] = {}
            for row in tables.rows(name):
                why = explain.why_row_left_out(name, row.title, row)
                if why is not None and tables.run(row):
                    by_reason[why] = by_reason.get(why, 0) + 1
            for why, number in by_reason.items():
                yield LeftOut(name, number, why, part=True)


def as_data(found: list[Group], gone: list[LeftOut]) -> dict[str, Any]:
    """The counts as the page reads them."""
    return {
        "groups": [
            {
                "kind": group.kind,
                "name": group.name,
                "lines": [
                    {
                        "name": line.name,
                        "matched": line.matched,
                        "total": line.total,
                        "differences": [
                            [about, how, _text(explain.explained(), why)] for about, how, why in line.differences
                        ],
                    }
                    for line in group.lines
                ],
            }
            for group in found
        ],
        "left_out": [[one.table, one.rows, _text(explain.left_out(), one.why), one.part] for one in gone],
    }


def _text(reasons: Sequence[explain.Explanation], why: int | None) -> str:
    """A reason by its English text: its place changes."""
    return "" if why is None else reasons[why].en
