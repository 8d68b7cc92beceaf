"""What a hop of a packet's walk says: its caption, its sentence, the rule that decided, who wrote it, its article."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from apps.cluster.coredns.resolver import Lookup
from apps.cluster.dataplane.asks import Finding
from apps.cluster.network.iptables.evaluate import FINAL, Visit
from apps.cluster.network.iptables.rule import parse_rule
from apps.cluster.network.machine import Route
from apps.cluster.network.packet import Packet
from apps.cluster.network.walk import Hop, Walk
from apps.diagrams import wording

OUTSIDE = ("client", "balancer", "router", "internet")  # machines that are no part of the cluster
# Hops at which something happened to the packet, or its way was chosen; the others only let it pass.
TELLING = frozenset(
    {
        "network.sent",
        "network.dnat",
        "network.virtual-server",
        "network.snat",
        "network.translated-known",
        "network.routed",
        "network.encapsulated",
        "network.decapsulated",
        "network.delivered",
    }
)
# Who programmed a route, by the protocol that the kernel keeps with it.
PROTOCOLS = {
    "kernel": "kernel",
    "boot": "boot",
    "static": "static",
    "dhcp": "dhcp",
    "bird": "bird",
    "80": "felix",
    "felix": "felix",
}
SAID = 240  # letters of a rule in a sentence
_NFT_COMMENT = re.compile(r" ?\bcomment (\"[^\"]*\")")
_ACCEPTS = re.compile(r"^(?!-).*\baccept$")  # a rule of nftables that lets pass
_ENDED_BY_RULE = frozenset({"network.dnat", "network.snat", "network.dropped", "network.rejected"})
FELIX_ACCEPTS = "0x10000/0x10000"  # its mark for what its policies let pass; rules about it are in built-in chains
_COMMENT = re.compile(r"-m comment --comment (\"[^\"]*\"|'[^']*'|\S+) ?")
_ARTICLES = {
    "network.sent": "pod",
    "network.delivered": "pod",
    "network.nobody-listens": "services",
    "network.virtual-server": "kube-proxy",
    "network.no-real-server": "kube-proxy",
    "network.arrived": "calico-node",
    "network.left": "calico-node",
    "network.routed": "calico",
    "network.no-route": "calico",
    "network.no-neighbour": "calico",
    "network.nobody": "calico",
    "network.blackhole": "bird",
    "network.encapsulated": "tunnel",
    "network.decapsulated": "tunnel",
    "network.no-tunnel": "tunnel",
    "network.too-big": "tunnel",
    "network.machine-down": "node",
    "network.cable-cut": "node",
    "network.interface-down": "node",
    "network.not-forwarding": "node",
}


class Step(NamedTuple):
    """A hop with its number: from 1 on the way there, and on from there on the way back."""

    number: int
    hop: Hop
    back: bool
    last: bool  # of its way
    end: str  # delivered refused dropped unreachable lost; "" unless last


def steps(there: Walk | None, back: Walk | None) -> list[Step]:
    """Every hop of both ways, numbered."""
    out: list[Step] = []
    for walk, is_back in ((there, False), (back, True)):
        hops = walk.hops if walk is not None else ()
        for place, hop in enumerate(hops, 1):
            last = place == len(hops)
            out.append(Step(len(out) + 1, hop, is_back, last, walk.end if walk is not None and last else ""))
    return out


def failed(step: Step) -> bool:
    """Whether the packet came to grief here."""
    return step.last and step.end != "delivered"


def decided(hop: Hop) -> Visit | None:
    """The rule that ended the packet's way through a table; None where none did."""
    last = hop.visits[-1] if hop.visits else None
    if last is None or not last.matched:
        return None
    if hop.what in _ENDED_BY_RULE or target_of(last.text) in FINAL or _ACCEPTS.search(last.text):
        return last
    return None


def target_of(text: str) -> str:
    """What a rule of iptables leads to: a target, or a chain. "" for a rule of nftables."""
    try:
        return parse_rule(text).target
    except ValueError:
        return text.rpartition(" -j ")[2].partition(" ")[0] if " -j " in text else ""


def rule_text(visit: Visit) -> str:
    """A rule as one would add it, without its comment.

    >>> rule_text(Visit("nat", "KUBE-SEP-A", 2, "-m comment --comment default/web -p tcp -j DNAT", True))
    'KUBE-SEP-A -p tcp -j DNAT'
    >>> rule_text(Visit("ip kube-proxy", "services", 3, 'ip daddr @cluster-ips reject comment "no such port"', True))
    'services ip daddr @cluster-ips reject'
    """
    return f"{visit.chain} {_NFT_COMMENT.sub('', _COMMENT.sub('', visit.text))}".strip()


def shortened(text: str, most: int) -> str:
    """A rule that names a thousand endpoints is not said whole.

    >>> shortened("abcdef", 4), shortened("abcd", 4)
    ('abc…', 'abcd')
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def comment_of(text: str) -> str:
    """What a rule's writer noted with it."""
    found = _COMMENT.search(text) or _NFT_COMMENT.search(text)
    return found[1].strip("\"'") if found else ""


def of_nftables(table: str) -> bool:
    """Whether a table is one of nftables: it has its family before its name."""
    return " " in table


def writer(visit: Visit) -> str:
    """The program that wrote a rule, "" where it is not known."""
    return "kube-proxy" if visit.table.endswith(" kube-proxy") else writer_of(visit.chain, visit.text)


def writer_of(chain: str, text: str = "") -> str:
    """The program that a chain of iptables belongs to; of a built-in chain, what its rule says or leads to."""
    for name in (chain, target_of(text) if text else "", comment_of(text) if text else ""):
        if name.startswith(("KUBE-", "kubernetes")):
            return "kubelet" if name in {"KUBE-FIREWALL", "KUBE-KUBELET-CANARY"} else "kube-proxy"
        if name.startswith("cali"):
            return "Felix"
    return "Felix" if f"--mark {FELIX_ACCEPTS}" in text else ""


def by_of(route: Route | None) -> str:
    """Who programmed a route: kernel, bird, felix … as `packet.by-*` says it."""
    return PROTOCOLS.get(route.by, route.by) if route is not None else ""


def caption_id(hop: Hop) -> str:
    """The hop's message without `network.`, with the variant that fits."""
    what = hop.what.removeprefix("network.")
    if what == "routed" and hop.route is not None and hop.route.kind == "local":
        return "routed-local"
    if what == "filtered" and decided(hop) is not None:
        return "filtered-by"
    if what == "left" and hop.outer is not None:
        return "left-outer"
    return what


def caption(hop: Hop, lang: str) -> str:
    """The hop in a word or two."""
    return wording.say(lang, f"hop.{caption_id(hop)}")


def sentence(hop: Hop, lang: str) -> str:
    """What happened, where, by which rule or route."""
    return wording.say(lang, f"network.{caption_id(hop)}", params(hop, lang))


def params(hop: Hop, lang: str) -> Mapping[str, str | int]:
    """Everything a hop's sentence may speak of."""
    before, after, outer = hop.before, hop.after, hop.outer
    own = dict(hop.params)
    decision = decided(hop)
    by = by_of(hop.route)
    return {
        "table": "",
        "chain": "",
        "address": "",
        "server": "",
        "scheduler": "",
        "chosen": "",
        "size": "",
        "mtu": "",
        "bytes": "",
        "tunnel": str(own.get("kind", "")) or (outer.kind if outer is not None else ""),
        "peer": machine_name(str(own.get("machine", "")), lang),
        **own,
        "machine": machine_name(hop.machine, lang),
        "interface": hop.interface,
        "before": str(before),
        "after": str(after),
        "before_from": source_of(before),
        "before_to": target(before),
        "after_from": source_of(after),
        "after_to": target(after),
        "source": after.source,
        "destination": after.destination,
        "protocol": after.protocol.upper(),
        "port": after.port,
        "outer_from": outer.source if outer is not None else "",
        "outer_to": outer.destination if outer is not None else "",
        "count": len(hop.visits),
        "rule": shortened(rule_text(decision), SAID) if decision is not None else "",
        "writer": (writer(decision) if decision is not None else "")
        or wording.say(lang, "packet.balancer-rule" if hop.machine == "balancer" else "packet.kernel-rule"),
        "route": str(hop.route) if hop.route is not None else "",
        "by": said_by(by, lang),
    }


def said_by(by: str, lang: str) -> str:
    """Who programmed a route, in words."""
    return wording.say(lang, f"packet.by-{by}") if wording.has(lang, f"packet.by-{by}") else by


def machine_name(name: str, lang: str) -> str:
    """A machine as a reader knows it: `web-0` of the namespace default, the client outside by its word."""
    if name in OUTSIDE:
        return wording.say(lang, f"packet.{name}")
    return name.removeprefix("default/")


def source_of(packet: Packet) -> str:
    return f"{packet.source}:{packet.source_port}" if packet.source_port else packet.source


def target(packet: Packet) -> str:
    return f"{packet.destination}:{packet.port}" if packet.port else packet.destination


def article_of(hop: Hop) -> str:
    """The slug of the article that explains such a hop: of a table's rules, of whoever wrote the one that decided."""
    if hop.what == "network.routed" and hop.route is not None:
        if hop.route.kind == "local":
            return "pod" if "/" in hop.machine else "node"
        return {"bird": "bird", "felix": "felix"}.get(by_of(hop.route), "node")
    if hop.machine == "balancer":
        return "loadbalancer"
    if hop.machine in OUTSIDE and hop.what in {"network.arrived", "network.left", "network.sent", "network.delivered"}:
        return "service-flow"
    if hop.what in _ARTICLES:
        return _ARTICLES[hop.what]
    decision = decided(hop)
    if decision is not None:
        return "felix" if writer(decision) == "Felix" else "kube-proxy"
    table = str(hop.params.get("table", "nat"))
    return "kube-proxy" if table == "nat" or of_nftables(table) else "felix"


def detail(hop: Hop) -> str:
    """What a hop happened with, in few letters: the new address, the route, table and chain, the interface."""
    what, before, after = hop.what.removeprefix("network."), hop.before, hop.after
    own = hop.params
    if what in {"sent", "dnat", "virtual-server"}:
        return f"→ {target(after)}"
    if what == "snat":
        return f"{after.source} →"
    if what == "translated-known":
        moved = before.destination != after.destination or before.port != after.port
        return f"→ {target(after)}" if moved else f"{source_of(after)} →"
    if what in {"routed", "no-route", "blackhole"}:
        return route_text(hop.route) or after.destination
    if "table" in own and of_nftables(str(own["table"])):
        return str(own["chain"])
    if "table" in own:
        return f"{own['table']} {own['chain']}"
    if what == "encapsulated" and hop.outer is not None:
        return f"→ {hop.outer.destination}"
    if what == "too-big":
        return f"{own.get('size', '')} > {own.get('mtu', '')}"
    if what == "no-neighbour":
        return str(own.get("address", ""))
    if what in {"delivered", "nobody-listens"}:
        return f":{after.port}" if after.port else ""
    return hop.interface


def route_text(route: Route | None) -> str:
    """A route in few letters.

    >>> route_text(Route("192.168.2.0/26", "tunl0", "10.0.0.12")), route_text(Route("0.0.0.0/0", "eth0"))
    ('192.168.2.0/26 tunl0', 'default eth0')
    """
    if route is None:
        return ""
    to = "default" if route.to in {"0.0.0.0/0", "::/0"} else route.to.removesuffix("/32")
    return f"{to} {route.device if route.kind != 'blackhole' else route.kind}".strip()


def plain(one: Step, lang: str) -> str:
    """A hop as a line of text, to be read or copied."""
    return f"{one.number}. {sentence(one.hop, lang)}"


def found(finding: Finding, lang: str) -> str:
    """What there is to know of a packet's fate in Kubernetes' terms."""
    return wording.say(lang, finding.message, finding.params)


def looked_up(lookup: Lookup, lang: str) -> str:
    """What was asked of CoreDNS for a name, and what it answered, in one line."""
    last = lookup.questions[-1]
    said = {"name": last.name, "count": len(lookup.questions), "address": ", ".join(lookup.addresses)}
    alias = next((record.data for record in last.answer.records if record.type == "CNAME"), "")
    if alias:
        return wording.say(lang, "packet.looked-up-alias", {**said, "alias": alias.rstrip(".")})
    return wording.say(lang, "packet.looked-up" if lookup.found else "packet.not-found", said)
