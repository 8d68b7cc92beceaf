"""IPVS mode's ipsets and iptables rules in a real kernel; its virtual servers where the kernel has IPVS."""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest

from apps.cluster.network.iptables.rule import restore_text
from apps.cluster.network.iptables.save import save
from apps.cluster.network.ipvs import saved, saved_sets
from tests.cluster.proxy.test_ruleset import CONFIG
from tests.kernel.everything import rules_of
from tests.kernel.hosts import host, missing

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

EVERYTHING: dict[str, dict[str, Any]] = {
    "each kind of Service": {},
    "everything masqueraded": {"masquerade_all": True},
    "node ports at one address": {"node_port_addresses": ("10.0.0.0/24",)},
}
KERNEL_ONLY = re.compile(r" bucketsize \d+ initval 0x[0-9a-f]+")  # a seed, and a size that newer tools print


@pytest.mark.parametrize("settings", EVERYTHING.values(), ids=EVERYTHING.keys())
def test_the_kernel_takes_sets_and_rules_and_gives_them_back(settings):
    rules = rules_of("ipvs", CONFIG._replace(**settings))
    jumps = rules.jumps()
    tables = {table: {**jumps[table], **chains} for table, chains in rules.tables().items()}
    sets = saved_sets(rules.sets().items())
    with host() as machine:
        machine.run("ipset", "restore", text=sets)
        machine.run("iptables-nft-restore", text=restore_text(tables))
        printed, kept = machine.run("iptables-nft-save"), machine.run("ipset", "save")
    assert sorted(KERNEL_ONLY.sub("", kept).splitlines()) == sorted(sets.splitlines())
    theirs = [line for line in printed.splitlines() if not line.startswith("#")]
    assert save(tables).splitlines() == theirs


def test_the_kernel_gives_back_the_virtual_servers():
    if shutil.which("ipvsadm") is None:
        pytest.skip("not installed: ipvsadm")
    text = saved(rules_of("ipvs", CONFIG).servers())
    with host() as machine:
        try:
            machine.run("ipvsadm", "-R", text=text)
        except AssertionError as refused:
            pytest.skip(f"this kernel has no IPVS: {refused}")
        assert machine.run("ipvsadm", "-Sn").splitlines() == text.splitlines()
