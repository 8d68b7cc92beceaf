"""Who serves Services of type LoadBalancer: programs that a cluster has only when it was asked for one.

Models      cloud-controller-manager beside a cluster of a cloud; MetalLB in a cluster of one's own
Leaves out  nothing: each program says what it leaves out

Without one, a Service of type LoadBalancer waits for its address for ever, as in a bare cluster of kubeadm.
"""

from __future__ import annotations

from collections.abc import Mapping

from apps.cluster.client import Controller
from apps.cluster.controllers.servicelb.service_controller import ServiceController

# By `Config.load_balancer`: the programs and what runs in each.
PROGRAMS: Mapping[str, Mapping[str, tuple[type[Controller], ...]]] = {
    "cloud": {"cloud-controller-manager": (ServiceController,)},
}
