"""What differs from one cluster to the next, and the word that is held against each other in its stead.

Each rule replaces a word, never a line; but what Calico has brought is set aside where everything that is served is
listed, since the recorded cluster had no network. Rows whose order follows from names given by chance, or from the
order of what happens in one instant, are compared without their order (`UNORDERED`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from tests.kubectl.recorded import Recorded

CHANCE = "[bcdfghjklmnpqrstvwxz2456789]{5}"
TOLD = "57794f8f99|89c7c5f94|6b78dbb95b"  # nginx:1.25, 1.28 and 1.26, of the Deployment's first templates
DURATION = r"(?:(?:\d+[dhms])+|<invalid>)"  # invalid: this machine's clock is behind the cluster's
RULES: tuple[tuple[str, str], ...] = (
    (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "TOKEN"),
    (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UID"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "TIME"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000", "TIME"),
    (r"\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "TIME"),
    (r'(resourceVersion"?: )"\d+"', r"\1RV"),
    (r"eyJ2Ijoi[\w-]+", "CONTINUE"),
    (r"\b\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\b", "TIME"),
    # Names: a scenario's, a Pod's, a slice's, a projected volume's, an Event's.
    (rf"\b([a-z][a-z0-9]*-[0-9a-f]{{8,10}})-{CHANCE}\b", r"\1-NAME"),
    (rf"\b(j|web|kube-api-access|calico-node|kube-proxy)-{CHANCE}\b", r"\1-NAME"),
    (r"\bk8sdocs-[a-z0-9]{10}\b", "k8sdocs-NAME"),
    # A template that was restarted has the time in it, and so has its hash.
    (rf"\bweb-(?!{TOLD})[0-9a-f]{{7,10}}\b", "web-HASH"),
    (r"\.[0-9a-f]{16}\b", ".NAME"),
    # The client's own version, where it keeps its scratch files, a container's name at its runtime.
    (r"(?<=Client Version: )v1\.\d+\.\d+\S*", "CLIENT"),
    (r"\S*/(LIVE|MERGED)-\d+/", r"\1/"),
    (r"(?<=lstat )\S+(?=/run:)", "FOLDER"),
    (r"containerd://[0-9a-f]{64}", "containerd://UID"),
    # Addresses; the port of an API server.
    (r"https?://(?:127\.0\.0\.1|localhost):\d+(?:/k8s/\w+(?::\w+)?)?", "SERVER"),
    (r"\b\d+\.\d+\.\d+\.\d+\b", "IP"),
    (r"\b(?:16443|6443)\b", "PORT"),
    (r"\bdefault-scheduler-[\w-]+", "default-scheduler-HOST"),
    # Ages. Not the seconds of a toleration, which say what a Pod asks for.
    (rf"(?<!for )(?<![\w.=-]){DURATION}(?: \(x\d+ over {DURATION}\))?(?![\w-]| \(\d+%\))", "AGE"),
    (r"<unknown>(?=\s*$)", "AGE"),
    (r" {2,}", "  "),  # a column is as wide as its widest cell
    (r" +$", ""),
)
COMPILED = tuple((re.compile(pattern, re.MULTILINE), word) for pattern, word in RULES)
NODE = re.compile(r"\bn[123]\b")
NETWORK = "crd.projectcalico.org"
UNORDERED = frozenset({"get", "events", "drain", "delete"})
# How many Pods a burst made and unmade, or a node had, is a matter of chance: what was said, not how often.
ONCE = frozenset({"events", "drain"})


def blurred(text: str, argv: tuple[str, ...]) -> list[str]:
    """The lines of what a command printed, with such words replaced."""
    for pattern, word in COMPILED:
        text = pattern.sub(word, text)
    if not any(NODE.search(word) for word in argv) and "nodes" not in argv:
        text = NODE.sub("NODE", text)  # which of like nodes a Pod got is a matter of chance
    if argv[0] == "drain":
        text = re.sub(r"\bweb3?-\w+-NAME", "POD", text)
    if argv[:2] == ("rollout", "status"):
        # How often the Deployment was looked at meanwhile, and which of the two last things was to be seen.
        text = re.sub(r"\b\d+\b", "N", text)
        text = re.sub(r"N old replicas are pending termination|N of N updated replicas are available", "LAST", text)
    lines = text.strip().splitlines()
    if argv[0] in ("api-resources", "api-versions"):
        lines = [line for line in lines if NETWORK not in line]
    return list(dict.fromkeys(lines)) if argv[:2] == ("rollout", "status") or ONCE & set(argv[:2]) else lines


def as_lines(text: str) -> str:
    """JSON as a line a value, with the way to it: the order of names says nothing."""
    if not text.startswith("{"):
        return text
    try:
        return "\n".join(_leaves(json.loads(text), ""))
    except ValueError:
        return text


def _leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name in sorted(value):
            yield from _leaves(value[name], f"{path}.{name}")
    elif isinstance(value, list) and value:
        for item in value:
            yield from _leaves(item, f"{path}[]")
    else:
        yield f"{path}: {json.dumps(value, ensure_ascii=False)}"


def differences(command: Recorded, stream: str, theirs: str, ours: str) -> Iterator[str]:
    """Lines that only one of the two has: `- theirs`, `+ ours`."""
    cut = stream in command.cut
    real, mine = blurred(as_lines(theirs), command.argv), blurred(as_lines(ours), command.argv)
    if command.argv[0] in UNORDERED:
        missing, extra = Counter(real) - Counter(mine), Counter(mine) - Counter(real)
        yield from (f"- {line}" for line in missing.elements())
        if not cut:
            yield from (f"+ {line}" for line in extra.elements())
        return
    for how, first, last, start, end in SequenceMatcher(None, real, mine, autojunk=False).get_opcodes():
        if how == "equal":
            continue
        yield from (f"- {line}" for line in real[first:last])
        if not (cut and last == len(real)):
            yield from (f"+ {line}" for line in mine[start:end])
