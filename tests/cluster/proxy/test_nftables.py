"""kube-proxy's nftables table: whole tables and packets of upstream's own tests, and a table that is kept current."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.network.iptables.evaluate import Host
from apps.cluster.network.nftables.evaluate import every_way, run
from apps.cluster.network.nftables.rule import parse_rule
from apps.cluster.network.nftables.table import Map, Set, Table
from apps.cluster.network.packet import Packet
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.nftables import Ruleset
from tests.cluster.proxy.test_ruleset import CHANGES, CONFIG, tell

FACTS = json.loads(Path("tests/testdata/network/kubeproxy-nftables.json").read_text())
NODE_IPS = ("192.168.0.2", "192.168.1.2", "192.168.99.11", "2001:db8::1", "2001:db8:1::2")
HOST = Host(frozenset(NODE_IPS))
HERE = {4: ("10.0.0.0/8", "172.30.0.0/16"), 6: ("fd00:10::/64", "fd00:10:96::/112")}


def proxier(settings: dict[str, Any]) -> Ruleset:
    """As NewFakeProxier makes one."""
    family = 6 if settings.get("family") == "IPv6" else 4
    local, services = HERE[family]
    ips = NODE_IPS if family == 4 else (NODE_IPS[3], *NODE_IPS[:3], NODE_IPS[4])
    return Ruleset(
        ProxyConfig(
            "test-node",
            ips,
            family,
            settings.get("localCIDR", local),
            masquerade_all=bool(settings.get("masqueradeAll")),
            node_port_addresses=tuple(settings.get("nodePortAddresses") or ("192.168.0.2/32", "2001:db8::1/128")),
            service_cidrs=(services,),
        )
    )


def dumped(table: Table) -> list[str]:
    """The table as the lines of knftables' fake: what would have to be added to an empty kernel."""
    at = f"{table.family} {table.name}"
    lines = [f'add table {at} {{ comment "{table.comment}" ; }}']
    for name, one in table.sets.items():
        words = [f"type {one.type}{' : verdict' if isinstance(one, Map) else ''} ;"]
        if isinstance(one, Set) and one.flags:
            words += [f"flags {','.join(one.flags)} ;", f"timeout {one.timeout}s ;"]
        words += [f'comment "{one.comment}" ;'] if one.comment else []
        lines.append(f"add {'map' if isinstance(one, Map) else 'set'} {at} {name} {{ {' '.join(words)} }}")
        for key, element in one.elements.items():
            comment = f' comment "{element.comment}"' if element.comment else ""
            value = f" : {element.verdict}" if element.verdict else ""
            lines.append(f"add element {at} {name} {{ {key}{comment}{value} }}")
    for name, chain in table.chains.items():
        words = [f"type {chain.kind} hook {chain.hook} priority {chain.priority} ;"] if chain.hook else []
        words += [f'comment "{chain.comment}" ;'] if chain.comment else []
        lines.append(f"add chain {at} {name}" + (f" {{ {' '.join(words)} }}" if words else ""))
        lines += [f"add rule {at} {name} {rule}" for rule in chain.rules]
    return lines


def flow(table: Table, source: str, protocol: str, destination: str, port: int) -> tuple[str, bool]:
    """What becomes of a packet, as the upstream tests trace it."""
    packet = Packet(source, destination, protocol, port)
    before = run(table, "filter-prerouting-pre-dnat", packet, HOST, lambda _p: True)
    if before.target:
        return before.target, False
    outputs: list[str] = []
    for _weight, verdict in every_way(table, "nat-prerouting", packet, HOST):
        if verdict.target == "DNAT":
            to = verdict.packet.destination
            outputs.append(f"[{to}]:{verdict.packet.port}" if ":" in to else f"{to}:{verdict.packet.port}")
        if len(outputs) <= 1:
            after = verdict.packet
    for chain in ("filter-forward", "filter-input"):
        verdict = run(table, chain, after, HOST, lambda _p: True)
        if verdict.target:
            outputs.append(verdict.target)
            if chain == "filter-forward":
                return ", ".join(outputs), False
    masqueraded = run(table, "nat-postrouting", after, HOST, lambda _p: True).target == "MASQUERADE"
    return ", ".join(outputs), masqueraded


@pytest.mark.parametrize("steps", FACTS["scenarios"].values(), ids=FACTS["scenarios"].keys())
def test_upstreams_tables_and_packets(steps):
    settings: dict[str, Any] = {}
    rules: Ruleset | None = None
    for step in steps:
        ((what, fact),) = step.items()
        if what in {"family", "masqueradeAll", "localCIDR", "nodePortAddresses"}:
            settings[what], rules = fact, None
            continue
        rules = rules or proxier(settings)
        if what.startswith("service"):
            metadata = fact["metadata"]
            rules.service(metadata["namespace"], metadata["name"], fact if what == "service" else None)
        elif what.startswith("slice"):
            rules.slice_(fact, deleted=what == "slice_deleted")
        elif what == "flows":
            rules.sync()
            for name, source, protocol, destination, port, output, masqueraded in fact:
                assert flow(rules.table(), source, protocol, destination, port) == (output, masqueraded), name
        else:
            rules.sync()
            expected = [line for one in fact for line in (FACTS["base"] if one == "BASE" else [one])]
            found = dumped(rules.table())
            assert sorted(found) == sorted(expected)
            chains = {line.split()[4] for line in expected if line.startswith("add rule")}
            for chain in chains:  # the order within a chain counts
                front = f"add rule ip kube-proxy {chain} "
                assert [one for one in found if one.startswith(front)] == [
                    one for one in expected if one.startswith(front)
                ]


@given(st.lists(CHANGES, max_size=25))
@settings(max_examples=100, deadline=None)
def test_kept_current_is_made_anew(changes):
    kept = Ruleset(CONFIG)
    services: dict[str, Any] = {}
    slices: dict[tuple[str, int], Any] = {}
    for what, name, how in changes:
        tell(kept, what, name, how)
        if what == "service":
            services[name] = how
        elif what == "no service":
            services.pop(name, None)
        elif what == "slice":
            slices[name, how[0]] = how
        elif what == "no slice":
            slices.pop((name, how), None)
    before = kept.table()
    done = kept.sync()
    fresh = Ruleset(CONFIG)
    for name, how in services.items():
        tell(fresh, "service", name, how)
    for (name, _part), how in slices.items():
        tell(fresh, "slice", name, how)
    fresh.sync()
    after = fresh.table()
    assert kept.table()._replace(chains={}) == after._replace(chains={})
    assert {name: chain for name, chain in kept.table().chains.items() if name not in kept.stale} == after.chains
    # What a sync says of elements is what has become of them.
    for where, one in after.sets.items():
        old = before.sets[where].elements if where in before.sets else {}
        assert {key for key, found in one.elements.items() if old.get(key) != found} <= {
            key for at, key in done.added if at == where
        }
        assert set(old) - set(one.elements) == {key for at, key in done.removed if at == where}


@given(st.lists(CHANGES, max_size=15))
@settings(max_examples=60, deadline=None)
def test_every_rule_is_understood_and_leads_somewhere(changes):
    rules = Ruleset(CONFIG)
    for change in changes:
        tell(rules, *change)
    rules.sync()
    table = rules.table()
    verdicts = [element.verdict for one in table.sets.values() for element in one.elements.values()]
    for chain in table.chains.values():
        for rule in map(parse_rule, chain.rules):
            for one in rule.statements:
                if one.kind in {"jump", "goto"}:
                    assert one.name in table.chains
                elif one.kind in {"is", "vmap", "update"} and one.name:
                    assert one.name in table.sets
                elif one.kind == "numgen vmap":
                    verdicts += one.values
    for verdict in verdicts:
        assert verdict in {"", "drop"} or verdict.removeprefix("goto ") in table.chains
    assert all(len(name) < 256 for name in (*table.chains, *table.sets))


def test_one_endpoint_that_goes_rewrites_one_chain_and_no_map():
    rules = Ruleset(CONFIG)
    tell(rules, "service", "web", {})
    tell(rules, "slice", "web", (0, [(1, "worker-2", True), (2, "worker-2", True)]))
    assert rules.sync().full
    tell(rules, "slice", "web", (0, [(1, "worker-2", True)]))
    done = rules.sync()
    assert [chain.partition("-")[0] for chain in done.written] == ["service", "service"]  # its two ports
    assert not any((done.full, done.deleted, done.added, done.removed))
    tell(rules, "no service", "web", None)
    gone = rules.sync()
    assert len(gone.deleted) == 2
    assert ("cluster-ips", "10.96.0.12") in gone.removed
    assert set(gone.deleted) <= set(rules.table().chains)  # emptied, until the next sync
    rules.sync()
    assert not set(gone.deleted) & set(rules.table().chains)
