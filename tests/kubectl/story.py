"""The recorded commands, given again in their order to a scenario that the site serves, with the real kubectl.

Each is given when its cluster has come to rest, as in the recording, but for those that watch a change under way.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.kubectl.blur import blurred, differences
from tests.kubectl.programs import RECORDED, Kubectl, Ran, Version, programs
from tests.kubectl.recorded import Recorded, recorded
from tests.kubectl.served import Served

FILES = Path(__file__).parent / "files"
WATCHES = "rollout status"  # given while what the command before began is still under way
# Simulated seconds in a second, from that command on: slow before what is to be watched; still where kubectl reads and
# writes again, and nobody must write in between; slower once there is a CronJob, which must not come to run.
FAST, SLOW, STILL = 10.0, 1.0, 0.0
SPEEDS = {43: SLOW, 47: SLOW, 95: STILL, 96: FAST, 127: 2.0}
EDITOR = "sh -c 'cat \"$1\" >&2' -"  # as what stood in for an editor there
# Of a request's query: what differs from one run to the next.
VARIES = frozenset({"hash", "timeoutSeconds", "resourceVersion", "continue"})


def play(served: Served, folder: Path) -> dict[int, Ran]:
    """What each command came to, by its number."""
    program = programs()[Version(*RECORDED)]
    shutil.copytree(FILES, folder, dirs_exist_ok=True)
    kubectl = Kubectl(program, served.write_config(folder / "config"), folder, verbose=True)
    kubectl.more = {"KUBE_EDITOR": EDITOR}
    ran: dict[int, Ran] = {}
    served.set_speed(FAST)
    for command in recorded():
        if command.line.startswith(WATCHES):
            ran[command.number] = _watch(kubectl, served, command)
            continue
        if SPEEDS.get(command.number - 1) == STILL:
            served.set_speed(SPEEDS[command.number])
        served.settle()
        if command.number in SPEEDS:
            served.set_speed(SPEEDS[command.number])
        ran[command.number] = _give(kubectl, served, command)
    return ran


def _watch(kubectl: Kubectl, served: Served, command: Recorded) -> Ran:
    """Time stands still until kubectl looks: how fast it starts must not matter."""
    served.until("/apis/apps/v1/namespaces/default/deployments", lambda found: all(map(_rolling, found)))
    served.set_speed(STILL)
    return kubectl.watching(lambda: served.set_speed(FAST), *command.argv)


def _rolling(deployment: dict[str, Any]) -> bool:
    """Whether its controller has begun."""
    status = deployment["status"]
    seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return seen and 0 < status.get("updatedReplicas", 0) < deployment["spec"]["replicas"]


def _give(kubectl: Kubectl, served: Served, command: Recorded) -> Ran:
    argv = list(command.argv)
    if "--raw" in argv:  # kubectl takes such a path as the whole one, without the path of the server's address
        argv[-1] = f"{served.base}:{served.key}{argv[-1]}"
    if command.rc == -1:
        return kubectl.until(len(command.out.splitlines()), *argv)
    return kubectl(*argv)


def judge(command: Recorded, ran: Ran) -> Iterator[str]:
    """Line by line, how a run differs from the recording."""
    if ran.rc != command.rc:
        yield f"exit code {ran.rc}, not {command.rc}"
    yield from (f"stdout {line}" for line in differences(command, "out", command.out, ran.out))
    yield from (f"stderr {line}" for line in differences(command, "err", command.err, ran.err))
    if not any(status == 0 for *_, status in command.asked):  # the recording does not say how all of them ended
        theirs, ours = requests(command, command.asked), requests(command, ran.asked())
        if command.rc != -1:  # one that was stopped may not have told of its last
            yield from (f"request - {line}" for line in (theirs - ours).elements())
        yield from (f"request + {line}" for line in (ours - theirs).elements())


def requests(command: Recorded, asked: Iterable[tuple[str, str, int]]) -> Counter[str]:
    """Requests in one form: method, address, sorted query, status."""
    found: Counter[str] = Counter()
    made = list(asked)
    deleted = {_path(url) for method, url, _ in made if method == "DELETE"}
    for method, url, status in made:
        address = urlsplit(url)
        path = _path(url)
        query = sorted(
            f"{name}={'…' if name in VARIES else _selector(value)}"
            for name, value in parse_qsl(address.query, keep_blank_values=True)
        )
        if command.argv[0] in ("delete", "replace") and _waits(method, query, path, status, deleted):
            found["waits until it is gone"] = 1  # in one look or several, by how soon it is
            continue
        line = f"{method} {unquote(path)} {'&'.join(query)} {status}"
        found[blurred(line, command.argv)[0]] += 1
    return found


def _path(url: str) -> str:
    """Without what stands before it here."""
    return re.sub(r"^/k8s/\w+(?::\w+)?(?=/)", "", urlsplit(url).path)


def _waits(method: str, query: list[str], path: str, status: int, deleted: set[str]) -> bool:
    """Whether a request asks if what was deleted is still there."""
    named = any(part.startswith("fieldSelector=metadata.name=") for part in query)
    return method == "GET" and (named or path in deleted) and status in (200, 404)


def _selector(value: str) -> str:
    return ",".join(sorted(value.split(",")))


def counted_as(command: Recorded) -> str:
    """The line of the count that a command belongs to: `kubectl get`."""
    return f"kubectl {command.argv[0]}"
