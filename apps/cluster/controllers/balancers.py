"""Who serves Services of type LoadBalancer: programs that a cluster has only when it was asked for one.

Models      cloud-controller-manager beside a cluster of a cloud; MetalLB in a cluster of one's own
Leaves out  nothing: each program says what it leaves out

Without one, a Service of type LoadBalancer waits for its address for ever, as in a bare cluster of kubeadm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.client import Controller
from apps.cluster.controllers.metallb import installation
from apps.cluster.controllers.metallb.controller import MetalLBController
from apps.cluster.controllers.metallb.speaker import Speaker
from apps.cluster.controllers.servicelb.service_controller import ServiceController

METALLB = "metallb"

# By `Config.load_balancer`: the programs and what runs in each.
PROGRAMS: Mapping[str, Mapping[str, tuple[type[Controller], ...]]] = {
    "cloud": {"cloud-controller-manager": (ServiceController,)},
    METALLB: {"metallb-controller": (MetalLBController,), "metallb-speaker": (Speaker,)},
}


def manifest(balancer: str) -> Iterator[tuple[str, Obj]]:
    """(resource, object) that an administrator applies for it, before machines join."""
    if balancer == METALLB:
        yield from installation.objects()
        yield from installation.settings()
