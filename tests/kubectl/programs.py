"""The kubectl programs of this machine, and runs of one of them with a configuration and a home of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Thread, Timer
from typing import NamedTuple

PATIENCE_S = 60.0
ENOUGH_S = 10.0
RECORDED = (1, 32)
# `-v=6` says which requests were made, and what the server said of a refusal.
LOG_LINE = re.compile(
    r"(?m)^[IWE]\d{4} [\d:.]+ +\d+ \S+\.go:\d+\] (?:server response object: (?:%s)?\[\{(?s:.*?)^\}\]|.*)\n?"
)
ASKED = re.compile(r"\.go:\d+\] (GET|POST|PUT|PATCH|DELETE) (\S+) (\d{3})? ?[^\n]*? in \d+ milliseconds")


class Version(NamedTuple):
    major: int
    minor: int


@cache
def programs() -> dict[Version, Path]:
    """Every kubectl on PATH, and those that lie beside it under names of their own (`kubectl.1.32`)."""
    found: dict[Version, Path] = {}
    for folder in dict.fromkeys(os.environ.get("PATH", "").split(os.pathsep)):
        program = Path(folder or ".") / "kubectl"
        if not os.access(program, os.X_OK):
            continue
        beside = [one for one in program.resolve().parent.glob("kubectl.1.*") if os.access(one, os.X_OK)]
        for one in [*sorted(beside), program]:
            found.setdefault(version(one), one)
    return found


@cache
def version(program: Path) -> Version:
    said = subprocess.run([program, "version", "--client", "-o", "json"], capture_output=True, text=True, check=False)
    major, minor = re.search(r'"major": "(\d+)",\s+"minor": "(\d+)', said.stdout).groups()  # type: ignore[union-attr]
    return Version(int(major), int(minor))


def newest() -> Path | None:
    known = programs()
    return known[max(known)] if known else None


def missing() -> str:
    """Why the recorded commands cannot be given here; "" when they can."""
    known = programs()
    if not known:
        return "no kubectl on PATH"
    if RECORDED not in known:
        there = ", ".join(f"{one.major}.{one.minor}" for one in sorted(known))
        return f"recorded with kubectl 1.32; here is {there}"
    return "" if shutil.which("diff") else "no diff on PATH"


@dataclass(frozen=True)
class Ran:
    """What a run came to. `rc` -1: it went on until it was stopped."""

    rc: int
    out: str
    err: str
    log: str = ""

    def asked(self) -> Iterator[tuple[str, str, int]]:
        """The requests it told of, with -v=6."""
        for found in ASKED.finditer(self.log):
            yield found[1], found[2], int(found[3] or 0)


@dataclass
class Kubectl:
    """One program for one server."""

    program: Path
    config: Path
    folder: Path  # where it runs: its files and its home
    verbose: bool = False
    more: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL, **more: str) -> subprocess.Popen[str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if name not in ("KUBECONFIG", "KUBE_EDITOR")}
        words = ["--kubeconfig", str(self.config), *(["-v=6"] if self.verbose else []), *arguments]
        return subprocess.Popen(
            [str(self.program), *words],
            cwd=self.folder,
            env={**kept, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC", **self.more, **more},
            text=True,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *arguments: str, sent: str | None = None, **more: str) -> Ran:
        process = self.start(*arguments, stdin=subprocess.DEVNULL if sent is None else subprocess.PIPE, **more)
        try:
            out, err = process.communicate(sent, timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return Ran(process.returncode, out, LOG_LINE.sub("", err), err)

    def watching(self, begun: Callable[[], None], *arguments: str) -> Ran:
        """Run what tells of something under way; `begun` is called when it has told the first."""
        process = self.start(*arguments)
        assert process.stdout is not None
        first = process.stdout.readline()
        begun()
        out, err = process.communicate(timeout=PATIENCE_S)
        return Ran(process.returncode, first + out, LOG_LINE.sub("", err), err)

    def until(self, lines: int, *arguments: str, begun: Callable[[], object] = lambda: None) -> Ran:
        """Run what never ends of itself until it has printed so many lines, or has had the time to.

        `begun` is called when it has printed the first.
        """
        process = self.start(*arguments)
        limit = Timer(ENOUGH_S, process.kill)
        limit.start()
        assert process.stdout is not None
        assert process.stderr is not None
        err: list[str] = []
        beside = Thread(target=lambda: err.extend(process.stderr or ()))
        beside.start()
        out = []
        for line in process.stdout:
            out.append(line)
            if len(out) == 1:
                begun()
            if len(out) >= lines:
                break
        stopped = process.poll() is None or not limit.is_alive()
        limit.cancel()
        process.kill()
        process.wait()
        beside.join()
        process.stdout.close()
        process.stderr.close()
        said = "".join(err)
        return Ran(-1 if stopped else process.returncode, "".join(out), LOG_LINE.sub("", said), said)
