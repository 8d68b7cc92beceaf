"""A site: machines, and the kubelets on them. What works on machines is given one, and says what else it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from apps.cluster.apiserver import APIServer
from apps.cluster.engine import Engine
from apps.cluster.kubelet.kubelet import Kubelet
from apps.cluster.machines import Machine


class Site(Protocol):
    """What every part of a cluster may look at that works on its machines."""

    @property
    def engine(self) -> Engine: ...
    @property
    def apiserver(self) -> APIServer: ...
    @property
    def machines(self) -> Mapping[str, Machine]: ...
    @property
    def kubelets(self) -> dict[str, Kubelet]: ...
