"""What one node's kernel holds of the network, as text: its interfaces, routes, ipsets and rules.

Models      ip-address(8), ip-route(8), ipset(8), iptables-save(8), nft(8), ipvsadm(8), one after the other
Leaves out  counters; what Linux has by itself, such as the routes of the table local
"""

from __future__ import annotations

from typing import Any

from apps.cluster.network import ipvs
from apps.cluster.network.machine import Interface, Machine
from apps.diagrams import packets

MOST_BYTES = 4 * 1024 * 1024  # of one text
MEMBERS = 2000  # of one ipset
CHAINS, RULES = 150, 40  # on a page: chains, rules of each
LISTED = 120  # interfaces, routes in a table

Row = dict[str, Any]


def text_of(network: Any, node: str, revision: str) -> str:
    """Everything of one node.

    Raises:
        KeyError: there is no such node.
    """
    machine: Machine = network.world().machines[node]
    lines = [f"# {node}, revision {revision}", "", "# ip address"]
    for number, interface in enumerate(machine.interfaces.values(), 1):
        lines += _interface(number, interface)
    lines += ["", "# ip route", *(str(route) for route in machine.routes)]
    if machine.sets:
        lines += ["", "# ipset save"]
        for name, members in machine.sets.items():
            listed = sorted(members)
            lines += [f"create {name}", *(f"add {name} {member}" for member in listed[:MEMBERS])]
            if len(listed) > MEMBERS:
                lines.append(f"# {len(listed) - MEMBERS} more")
    lines += ["", "# iptables-save", network.save(node)]
    tables = network.nft(node)
    if tables:
        lines += ["", "# nft list ruleset", tables]
    if machine.virtual:
        lines += ["", "# ipvsadm -Ln", ipvs.listed(machine.virtual)]
    text = "\n".join(lines)
    if len(text) > MOST_BYTES:
        text = text[: text.rindex("\n", 0, MOST_BYTES)] + f"\n# cut here: more than {MOST_BYTES} bytes\n"
    return text


def told(network: Any, node: str, lang: str, *, chains: bool = False) -> Row | None:
    """The same as tables, for a page: interfaces, routes and who programmed them, how many rules; `chains`: each chain
    with its rules. None: no network."""
    machine: Machine | None = network.world().machines.get(node) if network is not None else None
    if machine is None:
        return None
    return {
        "interfaces": [
            {
                "name": one.name,
                "kind": one.kind,
                "addresses": list(one.addresses),
                "mtu": one.mtu,
                "up": one.up,
                "end": f"{one.peer[0]} {one.peer[1]}".strip(),
            }
            for one in list(machine.interfaces.values())[:LISTED]
        ],
        "routes": [
            {"text": str(route), "by": packets.said_by(packets.by_of(route), lang)} for route in machine.routes[:LISTED]
        ],
        "tables": [
            {"name": name, "chains": len(chains), "rules": sum(len(rules) for rules in chains.values())}
            for name, chains in machine.tables.items()
        ]
        + [
            {
                "name": str(one),
                "chains": len(one.chains),
                "rules": sum(len(chain.rules) for chain in one.chains.values()),
            }
            for one in machine.nft
        ],
        "chains": _chains(machine) if chains else [],
        "sets": len(machine.sets),
        "more": max(len(machine.interfaces) - LISTED, 0) + max(len(machine.routes) - LISTED, 0),
    }


def _chains(machine: Machine) -> list[Row]:
    """Every chain with its rules, as many as a page bears."""
    found: list[Row] = []
    for table, chains in machine.tables.items():
        for chain, rules in chains.items():
            if rules and len(found) < CHAINS:
                found.append({"table": table, "name": chain, "rules": list(rules[:RULES]), "count": len(rules)})
    return found


def _interface(number: int, one: Interface) -> list[str]:
    peer = f"@{one.peer[1]}" if one.kind == "veth" else ""
    state = "UP" if one.up else "DOWN"
    out = [f"{number}: {one.name}{peer}: mtu {one.mtu} state {state}", f"    link/{_LINKS.get(one.kind, one.kind)}"]
    if one.kind == "veth" and one.peer[0]:
        out[1] += f"  # the other end: {one.peer[1]} in {one.peer[0]}"
    return out + [f"    inet{'6' if ':' in address else ''} {address}" for address in one.addresses]


_LINKS = {"ethernet": "ether", "veth": "ether", "loopback": "loopback", "vxlan": "ether"}
