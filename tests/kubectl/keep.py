"""`python -m tests.kubectl.keep`: keeps what the tests need of the recorded commands, in `tests/testdata/kubectl/`.

The recording was made with `-v=8`; what is left of those lines in its stderr is taken out here. Needs
K8SDOCS_REFERENCE, the folder of the recordings.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.fidelity.reference import reference
from tests.kubectl.recorded import KEPT

# What `-v=8` left behind: the ends of its lines, and the Status it had received.
CHATTER = re.compile(r"(?m)^ >\n?|^ {2}\"(?:kind|metadata)\": (?s:.*?)^\}\]\n?")
CUT = {"stdout": (6000, 200), "stderr": (1500,)}  # the recording ends there


def argv(line: str) -> list[str]:
    """The words of a command line whose quotes were lost: a word in braces, or a schedule, may have spaces."""
    words: list[str] = []
    for word in line.split(" ")[1:]:
        open_ = bool(words) and (
            words[-1].count("{") > words[-1].count("}") or words[-1].startswith("--schedule=") or "{range" in words[-1]
        )
        if open_:
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def kept(command: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"argv": argv(command["cmd"]), "rc": command["rc"]}
    for name, stream in (("out", "stdout"), ("err", "stderr")):
        text = command[stream]
        if len(text) in CUT[stream]:
            out.setdefault("cut", []).append(name)
            text = text[: text.rindex("\n") + 1] if "\n" in text else ""
        if name == "err":
            text = CHATTER.sub("", text)
        if text.strip():
            out[name] = text
    out["asked"] = [[one["m"], one["url"], int((one.get("status") or "0").split()[0])] for one in command["requests"]]
    return out


def main() -> int:
    source: Path | None = reference()
    if source is None:
        print("no recordings here: set K8SDOCS_REFERENCE", file=sys.stderr)
        return 1
    commands = [kept(command) for command in json.loads((source / "kubectl" / "kubectl.json").read_text())]
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(command, ensure_ascii=False, separators=(",", ":")) for command in commands)
    KEPT.write_text(f"[\n{lines}\n]\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
