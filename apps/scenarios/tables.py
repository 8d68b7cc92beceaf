"""Tables as `kubectl get` prints them.

Models      pkg/printers/internalversion/printers.go (the columns of each kind)
Leaves out  the columns of `-o wide`; columns that a CustomResourceDefinition asks for
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from apps.cluster.apimachinery.timestamps import human_duration, parse
from apps.diagrams.states import status_word

Obj = dict[str, Any]
Cells = Callable[[Obj, int], list[str]]  # object, now in ms -> the cells between NAME and AGE

GROUPS = {"apps/v1": ".apps", "batch/v1": ".batch"}
NONE = "<none>"


def age(obj: Obj, now_ms: int) -> str:
    created = obj["metadata"].get("creationTimestamp")
    return human_duration(now_ms - parse(created)) if created else "<unknown>"


def _pod(pod: Obj, now_ms: int) -> list[str]:
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or []
    ready = sum(1 for container in containers if container.get("ready"))
    total = len(pod["spec"].get("containers") or ())
    for container in pod["spec"].get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            total += 1
            ready += sum(
                1
                for s in status.get("initContainerStatuses") or ()
                if s["name"] == container["name"] and s.get("ready")
            )
    restarts = sum(container.get("restartCount", 0) for container in containers)
    ends = [((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for container in containers]
    last = max((parse(end) for end in ends if end), default=0)
    ago = f" ({human_duration(now_ms - last)} ago)" if restarts and last else ""
    return [f"{ready}/{total}", status_word(pod), f"{restarts}{ago}"]


def _replicas(obj: Obj, now_ms: int) -> list[str]:
    status = obj.get("status") or {}
    wanted = (obj.get("spec") or {}).get("replicas", 0)
    return [str(wanted), str(status.get("replicas", 0)), str(status.get("readyReplicas", 0))]


def _deployment(obj: Obj, now_ms: int) -> list[str]:
    status = obj.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{obj['spec'].get('replicas', 0)}"
    return [ready, str(status.get("updatedReplicas", 0)), str(status.get("availableReplicas", 0))]


def _daemonset(obj: Obj, now_ms: int) -> list[str]:
    status = obj.get("status") or {}
    selector = (obj["spec"].get("template", {}).get("spec") or {}).get("nodeSelector") or {}
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return [
        *(str(status.get(name, 0)) for name in names),
        ",".join(f"{k}={v}" for k, v in sorted(selector.items())) or NONE,
    ]


def _statefulset(obj: Obj, now_ms: int) -> list[str]:
    return [f"{(obj.get('status') or {}).get('readyReplicas', 0)}/{obj['spec'].get('replicas', 0)}"]


def _job(obj: Obj, now_ms: int) -> list[str]:
    spec, status = obj["spec"], obj.get("status") or {}
    conditions = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    word = next(
        (
            name
            for name in ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet")
            if name in conditions
        ),
        "Running",
    )
    wanted = spec.get("completions")
    parallelism = spec.get("parallelism", 1)
    done = status.get("succeeded", 0)
    counts = (
        f"{done}/{wanted}" if wanted is not None else f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"
    )
    start, end = status.get("startTime"), status.get("completionTime")
    took = human_duration((parse(end) if end else now_ms) - parse(start)) if start else ""
    return [word, counts, took]


def _cronjob(obj: Obj, now_ms: int) -> list[str]:
    spec, status = obj["spec"], obj.get("status") or {}
    last = status.get("lastScheduleTime")
    return [
        spec.get("schedule", ""),
        spec.get("timeZone") or NONE,
        str(spec.get("suspend", False)),
        str(len(status.get("active") or ())),
        human_duration(now_ms - parse(last)) if last else NONE,
    ]


def _service(obj: Obj, now_ms: int) -> list[str]:
    spec = obj["spec"]
    type_ = spec.get("type", "ClusterIP")
    ports = [
        f"{p['port']}{':' + str(p['nodePort']) if p.get('nodePort') else ''}/{p.get('protocol', 'TCP')}"
        for p in spec.get("ports") or ()
    ]
    external = ",".join(spec.get("externalIPs") or ()) or NONE
    if type_ == "ExternalName":
        external = spec.get("externalName", "")
    elif type_ == "LoadBalancer":
        ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        external = ",".join(i.get("ip") or i.get("hostname", "") for i in ingress) or "<pending>"
    return [type_, spec.get("clusterIP") or NONE, external, ",".join(ports) or NONE]


def _node(obj: Obj, now_ms: int) -> list[str]:
    status = obj.get("status") or {}
    ready = next((c["status"] for c in status.get("conditions") or () if c["type"] == "Ready"), None)
    words = "Ready" if ready == "True" else "NotReady" if ready else "Unknown"
    if obj["spec"].get("unschedulable"):
        words += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = sorted(
        label.removeprefix(prefix) for label in obj["metadata"].get("labels") or () if label.startswith(prefix)
    )
    return [
        words,
        ",".join(role for role in roles if role) or NONE,
        (status.get("nodeInfo") or {}).get("kubeletVersion", ""),
    ]


def _claim(obj: Obj, now_ms: int) -> list[str]:
    spec, status = obj["spec"], obj.get("status") or {}
    phase = "Terminating" if "deletionTimestamp" in obj["metadata"] else status.get("phase", "Pending")
    capacity, modes = "", ""
    if spec.get("volumeName"):
        capacity, modes = (status.get("capacity") or {}).get("storage", ""), _modes(status.get("accessModes"))
    return [phase, spec.get("volumeName", ""), capacity, modes, spec.get("storageClassName") or "", "<unset>"]


def _volume(obj: Obj, now_ms: int) -> list[str]:
    spec, status = obj["spec"], obj.get("status") or {}
    claim = spec.get("claimRef") or {}
    return [
        (spec.get("capacity") or {}).get("storage", ""),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        status.get("phase", ""),
        f"{claim['namespace']}/{claim['name']}" if claim else "",
        spec.get("storageClassName", ""),
        "<unset>",
        status.get("reason", ""),
    ]


def _modes(modes: Sequence[str] | None) -> str:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(short.get(mode, mode) for mode in modes or ())


def _slice(obj: Obj, now_ms: int) -> list[str]:
    ports = [str(p.get("port", "")) for p in obj.get("ports") or ()]
    addresses = [a for endpoint in obj.get("endpoints") or () for a in endpoint.get("addresses") or ()]
    more = f" + {len(addresses) - 3} more..." if len(addresses) > 3 else ""
    return [obj.get("addressType", ""), ",".join(ports) or "<unset>", (",".join(addresses[:3]) or "<unset>") + more]


def _ingress(obj: Obj, now_ms: int) -> list[str]:
    spec = obj.get("spec") or {}
    hosts = [rule.get("host") or "*" for rule in spec.get("rules") or ()]
    shown = ",".join(hosts[:3]) + (f" + {len(hosts) - 3} more..." if len(hosts) > 3 else "")
    return [spec.get("ingressClassName") or NONE, shown or "*", "", "80, 443" if spec.get("tls") else "80"]


def _event(obj: Obj, now_ms: int) -> list[str]:
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    return [
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        obj.get("message") or obj.get("note", ""),
    ]


COLUMNS: dict[str, tuple[list[str], Cells]] = {
    "pods": (["READY", "STATUS", "RESTARTS"], _pod),
    "deployments": (["READY", "UP-TO-DATE", "AVAILABLE"], _deployment),
    "replicasets": (["DESIRED", "CURRENT", "READY"], _replicas),
    "replicationcontrollers": (["DESIRED", "CURRENT", "READY"], _replicas),
    "statefulsets": (["READY"], _statefulset),
    "daemonsets": (["DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR"], _daemonset),
    "jobs": (["STATUS", "COMPLETIONS", "DURATION"], _job),
    "cronjobs": (["SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST SCHEDULE"], _cronjob),
    "services": (["TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)"], _service),
    "nodes": (["STATUS", "ROLES"], lambda obj, now: _node(obj, now)[:2]),
    "persistentvolumeclaims": (
        ["STATUS", "VOLUME", "CAPACITY", "ACCESS MODES", "STORAGECLASS", "VOLUMEATTRIBUTESCLASS"],
        _claim,
    ),
    "persistentvolumes": (
        [
            "CAPACITY",
            "ACCESS MODES",
            "RECLAIM POLICY",
            "STATUS",
            "CLAIM",
            "STORAGECLASS",
            "VOLUMEATTRIBUTESCLASS",
            "REASON",
        ],
        _volume,
    ),
    "endpointslices": (["ADDRESSTYPE", "PORTS", "ENDPOINTS"], _slice),
    "ingresses": (["CLASS", "HOSTS", "ADDRESS", "PORTS"], _ingress),
    "configmaps": (["DATA"], lambda obj, now: [str(len(obj.get("data") or ()) + len(obj.get("binaryData") or ()))]),
    "secrets": (["TYPE", "DATA"], lambda obj, now: [obj.get("type", ""), str(len(obj.get("data") or ()))]),
    "namespaces": (["STATUS"], lambda obj, now: [(obj.get("status") or {}).get("phase", "")]),
}
ORDER = (
    "nodes",
    "namespaces",
    "pods",
    "services",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
    "jobs",
    "cronjobs",
)


def table(resource: str, objects: Sequence[Obj], now_ms: int, *, typed: bool = False, namespaced: bool = False) -> str:
    """One resource's table. `typed` puts the kind before each name, `namespaced` a NAMESPACE column before all."""
    heads, cells = COLUMNS.get(resource, ([], lambda obj, now: []))
    tail = ["VERSION"] if resource == "nodes" else []
    rows = [["NAME", *heads, "AGE", *tail]]
    for obj in objects:
        prefix = f"{obj['kind'].lower()}{_group(obj)}/" if typed else ""
        more = [_node(obj, now_ms)[2]] if resource == "nodes" else []
        rows.append([prefix + obj["metadata"]["name"], *cells(obj, now_ms), age(obj, now_ms), *more])
    if namespaced:
        column = ["NAMESPACE", *(obj["metadata"].get("namespace", "") for obj in objects)]
        rows = [[space, *row] for space, row in zip(column, rows, strict=True)]
    return aligned(rows)


def _group(obj: Obj) -> str:
    group, slash, _version = obj.get("apiVersion", "").partition("/")
    return f".{group}" if slash else ""


def tables(objects: dict[str, Sequence[Obj]], now_ms: int) -> str:
    """The tables of several resources, as `kubectl get a,b,c` prints them."""
    found = {resource: items for resource, items in objects.items() if items}
    spaces = {obj["metadata"].get("namespace", "") for items in found.values() for obj in items} - {""}
    ranked = sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    out = []
    for resource in ranked:
        items = sorted(found[resource], key=lambda obj: (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]))
        namespaced = len(spaces - {"default"}) > 0 and bool(items[0]["metadata"].get("namespace"))
        out.append(table(resource, items, now_ms, typed=len(found) > 1, namespaced=namespaced))
    return "\n".join(out)


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Columns three blanks apart, nothing after the last.

    >>> print(aligned([["NAME", "AGE"], ["web", "5s"]]), end="")
    NAME   AGE
    web    5s
    """
    listed = list(rows)
    widths = [max(len(row[column]) for row in listed) for column in range(len(listed[0]))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in listed]
    return "\n".join(lines) + "\n"
