"""The rules that the model makes, loaded into the kernel: it takes them all, and gives them back as the model says."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.network.iptables.rule import restore_text
from apps.cluster.network.iptables.save import save
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.iptables import Ruleset
from tests.cluster.proxy.test_ruleset import CONFIG, NAMES, SPECS, a_service, a_slice
from tests.kernel.hosts import host, missing

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

EVERYTHING: dict[str, dict[str, Any]] = {
    "each kind of Service": {},
    "no local node ports": {"localhost_node_ports": False},
    "node ports at one address": {"node_port_addresses": ("10.0.0.0/24",)},
    "everything masqueraded": {"masquerade_all": True, "random_fully": False},
    "without the comments of a large cluster": {"large": 2},
}


def rules_of(config: ProxyConfig) -> Ruleset:
    rules = Ruleset(config)
    more = ({"type": "LoadBalancer", "loadBalancerSourceRanges": ["203.0.113.0/25", "10.0.0.0/24"]},)
    for number, spec in enumerate((*SPECS, *more)):
        name = f"{NAMES[number % 3]}-{number}"
        service = a_service(name, number, **spec)
        service["status"] = {"loadBalancer": {"ingress": [{"ip": f"198.51.100.{number + 1}"}]}}
        rules.service("default", name, service)
        if number % 4 != 3:
            endpoints = [(at, "worker-1" if number % 2 else "worker-2", True) for at in range(1, number + 2)]
            rules.slice_(a_slice(name, number, endpoints))
    rules.sync()
    return rules


@pytest.mark.parametrize("settings", EVERYTHING.values(), ids=EVERYTHING.keys())
def test_the_kernel_gives_back_what_iptables_save_prints_here(settings):
    rules = rules_of(CONFIG._replace(**settings))
    jumps = rules.jumps()
    tables = {table: {**jumps[table], **chains} for table, chains in rules.tables().items()}
    with host() as machine:
        machine.run("iptables-nft-restore", text=restore_text(tables))
        printed = machine.run("iptables-nft-save")
    theirs = [line for line in printed.splitlines() if not line.startswith("#")]
    assert save(tables).splitlines() == theirs
