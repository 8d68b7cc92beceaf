"""Who reaches whom: which API server a client talks to, and why it may fail. Pure.

Models      kubeadm's kubeconfigs (the control plane's own programs and kubelets talk to the API server of their
            machine, all others to the control plane's endpoint), a TCP load balancer that asks each server for /readyz
Leaves out  DNS; keep-alive connections outlive no cut: they fail at once
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from apps.cluster.client import Problem
from apps.cluster.kubeadm.versions import API_PORT
from apps.cluster.machines import Machine

CONTROL_PLANE_ROLE = "control-plane"

KUBECTL = "kubectl"
ETCD_DOWN = Problem(
    500,
    "",
    'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: '
    'dial tcp 127.0.0.1:2379: connect: connection refused"',
)
NO_QUORUM = Problem(500, "", "etcdserver: request timed out")


def linked(machines: Mapping[str, Machine], one: str, other: str) -> bool:
    """Whether packets go from one machine to the other and back."""
    a, b = machines.get(one), machines.get(other)
    if a is None or b is None or a.power != "on" or b.power != "on":
        return False
    if one == other:
        return True
    return a.network == "up" and b.network == "up" and other not in a.cut and one not in b.cut


def refused(address: str, *, reader: bool = False) -> Problem:
    """The machine answers that nobody listens there."""
    where = f"{address}:{API_PORT}"
    if reader:
        message = f"The connection to the server {where} was refused - did you specify the right host or port?"
    else:
        message = f"dial tcp {where}: connect: connection refused"
    return Problem(0, "", message)


def unanswered(address: str, *, reader: bool = False) -> Problem:
    """Nothing comes back."""
    message = f"dial tcp {address}:{API_PORT}: i/o timeout"
    return Problem(0, "", f"Unable to connect to the server: {message}" if reader else message)


def no_backend(*, reader: bool = False) -> Problem:
    """The load balancer has no server to pass the connection on to, and closes it."""
    return Problem(0, "", "Unable to connect to the server: EOF" if reader else "EOF")


def balanced(serving: Sequence[str], healthy: Sequence[str]) -> str:
    """The API server that the load balancer passes a connection on to; "" for none.

    >>> balanced(["control-plane-1", "control-plane-2"], ["control-plane-2"])
    'control-plane-2'
    """
    return next(iter(healthy), "") or next(iter(serving), "")
