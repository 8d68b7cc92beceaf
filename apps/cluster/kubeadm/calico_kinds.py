"""The kinds that Calico's manifest brings: CustomResourceDefinitions of crd.projectcalico.org/v1.

Models      projectcalico/calico manifests/calico.yaml (names, scopes, status subresources, fields of the short kinds)
Leaves out  fields of the long kinds (their specs keep whatever is written; cni/calico/validation judges it), rules in
            CEL, descriptions; staged policies and ClusterNetworkPolicy
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

Obj = dict[str, Any]
GROUP, VERSION = "crd.projectcalico.org", "v1"
MODES = ("Never", "Always", "CrossSubnet")


def _text(**more: Any) -> Obj:
    return {"type": "string", **more}


def _one_of(*values: str, **more: Any) -> Obj:
    return {"type": "string", "enum": list(values), **more}


def _whole(**more: Any) -> Obj:
    return {"type": "integer", **more}


def _list(items: Obj, kind: str = "atomic") -> Obj:
    return {"type": "array", "items": items, "x-kubernetes-list-type": kind}


YES_NO: Obj = {"type": "boolean"}
CIDRS = _list({"type": "object", "properties": {"cidr": _text(format="cidr")}})
ROUTES = _one_of("Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly")


class Kind(NamedTuple):
    """`fields` of its spec, `required` those that must be there; `open`: what they do not name stays as well."""

    name: str
    plural: str
    fields: Obj
    required: tuple[str, ...] = ()
    open: bool = False
    namespaced: bool = False
    status: bool = False


KINDS = (
    Kind(
        "BGPConfiguration",
        "bgpconfigurations",
        {
            "asNumber": _whole(format="int32"),
            "bindMode": _one_of("None", "NodeIP"),
            "listenPort": _whole(minimum=1, maximum=65535),
            "logSeverityScreen": _text(),
            "nodeMeshMaxRestartTime": _text(),
            "nodeToNodeMeshEnabled": YES_NO,
            "programClusterRoutes": ROUTES,
            "serviceClusterIPs": CIDRS,
            "serviceExternalIPs": CIDRS,
            "serviceLoadBalancerIPs": CIDRS,
        },
        open=True,
    ),
    Kind("BGPFilter", "bgpfilters", {}, open=True),
    Kind(
        "BGPPeer",
        "bgppeers",
        {
            "asNumber": _whole(format="int32"),
            "filters": _list(_text()),
            "node": _text(maxLength=253),
            "nodeSelector": _text(maxLength=1024),
            "peerIP": _text(maxLength=64),
            "peerSelector": _text(maxLength=1024),
        },
        open=True,
    ),
    Kind(
        "BlockAffinity",
        "blockaffinities",
        {"cidr": _text(), "deleted": _text(), "node": _text(), "state": _text(), "type": _text()},
        ("cidr", "deleted", "node", "state"),
    ),
    Kind(
        "CalicoNodeStatus",
        "caliconodestatuses",
        {
            "classes": _list(_one_of("Agent", "BGP", "Routes"), "set"),
            "node": _text(),
            "updatePeriodSeconds": _whole(format="int32"),
        },
        status=True,
    ),
    Kind(
        "ClusterInformation",
        "clusterinformations",
        {
            "calicoVersion": _text(),
            "clusterGUID": _text(),
            "clusterType": _text(),
            "datastoreReady": YES_NO,
            "variant": _text(),
        },
    ),
    Kind("FelixConfiguration", "felixconfigurations", {"programClusterRoutes": ROUTES}, open=True),
    Kind("GlobalNetworkPolicy", "globalnetworkpolicies", {}, open=True),
    Kind("GlobalNetworkSet", "globalnetworksets", {"nets": _list(_text(), "set")}),
    Kind("HostEndpoint", "hostendpoints", {}, open=True),
    Kind(
        "IPAMBlock",
        "ipamblocks",
        {
            "affinity": _text(),
            "allocations": _list(_whole(nullable=True)),
            "attributes": _list({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
            "cidr": _text(),
            "deleted": YES_NO,
            "strictAffinity": YES_NO,
            "unallocated": _list(_whole()),
        },
        ("allocations", "attributes", "cidr", "strictAffinity", "unallocated"),
        open=True,
    ),
    Kind(
        "IPAMConfig",
        "ipamconfigs",
        {
            "autoAllocateBlocks": YES_NO,
            "maxBlocksPerHost": _whole(minimum=0, maximum=2147483647),
            "strictAffinity": YES_NO,
        },
        ("autoAllocateBlocks", "strictAffinity"),
    ),
    Kind(
        "IPAMHandle",
        "ipamhandles",
        {
            "block": {"type": "object", "additionalProperties": _whole()},
            "deleted": YES_NO,
            "handleID": _text(),
        },
        ("block", "handleID"),
    ),
    Kind(
        "IPPool",
        "ippools",
        {
            "allowedUses": _list(_one_of("Workload", "Tunnel", "LoadBalancer"), "set"),
            "assignmentMode": _one_of("Automatic", "Manual", default="Automatic"),
            "blockSize": _whole(minimum=0, maximum=128),
            "cidr": _text(format="cidr", maxLength=48),
            "disableBGPExport": YES_NO,
            "disabled": YES_NO,
            "ipipMode": _one_of(*MODES),
            "namespaceSelector": _text(maxLength=1024),
            "natOutgoing": YES_NO,
            "nodeSelector": _text(maxLength=1024, default="all()"),
            "vxlanMode": _one_of(*MODES),
        },
        ("cidr",),
        status=True,
    ),
    Kind("IPReservation", "ipreservations", {"reservedCIDRs": _list(_text(format="cidr"), "set")}),
    Kind("KubeControllersConfiguration", "kubecontrollersconfigurations", {}, open=True, status=True),
    Kind("NetworkPolicy", "networkpolicies", {}, open=True, namespaced=True),
    Kind("NetworkSet", "networksets", {"nets": _list(_text(), "set")}, namespaced=True),
    Kind(
        "Tier",
        "tiers",
        {"defaultAction": _one_of("Pass", "Deny", default="Deny"), "order": {"type": "number"}},
        status=True,
    ),
)


def definitions() -> Iterator[Obj]:
    """The definitions, in the order of the manifest."""
    for kind in KINDS:
        spec: Obj = {"type": "object"}
        if kind.fields:
            spec["properties"] = kind.fields
        if kind.required:
            spec["required"] = list(kind.required)
        if kind.open:
            spec["x-kubernetes-preserve-unknown-fields"] = True
        properties = {"apiVersion": _text(), "kind": _text(), "metadata": {"type": "object"}, "spec": spec}
        version: Obj = {"name": VERSION, "served": True, "storage": True}
        if kind.status:
            properties["status"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
            version["subresources"] = {"status": {}}
        version["schema"] = {"openAPIV3Schema": {"type": "object", "properties": properties}}
        yield {
            "metadata": {
                "name": f"{kind.plural}.{GROUP}",
                "annotations": {"controller-gen.kubebuilder.io/version": "v0.18.0"},
            },
            "spec": {
                "group": GROUP,
                "names": {
                    "kind": kind.name,
                    "listKind": f"{kind.name}List",
                    "plural": kind.plural,
                    "singular": kind.name.lower(),
                },
                "scope": "Namespaced" if kind.namespaced else "Cluster",
                "versions": [version],
            },
        }
