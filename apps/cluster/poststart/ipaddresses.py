"""The repair of IPAddresses: every cluster IP has one that says whose it is, and none is left of a Service that went.

Models      pkg/registry/core/service/ipallocator/controller/repairip.go
Leaves out  looking at everything anew now and then: what is out of order is seen when it happens

The allocator writes and deletes them together with the Service, so there is something to do only after other hands.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, labels_of, name_of
from apps.cluster.apiserver.allocators import FAMILY, MANAGED_BY, MANAGER, address_object, cluster_ips, gives
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

REQUEST_MS = 60_000  # how long a request may take: until then a Service may yet come
RACE_MS = 5_000
SERVICE, ADDRESS = "service", "address"
WHY = "kube-apiserver.repair-address"


def _family(ip: str) -> str:
    return "IPv6" if ":" in ip else "IPv4"


def _parent(address: Obj) -> Obj:
    parent: Obj = (address.get("spec") or EMPTY).get("parentRef") or EMPTY
    return parent


def _of_a_service(address: Obj) -> bool:
    parent = _parent(address)
    return not parent.get("group") and parent.get("resource") == "services"


def _owner(address: Obj) -> str:
    """The key of the Service that it names."""
    parent = _parent(address)
    return f"{parent.get('namespace', '')}/{parent.get('name', '')}"


def _labelled(address: Obj) -> bool:
    labels = labels_of(address)
    return labels.get(FAMILY) == _family(name_of(address)) and labels.get(MANAGED_BY) == MANAGER


def in_order(address: Obj, service: Obj) -> bool:
    """Whether an IPAddress says of its Service what the allocator says."""
    return _of_a_service(address) and _owner(address) == key_of(service) and _labelled(address)


class RepairIPAddress(Controller):
    """Keys are `service ns/name` and `address 10.96.0.10`."""

    name = "ipallocator-repair"
    source = "ipallocator-repair-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.services = informers("services")
        self.addresses = informers("ipaddresses")
        self.ranges = informers("servicecidrs")
        self.services.add_index("ip", lambda service: tuple(cluster_ips(service)))
        self.services.add_handler(self._service, lambda _, new: self._service(new), self._service_gone)
        self.addresses.add_handler(self._address, lambda _, new: self._address(new), self._address_gone)

    def _service(self, service: Obj) -> None:
        for ip in cluster_ips(service):
            there = self.addresses.get(ip)
            if there is None or not in_order(there, service):
                self.enqueue(f"{SERVICE} {key_of(service)}")

    def _service_gone(self, service: Obj) -> None:
        for ip in cluster_ips(service):
            self.enqueue(f"{ADDRESS} {ip}")

    def _address(self, address: Obj) -> None:
        service = self.services.get(_owner(address))
        if service is None or not in_order(address, service) or name_of(address) not in cluster_ips(service):
            self.enqueue(f"{ADDRESS} {name_of(address)}")
            self._holders(name_of(address))

    def _address_gone(self, address: Obj) -> None:
        self._holders(name_of(address))

    def _holders(self, ip: str) -> None:
        for service in self.services.by_index("ip", ip):
            self.enqueue(f"{SERVICE} {key_of(service)}")

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        what, _, name = key.partition(" ")
        if what == SERVICE:
            self._sync_service(name)
        else:
            self._sync_address(key, name)

    def _warn(self, obj: Obj, reason: str, action: str, message: str) -> None:
        self.recorder.event(obj, "Warning", reason, message, action=action)

    def _sync_service(self, key: str) -> None:
        service = self.services.get(key)
        if service is None:
            return
        for ip in cluster_ips(service):
            where = f"Cluster IP [{_family(ip)}]: {ip}"
            if not self._in_range(ip):
                told = f"{where} is not within any configured Service CIDR; please recreate service"
                self._warn(service, "ClusterIPOutOfRange", "ClusterIPAllocation", told)
                continue
            there = self.addresses.get(ip)
            if there is None:
                told = f"{where} is not allocated; repairing"
                self._warn(service, "ClusterIPNotAllocated", "ClusterIPAllocation", told)
                self.client.create("ipaddresses", address_object(ip, service), why=WHY)
                continue
            wrong = not _of_a_service(there)
            if not wrong and _owner(there) != key:
                other = self.services.get(_owner(there))
                wrong = other is None
                if other is not None and ip in cluster_ips(other):
                    told = f"Cluster IP [{_family(ip)}]:{ip} was assigned to multiple services; please recreate service"
                    self._warn(service, "ClusterIPAlreadyAllocated", "ClusterIPAllocation", told)
            if wrong:
                told = f"the ClusterIP [{_family(ip)}]: {ip} for Service {key} has a wrong reference; repairing"
                self._warn(service, "ClusterIPNotAllocated", "ClusterIPAllocation", told)
            if wrong or not _labelled(there):
                self.client.delete("ipaddresses", "", ip, why=WHY)
                self.client.create("ipaddresses", address_object(ip, service), why=WHY)

    def _in_range(self, ip: str) -> bool:
        return any(
            gives(IPv4Network(text), ip)
            for cidr in self.ranges.cache.values()
            for text in cidr["spec"].get("cidrs") or ()
            if ":" not in text
        )

    def _sync_address(self, key: str, ip: str) -> None:
        """One of the allocator's that names no Service which has it is taken away, in time."""
        address = self.addresses.get(ip)
        if address is None or labels_of(address).get(MANAGED_BY) != MANAGER:
            return
        made = timestamps.parse(address["metadata"]["creationTimestamp"])
        age, owner = self.engine.now_ms - made, _owner(address)
        service = self.services.get(owner)
        if not _of_a_service(address):
            parent = _parent(address)
            fields = ",".join(
                f"{name}:{parent.get(name.lower(), '')}" for name in ("Group", "Resource", "Namespace", "Name")
            )
            shown = f"&ParentReference{{{fields},}}"
            told = f"IPAddress {ip} appears to have been modified, not referencing a Service {shown}: cleaning up"
            self._clean(address, "IPAddressNotAllocated", told)
        elif service is None:
            if age > REQUEST_MS:
                told = f"IPAddress: {ip} for Service {owner} appears to have leaked: cleaning up"
                self._clean(address, "IPAddressNotAllocated", told)
            else:
                self.enqueue(key, REQUEST_MS - age + 1000)
        elif ip not in cluster_ips(service):
            if service["spec"].get("type") == "ExternalName" and age < REQUEST_MS:
                self.enqueue(key, REQUEST_MS - age)
            elif made > timestamps.parse(service["metadata"]["creationTimestamp"]) and age < RACE_MS:
                self.enqueue(key, RACE_MS)
            else:
                told = f"IPAddress: {ip} for Service {owner} has a wrong reference; cleaning up"
                self._clean(address, "IPAddressWrongReference", told)

    def _clean(self, address: Obj, reason: str, told: str) -> None:
        self._warn(address, reason, "IPAddressAllocation", told)
        self.client.delete("ipaddresses", "", name_of(address), why=WHY)
