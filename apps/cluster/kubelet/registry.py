"""The registry that all nodes pull from: what somebody pushes there is what the next pull brings.

Models      a container registry as runtimes see it: a tag that moves to another digest
Leaves out  authentication, mirrors, rate limits

A reader says in plain words what an image does (`FIELDS`); nodes keep what they have pulled until they pull again,
as `imagePullPolicy` has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from apps.cluster.apimachinery.status import bad_request
from apps.cluster.kubelet.images import UNKNOWN, normalize, pull_error

NAME = "registry"
MIB = 1 << 20
HOUR_S = 3_600

# What a reader may say of an image: field -> (type, the most it may be).
FIELDS: dict[str, tuple[type, int]] = {
    "pull_seconds": (int, HOUR_S),  # slow to pull
    "size_mib": (int, 100_000),
    "missing": (bool, 1),  # not in the registry
    "start_seconds": (int, HOUR_S),  # from CreateContainer to a running process
    "exit_after": (int, 86_400),  # seconds until it ends by itself
    "exit_code": (int, 255),
    "message": (str, 200),  # what it leaves in /dev/termination-log when it ends badly
    "never_ready": (bool, 1),
    "ready_after": (int, HOUR_S),  # seconds until its readiness and startup probes pass
    "unhealthy_after": (int, 86_400),  # seconds until its liveness probe fails
    "answer_seconds": (int, HOUR_S),  # how long it takes to answer a probe
    "ignores_sigterm": (bool, 1),
    "stop_seconds": (int, HOUR_S),  # from SIGTERM to its end
    "memory_mib": (int, 1_000_000),
    "leak_mib": (int, 100_000),  # a second
    "write_mib": (int, 100_000),  # a second
}


def problem(field: str, value: Any) -> str:
    """What is wrong with one field of an image command, "" when nothing is.

    >>> problem("exit_code", 3), problem("exit_code", 300), problem("colour", 1)
    ('', 'exit_code must be between 0 and 255', 'unknown field colour')
    """
    kind, most = FIELDS.get(field, (None, 0))
    if kind is None:
        return f"unknown field {field[:80]}"
    if kind is bool:
        return "" if isinstance(value, bool) else f"{field} must be true or false"
    if kind is str:
        return "" if isinstance(value, str) and len(value) <= most else f"{field} must be a text of at most {most}"
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        return f"{field} must be between 0 and {most}"
    return ""


def told(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """A reader's words as fields of `images.Image`.

    >>> told("web:1", {"exit_after": 5, "exit_code": 1})
    {'exit_code': 1, 'ends_after_ms': 5000}
    """
    out: dict[str, Any] = {}
    for field in ("exit_code", "message", "never_ready", "ignores_sigterm"):
        if field in said:
            out[field] = said[field]
    for field, ours in (
        ("pull_seconds", "pull_ms"),
        ("start_seconds", "start_ms"),
        ("exit_after", "ends_after_ms"),
        ("ready_after", "warm_up_ms"),
        ("unhealthy_after", "sick_after_ms"),
        ("answer_seconds", "answer_ms"),
        ("stop_seconds", "stop_ms"),
    ):
        if field in said:
            out[ours] = said[field] * 1000
    for field, ours in (("size_mib", "size"), ("memory_mib", "memory"), ("leak_mib", "leak"), ("write_mib", "writes")):
        if field in said:
            out[ours] = said[field] * MIB
    if "missing" in said:
        out["error"] = pull_error(name, UNKNOWN) if said["missing"] else ""
    return out


class Registry:
    """What differs from the catalogue, by image. Registered with the engine to be saved with it.

    `overrides` is one dict for its whole life: the kubelets of a cluster look into it.
    """

    __slots__ = ("overrides", "pushes")

    def __init__(self, overrides: Mapping[str, Mapping[str, Any]]) -> None:
        self.overrides: dict[str, Mapping[str, Any]] = dict(overrides)
        self.pushes: dict[str, int] = {}

    def run(self, key: str) -> None:
        """It takes no turns."""

    def push(self, image: str, said: Mapping[str, Any]) -> str:
        """Somebody pushes another image under this name. Gives the name in full.

        Raises: StatusError 400 for a field that is unknown or out of bounds.
        """
        for field, value in said.items():
            wrong = problem(field, value)
            if wrong:
                raise bad_request(f"image: {wrong}")
        name = normalize(image)
        count = self.pushes[name] = self.pushes.get(name, 0) + 1
        digest = "sha256:" + sha256(f"{name} {count}".encode()).hexdigest()
        self.overrides[name] = {**told(image, said), "digest": digest}
        return name

    def save(self) -> dict[str, Any]:
        return {"overrides": {name: dict(said) for name, said in self.overrides.items()}, "pushes": dict(self.pushes)}

    def load(self, data: Mapping[str, Any]) -> None:
        self.overrides.clear()
        self.overrides.update(data["overrides"])
        self.pushes = dict(data["pushes"])
