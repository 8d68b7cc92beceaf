"""Calico's datastore as confd and BIRD see it, out of what the API server has and IPAM has given.

Models      confd's view of Node, IPPool, BlockAffinity, BGPPeer, BGPConfiguration and BGPFilter
Leaves out  blocks are told by IPAM itself: there are no BlockAffinity objects in the API
"""

from __future__ import annotations

from typing import Any

from apps.cluster.cni.calico.bird.datastore import Datastore, datastore
from apps.cluster.dataplane.facts import ADDRESS, Facts

Obj = dict[str, Any]

GROUP = "crd.projectcalico.org"
PEERS, CONFIGURATIONS, FILTERS = f"bgppeers.{GROUP}", f"bgpconfigurations.{GROUP}", f"bgpfilters.{GROUP}"
# Of pools without a tunnel and of those with one, whether Felix programs the routes -> what is left to BIRD.
BIRD_PROGRAMS = {
    (False, False): "Enabled",
    (True, False): "EnabledIPIPOnly",
    (False, True): "EnabledNoEncapOnly",
    (True, True): "Disabled",
}
BLOCKS_NAME = str.maketrans("./", "--")


def is_full_mesh(facts: Facts) -> bool:
    """Every node speaks to every other and nobody else is asked for: as Calico begins."""
    default: Obj = facts.table(CONFIGURATIONS).get("default", {}).get("spec") or {}
    return not facts.table(PEERS) and default.get("nodeToNodeMeshEnabled") is not False


def datastore_of(facts: Facts) -> Datastore:
    """Resources, sorted for confd. What Felix does not program, BIRD does, where no BGPConfiguration says otherwise."""
    objects: list[Obj] = [_node(facts, name) for name in facts.nodes]
    for pool in facts.pools:
        spec = {
            "cidr": pool.cidr,
            "ipipMode": pool.ipip,
            "vxlanMode": pool.vxlan,
            "natOutgoing": pool.nat_outgoing,
        }
        objects.append({"kind": "IPPool", "metadata": {"name": pool.name}, "spec": spec})
    for block, node in facts.blocks.items():
        spec = {"cidr": block, "node": node, "state": "confirmed"}
        name = f"{node}-{block.translate(BLOCKS_NAME)}"
        objects.append({"kind": "BlockAffinity", "metadata": {"name": name}, "spec": spec})
    for resource in (PEERS, FILTERS, "services", "endpointslices"):
        objects += facts.table(resource).values()
    felix = {bool(pool.tunnel): facts.by_felix(pool) for pool in facts.pools}
    programs = {"programClusterRoutes": BIRD_PROGRAMS[felix.get(False, False), felix.get(True, False)]}
    told = facts.table(CONFIGURATIONS)
    for name, obj in {"default": {"metadata": {"name": "default"}}, **told}.items():
        spec = obj.get("spec") or {}
        objects.append({"kind": "BGPConfiguration", "metadata": {"name": name}, "spec": {**programs, **spec}})
    return datastore(objects)


def _node(facts: Facts, name: str) -> Obj:
    """A Node with the address that calico/node found, even before it has written it down."""
    node = facts.table("nodes")[name]
    annotations = node["metadata"].get("annotations") or {}
    if ADDRESS in annotations:
        return node
    own = f"{facts.address(name)}/{facts.length()}"
    return {**node, "metadata": {**node["metadata"], "annotations": {**annotations, ADDRESS: own}}}
