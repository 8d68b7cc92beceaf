"""Matches and targets, one rule at a time."""

from __future__ import annotations

import pytest

from apps.cluster.network.iptables.evaluate import Host, run
from apps.cluster.network.packet import Packet

TCP = Packet("192.168.1.5", "10.0.0.7", "tcp", 8080, 40000, in_interface="cali1234", out_interface="eth0")
HOST = Host(
    frozenset({"10.0.0.7"}),
    {
        "nets": frozenset({"192.168.0.0/16"}),
        "ports": frozenset({"10.0.0.7,tcp:8080"}),
        "pairs": frozenset({"192.168.1.5,10.0.0.7"}),
    },
    {"seen": frozenset({"192.168.1.5"})},
)
MATCHES = {
    "-s 192.168.0.0/16": True,
    "! -s 192.168.0.0/16": False,
    "-d 10.0.0.7": True,
    "-d 10.0.0.8/31": False,
    "-p tcp": True,
    "-p 6": True,
    "-p 17": False,
    "-p tcp -m tcp --dport 8080": True,
    "-p tcp --dport 8000:9000": True,
    "-p tcp -m multiport --dports 80,8080": True,
    "-p tcp -m multiport --sports 80,8080": False,
    "-p udp -m udp --dport 8080": False,
    "-i cali+": True,
    "-i eth0": False,
    "-o eth0": True,
    "-m mark --mark 0x0/0x4000": True,
    "-m mark ! --mark 0x4000/0x4000": True,
    "-m conntrack --ctstate NEW": True,
    "-m conntrack --ctstate RELATED,ESTABLISHED": False,
    "-m conntrack ! --ctstate DNAT": True,
    "-m addrtype --dst-type LOCAL": True,
    "-m addrtype --src-type LOCAL": False,
    "-m set --match-set nets src": True,
    "-m set --match-set nets dst": False,
    "-m set --match-set ports dst,dst": True,
    "-m set --match-set ports src,src": False,
    "-m set --match-set pairs src,dst": True,
    "-m set ! --match-set nobody src": True,
    "-m recent --name seen --rcheck --seconds 60 --reap": True,
    "-m recent --name new --rcheck --seconds 60 --reap": False,
}


@pytest.mark.parametrize("text", MATCHES)
def test_a_match(text):
    tables = {"filter": {"X": (f"{text} -j DROP",)}}
    assert (run(tables, "filter", "X", TCP, HOST, lambda _p: True).target == "DROP") is MATCHES[text]


MARKS = {
    "--or-mark 0x4000": 0x4001,
    "--xor-mark 0x1": 0x0,
    "--and-mark 0xfffe": 0x0,
    "--set-mark 0x20": 0x20,
    "--set-mark 0x20/0x20": 0x21,
    "--set-xmark 0x10000/0x10000": 0x10001,
    "--set-xmark 0x0/0xffffffff": 0x0,
}


@pytest.mark.parametrize("text", MARKS)
def test_a_mark(text):
    tables = {"mangle": {"X": (f"-j MARK {text}",)}}
    verdict = run(tables, "mangle", "X", TCP._replace(mark=1), HOST, lambda _p: True)
    assert verdict.packet.mark == MARKS[text]


def test_return_comes_back_and_goto_does_not():
    tables = {
        "filter": {
            "X": ("-j A", "-g B", "-j DROP"),
            "A": ("-j RETURN", "-j DROP"),
            "B": ("-j RETURN",),
        }
    }
    assert run(tables, "filter", "X", TCP, HOST, lambda _p: True).target == ""
