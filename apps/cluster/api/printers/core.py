"""Tables of the core kinds but Pods, and of Leases and PriorityClasses.

Models      pkg/printers/internalversion/printers.go (printNode, printEvent, printPersistentVolume, …)
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.printers.words import (
    NONE,
    UNKNOWN,
    UNSET,
    Cells,
    Look,
    containers_of,
    format_labels,
    is_going,
    name_of,
    names_and_images,
    spec_of,
    status_of,
)
from apps.cluster.apimachinery.meta import EMPTY, Obj

ROLE = "node-role.kubernetes.io/"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def pod_template(obj: Obj, look: Look) -> Cells:
    template = obj.get("template") or EMPTY
    labels = (template.get("metadata") or EMPTY).get("labels")
    return [name_of(obj), *names_and_images(containers_of(template)), format_labels(labels)]


def replication_controller(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    cells: Cells = [name_of(obj), spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    cells.append(look.age(obj))
    if look.wide:
        cells += [*names_and_images(containers_of(spec.get("template"))), format_labels(spec.get("selector"))]
    return cells


def namespace(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), status_of(obj).get("phase", ""), look.age(obj)]


def secret(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), obj.get("type", ""), len(obj.get("data") or ()), look.age(obj)]


def config_map(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), look.age(obj)]


def named(obj: Obj, look: Look) -> Cells:
    """Kinds that show nothing but their name and age."""
    return [name_of(obj), look.age(obj)]


def _address(status: Obj, kind: str) -> str:
    found = (one.get("address", "") for one in status.get("addresses") or () if one.get("type") == kind)
    return next(found, NONE)


def node(obj: Obj, look: Look) -> Cells:
    status = status_of(obj)
    ready = [one for one in status.get("conditions") or () if one.get("type") == "Ready"]
    words = ["Ready" if ready[-1].get("status") == "True" else "NotReady"] if ready else ["Unknown"]
    if spec_of(obj).get("unschedulable"):
        words.append("SchedulingDisabled")
    labels = obj["metadata"].get("labels") or EMPTY
    roles = {key.removeprefix(ROLE) for key in labels if key.startswith(ROLE)} | {labels.get("kubernetes.io/role", "")}
    info = status.get("nodeInfo") or EMPTY
    shown = ",".join(sorted(roles - {""})) or NONE
    cells: Cells = [name_of(obj), ",".join(words), shown, look.age(obj), info.get("kubeletVersion", "")]
    if look.wide:
        kernel = info.get("kernelVersion") or UNKNOWN
        if info.get("architecture"):
            kernel += f" ({info['architecture']})"
        cells += [_address(status, "InternalIP"), _address(status, "ExternalIP"), info.get("osImage") or UNKNOWN]
        cells += [kernel, info.get("containerRuntimeVersion") or UNKNOWN]
    return cells


def modes(found: list[str] | None) -> str:
    """Access modes, short: `RWO,ROX`."""
    return ",".join(short for mode, short in MODES.items() if mode in (found or ()))


def _class_of(obj: Obj) -> str:
    annotated: str | None = (obj["metadata"].get("annotations") or EMPTY).get(BETA_CLASS)
    return annotated if annotated is not None else spec_of(obj).get("storageClassName") or ""


def persistent_volume(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    claim = spec.get("claimRef")
    return [
        name_of(obj),
        (spec.get("capacity") or EMPTY).get("storage", "0"),
        modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if is_going(obj) else status.get("phase", ""),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim is not None else "",
        _class_of(obj),
        _or_unset(spec.get("volumeAttributesClassName")),
        status.get("reason", ""),
        look.age(obj),
        _or_unset(spec.get("volumeMode")),
    ]


def _or_unset(value: str | None) -> str:
    return UNSET if value is None else value


def persistent_volume_claim(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    bound = bool(spec.get("volumeName"))
    return [
        name_of(obj),
        "Terminating" if is_going(obj) else status.get("phase", ""),
        spec.get("volumeName", ""),
        (status.get("capacity") or EMPTY).get("storage", "0") if bound else "",
        modes(status.get("accessModes")) if bound else "",
        _class_of(obj),
        _or_unset(spec.get("volumeAttributesClassName")),
        look.age(obj),
        _or_unset(spec.get("volumeMode")),
    ]


def event(obj: Obj, look: Look) -> Cells:
    first = look.since(obj.get("firstTimestamp") or obj.get("eventTime"))
    last = look.since(obj["lastTimestamp"]) if obj.get("lastTimestamp") else first
    count, series = obj.get("count", 0) or 1, obj.get("series")
    if series is not None:
        last, count = look.since(series.get("lastObservedTime")), series.get("count", 0)
    about = obj.get("involvedObject") or EMPTY
    target = about.get("kind", "").lower() + (f"/{about['name']}" if about.get("name") else "")
    cells: Cells = [last, obj.get("type", ""), obj.get("reason", ""), target]
    message = obj.get("message", "").strip()
    if not look.wide:
        return [*cells, message]
    source = obj.get("source") or EMPTY
    who = source.get("component") or obj.get("reportingComponent") or ""
    where = source.get("host") or obj.get("reportingInstance") or ""
    told_by = f"{who}, {where}" if where else who
    return [*cells, about.get("fieldPath", ""), told_by, message, first, count, name_of(obj)]


def component_status(obj: Obj, look: Look) -> Cells:
    healthy = next((one for one in obj.get("conditions") or () if one.get("type") == "Healthy"), None)
    if healthy is None:
        return [name_of(obj), "Unknown", "", ""]
    word = "Healthy" if healthy.get("status") == "True" else "Unhealthy"
    return [name_of(obj), word, healthy.get("message", ""), healthy.get("error", "")]


def resource_quota(obj: Obj, look: Look) -> Cells:
    status = status_of(obj)
    hard, used = status.get("hard") or EMPTY, status.get("used") or EMPTY
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(hard):
        side = limits if name.startswith("limits.") else requests
        side.append(f"{name}: {used.get(name, '0')}/{hard[name]}")
    return [name_of(obj), ", ".join(requests), ", ".join(limits), look.age(obj)]


def lease(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), spec_of(obj).get("holderIdentity") or "", look.age(obj)]


def lease_candidate(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    words = (spec.get(field, "") for field in ("leaseName", "binaryVersion", "emulationVersion"))
    return [name_of(obj), *words, look.age(obj)]


def priority_class(obj: Obj, look: Look) -> Cells:
    cells: Cells = [name_of(obj), obj.get("value", 0), bool(obj.get("globalDefault")), look.age(obj)]
    return [*cells, obj.get("preemptionPolicy") or ""] if look.wide else cells


def runtime_class(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), obj.get("handler", ""), look.age(obj)]


def scale(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), spec_of(obj).get("replicas", 0), status_of(obj).get("replicas", 0), look.age(obj)]


def status(obj: Obj, look: Look) -> Cells:
    return [obj.get("status", ""), obj.get("reason", ""), obj.get("message", "")]
