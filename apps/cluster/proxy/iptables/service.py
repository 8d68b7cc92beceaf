"""A Service port's rules: what it adds to the common chains, and the chains of its own.

Models      pkg/proxy/iptables/proxier.go: syncProxyRules, the loop over svcPortMap; writeServiceToEndpointRules
Leaves out  nothing
"""

from __future__ import annotations

from typing import NamedTuple

from apps.cluster.network.addresses import within
from apps.cluster.proxy.config import ACCEPTED_ON_LOCALHOST, ProxyConfig
from apps.cluster.proxy.endpoints import Endpoint, categorize
from apps.cluster.proxy.iptables import names
from apps.cluster.proxy.service_ports import PortName, ServicePort

Rules = tuple[str, ...]


class Built(NamedTuple):
    """What one port makes of the tables. The first six go into chains that all ports share."""

    services: Rules = ()  # nat KUBE-SERVICES
    node_ports: Rules = ()  # nat KUBE-NODEPORTS
    refused: Rules = ()  # filter KUBE-SERVICES
    refused_outside: Rules = ()  # filter KUBE-EXTERNAL-SERVICES
    health_checks: Rules = ()  # filter KUBE-NODEPORTS
    firewall: Rules = ()  # filter KUBE-PROXY-FIREWALL
    chains: dict[str, Rules] = {}  # nat, by name
    no_local_internal: bool = False  # dropped inside for want of an endpoint on this node
    no_local_external: bool = False


def build(name: PortName, port: ServicePort, endpoints: list[Endpoint], config: ProxyConfig, *, large: bool) -> Built:
    """Rules for one port. `large`: in a large cluster the comments of endpoints' rules are left out."""
    usable = categorize(endpoints, port, config.node, config.labels)
    text, protocol = str(name), port.protocol.lower()
    matched = f"-m {protocol} -p {protocol}"
    cluster_chain = names.cluster_chain(text, protocol)
    local_chain = names.local_chain(text, protocol)
    external = names.external_chain(text, protocol)
    firewall_chain = names.firewall_chain(text, protocol)

    inside = local_chain if port.internal_local else cluster_chain
    outside = local_chain if port.external_local else cluster_chain
    has_inside = usable.any and not (port.internal_local and not usable.local)
    has_outside = usable.any and not (port.external_local and not usable.local)
    firewalled = usable.any and bool(port.load_balancer_ips) and bool(port.source_ranges)
    refusal = "REJECT" if not usable.any else "DROP"
    reason = f'"{text} has no endpoints"' if not usable.any else f'"{text} has no local endpoints"'

    services: list[str] = []
    node_ports: list[str] = []
    refused: list[str] = []
    refused_outside: list[str] = []
    health_checks: list[str] = []
    firewall: list[str] = []

    def at(comment: str, address: str, target: str) -> str:
        return f"-m comment --comment {comment} {matched} -d {address} --dport {port.port} -j {target}"

    if has_inside:
        services.append(at(f'"{text} cluster IP"', port.cluster_ip, inside))
    else:
        refused.append(at(reason, port.cluster_ip, refusal))
    for address in port.external_ips:
        if usable.any:
            services.append(at(f'"{text} external IP"', address, external))
        if not has_outside:
            refused_outside.append(at(reason, address, refusal))
    for address in port.load_balancer_ips:
        if usable.any:
            services.append(at(f'"{text} loadbalancer IP"', address, firewall_chain if firewalled else external))
        if firewalled:
            firewall.append(at(f'"{text} traffic not accepted by {firewall_chain}"', address, "DROP"))
    if not has_outside:
        refused_outside.extend(at(reason, address, refusal) for address in port.load_balancer_ips)
    if port.node_port:
        if usable.any:
            front = f"-m comment --comment {text} {matched}"
            if config.localhost_node_ports and config.family == 4 and ACCEPTED_ON_LOCALHOST in config.counters:
                node_ports.append(
                    f"{front} -d 127.0.0.0/8 --dport {port.node_port} -m nfacct --nfacct-name {ACCEPTED_ON_LOCALHOST}"
                    f" -j {external}"
                )
            node_ports.append(f"{front} --dport {port.node_port} -j {external}")
        if not has_outside:
            refused_outside.append(
                f"-m comment --comment {reason} -m addrtype --dst-type LOCAL {matched} --dport {port.node_port}"
                f" -j {refusal}"
            )
    if port.health_check_node_port:
        health_checks.append(
            f'-m comment --comment "{text} health check node port" -m tcp -p tcp'
            f" --dport {port.health_check_node_port} -j ACCEPT"
        )

    chains: dict[str, list[str]] = {}
    # A chain holds what its own rules say, and the masquerading of what comes to it from outside the cluster.
    masquerade: list[str] = []
    if has_inside:
        front = f'-m comment --comment "{text} cluster IP" {matched} -d {port.cluster_ip} --dport {port.port}'
        if config.masquerade_all:
            masquerade.append(f"{front} -j {names.MARK_MASQ}")
        elif config.local_cidr:
            masquerade.append(f"{front} ! -s {config.local_cidr} -j {names.MARK_MASQ}")
    if usable.any and port.externally_accessible:
        chains[external] = _external_rules(
            text, port, config, cluster_chain=cluster_chain, onward=outside if has_outside else ""
        )
    if firewalled:
        chains[firewall_chain] = _firewall_rules(text, port, config, external)
    if usable.cluster and port.uses_cluster_endpoints:
        chains[cluster_chain] = _balance(text, protocol, port, usable.cluster, large=large)
    if usable.local and port.uses_local_endpoints:
        chains[local_chain] = _balance(text, protocol, port, usable.local, large=large)
    if masquerade:
        chains[inside] = [*masquerade, *chains.get(inside, ())]
    for endpoint in usable.reachable:
        chains[names.endpoint_chain(text, protocol, str(endpoint))] = _endpoint_rules(
            text, protocol, port, endpoint, large=large
        )
    return Built(
        tuple(services),
        tuple(node_ports),
        tuple(refused),
        tuple(refused_outside),
        tuple(health_checks),
        tuple(firewall),
        {chain: tuple(rules) for chain, rules in chains.items()},
        usable.any and not has_inside,
        usable.any and not has_outside,
    )


def _external_rules(text: str, port: ServicePort, config: ProxyConfig, *, cluster_chain: str, onward: str) -> list[str]:
    """KUBE-EXT-…: what came to a node port, a load balancer's or an external address. `onward`: "" when nothing may."""
    rules: list[str] = []
    if not port.external_local:
        # Such traffic may be sent on to another node, whose answer has to come back through here.
        comment = f'"masquerade traffic for {text} external destinations"'
        rules.append(f"-m comment --comment {comment} -j {names.MARK_MASQ}")
    else:
        # From a Pod or the node itself it is as if it had gone out and come in again: no policy applies.
        if config.local_cidr:
            comment = f'"pod traffic for {text} external destinations"'
            rules.append(f"-m comment --comment {comment} -s {config.local_cidr} -j {cluster_chain}")
        local = "-m addrtype --src-type LOCAL"
        comment = f'"masquerade LOCAL traffic for {text} external destinations"'
        rules.append(f"-m comment --comment {comment} {local} -j {names.MARK_MASQ}")
        comment = f'"route LOCAL traffic for {text} external destinations"'
        rules.append(f"-m comment --comment {comment} {local} -j {cluster_chain}")
    if onward:
        rules.append(f"-j {onward}")
    return rules


def _firewall_rules(text: str, port: ServicePort, config: ProxyConfig, external: str) -> list[str]:
    """KUBE-FW-…: only loadBalancerSourceRanges go on; the rest comes back and is dropped by KUBE-PROXY-FIREWALL."""
    front = f'-m comment --comment "{text} loadbalancer IP"'
    rules = [f"{front} -s {cidr} -j {external}" for cidr in port.source_ranges]
    if config.node_ip and any(within(config.node_ip, cidr) for cidr in port.source_ranges):
        # The balancer's address is often the node's own as well: then that is the source of what the node sends to it.
        rules.extend(f"{front} -s {address} -j {external}" for address in port.load_balancer_ips)
    rules.append(f'-m comment --comment "other traffic to {text} will be dropped by {names.PROXY_FIREWALL}"')
    return rules


def _balance(text: str, protocol: str, port: ServicePort, endpoints: list[Endpoint], *, large: bool) -> list[str]:
    """KUBE-SVC-… and KUBE-SVL-…: one endpoint by chance, or the one that served this client before."""
    rules: list[str] = []
    told = [(ep, names.endpoint_chain(text, protocol, str(ep))) for ep in endpoints]
    fronts = ["" if large else f'-m comment --comment "{text} -> {ep}" ' for ep in endpoints]
    if port.affinity_seconds:
        rules.extend(
            f"{front}-m recent --name {chain} --rcheck --seconds {port.affinity_seconds} --reap -j {chain}"
            for front, (_ep, chain) in zip(fronts, told, strict=True)
        )
    left = len(endpoints)
    for front, (_ep, chain) in zip(fronts, told, strict=True):
        chance = f"-m statistic --mode random --probability {1 / left:.10f} " if left > 1 else ""
        rules.append(f"{front}{chance}-j {chain}")
        left -= 1
    return rules


def _endpoint_rules(text: str, protocol: str, port: ServicePort, endpoint: Endpoint, *, large: bool) -> list[str]:
    """KUBE-SEP-…: the destination becomes the endpoint; what an endpoint sends to itself is masqueraded."""
    front = "" if large else f"-m comment --comment {text} "
    recent = ""
    if port.affinity_seconds:
        recent = f"-m recent --name {names.endpoint_chain(text, protocol, str(endpoint))} --set "
    return [
        f"{front}-s {endpoint.address} -j {names.MARK_MASQ}",
        f"{front}{recent}-m {protocol} -p {protocol} -j DNAT --to-destination {endpoint}",
    ]
