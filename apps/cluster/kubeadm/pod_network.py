"""The network as kubelets see it: Calico's, with its refusals as the CNI's."""

from __future__ import annotations

from typing import Any

from apps.cluster.cni.calico.ipam import IPAMError
from apps.cluster.cni.calico.network import CalicoNetwork
from apps.cluster.kubelet.cri import NetworkError

Obj = dict[str, Any]


class PodNetwork(CalicoNetwork):
    """A Network of kubelet/cri."""

    def add(self, node: str, pod: Obj) -> str:
        """Raises: NetworkError, in the plugin's words."""
        try:
            return super().add(node, pod)
        except IPAMError as error:
            raise NetworkError(str(error)) from None
