"""The image catalogue: how large images are, how long they take, and what becomes of a container made from one.

Models      what registries and programs would answer; pkg/util/parsers (ParseImageName) for names
Leaves out  layers shared between images; digests of real images; architectures; pull secrets

Names tell what happens, so that a reader can provoke it: a tag or repository containing "bad", "missing", "nope" or
"does-not-exist" is not in the registry; "crash" ends with code 1 again and again; "oom" outgrows its memory; "leak"
takes more memory every second, "scribble" more disk; "stubborn" ignores SIGTERM; "slow-start" takes half a minute to
answer; "unready" never passes its readiness probe; "unhealthy" fails its liveness probe after a while. Pods may say
more by annotation (sim/seconds, sim/exit, sim/start-ms, sim/stop-ms), scenarios by overrides, readers by what they push
(registry.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any
from zlib import crc32

from apps.cluster.apimachinery.remember import remembered

MB = 1_000_000
PULL_BASE_MS = 400  # asking the registry for the manifest
PULL_BYTES_PER_MS = 60_000  # 60 MB a second, unpacking included
START_MS = 300  # from CreateContainer to a running process
SPREAD_MS = 200  # how much longer than others a container may take to start: on real machines no two take the same
STOP_MS = 600  # from SIGTERM to the end of a well-behaved process
CRASH_AFTER_MS = 1_500
JOB_MS = 5_000
INIT_MS = 1_000
MEMORY = 8 << 20  # what a small program needs
WRITES = 64 << 20  # a second, of images whose name says that they write a lot
LEAK = 8 << 20  # a second, of images whose name says that they leak
SLOW_START_MS = 30_000

SECONDS = "sim/seconds"
EXIT = "sim/exit"
START = "sim/start-ms"
STOP = "sim/stop-ms"

# Uncompressed sizes, as CRI-O tells them, in MB. A name stands for the last parts of a repository.
SIZES: dict[str, float] = {
    "nginx": 192.4,
    "httpd": 148.2,
    "redis": 117.3,
    "memcached": 84.9,
    "mysql": 797.1,
    "mariadb": 327.8,
    "postgres": 438.4,
    "mongo": 760.5,
    "cassandra": 361.2,
    "rabbitmq": 258.7,
    "zookeeper": 305.6,
    "elasticsearch": 1261.0,
    "busybox": 4.3,
    "alpine": 8.3,
    "ubuntu": 78.1,
    "debian": 116.6,
    "perl": 904.4,
    "bash": 14.1,
    "python": 1020.0,
    "node": 1120.0,
    "golang": 853.0,
    "wordpress": 701.5,
    "tomcat": 465.3,
    "haproxy": 103.9,
    "traefik": 184.0,
    "pause": 0.7,
    "etcd": 63.3,
    "coredns": 78.1,
    "kube-apiserver": 90.8,
    "kube-controller-manager": 76.4,
    "kube-scheduler": 52.8,
    "kube-proxy": 72.0,
    "cni": 207.0,
    "calico/node": 404.0,
    "kube-controllers": 115.0,
    "kubernetes-zookeeper": 308.0,
    "nginx-slim": 109.0,
    "hello-app": 11.5,
    "agnhost": 139.0,
    "metrics-server": 69.0,
}

# Programs that read their command and end, rather than serve.
TOOLBOXES = frozenset({"busybox", "alpine", "ubuntu", "debian", "bash", "perl", "centos", "fedora", "curl", "toybox"})
SERVERS = frozenset(
    {"nginx", "httpd", "redis", "memcached", "mysql", "mariadb", "postgres", "mongo", "rabbitmq", "pause", "agnhost"}
)

DENIED = "requested access to the resource is denied"  # there is no such repository, or not for us
UNKNOWN = "manifest unknown"  # the repository has no such tag

_MISSING = ("bad", "missing", "nope", "does-not-exist")
_SLEEP = re.compile(r"\bsleep\s+[\"']?(\d+(?:\.\d+)?)([smh]?)\b")
_EXIT = re.compile(r"\bexit\s+(\d+)\b")
_FOREVER = re.compile(
    r"\bwhile\b|\buntil\b|tail\s+-[fF]|sleep\s+(?:infinity|inf)\b|\bhttpd\b|\bnginx\b|\bnc\s+-l|\bwait\b"
)
_UNIT_MS = {"": 1000, "s": 1000, "m": 60_000, "h": 3_600_000}


@dataclass(frozen=True, slots=True)
class Image:
    """What pulling an image and running a container from it is like. Times in ms, sizes in bytes."""

    name: str  # as CRI-O writes it: docker.io/library/nginx:1.27
    digest: str  # sha256:…
    size: int = 0
    pull_ms: int = 0
    error: str = ""  # why it cannot be pulled; "" when it can
    start_ms: int = START_MS
    spread_ms: int = SPREAD_MS
    stop_ms: int = STOP_MS
    ends_after_ms: int = -1  # -1: it runs until it is stopped
    exit_code: int = 0
    reason: str = ""  # OOMKilled; otherwise Completed or Error by the code
    never_ready: bool = False  # readiness and startup probes fail
    warm_up_ms: int = 0  # until its probes pass
    sick_after_ms: int = -1  # from when on its liveness probe fails; -1: never
    answer_ms: int = 0  # how long it takes to answer a probe
    ignores_sigterm: bool = False  # it ends when it is killed, not when it is asked to
    memory: int = MEMORY  # bytes it needs once it runs
    leak: int = 0  # bytes it takes on top every second
    writes: int = 0  # bytes it writes to its own layer every second
    message: str = ""  # what it leaves in /dev/termination-log when it ends badly

    @property
    def ref(self) -> str:
        """The imageID of a container status: repository and digest."""
        return f"{_repository(self.name)}@{self.digest}"


def normalize(image: str) -> str:
    """An image reference in full, as CRI-O writes it.

    >>> normalize("nginx"), normalize("quay.io/calico/node:v3.31.0")
    ('docker.io/library/nginx:latest', 'quay.io/calico/node:v3.31.0')
    """
    host, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in host and ":" not in host and host != "localhost":
        image = f"docker.io/{image}"
    last = image.rpartition("/")[2]
    return image if "@" in last or ":" in last else f"{image}:latest"


def with_default_tag(image: str) -> str:
    """The name as the kubelet pulls it: `:latest` when it has neither tag nor digest."""
    last = image.rpartition("/")[2]
    return image if "@" in last or ":" in last else f"{image}:latest"


def _repository(name: str) -> str:
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition("@")[0].partition(":")[0]


def _tag(name: str) -> str:
    last = name.rpartition("/")[2]
    return last.partition("@")[2] if "@" in last else last.partition(":")[2]


def short(image: str) -> str:
    """The last part of the repository: "nginx" of docker.io/library/nginx:1.27."""
    return _repository(image).rpartition("/")[2]


@remembered(4096)
def look_up(image: str) -> Image:
    """What the catalogue says of an image reference. Names it does not know get a size that depends on the name."""
    name = normalize(image)
    repository, tag = _repository(name), _tag(name)
    path = repository.partition("/")[2]
    base = path.rpartition("/")[2]
    digest = "sha256:" + (tag.removeprefix("sha256:") if "@" in name else sha256(name.encode()).hexdigest())
    if any(word in base for word in _MISSING[1:]):
        return Image(name, digest, error=pull_error(image, DENIED))
    if any(word in tag for word in _MISSING) or "bad" in base:
        return Image(name, digest, error=pull_error(image, UNKNOWN))
    megabytes = SIZES.get("/".join(path.rsplit("/", 2)[-2:])) or SIZES.get(base)
    if megabytes is None:
        megabytes = 30 + crc32(repository.encode()) % 220
    if "alpine" in tag or "slim" in tag:
        megabytes = max(4.0, megabytes / 4)
    size = int(megabytes * MB) + crc32(name.encode()) % 4096
    out = Image(name, digest, size, PULL_BASE_MS + size // PULL_BYTES_PER_MS)
    said = f"{path}:{tag}"
    if "crash" in said:
        out = replace(out, ends_after_ms=CRASH_AFTER_MS, exit_code=1)
    elif "oom" in re.split(r"[^a-z]+", said):
        out = replace(out, ends_after_ms=3_000, exit_code=137, reason="OOMKilled")
    elif "unready" in said or "never-ready" in said:
        out = replace(out, never_ready=True)
    elif "unhealthy" in said:
        out = replace(out, sick_after_ms=20_000)
    elif "slow-start" in said:
        out = replace(out, warm_up_ms=SLOW_START_MS)
    elif "stubborn" in said:
        out = replace(out, ignores_sigterm=True)
    elif "leak" in said:
        out = replace(out, leak=LEAK)
    elif "scribble" in said:
        out = replace(out, writes=WRITES)
    return out


def pull_error(image: str, why: str) -> str:
    """Why an image cannot be pulled, in CRI-O's words."""
    name = normalize(image)
    reading = f"reading manifest {_tag(name)} in {_repository(name)}: {why}"
    return (
        "unable to pull image or OCI artifact: pull image err: "
        f"initializing source docker://{with_default_tag(image)}: {reading}; "
        f"artifact err: get manifest: build image source: {reading}"
    )


def told_of(image: str, overrides: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What overrides say of an image: by the reference as it is written, in full, or by its short name."""
    return overrides.get(normalize(image)) or overrides.get(image) or overrides.get(short(image))


def behaviour(
    pod: Mapping[str, Any],
    container: Mapping[str, Any],
    *,
    init: bool = False,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> Image:
    """How this container of this Pod behaves: catalogue, then its command, then overrides, then annotations.

    `overrides`: fields of `Image` by image reference or by its short name, as plain data.
    """
    image = container["image"]
    out = look_up(image)
    spec = pod["spec"]
    policy = container.get("restartPolicy") or spec.get("restartPolicy", "Always")  # a sidecar serves beside any work
    if init or policy != "Always" or short(image) in TOOLBOXES:
        out = _by_command(out, container, init=init, always=not init and policy == "Always")
    if overrides:
        told = told_of(image, overrides)
        if told:
            out = replace(out, **told)
    annotations = pod["metadata"].get("annotations")
    if annotations and not init:
        out = _by_annotation(out, annotations)
    if out.spread_ms:
        # Drawn from the uid, not from the dice: it depends on nothing but the Pod.
        late = crc32(pod["metadata"].get("uid", "").encode()) % out.spread_ms
        out = _starting(out, out.start_ms + late)
    return out


@lru_cache(maxsize=4096)
def _starting(image: Image, start_ms: int) -> Image:
    return replace(image, start_ms=start_ms, spread_ms=0)


def _by_command(image: Image, container: Mapping[str, Any], *, init: bool, always: bool) -> Image:
    """A container that may end by itself: as its command says, if it says anything we understand."""
    if image.ends_after_ms >= 0 or image.error:
        return image
    text = " ".join([*(container.get("command") or ()), *(container.get("args") or ())])
    if not init and (_FOREVER.search(text) or (not text and short(image.name) in SERVERS)):
        return image
    exits = _EXIT.search(text)
    code = int(exits.group(1)) if exits else 0
    seconds = sum(int(float(number) * _UNIT_MS[unit]) for number, unit in _SLEEP.findall(text))
    if seconds or exits:
        return replace(image, ends_after_ms=seconds + 50, exit_code=code)
    if init:
        return replace(image, ends_after_ms=INIT_MS)
    if not text and short(image.name) in TOOLBOXES:
        return replace(image, ends_after_ms=50)  # a shell without a terminal ends at once
    return image if always else replace(image, ends_after_ms=JOB_MS)


def _by_annotation(image: Image, annotations: Mapping[str, str]) -> Image:
    changes: dict[str, Any] = {}
    if SECONDS in annotations:
        changes["ends_after_ms"] = int(float(annotations[SECONDS]) * 1000)
    if EXIT in annotations:
        changes["exit_code"] = int(annotations[EXIT])
        if SECONDS not in annotations and image.ends_after_ms < 0:
            changes["ends_after_ms"] = JOB_MS
    if START in annotations:
        changes |= {"start_ms": int(float(annotations[START])), "spread_ms": 0}
    if STOP in annotations:
        changes["stop_ms"] = int(float(annotations[STOP]))
    return replace(image, **changes) if changes else image
