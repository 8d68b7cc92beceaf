"""A packet's way as tables: every hop with its headers, its rules, its connection and its route. Data, no HTML.

Models      what tcpdump, iptables TRACE, `conntrack -E` and `ip route get` would tell together
Leaves out  -
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from apps.cluster.network.iptables.evaluate import Visit
from apps.cluster.network.machine import Connection, Tuple5
from apps.cluster.network.packet import Packet
from apps.diagrams import asking, packets, wording
from apps.diagrams.asking import Asked
from apps.diagrams.packets import Step
from apps.diagrams.views import ways
from apps.scenarios.packets import MANY
from apps.scenarios.steps import article_url

RULES = 60  # listed of one hop, those that matched among them; of the hop that is looked at:
RULES_OF_ONE = 400
ENDS = 40  # places where many packets ended
QUESTIONS = 40
RULE = 1200  # letters of one rule

Row = dict[str, Any]


def walked(snapshot: Any, asked: Asked, lang: str, ref: str, at: str) -> Row:
    """Everything there is to say of a packet's way. `ref`, `at`: where the scenario's files are."""
    journey = asked.journey
    chosen = asked.chosen
    nodes = dict.fromkeys(
        home
        for step in asked.steps
        if (home := ways.home_of(step.hop.machine, asked.world.machines)) in snapshot.machines
    )
    return {
        "asked": journey is not None,
        "at": at,
        "chosen": _row(chosen, asked, lang, RULES_OF_ONE) if chosen is not None else None,
        "failed": asked.failure is not None or not asked.steps or asked.for_name,
        "findings": [
            {"text": packets.found(finding, lang), "ref": finding.ref, "query": _focus(asked, finding.ref)}
            for finding in asked.findings
        ],
        "lookup": _lookup(journey.lookup, lang) if journey is not None and journey.lookup is not None else None,
        "dns": [packets.plain(step, lang) for step in packets.steps(journey.dns, None)]
        if journey is not None and not asked.for_name
        else [],
        "ways": [
            {"title": wording.say(lang, f"packet.way-{_way(asked, back)}"), "back": back, "hops": hops}
            for back in (False, True)
            if (hops := [_row(step, asked, lang, RULES) for step in asked.steps if step.back is back])
        ],
        "ends": _ends(snapshot, asked, lang) if asked.question.many and journey is not None else None,
        "many": MANY,
        "saves": [{"node": name, "url": save_url(ref, name, at)} for name in nodes],
        "answers": _answers(asked, lang),
    }


def save_url(ref: str, node: str, at: str) -> str:
    """Where a node's rules, routes and interfaces are as text."""
    return f"/d/{ref}.txt?{urlencode({'node': node, 'at': at})}"


def _way(asked: Asked, back: bool) -> str:
    return "back" if back else "name" if asked.for_name else "there"


def _focus(asked: Asked, ref: str) -> str:
    return f"{asked.question.query()}&{urlencode({'focus': ref}, safe='/')}" if ref else ""


def _answers(asked: Asked, lang: str) -> list[Row]:
    """Where the destination is translated, who encapsulates: the hops that say so."""
    worth = {"network.dnat", "network.virtual-server", "network.snat", "network.encapsulated"}
    return [
        {
            "number": step.number,
            "query": asked.question.query(hop=step.number),
            "caption": packets.caption(step.hop, lang),
            "machine": packets.machine_name(step.hop.machine, lang),
            "interface": step.hop.interface,
        }
        for step in asked.steps
        if step.hop.what in worth and not step.back
    ]


# ---- one hop -------------------------------------------------------------------------------------


def _row(step: Step, asked: Asked, lang: str, most: int) -> Row:
    hop = step.hop
    decision = packets.decided(hop)
    article = packets.article_of(hop)
    listed = _rules(hop.visits, decision, most)
    return {
        "number": step.number,
        "query": asked.question.query(hop=step.number),
        "now": step.number == asked.question.hop,
        "back": step.back,
        "failed": packets.failed(step),
        "tells": hop.what in packets.TELLING,
        "caption": packets.caption(hop, lang),
        "text": packets.sentence(hop, lang),
        "machine": packets.machine_name(hop.machine, lang),
        "interface": hop.interface,
        "protocol": hop.after.protocol.upper(),
        "before": _header(hop.before, hop.after) if _moved(hop.before, hop.after) else None,
        "after": _header(hop.after, hop.before),
        "outer": {"kind": hop.outer.kind, "text": f"{hop.outer.source} -> {hop.outer.destination}"}
        if hop.outer is not None
        else None,
        "table": hop.params.get("table", ""),
        "chain": hop.params.get("chain", ""),
        "rule": packets.shortened(packets.rule_text(decision), RULE) if decision is not None else "",
        "added": decision is not None and not packets.of_nftables(decision.table),
        "comment": packets.comment_of(decision.text) if decision is not None else "",
        "writer": packets.writer(decision) if decision is not None else "",
        "rules": listed,
        "matched": sum(visit.matched for visit in hop.visits),
        "visited": len(hop.visits),
        "more": len(hop.visits) - len(listed),
        "connection": _connection(hop.connection) if hop.connection is not None else None,
        "route": str(hop.route) if hop.route is not None else "",
        "by": packets.said_by(packets.by_of(hop.route), lang) if hop.route is not None else "",
        "article": article_url(article, lang),
        "slug": article,
    }


def _moved(before: Packet, after: Packet) -> bool:
    return any(
        getattr(before, name) not in ("", 0) and getattr(before, name) != getattr(after, name)
        for name in ("source", "source_port", "destination", "port")
    )


def _header(packet: Packet, other: Packet) -> list[Row]:
    """A header in its pieces; those that are not as in the other are marked."""
    source, target = packets.source_of(packet), packets.target(packet)
    return [
        {"text": source, "changed": source != packets.source_of(other) and bool(other.source)},
        {"text": target, "changed": target != packets.target(other)},
    ]


def _rules(visits: tuple[Visit, ...], decision: Visit | None, most: int) -> list[Row]:
    """Rules that the packet came to: all that matched, and of the others as many as there is room for."""
    left = most - sum(visit.matched for visit in visits)
    out: list[Row] = []
    for visit in visits:
        if not visit.matched:
            if left <= 0:
                continue
            left -= 1
        out.append(
            {
                "table": visit.table,
                "chain": visit.chain,
                "number": visit.number,
                "text": packets.shortened(visit.text, RULE),
                "matched": visit.matched,
                "decided": visit is decision,
            }
        )
    return out[: most * 2]


def _connection(entry: Connection) -> Row:
    """An entry as `conntrack -L` prints it: both directions."""
    return {
        "protocol": entry.original.protocol,
        "original": _tuple(entry.original),
        "reply": _tuple(entry.reply),
        "translated": entry.dnat or entry.snat,
    }


def _tuple(one: Tuple5) -> str:
    return f"src={one.source} dst={one.destination} sport={one.source_port} dport={one.port}"


# ---- before it, and many of it -------------------------------------------------------------------


def _lookup(lookup: Any, lang: str) -> Row:
    rows = [
        {
            "name": question.name,
            "code": str(getattr(question.answer, "rcode", "") or getattr(question.answer, "code", "")),
            "records": [f"{record.type} {record.data}" for record in question.answer.records[:8]],
        }
        for question in lookup.questions[:QUESTIONS]
    ]
    return {"text": packets.looked_up(lookup, lang) if rows else "", "questions": rows}


def _ends(snapshot: Any, asked: Asked, lang: str) -> list[Row]:
    """Where so many packets ended, most first."""
    counted: Mapping[str, int] = snapshot.network.distribution(asking.ask_of(asked.question), MANY)
    total = sum(counted.values()) or 1
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:ENDS]
    return [
        {
            "name": _end_name(name, lang),
            "count": count,
            "percent": f"{100 * count / total:.1f}",
            "width": round(100 * count / max(counted.values())),
        }
        for name, count in ranked
    ]


def _end_name(name: str, lang: str) -> str:
    """A machine that got them; or, where nobody did, what their last hop was."""
    what = name.removeprefix("network.")
    if what != name and wording.has(lang, f"hop.{what}"):
        return wording.say(lang, f"hop.{what}")
    return packets.machine_name(name, lang)
