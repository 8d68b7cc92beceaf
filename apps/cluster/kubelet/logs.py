"""A container's log: what its program said at its start, what its shell was told to print, and who probed it.

Models      pkg/kubelet/kubelet_pods.go (validateContainerLogStatus, GetKubeletContainerLogs)
Leaves out  what programs say of requests, but for probes; of a shell's script all but echo, date, sleep and a loop

Pure: a log follows from the Pod and the time alone, so it is there at every revision, and the same each time.
"""

from __future__ import annotations

import re
import shlex
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple

from apps.cluster.apimachinery.timestamps import EPOCH, parse
from apps.cluster.kubelet import sayings
from apps.cluster.kubelet.images import TOOLBOXES, normalize, short

Obj = dict[str, Any]
Line = tuple[int, str]  # virtual ms, text
AT_ONCE_MS = 2_000  # a start told in whole seconds, and a program's first words
MOST_LINES = 10_000  # of one log, the newest
NOTHING: Mapping[str, Any] = {}
_LOOP = re.compile(r"(?:while\s+(?:true|:|\[ 1 \])|for\s+\(\(\s*;;\s*\)\))\s*;?\s*do\s+(.*?);?\s*done", re.DOTALL)
_SLEEP = re.compile(r"sleep\s+[\"']?(\d+(?:\.\d+)?)([smh]?)")
_DATE = re.compile(r"\$\(\s*date\s*\)|`\s*date\s*`")
_COUNT = re.compile(r"\$\{?i\}?\b")
_UNIT_MS = {"": 1000, "s": 1000, "m": 60_000, "h": 3_600_000}


class Unavailable(Exception):
    """There is no log to show: why, in the kubelet's words."""


class Life(NamedTuple):
    """One run of a container."""

    begin_ms: int
    end_ms: int | None
    exit_code: int = 0
    reason: str = ""


def life(pod: Obj, name: str, *, previous: bool = False) -> Life:
    """The run whose log is asked for.

    Raises:
        Unavailable: there is none.
    """
    status = next((one for one in _statuses(pod) if one["name"] == name), None)
    pod_name = pod["metadata"]["name"]
    what = f'container "{name}" in pod "{pod_name}"'
    if status is None:
        raise Unavailable(f"{what} is not available")
    state, last = status.get("state") or NOTHING, (status.get("lastState") or NOTHING).get("terminated")
    if previous:
        if not last or not last.get("containerID"):
            raise Unavailable(f"previous terminated {what} not found")
        return _ended(last)
    if "running" in state:
        return Life(parse(state["running"]["startedAt"]), None)
    if "terminated" in state and state["terminated"].get("containerID"):
        return _ended(state["terminated"])
    if "terminated" in state or last:
        if not last or not last.get("containerID"):
            raise Unavailable(f"{what} is terminated")
        return _ended(last)
    if "waiting" not in state:
        raise Unavailable(f"{what} is waiting to start - no logs yet")
    reason = state["waiting"].get("reason", "")
    why = {
        "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
    }.get(reason, reason)
    raise Unavailable(f"{what} is waiting to start: {why}")


def _statuses(pod: Obj) -> Iterator[Obj]:
    for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        yield from pod["status"].get(field) or ()


def _ended(terminated: Obj) -> Life:
    begin, end = parse(terminated["startedAt"]), parse(terminated["finishedAt"])
    return Life(begin, end, terminated.get("exitCode", 0), terminated.get("reason", ""))


def lines(pod: Obj, container: Obj, run: Life, now_ms: int) -> list[Line]:
    """All that the container has said up to now, the newest `MOST_LINES` of it, in order."""
    end = now_ms if run.end_ms is None else min(run.end_ms, now_ms)
    name = short(container["image"])
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    said: list[Line] = []
    if words and (name in TOOLBOXES or _script(words)):
        said += _newest(_shell(words, run.begin_ms, end))
    else:
        said += [(run.begin_ms + after, text) for after, text in sayings.of(name, tool=name in TOOLBOXES)]
        if name in ("nginx", "nginx-slim", "httpd"):
            said += _newest(_probed(pod, container, run.begin_ms, end))
    if run.end_ms is not None and run.exit_code and run.reason != "OOMKilled" and not words:
        said.append((run.end_ms, f"{name}: fatal: exiting with code {run.exit_code}"))
    if run.end_ms is not None:  # it ended within the second in which it began, as times are told
        said = [(min(at, end), text) for at, text in said]
        upto = end
    else:  # what it says at once is there as soon as it runs: a cluster at rest stands still at that very moment
        upto = max(end, run.begin_ms + AT_ONCE_MS)
    told = [line for line in said if line[0] <= upto]
    told.sort(key=lambda line: line[0])
    return [(at, _filled(text, at, pod, container)) for at, text in told[-MOST_LINES:]]


def _newest(found: Iterable[Line]) -> Iterable[Line]:
    return deque(islice(found, 50 * MOST_LINES), MOST_LINES)


def _filled(text: str, at: int, pod: Obj, container: Obj) -> str:
    if "{" not in text:
        return text
    moment = EPOCH + timedelta(milliseconds=at)
    ms = f"{moment.microsecond // 1000:03d}"
    values = {
        "{slashed}": f"{moment:%Y/%m/%d %H:%M:%S}",
        "{dashed}": f"{moment:%Y-%m-%d %H:%M:%S}.{ms}",
        "{iso}": f"{moment:%Y-%m-%dT%H:%M:%S}.{ms}Z",
        "{apache}": f"{moment:%a %b %d %H:%M:%S}.{ms}000 {moment:%Y}",
        "{common}": f"{moment:%d/%b/%Y:%H:%M:%S} +0000",
        "{redis}": f"{moment:%d %b %Y %H:%M:%S}.{ms}",
        "{klog}": f"{moment:%m%d %H:%M:%S}.{ms}000",
        "{date}": f"{moment:%a %b} {moment.day:2d} {moment:%H:%M:%S} UTC {moment:%Y}",
        "{pod}": pod["metadata"]["name"],
        "{ip}": pod["status"].get("podIP", ""),
        "{image}": normalize(container["image"]).rpartition(":")[2],
        "{{": "{",
        "}}": "}",
    }
    return re.sub(r"\{\{|\}\}|\{\w+\}", lambda found: values.get(found[0], found[0]), text)


def _probed(pod: Obj, container: Obj, begin: int, end: int) -> Iterator[Line]:
    """What a web server says of the kubelet's probes."""
    asked: list[tuple[int, int, str]] = []
    for kind in ("livenessProbe", "readinessProbe"):
        probe = container.get(kind) or NOTHING
        if probe.get("httpGet"):
            every = (probe.get("periodSeconds") or 10) * 1000
            first = (probe.get("initialDelaySeconds") or 0) * 1000
            asked.append((begin + first + 1000, every, probe["httpGet"].get("path") or "/"))
    host = pod["status"].get("hostIP", "")
    times = [(at, path) for first, every, path in asked for at in range(first, end + 1, every)]
    for at, path in sorted(times):
        yield at, f'{host} - - [{{common}}] "GET {path} HTTP/1.1" 200 615 "-" "kube-probe/1.36" "-"'


# ---- a shell ---------------------------------------------------------------------------------------


def _script(words: list[str]) -> str:
    """The script that a shell is given, "" without one."""
    if len(words) >= 3 and words[0].rpartition("/")[2] in ("sh", "bash", "ash") and words[1] in ("-c", "-ec", "-exc"):
        return words[2]
    return ""


def _shell(words: list[str], begin: int, end: int) -> Iterator[Line]:
    """What a command prints: echo, and a shell's script of echo, sleep and one endless loop."""
    script = _script(words)
    if not script:
        if words[0].rpartition("/")[2] == "echo":
            yield begin, _plain(" ".join(words[1:]))
        return
    at, count = begin, 0
    loop = _LOOP.search(script)
    for after, text in _steps(script[: loop.start()] if loop else script, begin, count):
        at = after
        if text is not None:
            yield at, text
    if loop is None:
        return
    while at <= end:
        start = at
        for after, text in _steps(loop[1], start, count):
            at = after
            if text is not None:
                yield at, text
        if at == start:
            return  # it prints as fast as it can: once is enough
        count += 1


def _steps(script: str, at: int, count: int) -> Iterator[tuple[int, str | None]]:
    """The time after each statement, and what it printed."""
    for statement in re.split(r"\s*(?:;|&&|\n)\s*", script.strip()):
        slept = _SLEEP.fullmatch(statement)
        if slept:
            at += int(float(slept[1]) * _UNIT_MS[slept[2]])
            yield at, None
        elif statement == "date":
            yield at, "{date}"
        elif re.match(r"echo(?:\s|$)", statement) and not re.search(r"[|<>]", statement):
            yield at, _plain(_echo(statement, count))


def _echo(statement: str, count: int) -> str:
    text = statement[4:].strip()
    text = _DATE.sub("\0", text)
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    said = " ".join(words[1:] if words[:1] in (["-e"], ["-n"]) else words)
    return _COUNT.sub(str(count), said)


def _plain(text: str) -> str:
    """With its braces kept, and the time where it is asked for."""
    return text.replace("{", "{{").replace("}", "}}").replace("\0", "{date}")
