"""Calico: its addresses, selectors, tunnels and what calico/node does as it starts."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from apps.cluster.cni.calico import selector
from apps.cluster.cni.calico.felix.addresses import PrefixMap, is_single, nth_bit
from apps.cluster.cni.calico.felix.encapsulation import Encapsulation, EncapsulationCalculator
from apps.cluster.cni.calico.felix.settings import provider
from apps.cluster.cni.calico.felix.vxlan import VXLANDevice, incompatible
from apps.cluster.cni.calico.ipam import IPAM, IPAMError, NotAssigned, plugin, tunnels
from apps.cluster.cni.calico.node.startup import Interface, StartupError, configured_addresses, first_pools
from apps.cluster.cni.calico.node.status import Route
from apps.cluster.network.addresses import within
from tests.fidelity.tables.goexpr import plain
from tests.fidelity.tables.registry import Row, adaptor, same

Obj = dict[str, Any]


def pool(cidr: str, size: int | None = None, **spec: Any) -> Obj:
    sized = {} if size is None else {"blockSize": size}
    return {"kind": "IPPool", "metadata": {"name": cidr}, "spec": {"cidr": cidr, **sized, **spec}}


# -- selectors


@adaptor("calico__parser__315_Visitor_tests")
def visitor(row: Row) -> None:
    given, expected, _visitor = row["args"]
    same(str(selector.parse(given).prefixed("visited/")), expected)


@adaptor("calico__stringset__27_StringSet_contains_tests")
def string_set(row: Row) -> None:
    given = row["args"][0] or []
    made = selector.string_set(given)
    same([selector.in_set(one, made) for one in given], [True] * len(given), "what is in it")
    same([selector.in_set(one + "bogus", made) for one in given], [False] * len(given), "what is not")
    same(len(made) <= len(given), True, "each once")


# -- addresses


@adaptor("calico__ip_addr__104_NthBit")
def bit(row: Row) -> None:
    address, place, expected = plain(row["args"])
    same(nth_bit(address, place), expected)


@adaptor("calico__ip_addr__121_Contains")
def contains(row: Row) -> None:
    network, address, expected = row["args"]
    same(within(address, network), expected)


@adaptor("calico__ip_addr__137_IsSingleAddress")
def single(row: Row) -> None:
    network, expected = row["args"]
    same(is_single(network), expected)


NETWORK_SETS = {
    "netSet1Key": "netset-1",
    "netSet3Key": "netset-3",
    "netSet1": ["12.0.0.0/24", "12.0.0.0/24", "12.1.0.0/24", "10.0.0.1/32", "feed:beef::/32", "feed:beef:0::/32"],
    "netSet3": ["12.1.2.142/32", "12.1.0.0/16", "12.1.0.0/8"],
    "netset3Ip1a": "12.1.0.130",
    "netset3Ip1b": "12.1.2.142",
}


@adaptor("calico__iplpm__71_Test_by_finding_Longest_Prefix_Match_CIDR_s_name_f")
def longest_prefix(row: Row) -> None:
    first, second, nets, others, address, expected = plain(row["args"], NETWORK_SETS)
    found = PrefixMap()
    for name, networks in ((first, nets), (second, others)):
        for network in networks:
            found.insert(network, name)
    same(found.longest(address), expected)


# -- IPAM


@adaptor("calico__ipam__4351_ReleaseIPs__requested_IPs_to_be_released_vs_actual")
def release(row: Row) -> None:
    given, _clean, pools, assigned, number, expected, error = plain(row["args"])
    ipam = IPAM([pool(cidr) for cidr in pools], {"host-release": {}})
    asked = [given] if given else []
    if assigned:
        ipam.assign(assigned, "host-release")
        asked = [assigned]
    if number:
        got = ipam.auto_assign("host-release", number)
        got.check()
        asked = [address.partition("/")[0] for address in got.addresses]
    same(ipam.release(*asked), expected)
    same(error, None)


@adaptor("calico__ipam__4439_ClaimAffinity__claim_IPNet_vs_actual_number_of_blo")
def claim(row: Row) -> None:
    network, host, clean, pools, assigned, claimed, failed, error = plain(row["args"][0])
    ipam = IPAM([pool(cidr) for cidr in pools], {host: {}})
    if not clean:  # it goes on from what the row before left: host-a has claimed them
        ipam.claim_affinity(network, "host-a")
    if assigned:
        ipam.assign(assigned, "host-a")
    said, got = None, ([], [])
    try:
        got = ipam.claim_affinity(network, host)
    except IPAMError as refused:
        said = str(refused)
    same((len(got[0]), len(got[1]), said), (claimed, failed, error))


def template(value: Any) -> str:
    """A text that fmt.Sprintf makes; what fills it in does not matter here."""
    return re.sub(r"%[sdv]", "1", value["args"][0])


@adaptor("calico__calico_cni_ipam__98_Request_different_numbers_of_IP_addresses")
def plugin_add(row: Row) -> None:
    four, six, conf = row["args"]
    ipam = IPAM([pool("192.168.0.0/16"), pool("fd80:24e2:f998:72d6::/64")], {"host": {}})
    given = json.loads(template(conf))
    result = plugin.add(ipam, given, "host", "container")
    lengths = {":" in one["address"]: one["address"].partition("/")[2] for one in result["ips"]}
    same(lengths, {**({False: "26"} if four else {}), **({True: "122"} if six else {})})
    for one in result["ips"]:
        address = one["address"].partition("/")[0]
        same(any(within(address, route["dst"]) for route in result["routes"]), True, "a route to it")
    plugin.delete(ipam, given, "container")
    same([block.used for block in ipam.blocks()], [{}] * len(result["ips"]), "after DEL")


TUNNELS = {
    "ipam.AttributeTypeIPIP": "ipipTunnelAddress",
    "ipam.AttributeTypeVXLAN": "vxlanTunnelAddress",
    "ipam.AttributeTypeVXLANV6": "vxlanV6TunnelAddress",
    "ipam.AttributeTypeWireguard": "wireguardTunnelAddress",
    "ipam.AttributeTypeWireguardV6": "wireguardV6TunnelAddress",
}
POD = {"node": "test.node", "type": "pod"}


def tunnel_node(name: str, *, bgp: bool = True) -> Obj:
    addresses = {"ipv4Address": "192.168.0.1/24", "ipv6Address": "fdff:ffff:ffff:ffff:ffff::/80"}
    return {"kind": "Node", "metadata": {"name": name}, "spec": {"bgp": addresses} if bgp else {}}


def tunnel_ipam() -> IPAM:
    """Two pools a family, of one address and of two, the first of which a Pod has."""
    pools = [
        pool("172.16.10.10/32", 32),
        pool("172.16.0.0/31", 31),
        pool("2001:db8:00:ff::/128", 128),
        pool("2001:db8::/127", 127),
    ]
    ipam = IPAM(pools, {"test.node": {}})
    for address in ("172.16.0.0", "2001:db8::"):
        ipam.assign(address, "test.node", handle="myhandle", attributes=POD)
    return ipam


def tunnel_of(row: Row) -> tuple[tunnels.Tunnel, str, str]:
    """The kind of a row, the pool that it has to be of, and the address that it has to get."""
    tunnel = tunnels.TUNNELS[plain(row["args"][0], TUNNELS)]
    return (tunnel, "172.16.0.0/31", "172.16.0.1") if tunnel.family == 4 else (tunnel, "2001:db8::/127", "2001:db8::1")


def has_tunnel(ipam: IPAM, node: Obj, tunnel: tunnels.Tunnel, address: str) -> None:
    same(tunnels.address_of(node, tunnel), address, "the node's")
    same(ipam.owner_of(address).attrs, {"node": node["metadata"]["name"], "type": tunnel.attribute}, "IPAM's")


@adaptor("calico__allocateip__528_should_add_tunnel_address_to_node_without_BGP_Spec")
def tunnel_added(row: Row) -> None:
    ipam, (tunnel, cidr, address) = tunnel_ipam(), tunnel_of(row)
    node = tunnels.ensure(ipam, tunnel_node("test.node", bgp=False), [cidr], tunnel)
    has_tunnel(ipam, node, tunnel, address)


@adaptor("calico__allocateip__627_should_assign_new_tunnel_address_and_do_nothing_if")
def tunnel_kept(row: Row) -> None:
    ipam, (tunnel, cidr, address) = tunnel_ipam(), tunnel_of(row)
    node = tunnels.ensure(ipam, tunnel_node("test.node"), [cidr], tunnel)
    has_tunnel(ipam, node, tunnel, address)
    ipam.release_by_handle("myhandle")
    has_tunnel(ipam, tunnels.ensure(ipam, node, [cidr], tunnel), tunnel, address)


def put(node: Obj, tunnel: tunnels.Tunnel, address: str) -> Obj:
    spec = dict(node["spec"])
    if len(tunnel.path) == 1:
        spec[tunnel.path[0]] = address
    else:
        spec[tunnel.path[0]] = {**spec.get(tunnel.path[0], {}), tunnel.path[1]: address}
    return {**node, "spec": spec}


@adaptor("calico__allocateip__657_should_assign_new_tunnel_address_to_node_on_unassi")
def tunnel_of_nobody(row: Row) -> None:
    ipam, (tunnel, cidr, address) = tunnel_ipam(), tunnel_of(row)
    node = put(tunnel_node("test.node"), tunnel, address)
    has_tunnel(ipam, tunnels.ensure(ipam, node, [cidr], tunnel), tunnel, address)


@adaptor("calico__allocateip__683_should_assign_new_tunnel_address_to_node_on_pre-al")
def tunnel_of_a_pod(row: Row) -> None:
    ipam, (tunnel, cidr, address) = tunnel_ipam(), tunnel_of(row)
    taken = "172.16.0.0" if tunnel.family == 4 else "2001:db8::"
    node = put(tunnel_node("test.node"), tunnel, taken)
    has_tunnel(ipam, tunnels.ensure(ipam, node, [cidr], tunnel), tunnel, address)
    same(ipam.owner_of(taken).attrs, POD, "the Pod's")


@adaptor("calico__allocateip__798_should_not_panic_on_node_without_BGP_Spec")
def tunnel_removed_of_none(row: Row) -> None:
    ipam, (tunnel, _cidr, _address) = tunnel_ipam(), tunnel_of(row)
    node = tunnels.remove(ipam, tunnel_node("test.node", bgp=False), tunnel)
    same(node["spec"].get("bgp"), None)


def removal(row: Row, handle: str, attributes: Obj) -> tuple[IPAM, str]:
    tunnel, _cidr, _address = tunnel_of(row)
    cidr, address = ("172.16.0.0/24", "172.16.0.1") if tunnel.family == 4 else ("2001:db8::/64", "2001:db8::1")
    ipam = IPAM([pool(cidr)], {"my-test-node": {}})
    ipam.assign(address, "my-test-node", handle=handle or f"{tunnel.handle}-my-test-node", attributes=attributes)
    node = put(tunnel_node("my-test-node"), tunnel, address)
    same(tunnels.address_of(tunnels.remove(ipam, node, tunnel), tunnel), "", "the node's")
    return ipam, address


@adaptor("calico__allocateip__819_should_release_IP_address_allocations")
def tunnel_released(row: Row) -> None:
    tunnel, _cidr, _address = tunnel_of(row)
    ipam, address = removal(row, "", {"node": "my-test-node", "type": tunnel.attribute})
    with suppress(NotAssigned):
        same(ipam.owner_of(address), None, "IPAM's")


@adaptor("calico__allocateip__887_should_not_release_old-style_IP_address_allocation")
def tunnel_of_another(row: Row) -> None:
    ipam, address = removal(row, "some-handle", {})
    same(ipam.owner_of(address).handle, "some-handle")


# -- Felix

_POOL = re.compile(r'\*?get(?:API|Model)Pool\("([^"]+)", (.+), (.+)\)')


def mode(text: str) -> str:
    """`apiv3.IPIPModeAlways`, `encap.Always`, `apiv3.IPIPMode("")`."""
    word = text.rpartition(".")[2].removeprefix("IPIPMode").removeprefix("VXLANMode")
    return "" if word.startswith("(") else word


def modes(value: Any) -> Obj:
    if "$go" in value:
        match = _POOL.fullmatch(value["$go"])
        assert match is not None, value
        cidr, ipip, vxlan = match.groups()
    else:
        cidr, ipip, vxlan = (one if isinstance(one, str) else one["$go"] for one in value["args"])
    return {"cidr": cidr, "ipipMode": mode(ipip), "vxlanMode": mode(vxlan)}


@adaptor("calico__encapsulation_resolver__41_pool_tests")
def encapsulation(row: Row) -> None:
    added, removed, added_models, removed_models, initial, *expected = row["args"]
    calculator = EncapsulationCalculator(program_routes="Enabled")
    for one in [*((initial or {}).get("KVPairs") or ()), *(added or ()), *(added_models or ())]:
        calculator.pool(modes(one))
    for cidr in [*(removed or ()), *(removed_models or ())]:
        calculator.remove(cidr)
    same(calculator.result(), Encapsulation(*expected))


PROVIDERS = {"config.ProviderNone": "", "config.ProviderDockerEE": "DockerEnterprise"}


@adaptor("calico__config_params__593_Kubernetes_Provider_tests")
def providers(row: Row) -> None:
    given, expected = plain(row["args"], PROVIDERS)
    same(provider(given or ""), expected.removeprefix("Provider"))


DEVICE = {
    "VxlanId": "vni",
    "Port": "port",
    "VtepDevIndex": "parent",
    "L2miss": "l2miss",
    "GBP": "gbp",
    "FlowBased": "flow_based",
    "SrcAddr": "source",
    "Group": "group",
}


@adaptor("calico__vxlan_mgr__51_vxlanLinksIncompat")
def devices(row: Row) -> None:
    one, other, expected = plain(row["args"])
    ours = [VXLANDevice(**{DEVICE[name]: value for name, value in link.items()}) for link in (one, other)]
    same(incompatible(*ours), expected)


# -- calico/node


@adaptor("calico__startup__216_Test_IP_pool_env_variables")
def pools_of_environment(row: Row) -> None:
    environment, four, six, *rest = plain(row["args"], {"randomULAPool": "fd"})
    ipip, vxlan, vxlan6, nat, nat6, size, size6, nodes, nodes6, hidden, hidden6 = rest
    found = first_pools(dict(environment), kubeadm="podSubnet: 192.168.0.0/16", below=lambda bound: bound // 3)
    specs = {one["metadata"]["name"]: one["spec"] for one in found}
    off = {"Off": "Never"}
    ours, ours6 = specs["default-ipv4-ippool"], specs["default-ipv6-ippool"]
    same(
        ours,
        {
            "cidr": four,
            "blockSize": size,
            "ipipMode": off.get(ipip, ipip),
            "vxlanMode": off.get(vxlan, vxlan),
            "natOutgoing": nat,
            "nodeSelector": nodes,
            "disableBGPExport": hidden,
        },
        "IPv4",
    )
    random = six == "fd"
    same(ours6["cidr"].startswith("fd") and ours6["cidr"].endswith("/48") if random else ours6["cidr"], random or six)
    same(
        {name: value for name, value in ours6.items() if name != "cidr"},
        {
            "blockSize": size6,
            "ipipMode": "Never",
            "vxlanMode": off.get(vxlan6, vxlan6),
            "natOutgoing": nat6,
            "nodeSelector": nodes6,
            "disableBGPExport": hidden6,
        },
        "IPv6",
    )


@adaptor("calico__startup__1148_Test_variations_on_k8s-internal-ip")
def internal_address(row: Row) -> None:
    _node, kubernetes, environment, expected = plain(row["args"])
    there = [Interface("eth1", ("192.168.1.10/24", "2001:db8:85a3:8d3:1319:8a2e:370:7348/128"))]
    addresses = [{"type": "InternalIP", "address": address} for address in kubernetes or ()]
    try:
        given = None if kubernetes is None else {"status": {"addresses": addresses}}
        changed = configured_addresses(tunnel_node("n", bgp=False), given, dict(environment), there)[1]
    except StartupError:
        changed = False
    same(changed, expected)


SOURCES = {
    "v3.RouteSourceTypeNodeMesh": "NodeMesh",
    "v3.RouteSourceTypeBGPPeer": "BGPPeer",
    "v3.RouteSourceTypeKernel": "Kernel",
    "v3.RouteSourceTypeDirect": "Direct",
    "v3.RouteSourceTypeStatic": "Static",
    "v3.RouteTypeFIB": "FIB",
    "v3.RouteTypeRIB": "RIB",
}


@adaptor("calico__route__195_Convert_to_v3_object")
def bird_route(row: Row) -> None:
    given, expected = plain(row["args"], SOURCES)
    route = Route(given["dest"], given["gateway"], given["iface"], given["learnedFrom"], given["primary"])
    same(route.as_object(), lower(expected))


def lower(value: Any) -> Any:
    """Go's names of fields as they are in JSON."""
    if not isinstance(value, dict):
        return value
    return {name[0].lower() + name[1:]: lower(one) for name, one in value.items()}
