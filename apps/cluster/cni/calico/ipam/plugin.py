"""calico-ipam, the CNI plugin: what a Pod's sandbox asks of IPAM, and what it is told.

Models      cni-plugin/pkg/ipamplugin/ipam_plugin.go (cmdAdd, cmdDel)
Leaves out  addresses that a Pod's annotations ask for; migrated virtual machines
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_interface

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.ipam.allocator import IPAM
from apps.cluster.cni.calico.ipam.pools import IPAMError
from apps.cluster.cni.calico.ipam.requests import Assignments, NotAssigned


def families(conf: Obj) -> tuple[int, ...]:
    """What the configuration asks for: IPv4 unless it says no, IPv6 if it says so."""
    ipam = conf.get("ipam") or {}
    wanted = {4: ipam.get("assign_ipv4") != "false", 6: ipam.get("assign_ipv6") == "true"}
    return tuple(family for family, yes in wanted.items() if yes)


def handle_of(conf: Obj, container: str) -> str:
    return f"{conf['name']}.{container}"


def add(
    ipam: IPAM,
    conf: Obj,
    host: str,
    container: str,
    attributes: Mapping[str, str] | None = None,
    namespace: Mapping[str, str] | None = None,
) -> Obj:
    """The result of ADD: addresses with the length of their blocks, and a route to each block.

    Raises:
        IPAMError: there are not enough; what was assigned is given back.
    """
    addresses = request(ipam, conf, host, container, attributes, namespace)
    routes = [{"dst": str(ip_interface(address).network)} for address in addresses]
    return {"ips": [{"address": address} for address in addresses], "routes": routes}


def request(
    ipam: IPAM,
    conf: Obj,
    host: str,
    container: str,
    attributes: Mapping[str, str] | None = None,
    namespace: Mapping[str, str] | None = None,
    now_ms: int = 0,
) -> list[str]:
    """The addresses of a sandbox, one a family, each with the length of its block. Raises: IPAMError, as above."""
    asked = conf.get("ipam") or {}
    handle = handle_of(conf, container)
    addresses: list[str] = []
    for family in families(conf):
        pools = asked.get(f"ipv{family}_pools") or ()
        try:
            got: Assignments = ipam.auto_assign(
                host,
                family=family,
                handle=handle,
                attributes=attributes,
                pools=pools,
                namespace=namespace,
                now_ms=now_ms,
            )
            got.check()
        except IPAMError as error:
            delete(ipam, conf, container)
            raise IPAMError(f"failed to request IPv{family} addresses: {error}") from None
        addresses += got.addresses
    return addresses


def delete(ipam: IPAM, conf: Obj, container: str) -> None:
    """DEL: it may come twice, and for what never had an address."""
    try:
        ipam.release_by_handle(handle_of(conf, container))
    except NotAssigned:
        return
