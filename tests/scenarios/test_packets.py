"""The packet view over HTTP: what may be asked, what is answered, and that nothing is lost when it may not."""

from __future__ import annotations

import html
import json
import re

import pytest

from apps.articles import library, pages
from apps.cluster.network.ipvs import RealServer, VirtualServer
from apps.cluster.network.machine import Machine, World
from apps.diagrams.options import Question
from apps.scenarios import kernels, packets, presets
from apps.scenarios.limits import Said

pytestmark = pytest.mark.django_db

SERVICES = presets.get("services").link
CLIENT = "src=client&dst=services/default/web-node&port=80"


def page(client, query, lang="en"):
    return client.get(f"/{lang}/s/{SERVICES}/?view=packet&{query}")


def frame(client, query, lang="en"):
    return json.loads(client.get(f"/{lang}/s/{SERVICES}/frame/?view=packet&{query}").content)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"src": "client", "dst": "services/default/web:80/udp"},
                     Question("client", "services/default/web", 80, "udp"), id="a port that comes with its choice"),
        pytest.param({"dst": "services/default/web:80", "port": "81"}, Question("", "services/default/web", 81),
                     id="a port of its own goes before it"),
        pytest.param({"dst": "services/default/web:80", "to": "db:5432"}, Question("", "db", 5432),
                     id="what is typed goes before what is chosen"),
        pytest.param({"to": "[fd00::1]:443"}, Question("", "fd00::1", 443), id="an IPv6 address with a port"),
        pytest.param({"to": "fd00::1"}, Question("", "fd00::1"), id="an IPv6 address without one"),
        pytest.param({"src": "nodes/worker-1", "dst": "10.0.0.1", "size": "1500", "packet": "7", "hop": "3",
                      "many": "1"},
                     Question("nodes/worker-1", "10.0.0.1", 0, "tcp", 7, 1500, 3, True), id="everything"),
    ],
)  # fmt: skip
def test_an_address_is_read(query, expected):
    assert packets.question(query) == expected


BAD = [
    pytest.param({"src": "services/default/web"}, "src", id="a Service sends nothing"),
    pytest.param({"src": "pods/web"}, "src", id="a Pod without its namespace"),
    pytest.param({"src": "pods/default/<b>"}, "src", id="markup"),
    pytest.param({"dst": "no such place"}, "dst", id="a destination with blanks"),
    pytest.param({"dst": "x" * 254}, "dst", id="a name too long"),
    pytest.param({"port": "65536"}, "port", id="a port too high"),
    pytest.param({"dst": "web:99999"}, "port", id="one that came with the destination"),
    pytest.param({"port": "-1"}, "port", id="a negative port"),
    pytest.param({"port": "٣"}, "port", id="digits of another script"),
    pytest.param({"proto": "gre"}, "proto", id="another protocol"),
    pytest.param({"packet": "10000"}, "packet", id="a packet beyond the last"),
    pytest.param({"size": "20"}, "size", id="less than the headers"),
    pytest.param({"size": "70000"}, "size", id="more than a packet can have"),
    pytest.param({"hop": "9" * 400}, "hop", id="a hop with four hundred digits"),
]


@pytest.mark.parametrize(("query", "name"), BAD)
def test_what_cannot_be_asked_is_refused_by_its_name(query, name):
    with pytest.raises(Said, match=name) as refused:
        packets.question(query)
    assert refused.value.code == 400
    problems: list[str] = []
    packets.question({"src": "client", **query}, problems)
    assert len(problems) == 1


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_bad_question_is_told_on_the_page_and_the_good_part_of_it_stays(client, lang):
    response = page(client, "src=client&dst=services/default/web-node&port=99999", lang)
    text = response.content.decode()
    assert response.status_code == 400
    assert "65535" in text
    assert '<option value="client" selected>' in text
    assert "kfig-packet" in text
    frames = client.get(f"/{lang}/s/{SERVICES}/frame/?view=packet&port=99999")
    assert frames.status_code == 400
    assert "65535" in frames.json()["message"]


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_before_anything_is_asked_a_packet_is_suggested_that_goes_through_the_tunnel(client, lang):
    text = page(client, "", lang).content.decode()
    assert "fig-hop-20" in text
    assert "fig-wire-0" in text
    assert "IP-in-IP" in text
    assert "⟦" not in text


def test_a_hop_says_its_rule_its_connection_and_its_article(client):
    whole = frame(client, CLIENT)["detail"]
    number = int(re.search(r"<b>DNAT</b> [\w-]+ · \w+ · (\d+)", whole)[1])
    found = frame(client, f"{CLIENT}&hop={number}")
    assert "Destination NAT happens here, on worker-" in found["detail"]
    assert re.search(r"-A KUBE-SEP-\w+ .*-j DNAT --to-destination", found["detail"])
    assert "conntrack" in found["detail"]
    assert 'href="/en/docs/kube-proxy/"' in found["detail"]
    assert f'id="fig-hop-{number}" class="k-hop tells now"' in found["svg"]
    assert found["digest"] != frame(client, CLIENT)["digest"]


def test_who_encapsulates_is_found_by_its_hop(client):
    whole = frame(client, "")
    number = int(re.search(r"<b>encapsulated</b> ([\w-]+) · tunl0 · (\d+)", whole["detail"])[2])
    query = html.unescape(re.search(rf'href="\?(view=packet&amp;[^"]*hop={number})"', whole["svg"])[1])
    found = json.loads(client.get(f"/en/s/{SERVICES}/frame/?{query}").content)
    assert "encapsulates here, in tunl0" in found["detail"]
    assert 'href="/en/docs/tunnel/"' in found["detail"]


def test_rules_that_did_not_match_are_there_too(client):
    text = frame(client, CLIENT)["detail"]
    assert 'class="missed"' in text
    assert 'class="decided"' in text


def test_a_thousand_packets_are_counted(client):
    text = frame(client, f"{CLIENT}&many=1")["detail"]
    counts = [int(count) for count in re.findall(r'<span class="n">(\d+)</span></td><td><span class="n">[\d.]+<', text)]
    assert sum(counts) == 1000
    assert len(counts) == 5


def test_every_question_of_a_name_is_shown(client):
    pod = re.search(r'<option value="(pods/default/[^"]+)"', frame(client, "")["form"])[1]
    text = frame(client, f"src={pod}&to=kubernetes.default")["detail"]
    asked = re.findall(r"<td>(kubernetes\.default[\w.]*)</td>", text)
    assert asked == ["kubernetes.default.default.svc.cluster.local", "kubernetes.default.svc.cluster.local"]


def test_the_text_has_every_hop(client):
    lines = frame(client, CLIENT)["text"].splitlines()
    assert sum(bool(re.match(r"\d+\. ", line)) for line in lines) > 20


def test_a_frame_at_a_revision_is_immutable_and_keeps_its_place_in_every_link(client):
    run = json.loads(client.get(f"/en/s/{SERVICES}/steps/").content)
    response = client.get(f"/en/s/{SERVICES}/frame/?view=packet&{CLIENT}&at={run['head']}")
    assert "immutable" in response["Cache-Control"]
    other = client.get(f"/en/s/{SERVICES}/frame/?view=packet&{CLIENT}&at={run['head']}&hop=2")
    assert response["ETag"] != other["ETag"]
    found = page(client, f"{CLIENT}&at={run['head']}").content.decode()
    links = re.findall(r'href="(\?[^"]*view=packet[^"]*hop=\d+[^"]*)"', found)
    assert links
    assert all(f"at={run['head']}" in link for link in links)


@pytest.mark.parametrize("address", ["/d/{}.svg?lang=en&", "/d/{}.dot?lang=en&", "/embed/{}/?lang=en&"])
def test_files_and_embeds_show_the_packet_and_its_hop(client, address):
    text = client.get(f"{address.format(SERVICES)}view=packet&{CLIENT}&hop=5").content.decode()
    assert "fig-hop-5" in text
    assert client.get(f"{address.format(SERVICES)}view=packet&port=x").status_code == 400


def test_somebody_who_is_not_there_at_a_revision_is_said_to_be_missing(client):
    found = frame(client, "src=pods/default/nobody&dst=services/default/web")
    assert "nobody: not there at this revision" in found["text"]
    assert 'value="pods/default/nobody" selected' in found["form"]


def test_a_nodes_kernel_as_text(client):
    response = client.get(f"/d/{SERVICES}.txt?node=worker-1")
    text = response.content.decode()
    assert response["Content-Type"].startswith("text/plain")
    assert "immutable" in response["Cache-Control"] or "max-age" in response["Cache-Control"]
    for part in ("# ip address", "tunl0", "# ip route", "proto bird", "*nat", "-A KUBE-SERVICES", "COMMIT"):
        assert part in text
    assert client.get(f"/d/{SERVICES}.txt?node=nobody").status_code == 400
    assert client.get(f"/d/{SERVICES}.txt").status_code == 400


def test_the_inspector_of_a_node_leads_to_its_kernel_and_a_service_to_its_packet(client):
    node = client.get(f"/en/s/{SERVICES}/?focus=nodes/worker-1").content.decode()
    assert f"/d/{SERVICES}.txt?node=worker-1" in node
    service = client.get(f"/en/s/{SERVICES}/?focus=services/default/web").content.decode()
    assert "view=packet&amp;dst=services/default/web" in service


def test_an_article_says_which_packet_its_figure_shows(rf):
    article = library.article("en", "nodeport")
    assert article.packet.startswith("src=client&dst=nodes/")
    for number in (0, 4):
        request = rf.get("/en/docs/nodeport/", {"hop": str(number)} if number else {})
        request.LANGUAGE_CODE = "en"
        svg = pages.context(request, article)["frame"]["svg"]
        assert "client outside" in svg
        assert svg.count(" now") >= bool(number)


def test_a_kernel_with_too_much_in_it_is_cut_with_a_word_about_it():
    class Network:
        def world(self):
            return World({"n": Machine("n", "node", {}, sets={"s": frozenset(str(i) for i in range(3000))})})

        def nft(self, node):
            return ""

        def save(self, node):
            return "-A X -j ACCEPT\n" * 300_000

    text = kernels.text_of(Network(), "n", "7")
    assert len(text) < kernels.MOST_BYTES + 100
    assert "# 1000 more" in text
    assert text.endswith("bytes\n")


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_inside_a_node_its_interfaces_and_routes_are_listed_with_who_programmed_them(client, lang):
    text = client.get(f"/{lang}/s/{SERVICES}/frame/?view=node&focus=nodes/worker-1").json()["detail"]
    assert "tunl0" in text
    assert "proto bird" in text
    assert "BIRD" in text
    assert f"/d/{SERVICES}.txt?node=worker-1" in text
    assert "⟦" not in text


def test_a_hop_beyond_the_last_is_none(client):
    found = frame(client, f"{CLIENT}&hop=250")
    assert "hop=249" not in found["form"]
    assert " now" not in found["svg"]


def test_as_mermaid_the_hops_follow_one_another(client):
    text = client.get(f"/d/{SERVICES}.mmd?view=packet&{CLIENT}").content.decode()
    assert "fig_hop_1 --> fig_hop_2" in text


def test_a_kernels_text_has_what_kube_proxy_wrote_in_its_other_modes():
    class Network:
        def world(self):
            server = VirtualServer("tcp", "10.96.0.10", 80, (RealServer("192.168.2.1", 8080, 1),))
            return World({"n": Machine("n", "node", {}, virtual=(server,))})

        def nft(self, node):
            return "table ip kube-proxy {\n}\n"

        def save(self, node):
            return ""

    text = kernels.text_of(Network(), "n", "7")
    assert "TCP  10.96.0.10:80 rr" in text
    assert "-> 192.168.2.1:8080" in text
    assert "table ip kube-proxy" in text
