"""The resources that confd reads, by kind, and what a node has of them: addresses, AS number, port and the like.

Models      confd/pkg/backends/calico (client.go, node_labels.go, secret_watcher.go),
            libcalico-go/lib/backend/syncersv1/updateprocessors/bgpnodeprocessor.go
Leaves out  block affinities from a node's podCIDR (host-local IPAM)
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_interface
from typing import Any, NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico import selector
from apps.cluster.cni.calico.bird.nodes import calico_node

DEFAULT_AS = "64512"
SECRETS = "kube-system"
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_TIME = re.compile(r"([0-9]*\.?[0-9]+)(h|ms|us|µs|ns|m|s)")


class NodeFields(NamedTuple):
    """What of a Calico Node matters to BGP; "" is what it does not have."""

    name: str
    labels: Mapping[str, str]
    addresses: tuple[str, str]  # IPv4, IPv6
    networks: tuple[str, str]
    asn: str
    cluster_id: str
    wireguard: tuple[str, str]

    def address(self, family: int) -> str:
        return self.addresses[family == 6]


class LocalPeer(NamedTuple):
    """A Pod on the node that speaks BGP to it: the BGPPeer that chose it, and its addresses."""

    peer: str
    addresses: tuple[str, str]


@dataclass(frozen=True)
class Datastore:
    """All of it at one moment."""

    nodes: Mapping[str, NodeFields]
    configurations: Mapping[str, Obj]  # specs: "default", "node.<name>"
    peers: Mapping[str, Obj]  # specs, in order of their names
    filters: Mapping[str, Obj]
    pools: tuple[Obj, ...]
    affinities: tuple[Obj, ...]
    services: tuple[Obj, ...] = ()
    slices: tuple[Obj, ...] = ()
    secrets: Mapping[tuple[str, str], str] = field(default_factory=dict)
    local_peers: tuple[LocalPeer, ...] = ()

    @property
    def defaults(self) -> Obj:
        return self.configurations.get("default", {})

    def of_node(self, name: str) -> Obj:
        return self.configurations.get(f"node.{name}", {})

    def matching(self, text: str) -> list[str]:
        """The nodes that a selector chooses. One that cannot be read chooses none."""
        try:
            chosen = selector.parse(text)
        except selector.InvalidSelector:
            return []
        return [name for name, node in self.nodes.items() if chosen.matches(node.labels)]

    def default_as(self) -> str:
        asn = self.defaults.get("asNumber")
        return DEFAULT_AS if asn is None else as_number(asn)

    def as_of(self, name: str) -> str:
        return self.nodes[name].asn or self.default_as()

    def own_port(self, name: str) -> int:
        """The port of a node's own BGPConfiguration, or 0."""
        return int(self.of_node(name).get("listenPort") or 0)

    def port(self, name: str) -> int:
        """Where a node's BIRD listens, 0 for the usual port."""
        return self.own_port(name) or int(self.defaults.get("listenPort") or 0)

    def password(self, ref: Any) -> str | None:
        """What a `{"secretKeyRef": …}` points at, None while it is not there."""
        key = (ref or {}).get("secretKeyRef") or {}
        return self.secrets.get((key.get("name", ""), key.get("key", "")))


def datastore(objects: Iterable[Obj], local_peers: Iterable[LocalPeer] = ()) -> Datastore:
    """Sort resources by kind. Nodes may be Calico's or Kubernetes' own."""
    kinds: dict[str, list[Obj]] = {}
    for obj in objects:
        kinds.setdefault(obj["kind"], []).append(obj)
    nodes = sorted(
        map(
            node_fields,
            (calico_node(node) if node.get("apiVersion") == "v1" else node for node in kinds.get("Node", ())),
        )
    )
    secrets = (secret for secret in kinds.get("Secret", ()) if secret["metadata"].get("namespace") == SECRETS)
    return Datastore(
        nodes={node.name: node for node in nodes},
        configurations=_specs(kinds, "BGPConfiguration"),
        peers=_specs(kinds, "BGPPeer"),
        filters=_specs(kinds, "BGPFilter"),
        pools=tuple(_specs(kinds, "IPPool").values()),
        affinities=tuple(_specs(kinds, "BlockAffinity").values()),
        services=tuple(kinds.get("Service", ())),
        slices=tuple(kinds.get("EndpointSlice", ())),
        secrets={
            (secret["metadata"]["name"], key): value for secret in secrets for key, value in _opened(secret).items()
        },
        local_peers=tuple(local_peers),
    )


def _specs(kinds: Mapping[str, list[Obj]], kind: str) -> dict[str, Obj]:
    found = {obj["metadata"]["name"]: obj.get("spec") or {} for obj in kinds.get(kind, ())}
    return {name: found[name] for name in sorted(found)}


def _opened(secret: Obj) -> dict[str, str]:
    data = {key: b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}
    return {**data, **(secret.get("stringData") or {})}


def node_fields(node: Obj) -> NodeFields:
    spec = node.get("spec") or {}
    bgp, wireguard = spec.get("bgp") or {}, spec.get("wireguard") or {}
    both = [_interface(bgp.get(name)) for name in ("ipv4Address", "ipv6Address")]
    asn = bgp.get("asNumber")
    return NodeFields(
        node["metadata"]["name"],
        node["metadata"].get("labels") or {},
        (both[0][0], both[1][0]),
        (both[0][1], both[1][1]),
        "" if asn is None else as_number(asn),
        bgp.get("routeReflectorClusterID") or "",
        (wireguard.get("interfaceIPv4Address") or "", wireguard.get("interfaceIPv6Address") or ""),
    )


def _interface(text: str | None) -> tuple[str, str]:
    """An address and its network; what cannot be read counts as none."""
    try:
        interface = ip_interface(text or "")
    except ValueError:
        return "", ""
    return str(interface.ip), str(interface.network)


def as_number(value: int | str) -> str:
    """An AS number in digits; it may be written in two halves.

    >>> as_number(64512), as_number("1.10")
    ('64512', '65546')
    """
    high, dot, low = str(value).partition(".")
    return str(int(high) * 65536 + int(low)) if dot else str(int(high))


def seconds(duration: str) -> str:
    """A Go duration as whole seconds, halves away from nought.

    >>> seconds("2m1.5s")
    '122'
    """
    return str(int(sum(float(number) * _UNITS[unit] for number, unit in _TIME.findall(duration)) + 0.5))
