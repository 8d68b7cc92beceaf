"""Calico's IPAM: pools, blocks of them that belong to nodes, and who has which address.

Models      libcalico-go/lib/ipam, node/pkg/allocateip, cni-plugin/pkg/ipamplugin
Leaves out  nothing
"""

from apps.cluster.cni.calico.ipam.allocator import IPAM
from apps.cluster.cni.calico.ipam.block import AlreadyAssigned, Block, Owner
from apps.cluster.cni.calico.ipam.pools import IPAMError, NoQualifiedPool, Pool, determine, pool_of
from apps.cluster.cni.calico.ipam.requests import Assignments, BlockLimit, Config, NotAssigned
from apps.cluster.cni.calico.ipam.usage import Utilization, utilization

__all__ = [
    "IPAM",
    "AlreadyAssigned",
    "Assignments",
    "Block",
    "BlockLimit",
    "Config",
    "IPAMError",
    "NoQualifiedPool",
    "NotAssigned",
    "Owner",
    "Pool",
    "Utilization",
    "determine",
    "pool_of",
    "utilization",
]
