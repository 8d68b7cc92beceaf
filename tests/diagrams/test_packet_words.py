"""Every hop that a walk can have is said in both languages, with nothing missing."""

from __future__ import annotations

import inspect
import re

import pytest

from apps.cluster.network import walk as walks
from apps.cluster.network.iptables.evaluate import Visit
from apps.cluster.network.machine import Connection, Route, Tuple5
from apps.cluster.network.packet import Packet
from apps.cluster.network.walk import Hop, Outer, answer, send
from apps.diagrams import packets, wording
from tests.cluster.network.worlds import a_service, world

MESSAGES = sorted(set(re.findall(r"\"network\.([a-z-]+)\"", inspect.getsource(walks))))
BEFORE = Packet("192.168.1.9", "10.96.0.10", "tcp", 80, 32768)
AFTER = BEFORE._replace(destination="192.168.2.1", port=8080)
RULE = Visit("nat", "KUBE-SEP-A", 2, "-m comment --comment default/web -p tcp -m tcp -j DNAT", True)
PARAMS = {
    "filtered": {"table": "filter", "chain": "FORWARD"},
    "cable-cut": {"machine": "worker-2"},
    "too-big": {"size": 1500, "mtu": 1480},
    "no-neighbour": {"address": "10.0.0.1"},
    "no-tunnel": {"kind": "ipip"},
    "encapsulated": {"bytes": 20},
    "virtual-server": {"server": "TCP 10.96.0.10:80", "scheduler": "rr", "chosen": "192.168.1.1:8080"},
    "no-real-server": {"server": "TCP 10.96.0.10:80", "scheduler": "rr"},
}


def a_hop(what: str, **more):
    entry = Connection(Tuple5("tcp", "a", 1, "b", 2), Tuple5("tcp", "b", 2, "a", 1))
    params = {"table": "nat", "chain": "PREROUTING", **PARAMS.get(what, {})}
    return Hop("worker-1", f"network.{what}", "eth0", BEFORE, AFTER, Outer("10.0.0.11", "10.0.0.12", "ipip"), (RULE,),
               Route("192.168.2.0/26", "tunl0", "10.0.0.12", by="bird"), entry, params)._replace(**more)  # fmt: skip


def first(**options):
    made = world([a_service("web", "10.96.0.10")], **options)
    packet = Packet("", "10.96.0.10", "tcp", 80)
    there = send(made, "curl", packet, lambda p: p == pytest.approx(1 / 2))
    return there, answer(made, there, lambda p: True)


def test_the_list_is_the_walks_own():
    assert "dnat" in MESSAGES
    assert len(MESSAGES) >= 24


@pytest.mark.parametrize("lang", wording.LANGUAGES)
@pytest.mark.parametrize("what", MESSAGES)
def test_every_hop_has_a_caption_and_a_sentence(what, lang):
    hop = a_hop(what)
    assert wording.has(lang, f"network.{what}")
    assert wording.has(lang, f"hop.{what}")
    said = packets.sentence(hop, lang)
    assert said
    assert "⟦" not in said
    assert len(packets.caption(hop, lang)) <= 16


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_every_variant_of_a_sentence_has_its_caption(lang):
    told = {message.partition(".")[2] for message in wording.messages(lang) if message.startswith("network.")}
    assert told == {message.partition(".")[2] for message in wording.messages(lang) if message.startswith("hop.")}


@pytest.mark.parametrize("lang", wording.LANGUAGES)
@pytest.mark.parametrize("tunnel", ["", "ipip", "vxlan"])
def test_a_whole_walk_and_its_answer_are_said(tunnel, lang):
    there, back = first(tunnel=tunnel)
    steps = packets.steps(there, back)
    assert [step.number for step in steps] == list(range(1, len(there.hops) + len(back.hops) + 1))
    said = [packets.sentence(step.hop, lang) for step in steps]
    assert not [text for text in said if "⟦" in text]
    assert not [step for step in steps if packets.failed(step)]


def test_where_dnat_happens_and_who_encapsulates_is_said_at_the_hop():
    there, _back = first(tunnel="ipip")
    dnat = next(hop for hop in there.hops if hop.what == "network.dnat")
    told = packets.sentence(dnat, "en")
    assert "Destination NAT happens here, on worker-1: 10.96.0.10:80 becomes 192.168." in told
    assert "of kube-proxy" in told
    assert packets.article_of(dnat) == "kube-proxy"
    around = next(hop for hop in there.hops if hop.what == "network.encapsulated")
    told = packets.sentence(around, "en")
    assert "worker-1 encapsulates here, in tunl0" in told
    assert "10.0.0.11 -> 10.0.0.12 (ipip)" in told
    assert packets.article_of(around) == "tunnel"


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        pytest.param(Route("192.168.2.0/26", "tunl0", by="bird"), "bird", id="BIRD's"),
        pytest.param(Route("192.168.1.1/32", "calia", by="80"), "felix", id="Felix'"),
        pytest.param(Route("0.0.0.0/0", "eth0", "10.0.0.1"), "node", id="the machine's own"),
        pytest.param(Route("10.0.0.11", "lo", kind="local"), "node", id="its own address"),
    ],
)
def test_a_route_leads_to_who_programmed_it(route, expected):
    assert packets.article_of(a_hop("routed", route=route)) == expected


@pytest.mark.parametrize(
    ("chain", "text", "expected"),
    [
        pytest.param("KUBE-SVC-A", "-j KUBE-SEP-B", "kube-proxy", id="a chain of kube-proxy"),
        pytest.param("cali-FORWARD", "-j ACCEPT", "Felix", id="a chain of Felix"),
        pytest.param("PREROUTING", "-m comment --comment 'kubernetes service portals' -j KUBE-SERVICES", "kube-proxy",
                     id="a jump out of a built-in chain"),
        pytest.param("FORWARD", "-m mark --mark 0x10000/0x10000 --jump ACCEPT", "Felix", id="Felix' word elsewhere"),
        pytest.param("FORWARD", "-j DROP", "", id="nobody known"),
    ],
)  # fmt: skip
def test_who_wrote_a_rule(chain, text, expected):
    assert packets.writer_of(chain, text) == expected


def test_a_rule_that_decided_is_the_last_one_that_matched_and_ends_the_way():
    passed = Visit("filter", "FORWARD", 1, "-j KUBE-FORWARD", True)
    assert packets.decided(a_hop("filtered", visits=(passed,))) is None
    assert packets.decided(a_hop("filtered", visits=(passed, RULE))) == RULE
    assert packets.decided(a_hop("filtered", visits=(RULE._replace(matched=False),))) is None


@pytest.mark.parametrize(
    ("what", "text", "decides"),
    [
        pytest.param(
            "dnat", "meta l4proto tcp dnat ip addr . port to numgen random mod 1 map { }", True, id="translates"
        ),
        pytest.param("rejected", 'ip daddr @cluster-ips reject comment "no such port"', True, id="refuses"),
        pytest.param("dropped", "ip daddr . meta l4proto . th dport vmap @firewall-ips", True, id="drops by a map"),
        pytest.param("filtered", "ct state new accept", True, id="lets pass"),
        pytest.param("filtered", "ct state new jump cluster-ips-check", False, id="leads on"),
    ],
)
def test_rules_of_nftables_decide_too(what, text, decides):
    rule = Visit("ip kube-proxy", "services", 3, text, True)
    hop = a_hop(what, visits=(rule,), params={"table": "ip kube-proxy", "chain": "services"})
    assert (packets.decided(hop) == rule) is decides
    assert packets.article_of(hop) == "kube-proxy"
    assert "⟦" not in packets.sentence(hop, "ko")
    if decides:
        assert "kube-proxy" in packets.sentence(hop, "en")
