"""v1 links: a whole small scenario in its address, nothing stored.

    v1.{base64url of zlib of canonical JSON}

The JSON has short names, and leaves out what is empty:

    p  the preset              k  cluster settings that differ from the preset's
    n  how many of the preset's own commands happen; without it, those up to the first of `c`, or all
    c  [[time_ms, command], …] after them                              t  title

zlib gets a dictionary of words that manifests are full of (`DICTIONARY`). It is part of the format and must never
change. A new format gets a new prefix; old links are read for ever (tests/scenarios/golden_links.json).
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass, field
from typing import Any

from apps.cluster.apimachinery.status import StatusError, bad_request
from apps.scenarios import commands, limits
from apps.scenarios.story import Entry

PREFIX = "v1."
TOKEN = re.compile(r"v1\.[A-Za-z0-9_-]{2,4000}")
SETTINGS: dict[str, type] = {
    "workers": int,
    "control_planes": int,
    "seed": int,
    "cpu": str,
    "memory": str,
    "pods_per_node": int,
    "runtime": str,
    "version": str,
    "begin": str,
    "proxy_mode": str,
    "encapsulation": str,
    "cluster_routes": str,
    "load_balancer": str,
    "subnets": int,
}
MAX_TIME_MS = 7 * 24 * 3600 * 1000

# The words at the end are found with the shortest distances, so what is most common comes last.
DICTIONARY = (
    b'"grace_period_seconds":"subresource":"strategic""json""revision":"power-on""power-off""uncordon""cordon""drain""remove"'
    b'"ConfigMap""Secret""Namespace""PersistentVolumeClaim""Ingress""CronJob""Job""Pod""ReplicaSet""volumeClaimTemplates"'
    b'"accessModes":["ReadWriteOnce"]"storage":"1Gi""volumeMounts":[{"mountPath":"/data","name":"data"}]'
    b'"livenessProbe":{"httpGet":{"path":"/healthz","port":8080}}"readinessProbe":{"httpGet":{"path":"/","port":80}}'
    b'"initialDelaySeconds":"periodSeconds":"env":[{"name":"value":"}]"command":["sh","-c","args":["'
    b'"tolerations":[{"effect":"NoSchedule","key":"node-role.kubernetes.io/control-plane","operator":"Exists"}]'
    b'"nodeSelector":{"kubernetes.io/hostname":"worker-1"}"updateStrategy":{"rollingUpdate":{"partition":1},"type":"OnDelete"}'
    b'"podManagementPolicy":"Parallel","OrderedReady""type":"Recreate""paused":true,false'
    b'"serviceName":"db","limits":{"cpu":"1","memory":"128Mi"}"minReadySeconds":"revisionHistoryLimit":"progressDeadlineSeconds":'
    b'"kind":"Service","metadata":{"name":"web"},"spec":{"clusterIP":"None","ports":[{"port":80,"targetPort":8080}],"type":"NodePort"'
    b'"kind":"StatefulSet""kind":"DaemonSet""namespace":"kube-system""op":"delete","propagation":"Background"'
    b'"op":"rollout","resource":"deployments","verb":"undo""restart""pause""resume""op":"node","verb":"join"}'
    b'"name":"worker-4","op":"scale","replicas":"resource":"statefulsets""daemonsets""nodes""pods"'
    b'{"body":{"spec":{"template":{"spec":{"containers":[{"image":"web:2.0","name":"web"}]}}}},'
    b'"name":"web","namespace":"default","op":"patch","resource":"deployments","type":"merge"}'
    b'{"objects":[{"apiVersion":"v1","apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"app":"web"},"name":"web",'
    b'"namespace":"default"},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"strategy":{"rollingUpdate":'
    b'{"maxSurge":"25%","maxUnavailable":"25%"},"type":"RollingUpdate"},"template":{"metadata":{"labels":{"app":"web"}},"spec":'
    b'{"containers":[{"image":"nginx:1.27","name":"web","ports":[{"containerPort":80}],"resources":{"requests":{"cpu":"100m",'
    b'"memory":"64Mi"}}}]}}}}],"op":"apply"}]],"k":{"seed":1,"workers":3},"p":"empty","t":"'
)


@dataclass(frozen=True)
class Link:
    """What a v1 link says: a preset, what of the cluster differs from it, and the commands after the preset's own."""

    preset: str
    cluster: dict[str, Any] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    title: str = ""
    script: int | None = None


def encode(link: Link) -> str:
    """The token of a link. The same link always gives the same token.

    Raises:
        LimitExceeded: too many commands, or the token would be longer than an address should be.
    """
    if len(link.entries) > limits.LINK_COMMANDS:
        raise limits.exceeded("link_commands", limits.LINK_COMMANDS, len(link.entries))
    data: dict[str, Any] = {"p": link.preset}
    if link.cluster:
        data["k"] = link.cluster
    if link.entries:
        data["c"] = [[entry.time_ms, entry.body] for entry in link.entries]
    if link.script is not None:
        data["n"] = link.script
    if link.title:
        data["t"] = link.title
    raw = commands.dumps(data).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    packed = packer.compress(raw) + packer.flush()
    token = PREFIX + base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")
    if len(token) > limits.LINK_CHARS or len(raw) > limits.LINK_JSON_BYTES:
        raise limits.exceeded("link_chars", limits.LINK_CHARS, len(token))
    return token


def decode(token: str) -> Link:
    """The link that a token says.

    Raises:
        StatusError: 400 BadRequest; the token is damaged, too long, or says something no link may say.
    """
    if not TOKEN.fullmatch(token):
        raise bad_request("link: not a v1 link")
    if len(token) > limits.LINK_CHARS:
        raise bad_request(f"link: longer than {limits.LINK_CHARS} characters")
    body = token.removeprefix(PREFIX)
    try:
        packed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        unpacker = zlib.decompressobj(zdict=DICTIONARY)
        raw = unpacker.decompress(packed, limits.LINK_JSON_BYTES)
    except (binascii.Error, zlib.error, ValueError):
        raise bad_request("link: damaged") from None
    if not unpacker.eof or unpacker.unused_data:
        raise bad_request("link: damaged, or unpacks to more than a link may hold")
    try:
        data = commands.load_json(raw)
        return _read(data)
    except StatusError as error:
        raise bad_request(f"link: {error.message}") from None


def _read(data: Any) -> Link:
    if not isinstance(data, dict) or not set(data) <= {"p", "k", "n", "c", "t"}:
        raise bad_request("not a scenario")
    preset, cluster, entries, title = data.get("p"), data.get("k", {}), data.get("c", []), data.get("t", "")
    if not isinstance(preset, str) or not isinstance(cluster, dict) or not isinstance(entries, list):
        raise bad_request("not a scenario")
    if not isinstance(title, str) or len(title) > 120 or len(preset) > 40:
        raise bad_request("not a scenario")
    script = data.get("n")
    if script is not None and (not isinstance(script, int) or isinstance(script, bool) or not 0 <= script <= 1000):
        raise bad_request("not a scenario")
    for name, value in cluster.items():
        if name not in SETTINGS or not isinstance(value, SETTINGS[name]) or isinstance(value, bool):
            raise bad_request(f"cluster setting {name[:40]} is none that a link may carry")
    if len(entries) > limits.LINK_COMMANDS:
        raise bad_request(f"more than {limits.LINK_COMMANDS} commands")
    read: list[Entry] = []
    last = 0
    for item in entries:
        if not isinstance(item, list) or len(item) != 2:
            raise bad_request("not a scenario")
        time_ms, body = item
        if not isinstance(time_ms, int) or isinstance(time_ms, bool) or not last <= time_ms <= MAX_TIME_MS:
            raise bad_request("times must be whole milliseconds that never go back")
        last = time_ms
        read.append(Entry(time_ms, commands.check(body)))
    return Link(preset, cluster, tuple(read), title, script)
