"""What API servers write about themselves: an identity Lease each, and the addresses of the Service `kubernetes`.

Models      k8s.io/component-helpers apimachinery/lease, pkg/controlplane/apiserver/server.go (identity leases),
            pkg/controlplane/reconcilers/lease.go (the lease endpoint reconciler), controller/apiserverleasegc
Leaves out  an address that is there already is not written again every ten seconds, only its Lease is
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_micro, parse
from apps.cluster.apiserver import APIServer
from apps.cluster.client import Client
from apps.cluster.controlplane.names import APISERVER
from apps.cluster.engine import Engine

Obj = dict[str, Any]

IDENTITY = "apiserver.kubernetes.io/identity"
NAMESPACE = "kube-system"
LEASE_SECONDS = 3600
RENEW_MS = 10_000
MASTER_LEASE_MS = 15_000  # how long an address outlives its API server
GC_MS = 3_600_000
BEAT, EXPIRE, COLLECT = "beat", "expire", "collect"


def identity(node: str) -> str:
    """The name of an API server's Lease: made of its host's name.

    >>> identity("control-plane-1")[:10], len(identity("control-plane-1"))
    ('apiserver-', 36)
    """
    digest = sha256(f"{node}/{APISERVER}".encode()).digest()[:16]
    return "apiserver-" + b32encode(digest).decode().rstrip("=").lower()


class Records:
    """Kept by the servers that are there: `live` are their machines and addresses, in the order of their addresses."""

    def __init__(self, engine: Engine, apiserver: APIServer, wake: Callable[..., None]) -> None:
        self._engine = engine
        self._apiserver = apiserver
        self._wake = wake
        self.addresses: dict[str, str] = {}  # machine -> address, of every server whose master lease has not run out
        self.epochs: dict[str, int] = {}  # machine -> tells a server's renewals from those of an earlier one
        self._count = 0

    def began(self, node: str, address: str) -> None:
        """An API server has begun to answer."""
        self._count += 1
        self.epochs[node] = self._count
        self.addresses[node] = address
        client = Client(self._apiserver, APISERVER, node)
        try:
            self._create(client, node)
            self.reconcile(client)
        except StatusError:
            pass  # etcd is full: with the next renewal
        self._wake(f"{BEAT} {node} {self._count}", RENEW_MS, quiet=True)
        if self._count == 1:
            self._wake(f"{COLLECT} {node}", GC_MS, quiet=True)

    def leaving(self, node: str) -> None:
        """It is asked to end, and takes its records with it."""
        client = Client(self._apiserver, APISERVER, node)
        self.addresses.pop(node, None)
        try:
            client.delete("leases", NAMESPACE, identity(node), why="apiserver.lease-gone", name=node)
            self.reconcile(client)
        except StatusError:
            pass

    def ended(self, node: str) -> None:
        """Its process is gone."""
        self.epochs.pop(node, None)
        if node in self.addresses:
            self._wake(f"{EXPIRE} {node}", MASTER_LEASE_MS, quiet=False)

    def turn(self, what: str, node: str, epoch: str, live: str) -> None:
        """`live`: a machine whose API server can write, "" for none."""
        if what == BEAT:
            if self.epochs.get(node) == int(epoch):
                self._renew(node)
                self._wake(f"{BEAT} {node} {epoch}", RENEW_MS, quiet=True)
        elif what == EXPIRE:
            if node not in self.epochs and node in self.addresses and live:
                del self.addresses[node]
                self.reconcile(Client(self._apiserver, APISERVER, live))
        elif live:
            self._collect(Client(self._apiserver, APISERVER, live))
            self._wake(f"{COLLECT} {live}", GC_MS, quiet=True)

    def overdue(self, live: Sequence[str]) -> list[str]:
        """Machines whose address should have gone when nobody could take it away."""
        return [node for node in self.addresses if node not in self.epochs] if live else []

    # ---- leases --------------------------------------------------------------------------------

    def _create(self, client: Client, node: str) -> None:
        """A Lease of an earlier server of this machine goes first."""
        name = identity(node)
        if f"{NAMESPACE}/{name}" in self._apiserver.tables.get("leases", {}):
            client.delete("leases", NAMESPACE, name, why="apiserver.lease-gone", name=node)
        metadata = {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {IDENTITY: APISERVER, "kubernetes.io/hostname": node},
        }
        holder = sha256(f"{name}/{self._count}".encode()).hexdigest()
        uuid = f"{holder[:8]}-{holder[8:12]}-4{holder[13:16]}-a{holder[17:20]}-{holder[20:32]}"
        spec = {
            "holderIdentity": f"{name}_{uuid}",
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": format_micro(self._engine.now_ms),
        }
        client.create("leases", {"metadata": metadata, "spec": spec}, why="apiserver.lease", name=node)

    def _renew(self, node: str) -> None:
        lease = self._apiserver.tables.get("leases", {}).get(f"{NAMESPACE}/{identity(node)}")
        if lease is not None:
            spec = {**lease["spec"], "renewTime": format_micro(self._engine.now_ms)}
            client = Client(self._apiserver, APISERVER, node)
            try:
                client.update("leases", {**lease, "spec": spec}, why="heartbeat.server")
            except StatusError:
                return  # no etcd behind it: tried again in ten seconds
        elif node in self.addresses:
            client = Client(self._apiserver, APISERVER, node)
            try:
                self._create(client, node)
                self.reconcile(client)
            except StatusError:
                return

    def _collect(self, client: Client) -> None:
        """Leases of servers that have been gone for an hour."""
        now = self._engine.now_ms
        for lease in list(self._apiserver.tables.get("leases", {}).values()):
            if (lease["metadata"].get("labels") or {}).get(IDENTITY) != APISERVER:
                continue
            spec = lease["spec"]
            if parse(spec["renewTime"]) + spec["leaseDurationSeconds"] * 1000 < now:
                name = lease["metadata"]["name"]
                client.delete("leases", NAMESPACE, name, why="apiserver.lease-expired", name=name)

    # ---- the Service `kubernetes` --------------------------------------------------------------

    def reconcile(self, client: Client) -> None:
        """The Endpoints, and their slice, name the servers that there are."""
        endpoints = self._apiserver.tables.get("endpoints", {}).get("default/kubernetes")
        slice_ = self._apiserver.tables.get("endpointslices", {}).get("default/kubernetes")
        if endpoints is None or slice_ is None:
            return
        wanted = sorted(self.addresses.values(), key=_numbers)
        ports = [{"name": port["name"], "port": port["port"], "protocol": port["protocol"]} for port in slice_["ports"]]
        subsets = [{"addresses": [{"ip": ip} for ip in wanted], "ports": ports}] if wanted else []
        if _ips(endpoints) != wanted:
            new = {key: value for key, value in endpoints.items() if key != "subsets"}
            client.update("endpoints", {**new, "subsets": subsets} if subsets else new, why="apiserver.endpoints")
        if [one["addresses"][0] for one in slice_.get("endpoints") or ()] != wanted:
            listed = [{"addresses": [ip], "conditions": {"ready": True}} for ip in wanted]
            client.update("endpointslices", {**slice_, "endpoints": listed}, why="apiserver.endpoints")

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {"addresses": dict(self.addresses), "epochs": dict(self.epochs), "count": self._count}

    def load(self, data: Mapping[str, Any]) -> None:
        self.addresses, self.epochs, self._count = dict(data["addresses"]), dict(data["epochs"]), data["count"]


def _ips(endpoints: Obj) -> list[str]:
    return [address["ip"] for subset in endpoints.get("subsets") or () for address in subset["addresses"]]


def _numbers(address: str) -> list[int]:
    return [int(part) for part in address.split(".")]
