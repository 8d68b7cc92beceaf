"""Endpoints in their canonical form: every address once for each set of ports.

Models      pkg/api/v1/endpoints/util.go (RepackSubsets)
Leaves out  the order of subsets, which upstream takes from hashes: here the ports decide

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.cluster.apimachinery.meta import Obj

_Host = tuple[str, str]  # an address, and the uid of the Pod behind it


def repack(subsets: Iterable[Obj]) -> list[Obj]:
    """Subsets with the same addresses become one; an address that is not ready anywhere is not ready."""
    hosts: dict[_Host, Obj] = {}
    by_port: dict[str, tuple[Obj | None, dict[_Host, bool]]] = {}
    for subset in subsets:
        for port in subset.get("ports") or [None]:
            entry = by_port.setdefault(repr(sorted(port.items())) if port else "", (port, {}))
            for field, ready in (("addresses", True), ("notReadyAddresses", False)):
                for address in subset.get(field) or ():
                    host = (address["ip"], (address.get("targetRef") or {}).get("uid", ""))
                    hosts.setdefault(host, address)
                    entry[1][host] = entry[1].get(host, True) and ready
    groups: dict[tuple[tuple[_Host, bool], ...], list[Obj]] = {}
    for _, (port, found) in sorted(by_port.items()):
        ports = groups.setdefault(tuple(sorted(found.items())), [])
        if port is not None:
            ports.append(port)
    out = []
    for members, ports in groups.items():
        subset = {
            "addresses": [hosts[host] for host, ready in members if ready],
            "notReadyAddresses": [hosts[host] for host, ready in members if not ready],
            "ports": ports,
        }
        out.append({field: value for field, value in subset.items() if value})
    return out
