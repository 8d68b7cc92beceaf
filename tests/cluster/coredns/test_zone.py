"""Names and what is answered for them, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.coredns import ResolvConf, Zone, lookup, resolv_conf

Obj = dict[str, Any]
HTTP = {"name": "http", "port": 80, "protocol": "TCP"}
MORE = {"name": "metrics", "port": 9090, "protocol": "TCP"}


def a_slice(service: str, endpoints: list[Obj], ports: list[Obj] | None = None, family: str = "IPv4") -> Obj:
    labels = {"kubernetes.io/service-name": service}
    return {
        "metadata": {"namespace": "shop", "name": f"{service}-{family}", "labels": labels},
        "addressType": family,
        "endpoints": endpoints,
        "ports": [HTTP] if ports is None else ports,
    }


SERVICES = {
    "shop/web": {"spec": {"clusterIP": "10.96.0.20", "clusterIPs": ["10.96.0.20"], "ports": [HTTP, MORE]}},
    "shop/dual": {"spec": {"clusterIP": "10.96.0.21", "clusterIPs": ["10.96.0.21", "fd00::21"], "ports": [HTTP]}},
    "shop/db": {"spec": {"clusterIP": "None", "ports": [HTTP]}},
    "shop/lonely": {"spec": {"clusterIP": "None", "ports": [HTTP]}},
    "shop/bare": {"spec": {"clusterIP": "None"}},
    "shop/out": {"spec": {"type": "ExternalName", "externalName": "example.com"}},
    "shop/in": {"spec": {"type": "ExternalName", "externalName": "web.shop.svc.cluster.local"}},
    "shop/loop": {"spec": {"type": "ExternalName", "externalName": "loop.shop.svc.cluster.local"}},
}
SLICES = [
    a_slice("web", [{"addresses": ["192.168.1.1"], "conditions": {"ready": True}}]),
    a_slice(
        "db",
        [
            {"addresses": ["192.168.1.2"], "hostname": "db-0", "conditions": {"ready": True}},
            {"addresses": ["192.168.2.3"], "hostname": "db-1", "conditions": {}},
            {"addresses": ["192.168.2.4"], "hostname": "db-2", "conditions": {"ready": False}},
            {"addresses": ["192.168.2.5"], "conditions": {"ready": True}},
        ],
    ),
    a_slice("bare", [{"addresses": ["192.168.1.9"]}], []),
    a_slice("lonely", []),
]
ZONE = Zone(SERVICES, SLICES, ["shop", "default"])
S = ".shop.svc.cluster.local"

# name, type: rcode, the data of the answer
ANSWERS: dict[tuple[str, str], tuple[str, list[str]]] = {
    ("web" + S, "A"): ("NOERROR", ["10.96.0.20"]),
    ("WEB" + S + ".", "A"): ("NOERROR", ["10.96.0.20"]),
    ("web" + S, "AAAA"): ("NOERROR", []),
    ("dual" + S, "AAAA"): ("NOERROR", ["fd00::21"]),
    ("web" + S, "MX"): ("NOERROR", []),
    ("none" + S, "A"): ("NXDOMAIN", []),
    ("web.nowhere.svc.cluster.local", "A"): ("NXDOMAIN", []),
    ("web.shop.cluster.local", "A"): ("NXDOMAIN", []),
    ("shop.svc.cluster.local", "A"): ("NOERROR", []),
    ("svc.cluster.local", "A"): ("NOERROR", []),
    ("cluster.local", "A"): ("NOERROR", []),
    ("_http._tcp.web" + S, "SRV"): ("NOERROR", ["0 100 80 web.shop.svc.cluster.local."]),
    ("_http._udp.web" + S, "SRV"): ("NXDOMAIN", []),
    ("web" + S, "SRV"): (
        "NOERROR",
        ["0 50 80 web.shop.svc.cluster.local.", "0 50 9090 web.shop.svc.cluster.local."],
    ),
    ("db" + S, "A"): ("NOERROR", ["192.168.1.2", "192.168.2.3", "192.168.2.5"]),
    ("db-0.db" + S, "A"): ("NOERROR", ["192.168.1.2"]),
    ("db-2.db" + S, "A"): ("NXDOMAIN", []),  # not ready
    ("192-168-2-5.db" + S, "A"): ("NOERROR", ["192.168.2.5"]),
    ("192-168-1-1.web" + S, "A"): ("NOERROR", ["192.168.1.1"]),
    ("_http._tcp.db" + S, "SRV"): (
        "NOERROR",
        [
            "0 33 80 db-0.db.shop.svc.cluster.local.",
            "0 33 80 db-1.db.shop.svc.cluster.local.",
            "0 33 80 192-168-2-5.db.shop.svc.cluster.local.",
        ],
    ),
    ("lonely" + S, "A"): ("NXDOMAIN", []),
    ("bare" + S, "A"): ("NOERROR", ["192.168.1.9"]),
    ("out" + S, "CNAME"): ("NOERROR", ["example.com."]),
    ("x.out" + S, "CNAME"): ("NXDOMAIN", []),
    ("in" + S, "A"): ("NOERROR", ["web.shop.svc.cluster.local.", "10.96.0.20"]),
    ("192-168-9-9.shop.pod.cluster.local", "A"): ("NOERROR", ["192.168.9.9"]),
    ("db-0.shop.pod.cluster.local", "A"): ("NXDOMAIN", []),
    ("20.0.96.10.in-addr.arpa", "PTR"): ("NOERROR", ["web.shop.svc.cluster.local."]),
    ("2.1.168.192.in-addr.arpa", "PTR"): ("NOERROR", ["db-0.db.shop.svc.cluster.local."]),
    ("dns-version.cluster.local", "TXT"): ("NOERROR", ['"1.1.0"']),
}


@pytest.mark.parametrize("asked", ANSWERS, ids=" ".join)
def test_what_is_answered(asked):
    answer = ZONE.ask(*asked)
    assert (answer.rcode, [record.data for record in answer.records]) == ANSWERS[asked]


def test_addresses_go_along_with_srv_records():
    answer = ZONE.ask("_http._tcp.db" + S, "SRV")
    assert next(str(record) for record in answer.extra) == "db-0.db.shop.svc.cluster.local.\t30\tIN\tA\t192.168.1.2"


def test_an_alias_that_leads_out_of_the_cluster_and_one_that_leads_to_itself():
    assert ZONE.ask("out" + S, "A").outside == "example.com"
    assert len(ZONE.ask("loop" + S, "A").records) < 20


MACHINE = ResolvConf(("10.0.0.2",), ("corp.example",))
DNS = "10.96.0.10"


def a_pod(**spec: Any) -> Obj:
    return {"metadata": {"namespace": "shop", "name": "p"}, "spec": spec}


FILES = {
    "ClusterFirst": (
        {},
        (
            "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\n"
            "nameserver 10.96.0.10\noptions ndots:5\n"
        ),
    ),
    "on the host's network": ({"hostNetwork": True}, "search corp.example\nnameserver 10.0.0.2\n"),
    "on the host's network, and yet": (
        {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"},
        (
            "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\n"
            "nameserver 10.96.0.10\noptions ndots:5\n"
        ),
    ),
    "Default": ({"dnsPolicy": "Default"}, "search corp.example\nnameserver 10.0.0.2\n"),
    "None": (
        {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.2.3.4"], "searches": ["my.dns"]}},
        "search my.dns\nnameserver 1.2.3.4\n",
    ),
    "fewer dots": (
        {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}},
        (
            "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\n"
            "nameserver 10.96.0.10\noptions ndots:2 edns0\n"
        ),
    ),
}


@pytest.mark.parametrize("case", FILES.values(), ids=FILES.keys())
def test_the_file_that_a_pod_gets(case):
    spec, expected = case
    assert str(resolv_conf(a_pod(**spec), dns=DNS, host=MACHINE)) == expected


LOOKUPS = {
    "web": (["web.shop.svc.cluster.local"], ["10.96.0.20"]),
    "web.shop": (["web.shop.shop.svc.cluster.local", "web.shop.svc.cluster.local"], ["10.96.0.20"]),
    "web.shop.svc.cluster.local": (
        [
            "web.shop.svc.cluster.local.shop.svc.cluster.local",
            "web.shop.svc.cluster.local.svc.cluster.local",
            "web.shop.svc.cluster.local.cluster.local",
            "web.shop.svc.cluster.local.corp.example",
            "web.shop.svc.cluster.local",
        ],
        ["10.96.0.20"],
    ),
    "web.shop.svc.cluster.local.": (["web.shop.svc.cluster.local"], ["10.96.0.20"]),
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_what_is_asked_for_a_name(name):
    """Four dots are fewer than five: a whole name is first tried under every search domain, the company's included."""
    found = lookup(ZONE, name, resolv_conf(a_pod(), dns=DNS, host=MACHINE))
    assert ([question.name for question in found.questions], found.addresses) == LOOKUPS[name]
