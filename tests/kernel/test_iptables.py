"""The rules that the model makes, loaded into the kernel: it takes them all, and gives them back as the model says."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.network.iptables.rule import restore_text
from apps.cluster.network.iptables.save import save
from tests.cluster.proxy.test_ruleset import CONFIG
from tests.kernel.everything import rules_of
from tests.kernel.hosts import host, missing

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

EVERYTHING: dict[str, dict[str, Any]] = {
    "each kind of Service": {},
    "no local node ports": {"localhost_node_ports": False},
    "node ports at one address": {"node_port_addresses": ("10.0.0.0/24",)},
    "everything masqueraded": {"masquerade_all": True, "random_fully": False},
    "without the comments of a large cluster": {"large": 2},
}


@pytest.mark.parametrize("settings", EVERYTHING.values(), ids=EVERYTHING.keys())
def test_the_kernel_gives_back_what_iptables_save_prints_here(settings):
    rules = rules_of("iptables", CONFIG._replace(**settings))
    jumps = rules.jumps()
    tables = {table: {**jumps[table], **chains} for table, chains in rules.tables().items()}
    with host() as machine:
        machine.run("iptables-nft-restore", text=restore_text(tables))
        printed = machine.run("iptables-nft-save")
    theirs = [line for line in printed.splitlines() if not line.startswith("#")]
    assert save(tables).splitlines() == theirs
