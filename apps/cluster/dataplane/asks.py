"""What a reader asks of the network, and what comes of it: who sends a packet to whom, the names looked up, the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from apps.cluster.coredns.resolver import Lookup
from apps.cluster.network.walk import Walk

CLIENT, BALANCER = "client", "balancer"  # sources outside the cluster


class Ask(NamedTuple):
    """One packet of a new connection.

    `source`: `pods/default/web-0`, `nodes/worker-1`, `client` or `balancer`. `target`: a ref of a Pod, a Service or a
    Node, or a name or address as one types it. `port` 0 is the first one that the target has. `packet` counts the
    connections: chance falls otherwise for each. `size` in bytes, headers included; 0 is a bare SYN.
    """

    source: str
    target: str
    port: int = 0
    protocol: str = "tcp"
    packet: int = 0
    size: int = 0


class Finding(NamedTuple):
    """What there is to know of it in Kubernetes' terms: a message id of `finding.*`, and what goes with it."""

    message: str
    params: Mapping[str, str | int] = {}
    ref: str = ""  # the object that it is about


class Journey(NamedTuple):
    """A packet's way there and the answer's way back. `there` is None when nothing could be sent; findings say why.

    `address`, `port`: whom the packet was sent to. `dns`: the way of the question to CoreDNS, when a name had to be
    looked up; `lookup`: what was asked and answered.
    """

    ask: Ask
    address: str = ""
    port: int = 0
    lookup: Lookup | None = None
    dns: Walk | None = None
    there: Walk | None = None
    back: Walk | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def arrived(self) -> bool:
        """Somebody got it, and the answer came back."""
        return (
            self.there is not None
            and self.there.end == "delivered"
            and self.back is not None
            and self.back.end == "delivered"
        )
