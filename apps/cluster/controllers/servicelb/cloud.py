"""A pretend cloud: it builds load balancers, which takes its time, and gives each an address.

Models      the interface LoadBalancer of k8s.io/cloud-provider/cloud.go, fulfilled by network load balancers
Leaves out  what clouds charge, refuse and forget; security groups; several zones; balancers of layer 7

Addresses are of 203.0.113.0/24, a range that nobody has. What is kept is plain data.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, uid_of

PREFIX = "203.0.113."
ADDRESSES = range(1, 255)
CREATE_MS, ADJUST_MS, HOSTS_MS, DELETE_MS = 8_000, 2_000, 1_500, 4_000  # what a call takes
MAX_NAME = 32


class CloudError(Exception):
    """The cloud says no."""


def name_of_balancer(service: Obj) -> str:
    """What the cloud calls a Service's balancer (DefaultLoadBalancerName).

    >>> name_of_balancer({"metadata": {"uid": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}})
    'a3fa85f6457174562b3fc2c963f66afa'
    """
    return ("a" + uid_of(service).replace("-", ""))[:MAX_NAME]


class Cloud:
    """Its balancers by name: whose, which address, which nodes, which ports."""

    def __init__(self) -> None:
        self.balancers: dict[str, dict[str, Any]] = {}
        self._last = 0  # the address given last: the next one is another

    def has(self, service: Obj) -> bool:
        return name_of_balancer(service) in self.balancers

    def ensure(self, service: Obj, hosts: list[str]) -> Obj:
        """Its balancer as it should be; gives the status of the Service.

        Raises:
            CloudError: no address is left, or the one asked for is not to be had.
        """
        name, spec = name_of_balancer(service), service["spec"]
        there = self.balancers.get(name)
        wanted = spec.get("loadBalancerIP", "")
        if there is not None and wanted in ("", there["ip"]):
            ip = there["ip"]
        else:
            ip = self._address(wanted)
        ports = [
            [port["port"], port.get("protocol", "TCP"), port.get("nodePort", 0)] for port in spec.get("ports") or ()
        ]
        self.balancers[name] = {"service": key_of(service), "ip": ip, "hosts": hosts, "ports": ports}
        return {"ingress": [{"ip": ip, "ipMode": "VIP"}]}

    def update_hosts(self, service: Obj, hosts: list[str]) -> None:
        """Raises: CloudError, there is no such balancer."""
        name = name_of_balancer(service)
        there = self.balancers.get(name)
        if there is None:
            raise CloudError(f"load balancer {name} not found")
        self.balancers[name] = {**there, "hosts": hosts}

    def delete(self, service: Obj) -> None:
        self.balancers.pop(name_of_balancer(service), None)

    def _address(self, wanted: str) -> str:
        taken = {balancer["ip"] for balancer in self.balancers.values()}
        if wanted:
            if not wanted.startswith(PREFIX) or wanted in taken:
                raise CloudError(f"address {wanted} is not available")
            return wanted
        for step in range(len(ADDRESSES)):
            number = ADDRESSES[(self._last + step) % len(ADDRESSES)]
            if f"{PREFIX}{number}" not in taken:
                self._last = number
                return f"{PREFIX}{number}"
        raise CloudError("no address is available")

    def save(self) -> dict[str, Any]:
        return {"balancers": dict(self.balancers), "last": self._last}

    def load(self, data: dict[str, Any]) -> None:
        self.balancers, self._last = dict(data["balancers"]), data["last"]


def ingress_of(service: Obj) -> list[Obj]:
    """What a Service's status tells of its balancer."""
    balancer = (service.get("status") or EMPTY).get("loadBalancer") or EMPTY
    return list(balancer.get("ingress") or ())
