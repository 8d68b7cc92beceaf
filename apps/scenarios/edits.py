"""From a form to a command: what was changed, and nothing else, as a patch; and new objects from a few answers.

Pure functions of objects and values, so a form can be tested without a cluster. A patch touches only the fields that
differ from what the reader was shown: fields written by hand, other containers and other people's edits survive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Obj = dict[str, Any]
Values = dict[str, Any]

RESOURCES = {"Deployment": "deployments", "DaemonSet": "daemonsets", "StatefulSet": "statefulsets"}
STRATEGY_FIELD = {"Deployment": "strategy", "DaemonSet": "updateStrategy", "StatefulSet": "updateStrategy"}
# What Kubernetes fills in, so that an empty answer means the same as not asking.
DEFAULTS: dict[str, Values] = {
    "Deployment": {"strategy": "RollingUpdate", "max_surge": "25%", "max_unavailable": "25%", "replicas": 1},
    "DaemonSet": {"strategy": "RollingUpdate", "max_surge": "0", "max_unavailable": "1"},
    "StatefulSet": {"strategy": "RollingUpdate", "partition": 0, "replicas": 1, "pod_management": "OrderedReady"},
}
TOLERATION = re.compile(
    r"(?P<key>[^\s=:]*)(?:=(?P<value>[^\s:]*))?(?::(?P<effect>[A-Za-z]*))?(?:\s+for\s+(?P<seconds>\d+)s?)?"
)
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class LineError(ValueError):
    """A line of a text field that says nothing we can read."""


# ---- objects -> values ---------------------------------------------------------------------------


def values_of(obj: Obj) -> Values:
    """What the form shows of a workload.

    >>> pod = {"spec": {"containers": [{"name": "a", "image": "b:1"}]}}
    >>> web = {"kind": "Deployment", "spec": {"replicas": 3, "template": pod}}
    >>> values_of(web)["image"], values_of(web)["max_surge"]
    ('b:1', '25%')
    """
    kind, spec = obj["kind"], obj.get("spec") or {}
    template = (spec.get("template") or {}).get("spec") or {}
    container = first_container(obj)
    requests = (container.get("resources") or {}).get("requests") or {}
    strategy = spec.get(STRATEGY_FIELD[kind]) or {}
    rolling = strategy.get("rollingUpdate") or {}
    defaults = DEFAULTS[kind]
    values: Values = {
        "image": container.get("image", ""),
        "cpu": str(requests.get("cpu", "")),
        "memory": str(requests.get("memory", "")),
        "node_selector": selector_text(template.get("nodeSelector") or {}),
        "tolerations": tolerations_text(template.get("tolerations") or ()),
        "strategy": strategy.get("type", defaults["strategy"]),
    }
    if kind in {"Deployment", "DaemonSet"}:
        values["max_surge"] = str(rolling.get("maxSurge", defaults["max_surge"]))
        values["max_unavailable"] = str(rolling.get("maxUnavailable", defaults["max_unavailable"]))
    if kind in {"Deployment", "StatefulSet"}:
        values["replicas"] = spec.get("replicas", 1)
    if kind == "Deployment":
        values["paused"] = bool(spec.get("paused"))
    if kind == "StatefulSet":
        values["partition"] = rolling.get("partition", 0)
        values["pod_management"] = spec.get("podManagementPolicy", "OrderedReady")
    return values


def first_container(obj: Obj) -> Obj:
    """The container that the form is about: the first."""
    spec = ((obj.get("spec") or {}).get("template") or {}).get("spec") or {}
    containers = spec.get("containers") or [{}]
    return containers[0]  # type: ignore[no-any-return]


# ---- values -> objects ---------------------------------------------------------------------------


def new_objects(kind: str, name: str, values: Values, *, namespace: str = "default") -> list[Obj]:
    """A workload from the answers of the form, with the headless Service that a StatefulSet's names need."""
    labels = {"app": name}
    container: Obj = {"name": container_name(name), "image": values.get("image") or ""}
    requests = {field: values[field] for field in ("cpu", "memory") if values.get(field)}
    if requests:
        container["resources"] = {"requests": requests}
    pod: Obj = {"containers": [container]}
    if values.get("node_selector"):
        pod["nodeSelector"] = read_selector(values["node_selector"])
    if values.get("tolerations"):
        pod["tolerations"] = read_tolerations(values["tolerations"])
    spec: Obj = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    if kind != "DaemonSet" and values.get("replicas") is not None:
        spec["replicas"] = values["replicas"]
    strategy = _strategy(kind, values, {})
    if strategy:
        spec[STRATEGY_FIELD[kind]] = strategy
    if kind == "Deployment" and values.get("paused"):
        spec["paused"] = True
    objects: list[Obj] = []
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    if kind == "StatefulSet":
        spec["serviceName"] = name
        if values.get("pod_management"):
            spec["podManagementPolicy"] = values["pod_management"]
        headless = {"clusterIP": "None", "selector": labels, "ports": [{"port": 80}]}
        objects.append({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": headless})
    objects.append({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec})
    return objects


def container_name(name: str) -> str:
    """A container's name from its workload's, which may be longer and hold dots."""
    return name.replace(".", "-")[:63].rstrip("-") or "app"


def patch(obj: Obj, changed: Values) -> Obj | None:
    """The strategic merge patch that makes the changed values so; None when nothing changed.

    >>> web = {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b:1"}]}}}}
    >>> patch(web, {"image": "b:2"})
    {'spec': {'template': {'spec': {'containers': [{'name': 'a', 'image': 'b:2'}]}}}}
    """
    kind = obj["kind"]
    spec: Obj = {}
    pod: Obj = {}
    container: Obj = {}
    if "image" in changed:
        container["image"] = changed["image"]
    requests = {field: changed[field] or None for field in ("cpu", "memory") if field in changed}
    if requests:
        container["resources"] = {"requests": requests}
    if container:
        pod["containers"] = [{"name": first_container(obj).get("name", ""), **container}]
    if "node_selector" in changed:
        wanted = read_selector(changed["node_selector"])
        present = (((obj["spec"].get("template") or {}).get("spec") or {}).get("nodeSelector")) or {}
        pod["nodeSelector"] = {**dict.fromkeys(key for key in present if key not in wanted), **wanted} or None
    if "tolerations" in changed:
        pod["tolerations"] = read_tolerations(changed["tolerations"]) or None
    if pod:
        spec["template"] = {"spec": pod}
    if "replicas" in changed:
        spec["replicas"] = changed["replicas"]
    if "paused" in changed:
        spec["paused"] = changed["paused"] or None
    strategy = _strategy(kind, changed, obj["spec"].get(STRATEGY_FIELD[kind]) or {})
    if strategy:
        spec[STRATEGY_FIELD[kind]] = strategy
    return {"spec": spec} if spec else None


def _strategy(kind: str, values: Mapping[str, Any], present: Obj) -> Obj:
    """The part of the strategy that the values say. Choosing a type without parameters takes the parameters away."""
    type_ = values.get("strategy")
    out: Obj = {}
    rolling: Obj = {}
    for field, key in (("max_surge", "maxSurge"), ("max_unavailable", "maxUnavailable"), ("partition", "partition")):
        if field in values and values[field] not in (None, ""):
            rolling[key] = int_or_percent(values[field])
    if type_:
        out["type"] = type_
    if type_ and type_ != "RollingUpdate":
        if present.get("rollingUpdate"):
            out["rollingUpdate"] = None
    elif rolling and (type_ or present.get("type", "RollingUpdate") == "RollingUpdate"):
        if (
            kind == "DaemonSet"
            and not type_
            and rolling.keys() == {"maxSurge"}
            and rolling["maxSurge"] not in (0, "0%")
        ):
            # Only one of the two may differ from zero; asking for a surge means no longer taking Pods down first.
            rolling.setdefault("maxUnavailable", 0)
        out["rollingUpdate"] = rolling
    return out


def int_or_percent(text: Any) -> Any:
    """`"25%"` stays text, `"1"` becomes a number; anything else is left for the API server to refuse.

    >>> int_or_percent("25%"), int_or_percent(" 1 "), int_or_percent("a")
    ('25%', 1, 'a')
    """
    stripped = str(text).strip()
    return int(stripped) if re.fullmatch(r"-?\d{1,9}", stripped) else stripped


# ---- text fields ---------------------------------------------------------------------------------


def selector_text(selector: Mapping[str, str]) -> str:
    """One `key=value` a line.

    >>> selector_text({"disk": "ssd"})
    'disk=ssd'
    """
    return "\n".join(f"{key}={value}" for key, value in sorted(selector.items()))


def read_selector(text: str) -> dict[str, str]:
    """Raises: LineError naming the line that is no `key=value`."""
    out: dict[str, str] = {}
    for line in lines_of(text):
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise LineError(line)
        out[key.strip()] = value.strip()
    return out


def tolerations_text(tolerations: Iterable[Mapping[str, Any]]) -> str:
    """One a line, as `kubectl taint` would write the taint: `key=value:Effect`, `key:Effect`, `key`, `*`.

    >>> tolerations_text([{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}])
    'gpu:NoExecute for 30s'
    """
    out = []
    for toleration in tolerations:
        key = toleration.get("key", "")
        text = key or "*"
        if key and toleration.get("operator", "Equal") == "Equal":
            text += f"={toleration.get('value', '')}"
        if toleration.get("effect"):
            text += f":{toleration['effect']}"
        if toleration.get("tolerationSeconds") is not None:
            text += f" for {toleration['tolerationSeconds']}s"
        out.append(text)
    return "\n".join(out)


def read_tolerations(text: str) -> list[Obj]:
    """Raises: LineError naming the line that is no toleration.

    >>> read_tolerations("dedicated=db:NoSchedule")
    [{'key': 'dedicated', 'operator': 'Equal', 'value': 'db', 'effect': 'NoSchedule'}]
    """
    out: list[Obj] = []
    for line in lines_of(text):
        match = TOLERATION.fullmatch(line)
        if match is None:
            raise LineError(line)
        key, value, effect, seconds = match["key"], match["value"], match["effect"], match["seconds"]
        if key in {"", "*"} and value is not None:
            raise LineError(line)
        toleration: Obj = {}
        if key not in {"", "*"}:
            toleration["key"] = key
        toleration["operator"] = "Exists" if value is None else "Equal"
        if value is not None:
            toleration["value"] = value
        if effect:
            toleration["effect"] = effect
        if seconds:
            toleration["tolerationSeconds"] = int(seconds)
        out.append(toleration)
    return out


def lines_of(text: str) -> list[str]:
    """Lines or comma-separated pieces that say something."""
    return [piece.strip() for line in text.splitlines() for piece in line.split(",") if piece.strip()]
