"""kubeadm: how bare machines become a cluster.

Models      cmd/kubeadm (init, join), apimachinery validation of Node names
Leaves out  nothing of its own: the phases are in workflow.py
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from apps.cluster.cni.calico.node import running
from apps.cluster.cni.calico.node.startup import Interface
from apps.cluster.cni.calico.validation.judging import GROUP, Judge
from apps.cluster.kubeadm import versions as v
from apps.cluster.kubeadm.pod_network import PodNetwork
from apps.cluster.kubeadm.workflow import CONTROL_PLANE, NAME, NETWORK, Kubeadm, Plant
from apps.cluster.kubelet import Kubelet
from apps.cluster.kubelet.cri.flavours import flavour_of
from apps.cluster.kubelet.registry import NAME as REGISTRY
from apps.cluster.kubelet.registry import Registry
from apps.cluster.machines import Machine

__all__ = ["CONTROL_PLANE", "boot", "command", "install_kubelet", "invalid_node_name", "join"]

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_NAME = 253
_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


class Configuration(Protocol):
    @property
    def images(self) -> Mapping[str, Mapping[str, Any]]: ...
    @property
    def runtime(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def pod_subnet(self) -> str: ...
    @property
    def encapsulation(self) -> str: ...
    @property
    def cluster_routes(self) -> str: ...
    @property
    def subnets(self) -> int: ...
    @property
    def load_balancer(self) -> str: ...
    @property
    def proxy_mode(self) -> str: ...


class ClusterLike(Plant, Protocol):
    """A cluster as kubeadm is given one."""

    @property
    def config(self) -> Configuration: ...


def boot(cluster: ClusterLike) -> None:
    """Begin kubeadm init on the first machine; the others join when it is done. Runs in the turns that follow."""
    _kubeadm(cluster).init()


def join(cluster: ClusterLike, node: str) -> None:
    """Begin kubeadm join on a machine."""
    _kubeadm(cluster).join(node)


def command(cluster: ClusterLike, verb: str, name: str, version: str) -> None:
    """kubeadm token, upgrade or reset. Raises: StatusError, refused."""
    _kubeadm(cluster).command(verb, name, version)


def install_kubelet(cluster: ClusterLike, machine: Machine) -> Kubelet:
    """A kubelet for a machine, not yet running: to be told by `load` what it knew."""
    return _kubeadm(cluster).install_kubelet(machine)


def invalid_node_name(name: str) -> str:
    """Why a machine may not have this name, "" when it may.

    >>> invalid_node_name("worker-4"), invalid_node_name("Worker 4")[:30]
    ('', 'a lowercase RFC 1123 subdomain')
    """
    if len(name) > _MAX_NAME:
        return f"must be no more than {_MAX_NAME} bytes"
    return "" if _SUBDOMAIN.fullmatch(name) else _RULE


def _kubeadm(cluster: ClusterLike) -> Kubeadm:
    """The cluster's kubeadm, and with it its Pod network, made when first asked for."""
    engine = cluster.engine
    there = engine.component(NAME)
    if isinstance(there, Kubeadm):
        return there
    config = cluster.config
    network = PodNetwork(engine, cluster.apiserver)
    engine.register(NETWORK, network)
    length = 24 if config.subnets > 1 else 16

    def interfaces(node: str) -> tuple[Interface, ...]:
        return (Interface("eth0", (f"{cluster.machines[node].address}/{length}",)),)

    host = running.Host(interfaces, cluster.host.problem_for)
    calico = running.CalicoNode(engine, cluster.apiserver, host, network, v.CALICO)
    engine.register(running.NAME, calico)
    cluster.apiserver.customs.judges[GROUP] = Judge(cluster.apiserver.tables)
    network.agent = calico
    registry = Registry(config.images)
    engine.register(REGISTRY, registry)
    kubeadm = Kubeadm(
        cluster,
        registry,
        network,
        flavour_of(config.runtime),
        config.version,
        config.pod_subnet,
        config.encapsulation,
        config.cluster_routes,
        config.load_balancer,
        config.proxy_mode,
    )
    cluster.host.install(kubeadm)
    engine.register(NAME, kubeadm)
    return kubeadm
