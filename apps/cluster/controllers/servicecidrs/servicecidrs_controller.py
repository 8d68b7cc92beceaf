"""The ServiceCIDR controller: a range of Service addresses is ready, and stays until no address of it is in use.

Models      pkg/controller/servicecidrs/servicecidrs_controller.go
Leaves out  nothing
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from apps.cluster.apimachinery import conditions, timestamps
from apps.cluster.apimachinery.meta import Obj, labels_of, name_of
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
MANAGED_BY, MANAGER = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"
GRACE_MS = 10_000
STILL = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"


def _overlap(one: Obj, other: Obj) -> bool:
    ranges = [ip_network(text) for text in other["spec"].get("cidrs") or ()]
    return any(
        found.version == mine.version and found.overlaps(mine)
        for mine in map(ip_network, one["spec"].get("cidrs") or ())
        for found in ranges
    )


class ServiceCIDRController(Controller):
    """Keys are names of ServiceCIDRs."""

    name = "service-cidr-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.cidrs = informers("servicecidrs")
        self.addresses = informers("ipaddresses")
        self.cidrs.add_handler(self._changed, lambda _, new: self._changed(new), self._changed)
        self.addresses.add_handler(self._address, None, self._address)

    def _changed(self, cidr: Obj) -> None:
        self.enqueue(name_of(cidr))
        for other in self.cidrs.cache.values():
            if name_of(other) != name_of(cidr) and _overlap(cidr, other):
                self.enqueue(name_of(other))

    def _address(self, address: Obj) -> None:
        for cidr in self.cidrs.cache.values():
            # One that is not on its way out does not care who uses it.
            if "deletionTimestamp" in cidr["metadata"]:
                self.enqueue(name_of(cidr))

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        cidr = self.cidrs.get(key)
        if cidr is None:
            return
        metadata = cidr["metadata"]
        finalizers = metadata.get("finalizers") or []
        if "deletionTimestamp" in metadata:
            if not self._may_go(cidr):
                self._say(cidr, "False", "Terminating", STILL)
                return
            left = timestamps.parse(metadata["deletionTimestamp"]) + GRACE_MS - self.engine.now_ms
            if left > 0:
                self.enqueue(key, left)
            elif FINALIZER in finalizers:
                kept = [one for one in finalizers if one != FINALIZER]
                body = {"metadata": {"finalizers": kept or None, "resourceVersion": metadata["resourceVersion"]}}
                self.client.patch("servicecidrs", "", key, body, type="merge", why="servicecidr.release")
            return
        if FINALIZER not in finalizers:
            body = {"metadata": {"finalizers": [*finalizers, FINALIZER]}}
            cidr = self.client.patch("servicecidrs", "", key, body, type="merge", why="servicecidr.protect")
        self._say(cidr, "True", "", "Kubernetes Service CIDR is ready")

    def _say(self, cidr: Obj, status: str, reason: str, message: str) -> None:
        old = cidr.get("status") or {}
        new = {"type": "Ready", "status": status, "reason": reason, "message": message}
        there = conditions.find(old.get("conditions"), "Ready") or {}
        if any(there.get(field) != value for field, value in new.items()):
            # Applied with the time of the look, whether or not the status itself is another.
            others = [one for one in old.get("conditions") or () if one["type"] != "Ready"]
            said = {**new, "lastTransitionTime": format_ms(self.engine.now_ms)}
            body = {**cidr, "status": {**old, "conditions": [*others, said]}}
            self.client.managed_by(self.name, apply=True).update_status("servicecidrs", body, why="servicecidr.report")

    def _may_go(self, cidr: Obj) -> bool:
        """Every address it gave lies in another one too."""
        others = [other for other in self.cidrs.cache.values() if name_of(other) != name_of(cidr)]
        known = [ip_network(text) for other in others for text in other["spec"].get("cidrs") or ()]
        mine = [ip_network(text) for text in cidr["spec"].get("cidrs") or ()]
        if all(any(own.version == one.version and own.subnet_of(one) for one in known) for own in mine):  # type: ignore[arg-type]
            return True
        for address in self.addresses.cache.values():
            if labels_of(address).get(MANAGED_BY) != MANAGER:
                continue
            ip = ip_address(name_of(address))
            if any(ip in own for own in mine) and not any(ip in one for one in known):
                return False
        return True
