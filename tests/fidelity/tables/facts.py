"""Alphabets and ranges that names and ports are drawn from."""

from __future__ import annotations

from apps.cluster.api.podtemplate_hash import safe_encode
from apps.cluster.apiserver.node_ports import NODE_PORTS
from apps.cluster.cni.calico.felix.encapsulation import AKS, OVERHEADS, default_mtus
from apps.cluster.engine.randomness import ALPHANUMS, Randomness
from tests.fidelity.tables.registry import Row, adaptor, same

NAMES = {"vxlan_v4": "vxlan", "wireguard_v4": "wireguard"}


@adaptor("facts__misc")
def fact(row: Row) -> None:
    if row.title == "SafeEncodeString":
        same(safe_encode("0123456789"), "".join(row["digits"][digit] for digit in "0123456789"))
        same(ALPHANUMS, row["alphabet"])
    elif row.title == "random_suffix":
        drawn = Randomness(1).suffix()
        same((ALPHANUMS, len(drawn)), (row["alphabet"], row["length"]))
    elif row.title == "node_port_range":
        same(f"{NODE_PORTS[0]}-{NODE_PORTS[-1]}", row["default"])
    elif row.title == "felix_mtu":
        same(
            OVERHEADS | {"aks_extra": AKS}, {NAMES.get(name, name): bytes_ for name, bytes_ in row["overheads"].items()}
        )
        for case in row["cases"]:
            azure = {"provider": case.get("provider", ""), "encrypt_hosts": case.get("routeSource") == "WorkloadIPs"}
            found = default_mtus(case["host_mtu"], **azure)
            for name in set(case) & set(found):
                same(found[name], case[name], f"{name} at {case['host_mtu']}")
    else:
        raise NotImplementedError(row.title)
