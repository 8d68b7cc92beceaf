"""What a Pod contributes to a Service: addresses, conditions and ports.

Models      staging/src/k8s.io/endpointslice/{utils.go,util/controller_utils.go}
Leaves out  nothing that shows

Pure.
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import EMPTY, Obj, labels_of, name_of, namespace_of, uid_of
from apps.cluster.controllers.pod_helpers import is_pod_ready

ZONE_LABEL = "topology.kubernetes.io/zone"
TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
HEADLESS_LABEL = "service.kubernetes.io/headless"


def belongs(pod: Obj, include_terminating: bool) -> bool:
    """Whether the Pod has an address to offer: not finished, and not (unless asked for) on its way out."""
    status = pod["status"]
    if status.get("phase") in ("Succeeded", "Failed"):
        return False
    if not status.get("podIP") and not status.get("podIPs"):
        return False
    return include_terminating or "deletionTimestamp" not in pod["metadata"]


def addresses(pod: Obj, address_type: str) -> list[str]:
    """The Pod's addresses of one family, "IPv4" or "IPv6"."""
    status = pod["status"]
    found = [entry["ip"] for entry in status.get("podIPs") or ()] or [status["podIP"]]
    return [ip for ip in found if (":" in ip) == (address_type == "IPv6")]


def is_headless(service: Obj) -> bool:
    return service["spec"].get("clusterIP") in (None, "", "None")


def shows_hostname(pod: Obj, service: Obj) -> bool:
    """Whether the Pod has a name of its own in DNS under this Service."""
    spec = pod["spec"]
    return bool(spec.get("hostname")) and spec.get("subdomain") == name_of(service)


def endpoint_of(pod: Obj, node: Obj | None, service: Obj, address_type: str) -> Obj:
    """The Pod as an element of `EndpointSlice.endpoints`."""
    serving = is_pod_ready(pod)
    terminating = "deletionTimestamp" in pod["metadata"]
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    endpoint: Obj = {
        "addresses": addresses(pod, address_type),
        "conditions": {
            "ready": published or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": {
            "kind": "Pod",
            "namespace": namespace_of(pod),
            "name": name_of(pod),
            "uid": uid_of(pod),
        },
    }
    if shows_hostname(pod, service):
        endpoint["hostname"] = pod["spec"]["hostname"]
    if pod["spec"].get("nodeName"):
        endpoint["nodeName"] = pod["spec"]["nodeName"]
    zone = labels_of(node).get(ZONE_LABEL) if node is not None else None
    if zone:
        endpoint["zone"] = zone
    return endpoint


def find_port(pod: Obj, port: Obj) -> int | None:
    """The Pod's port that a Service port leads to; None when it names one that no container has."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    protocol = port.get("protocol") or "TCP"
    spec = pod["spec"]
    sidecars = (one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always")
    for container in (*spec["containers"], *sidecars):
        for candidate in container.get("ports") or ():
            if candidate.get("name") == target and (candidate.get("protocol") or "TCP") == protocol:
                return int(candidate["containerPort"])
    return None


def ports_of(service: Obj, pod: Obj) -> list[Obj]:
    """The ports of the slice that this Pod belongs in. A port that the Pod does not have is left out."""
    ports = []
    for port in service["spec"].get("ports") or ():
        number = find_port(pod, port)
        if number is None:
            continue
        entry: Obj = {
            "name": port.get("name", ""),
            "protocol": port.get("protocol") or "TCP",
            "port": number,
        }
        if port.get("appProtocol"):
            entry["appProtocol"] = port["appProtocol"]
        ports.append(entry)
    return ports


def port_key(ports: list[Obj] | None) -> tuple[tuple[str, str, int, str], ...]:
    """Slices and Pods with the same ports, in whatever order, have the same key."""
    return tuple(sorted(_port_key(port) for port in ports or ()))


def _port_key(port: Obj) -> tuple[str, str, int, str]:
    name, protocol = port.get("name") or "", port.get("protocol") or "TCP"
    return name, protocol, port.get("port") or 0, port.get("appProtocol") or ""


def endpoint_key(endpoint: Obj) -> tuple[tuple[str, ...], str, str]:
    """What makes an endpoint the same one (hashEndpoint): addresses, hostname and the Pod behind it, uid aside."""
    target = endpoint.get("targetRef") or EMPTY
    return tuple(endpoint["addresses"]), endpoint.get("hostname") or "", target.get("name", "")


def pod_changed(old: Obj, new: Obj) -> tuple[bool, bool]:
    """(what it offers changed, which Services select it may have changed)"""
    before, after = old["metadata"], new["metadata"]
    labels = before.get("labels") is not after.get("labels") and before.get("labels") != after.get("labels")
    if not labels and old["spec"] is not new["spec"]:
        labels = any(old["spec"].get(field) != new["spec"].get(field) for field in ("hostname", "subdomain"))
    if before.get("deletionTimestamp") != after.get("deletionTimestamp"):
        return True, labels
    if old["status"] is new["status"]:
        return False, labels
    changed = old["status"].get("podIPs") != new["status"].get("podIPs") or is_pod_ready(old) != is_pod_ready(new)
    return changed, labels
