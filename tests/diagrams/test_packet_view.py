"""The packet's figure: machines with their interfaces, every hop there and back with its number, tunnels, failures."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from apps.cluster.dataplane.asks import Finding, Journey
from apps.cluster.network.ipvs import RealServer, VirtualServer
from apps.cluster.network.machine import Interface
from apps.cluster.network.packet import Packet
from apps.cluster.network.walk import answer, send
from apps.diagrams import export
from apps.diagrams.asking import ask_of, suggestion
from apps.diagrams.figure import Figure, difference, render
from apps.diagrams.options import WIDTHS, Options, Question
from apps.diagrams.views import ways
from tests.cluster.network.worlds import a_service, world

WEB = Question("pods/curl", "services/default/web", 80)


class Network:
    """A network that gives one answer, however it is asked."""

    def __init__(self, made: Any, journey: Journey) -> None:
        self.made, self.journey = made, journey

    def world(self) -> Any:
        return self.made

    def send(self, ask: Any) -> Journey:
        return self.journey


def journey(made: Any, source: str, packet: Packet, *, size: int = 40, first: bool = False, **more: Any) -> Journey:
    """`first`: the first endpoint is taken, on the sender's own node."""
    there = send(made, source, packet, lambda p: first or p > 0.4, size=size)
    back = answer(made, there, lambda p: True) if there.end == "delivered" else None
    return Journey(ask_of(WEB), packet.destination, packet.port, there=there, back=back, **more)


def snapshot(made: Any, answered: Journey) -> Any:
    return SimpleNamespace(network=Network(made, answered), objects={}, machines={}, step=None, revision=1)


def drawn(case: str, width: str = "wide", lang: str = "en", **asked: Any) -> Figure:
    made, answered, question = CASES[case]
    options = Options(width=width, packet=replace(question, **asked))
    return render(snapshot(made, answered), "packet", lang, options)


def by_ipvs(made: Any) -> Any:
    """A world in which worker-1 has the Service as a virtual server, with one real server on the other node."""
    node = made.machines["worker-1"]
    dummy = Interface("kube-ipvs0", "dummy", ("10.96.0.10/32",), 1500)
    server = VirtualServer("tcp", "10.96.0.10", 80, (RealServer("192.168.2.1", 8080, 1),))
    node = node._replace(interfaces={**node.interfaces, "kube-ipvs0": dummy}, virtual=(server,))
    return made._replace(machines={**made.machines, "worker-1": node})


def _cases() -> dict[str, tuple[Any, Journey, Question]]:
    services = [a_service("web", "10.96.0.10", type="NodePort")]
    to_service = Packet("", "10.96.0.10", "tcp", 80)
    ipip, vxlan = (world(services, tunnel=tunnel) for tunnel in ("ipip", "vxlan"))
    nobody = world(services, backends=())
    flat = world([a_service("web", "10.96.0.10")])
    balanced = by_ipvs(world([], tunnel="ipip"))
    return {
        "ipvs": (balanced, journey(balanced, "curl", to_service), WEB),
        "ipip": (ipip, journey(ipip, "curl", to_service), WEB),
        "vxlan": (vxlan, journey(vxlan, "curl", to_service), WEB),
        "no tunnel": (flat, journey(flat, "curl", to_service), WEB),
        "one node": (ipip, journey(ipip, "curl", to_service, first=True), WEB),
        "node port": (
            ipip,
            journey(ipip, "client", Packet("", "10.0.0.11", "tcp", 30080)),
            Question("client", "nodes/worker-1", 30080),
        ),
        "too big": (ipip, journey(ipip, "curl", to_service, size=1500), replace(WEB, size=1500)),
        "no endpoints": (nobody, journey(nobody, "curl", to_service), WEB),
        "to itself": (ipip, journey(ipip, "curl", Packet("", "127.0.0.1", "tcp", 1)), WEB),
        "nothing sent": (ipip, Journey(ask_of(WEB), findings=(Finding("packet.told-nothing"),)), WEB),
    }


CASES = _cases()


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("case", CASES)
def test_every_hop_is_there_once_inside_the_figure(case, width, lang):
    figure = drawn(case, width, lang)
    _made, answered, _question = CASES[case]
    count = sum(len(walk.hops) for walk in (answered.there, answered.back) if walk is not None)
    hops = [name for name in figure.parts if name.startswith("fig-hop-")]
    assert sorted(hops, key=lambda name: int(name[8:])) == [f"fig-hop-{number}" for number in range(1, count + 1)]
    assert "⟦" not in figure.svg + figure.alt
    rects = [one for element in figure.graph.roots for one in _rects(element)]
    assert all(rect.x >= -3 and rect.right <= figure.width + 3 and rect.bottom <= figure.height for rect in rects)


def _rects(element):
    yield element.shape.rect
    for child in element.children:
        yield from _rects(child)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("case", CASES)
def test_no_two_hops_share_a_place(case, width):
    made, answered, _question = CASES[case]
    from apps.diagrams.packets import steps

    way = ways.place(steps(answered.there, answered.back), made, WIDTHS[width], 100)
    rects = [
        rect for box in way.boxes for part in (box, *box.pods) for lane in part.lanes for _step, rect in lane.steps
    ]
    for number, one in enumerate(rects):
        for other in rects[number + 1 :]:
            beside = one.right <= other.x or other.right <= one.x
            assert beside or one.bottom <= other.y or other.bottom <= one.y


@pytest.mark.parametrize("width", WIDTHS)
def test_choosing_another_hop_moves_nothing(width):
    before = drawn("ipip", width)
    for number in (1, 5, 30):
        after = drawn("ipip", width, hop=number)
        patch = difference(before, after)
        assert patch is not None
        assert f"fig-hop-{number}" in {name for name, _change in patch}
        assert " now" in after.parts[f"fig-hop-{number}"].cls


def test_the_tunnel_has_both_headers_written_on_it():
    words = " ".join(text for part in drawn("ipip").parts.values() for text in part.text)
    assert "IP-in-IP outer 10.0.0.11 -> 10.0.0.12" in words
    assert "inner TCP 192.168.1.9:32768 -> 192.168.2.1:8080" in words
    assert "VXLAN outer" in " ".join(text for part in drawn("vxlan").parts.values() for text in part.text)
    assert not [name for name, part in drawn("no tunnel").parts.items() if "outer" in " ".join(part.text)]


def test_in_ipvs_mode_the_virtual_server_is_where_the_destination_is_translated():
    figure = drawn("ipvs")
    hop = next(name for name, part in figure.parts.items() if part.text[1:2] == ("IPVS",))
    assert figure.parts[hop].text[2] == "→ 192.168.2.1:8080"
    assert "IPVS on worker-1" in " ".join(figure.parts["fig-told"].text)


def test_pods_stand_in_their_nodes_and_have_their_interfaces():
    figure = drawn("ipip")
    frames = {element.id: element for element in figure.graph.roots}
    inside = {child.id for child in frames["fig-way-worker-1"].children}
    assert {"fig-pods-curl", "fig-if-worker-1-tunl0", "fig-if-worker-1-eth0", "fig-if-worker-1-calicurl"} <= inside


def test_the_answer_is_drawn_otherwise():
    figure = drawn("ipip")
    _made, answered, _question = CASES["ipip"]
    there = len(answered.there.hops)
    assert " back" not in figure.parts[f"fig-hop-{there}"].cls
    assert " back" in figure.parts[f"fig-hop-{there + 1}"].cls


@pytest.mark.parametrize(
    ("case", "said"),
    [
        pytest.param("too big", "1500 bytes do not fit through tunl0 of worker-1: its MTU is 1480", id="MTU"),
        pytest.param("no endpoints", "refuses the packet and says so", id="no endpoints"),
    ],
)
def test_where_a_packet_came_to_grief_is_marked_and_said_before_anything_is_chosen(case, said):
    figure = drawn(case)
    last = max(int(name[8:]) for name in figure.parts if name.startswith("fig-hop-"))
    assert " failed" in figure.parts[f"fig-hop-{last}"].cls
    assert sum(" failed" in part.cls for part in figure.parts.values()) == 1
    assert said in " ".join(figure.parts["fig-told"].text)
    assert "v-no" in figure.parts["fig-outcome"].cls


def test_a_name_that_could_not_be_asked_for_shows_how_far_its_question_came():
    made, failed, _question = CASES["too big"]
    shown = snapshot(made, failed._replace(there=None, dns=failed.there))
    figure = render(shown, "packet", "en", Options(packet=WEB))
    assert "the question for the name did not arrive" in figure.parts["fig-outcome"].label
    assert "v-no" in figure.parts["fig-outcome"].cls
    assert sum(" failed" in part.cls for part in figure.parts.values()) == 1
    assert "way of the question to CoreDNS" in figure.alt


def test_hops_are_links_in_a_page_and_none_in_a_file():
    assert drawn("ipip").parts["fig-hop-5"].href == f"?{WEB.query(hop=5)}"
    assert "href" not in export.svg(drawn("ipip"), "dark").replace('href="#', "")


def test_the_words_tell_the_hops_in_their_order():
    lines = drawn("ipip").alt.splitlines()
    numbers = [int(line.partition(".")[0]) for line in lines if line.partition(".")[0].isdigit()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert "way there" in lines
    assert "way back" in lines


def pod(name, labels, address="192.168.1.1", namespace="default"):
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"kind": "Pod", "metadata": metadata, "spec": {}, "status": {"podIP": address, "phase": "Running"}}


def service(name, namespace="default", **spec):
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"port": 80}], **spec},
    }


@pytest.mark.parametrize(
    ("pods", "services", "expected"),
    [
        pytest.param([], [], Question("nodes/worker-1", ""), id="an empty cluster"),
        pytest.param([], [service("kubernetes")], Question("nodes/worker-1", "services/default/kubernetes", 80),
                     id="nothing but the API server's own Service"),
        pytest.param([pod("web-1", {"app": "web"}), pod("zed", {})], [service("web", selector={"app": "web"})],
                     Question("pods/default/zed", "services/default/web", 80), id="not from behind the Service"),
        pytest.param([pod("web-1", {"app": "web"})], [service("web", selector={"app": "web"})],
                     Question("pods/default/web-1", "services/default/web", 80), id="nobody else: it asks itself"),
    ],
)  # fmt: skip
def test_a_packet_is_suggested_before_one_is_asked_for(pods, services, expected):
    objects = {
        "pods": {f"default/{one['metadata']['name']}": one for one in pods},
        "services": {f"default/{one['metadata']['name']}": one for one in services},
    }
    shown = SimpleNamespace(objects=objects, machines={"worker-1": None}, step=None, revision=1)
    assert suggestion(shown) == expected


@pytest.mark.parametrize("width", WIDTHS)
def test_without_a_network_there_is_still_a_figure(width):
    shown = SimpleNamespace(objects={}, machines={}, step=None, revision=1)
    figure = render(shown, "packet", "en", Options(width=width))
    assert "nobody is there yet" in figure.parts["fig-outcome"].label
