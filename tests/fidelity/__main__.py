"""`python -m tests.fidelity [-v] [--record DIR] [name…]`: how much of what a real Kubernetes did, the model does too.

Prints a line a trace, table and manifest, `matched/all name`, then what is not run and why, and last `total M/N`.
With -v, what differs and the explanation. With --record, our recordings go to DIR in the form of the reference's, for
its `compare.py REAL_DIR DIR`. Names choose groups or lines by how they begin. Without any, the counts are written to
`content/fidelity/counts.json`, which the site shows. Fails when something differs that nothing explains.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fidelity import explain
from tests.fidelity.counting import Group, LeftOut, Line, as_data, groups, left_out
from tests.fidelity.recording import write_recordings

COUNTS = explain.CONTENT / "counts.json"


def main(arguments: Sequence[str]) -> int:
    words = list(arguments)
    if "--record" in words:
        place = words.index("--record")
        write_recordings(Path(words[place + 1]))
        del words[place : place + 2]
    verbose = "-v" in words
    wanted = [word for word in words if not word.startswith("-")]
    found: list[Group] = []
    matched = total = 0
    for group in groups(wanted):
        found.append(group)
        print(f"-- {group.name}: {group.skipped or f'{group.matched}/{group.total}'}")
        for line in group.lines:
            print(f"{line.matched}/{line.total} {line.name}", flush=True)
            _differences(line, verbose)
        matched, total = matched + group.matched, total + group.total
    gone = list(left_out())
    if not wanted:
        _print_left_out(gone)
    print(f"total {matched}/{total}")
    if not wanted:
        _write(found, gone)
    unexplained = [line.name for group in found for line in group.lines for *_, why in line.differences if why is None]
    unexplained += [one.table for one in gone if one.why is None and not wanted]
    if unexplained:
        print(f"not explained: {', '.join(sorted(set(unexplained)))}", file=sys.stderr)
    return 1 if unexplained else 0


def _differences(line: Line, verbose: bool) -> None:
    for about, how, why in line.differences:
        if verbose or why is None:
            print(f"   {about}: {how}")
            if why is not None:
                print(f"      because {explain.explained()[why].en}")


def _print_left_out(gone: Sequence[LeftOut]) -> None:
    """A line a reason: how many rows of which tables."""
    print("-- not run")
    for place, reason in enumerate(explain.left_out()):
        those = [one for one in gone if one.why == place]
        rows = sum(one.rows for one in those)
        named = [one.table + (" (rows of it)" if one.part else "") for one in those]
        more = f" and {len(named) - 4} more" if len(named) > 4 else ""
        if those:
            print(f"{rows} rows of {', '.join(named[:4])}{more}: {reason.en}")
    for one in gone:
        if one.why is None:
            print(f"{one.rows} rows of {one.table}: NO REASON GIVEN")


def _write(found: Sequence[Group], gone: Sequence[LeftOut]) -> None:
    """The counts for the page. A group that could not be counted here keeps what was counted before."""
    before = {group["name"]: group for group in json.loads(COUNTS.read_text())["groups"]} if COUNTS.exists() else {}
    data = as_data(found, gone)
    for place, group in enumerate(found):
        if group.skipped and group.name in before:
            data["groups"][place] = before[group.name]
    COUNTS.write_text(_as_text(data))


def _as_text(data: dict[str, Any]) -> str:
    """JSON with a line of the count a line, so that a change of one shows as one."""

    def told(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    out = []
    for group in data["groups"]:
        lines = ",\n  ".join(told(line) for line in group["lines"])
        out.append(f' {{"kind": {told(group["kind"])}, "name": {told(group["name"])}, "lines": [\n  {lines}]}}')
    gone = ",\n ".join(told(one) for one in data["left_out"])
    return '{"groups": [\n' + ",\n".join(out) + '],\n"left_out": [\n ' + gone + "]}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
