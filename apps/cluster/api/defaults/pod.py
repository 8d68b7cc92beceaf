"""Defaults of Pods and Pod templates. Every function gives a new dict, or the same one when nothing was missing.

Models      pkg/apis/core/v1/defaults.go and zz_generated.defaults.go (Pod, PodSpec, Container, Probe, volumes)
Leaves out  nothing
"""

from __future__ import annotations

import re
from typing import Any

from apps.cluster.api import podresources
from apps.cluster.api.memo import IdentityMemo
from apps.cluster.apimachinery.meta import Obj

_DONE: IdentityMemo[bool] = IdentityMemo()

_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?:{_DOMAIN}/)?{_PATH}(?:/{_PATH})*(?P<tag>:\w[\w.-]{{0,127}})?"
    r"(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


def image_tag(image: str) -> str:
    """The tag of an image name: "latest" when it names neither tag nor digest, "" when it is no image name.

    >>> image_tag("nginx"), image_tag("registry:5000/app:v1"), image_tag("nginx@sha256:" + "0" * 64)
    ('latest', 'v1', '')
    """
    match = _REFERENCE.fullmatch(image)
    if match is None or re.fullmatch("[a-f0-9]{64}", image):
        return ""
    if match["tag"]:
        return match["tag"][1:]
    return "" if match["digest"] else "latest"


def pull_policy(image: str) -> str:
    return "Always" if image_tag(image) == "latest" else "IfNotPresent"


def mapped(items: list[Any], default: Any) -> list[Any]:
    """`default` of each; the same list when every one came back as it was."""
    result = [default(item) for item in items]
    return items if all(new is old for new, old in zip(result, items, strict=True)) else result


def with_field(obj: Obj, name: str, value: Any) -> Obj:
    """The same object when the field is that value already."""
    return obj if obj.get(name) is value else {**obj, name: value}


def _probe(probe: Obj) -> Obj:
    missing: Obj = {}
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not probe.get(name):
            missing[name] = value
    probe = {**probe, **missing} if missing else probe
    return _handler(probe)


def _handler(handler: Obj) -> Obj:
    http = handler.get("httpGet")
    if http is not None and (not http.get("path") or not http.get("scheme")):
        handler = {
            **handler,
            "httpGet": {**http, "path": http.get("path") or "/", "scheme": http.get("scheme") or "HTTP"},
        }
    grpc = handler.get("grpc")
    if grpc is not None and grpc.get("service") is None:
        handler = {**handler, "grpc": {**grpc, "service": ""}}
    return handler


def _env(variable: Obj) -> Obj:
    source = variable.get("valueFrom")
    if not source:
        return variable
    field = source.get("fieldRef")
    if field is not None and not field.get("apiVersion"):
        source = {**source, "fieldRef": {**field, "apiVersion": "v1"}}
    resource = source.get("resourceFieldRef")
    if resource is not None and "divisor" not in resource:
        source = {**source, "resourceFieldRef": {**resource, "divisor": "0"}}
    file = source.get("fileKeyRef")
    if file is not None and file.get("optional") is None:
        source = {**source, "fileKeyRef": {**file, "optional": False}}
    return with_field(variable, "valueFrom", source)


def _port(port: Obj) -> Obj:
    return port if port.get("protocol") else {**port, "protocol": "TCP"}


def container(item: Obj) -> Obj:
    """A container of a template or a Pod."""
    missing: Obj = {}
    if not item.get("imagePullPolicy"):
        missing["imagePullPolicy"] = pull_policy(item.get("image", ""))
    if not item.get("terminationMessagePath"):
        missing["terminationMessagePath"] = "/dev/termination-log"
    if not item.get("terminationMessagePolicy"):
        missing["terminationMessagePolicy"] = "File"
    if "resources" not in item:
        missing["resources"] = {}
    for name, default in (("ports", _port), ("env", _env)):
        items = item.get(name)
        if items:
            done = mapped(items, default)
            if done is not items:
                missing[name] = done
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = item.get(name)
        if probe is not None:
            done_probe = _probe(probe)
            if done_probe is not probe:
                missing[name] = done_probe
    lifecycle = item.get("lifecycle")
    if lifecycle:
        done_lifecycle = {
            hook: _handler(handler) if hook in ("postStart", "preStop") else handler
            for hook, handler in lifecycle.items()
        }
        if any(done_lifecycle[hook] is not lifecycle[hook] for hook in lifecycle):
            missing["lifecycle"] = done_lifecycle
    return {**item, **missing} if missing else item


# Fields of volume sources that have a default, and the default.
_VOLUME_DEFAULTS: dict[str, Obj] = {
    "secret": {"defaultMode": 0o644},
    "configMap": {"defaultMode": 0o644},
    "downwardAPI": {"defaultMode": 0o644},
    "projected": {"defaultMode": 0o644},
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def _downward_item(item: Obj) -> Obj:
    field = item.get("fieldRef")
    if field is not None and not field.get("apiVersion"):
        return {**item, "fieldRef": {**field, "apiVersion": "v1"}}
    resource = item.get("resourceFieldRef")
    if resource is not None and "divisor" not in resource:
        return {**item, "resourceFieldRef": {**resource, "divisor": "0"}}
    return item


def _projection(source: Obj) -> Obj:
    token = source.get("serviceAccountToken")
    if token is not None and token.get("expirationSeconds") is None:
        return {**source, "serviceAccountToken": {**token, "expirationSeconds": 3600}}
    downward = source.get("downwardAPI")
    if downward and downward.get("items"):
        items = mapped(downward["items"], _downward_item)
        if items is not downward["items"]:
            return {**source, "downwardAPI": {**downward, "items": items}}
    return source


def volume_source(volume: Obj) -> Obj:
    """The sources that Pods' and PersistentVolumes' volumes have in common."""
    for name, source in volume.items():
        defaults = _VOLUME_DEFAULTS.get(name)
        if defaults is None or not isinstance(source, dict):
            continue
        # A pointer may hold its zero value; a plain text field that is empty counts as missing.
        missing = {
            key: value for key, value in defaults.items() if source.get(key) in (None, "") and source.get(key) != value
        }
        if missing:
            volume = {**volume, name: {**source, **missing}}
    return volume


def volume(item: Obj) -> Obj:
    """A volume of a Pod: nothing said means emptyDir."""
    if len(item) == 1:
        return {**item, "emptyDir": {}}
    item = volume_source(item)
    projected = item.get("projected")
    if projected and projected.get("sources"):
        sources = mapped(projected["sources"], _projection)
        if sources is not projected["sources"]:
            item = {**item, "projected": {**projected, "sources": sources}}
    downward = item.get("downwardAPI")
    if downward and downward.get("items"):
        items = mapped(downward["items"], _downward_item)
        if items is not downward["items"]:
            item = {**item, "downwardAPI": {**downward, "items": items}}
    ephemeral = item.get("ephemeral")
    if ephemeral and ephemeral.get("volumeClaimTemplate"):
        template = ephemeral["volumeClaimTemplate"]
        if not template.get("spec", {}).get("volumeMode"):
            spec = {**template.get("spec", {}), "volumeMode": "Filesystem"}
            item = {**item, "ephemeral": {**ephemeral, "volumeClaimTemplate": {**template, "spec": spec}}}
    image = item.get("image")
    if image is not None and not image.get("pullPolicy"):
        item = {**item, "image": {**image, "pullPolicy": pull_policy(image.get("reference", ""))}}
    return item


def _list(spec: Obj, name: str, default: Any, missing: Obj) -> None:
    items = spec.get(name)
    if not items or _DONE.get(items):
        return
    done = mapped(items, default)
    _DONE.put(done, True)
    if done is not items:
        missing[name] = done


def pod_spec(spec: Obj) -> Obj:
    """A PodSpec, in a Pod or in a template."""
    missing: Obj = {}
    if not spec.get("dnsPolicy"):
        missing["dnsPolicy"] = "ClusterFirst"
    if not spec.get("restartPolicy"):
        missing["restartPolicy"] = "Always"
    if spec.get("securityContext") is None:
        missing["securityContext"] = {}
    if spec.get("terminationGracePeriodSeconds") is None:
        missing["terminationGracePeriodSeconds"] = 30
    if not spec.get("schedulerName"):
        missing["schedulerName"] = "default-scheduler"
    _list(spec, "containers", container, missing)
    _list(spec, "initContainers", container, missing)
    _list(spec, "ephemeralContainers", container, missing)
    _list(spec, "volumes", volume, missing)
    return {**spec, **missing} if missing else spec


def template(item: Obj) -> Obj:
    """A PodTemplateSpec."""
    spec = item.get("spec")
    if spec is None:
        spec = {}
    item = with_field(item, "spec", pod_spec(spec))
    return item if "metadata" in item else {**item, "metadata": {}}


def _requests_from_limits(item: Obj) -> Obj:
    resources = item.get("resources") or {}
    limits = resources.get("limits")
    if not limits:
        return item
    requests = resources.get("requests") or {}
    missing = {name: amount for name, amount in limits.items() if name not in requests}
    if not missing:
        return item
    return {**item, "resources": {**resources, "requests": {**requests, **missing}}}


def _host_ports(item: Obj) -> Obj:
    ports = item.get("ports")
    if not ports:
        return item
    done = mapped(
        ports, lambda port: port if port.get("hostPort") else {**port, "hostPort": port.get("containerPort", 0)}
    )
    return with_field(item, "ports", done)


def _pod_level(spec: Obj) -> Obj:
    """What is asked for the Pod as a whole and was not said, from the containers or from the limits of the Pod."""
    resources = spec.get("resources") or {}
    limits, requests = dict(resources.get("limits") or {}), dict(resources.get("requests") or {})
    if not limits and not requests:
        return spec
    for name, amount in podresources.aggregate({"spec": spec}, "limits").items():
        if name.startswith("hugepages-") and name not in requests:
            limits.setdefault(name, amount.canonical())
    if limits:
        for name, amount in podresources.aggregate({"spec": spec}, "requests").items():
            if name in podresources.POD_LEVEL:
                requests.setdefault(name, amount.canonical())
        for name, text in limits.items():
            if podresources.is_pod_level(name):
                requests.setdefault(name, text)
    done = {**resources, "limits": limits, "requests": requests}
    return {**spec, "resources": {name: value for name, value in done.items() if value or name in resources}}


def pod(obj: Obj) -> Obj:
    """A Pod: what only a Pod gets, then what every PodSpec gets."""
    spec: Obj = pod_spec(obj.get("spec") or {})
    for name in ("containers", "initContainers"):
        items = spec.get(name)
        if items:
            done = mapped(items, _requests_from_limits)
            if spec.get("hostNetwork"):
                done = mapped(done, _host_ports)
            spec = with_field(spec, name, done)
    if spec.get("resources"):
        spec = _pod_level(spec)
    if spec.get("enableServiceLinks") is None:
        spec = {**spec, "enableServiceLinks": True}
    if "status" not in obj:
        return {**obj, "spec": spec, "status": {}}
    return with_field(obj, "spec", spec)
