"""Three modes behind one face, and how they differ."""

from __future__ import annotations

import pytest

from apps.cluster.proxy import MODES, in_kernel, ruleset_for
from apps.cluster.proxy.comparison import compared
from tests.cluster.proxy.test_ruleset import CONFIG, a_service, a_slice, tell

WEB = a_service("web", 2)
ENDPOINTS = a_slice("web", 0, [(at, "worker-2", True) for at in range(1, 11)])


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_hears_the_same_and_gives_the_kernel_something(mode):
    rules = ruleset_for(mode, CONFIG)
    assert rules.pending
    tell(rules, "service", "web", {})
    tell(rules, "slice", "web", (0, [(1, "worker-1", True)]))
    done = rules.sync()
    assert (done.full, done.services, rules.pending) == (True, (("default", "web"),), False)
    made = in_kernel(rules)
    assert bool(made.tables) == (mode != "nftables")
    assert bool(made.nft) == (mode == "nftables")
    assert bool(made.virtual) == bool(made.sets) == bool(made.addresses) == (mode == "ipvs")
    tell(rules, "slice", "web", (0, [(2, "worker-1", True)]))
    later = rules.sync()
    assert (later.full, later.services, bool(later.written)) == (False, (("default", "web"),), True)


def test_a_mode_that_there_is_not():
    with pytest.raises(KeyError):
        ruleset_for("userspace", CONFIG)


def test_only_iptables_grows_with_the_number_of_services():
    few = {one.mode: one for one in compared(WEB, [ENDPOINTS], CONFIG)}
    many = {one.mode: one for one in compared(WEB, [ENDPOINTS], CONFIG, others=200)}
    assert many["iptables"].looked_at - few["iptables"].looked_at == 200
    assert many["nftables"].looked_at == few["nftables"].looked_at
    assert many["ipvs"].looked_at == few["ipvs"].looked_at
    assert many["iptables"].rewritten_common - few["iptables"].rewritten_common == 200
    assert many["nftables"].rewritten == few["nftables"].rewritten
    assert many["ipvs"].rewritten == few["ipvs"].rewritten


def test_what_one_service_of_two_ports_and_ten_endpoints_is_in_each_mode():
    iptables, nftables, ipvs = compared(WEB, [ENDPOINTS], CONFIG)
    # Two in KUBE-SERVICES; for each port the masquerading, a rule and a chain of two for each endpoint.
    assert (iptables.rules, iptables.chains, iptables.elements, iptables.servers) == (2 + 2 * (1 + 10 + 20), 22, 0, 0)
    # One rule for each port, found in a map; the cluster IP is in a set.
    assert (nftables.rules, nftables.chains, nftables.elements, nftables.servers) == (2, 2, 3, 0)
    # No rule but the two of the set of cluster IPs, which is empty without it.
    assert (ipvs.rules, ipvs.chains, ipvs.servers) == (2, 0, 2)
    assert [one.choice for one in (iptables, nftables, ipvs)] == ["statistic", "numgen", "scheduler"]
    assert nftables.rewritten == 2
    assert ipvs.rewritten - ipvs.rewritten_common == 2
    assert iptables.rewritten - iptables.rewritten_common == 2 * (1 + 9 + 18)


def test_a_headless_service_is_nothing_to_any_mode():
    with pytest.raises(ValueError, match="no cluster IP"):
        compared(a_service("web", 2, clusterIP="None"), [], CONFIG)
