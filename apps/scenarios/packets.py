"""The packet that an address asks for: read, bounded, and as a form that asks for another.

    ?view=packet&src=pods/default/curl&dst=services/default/web&port=80&proto=tcp&packet=0&size=0&hop=7

`dst` may have its port with it, `services/default/web:80/udp`. `to` is a destination as it was typed; it goes first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.cluster.apimachinery.meta import namespace_of
from apps.cluster.network.walk import HEADERS
from apps.cluster.snapshot import Snapshot
from apps.diagrams import asking
from apps.diagrams.options import Question
from apps.diagrams.places import natural
from apps.scenarios.limits import Said

PROTOCOLS = ("tcp", "udp", "sctp", "icmp")
OUTSIDE = ("client", "balancer")
PORTS, PACKETS, SIZES, HOPS = 65_535, 9_999, 65_535, 256
NAME = 253  # a DNS name has no more letters
LISTED = 200  # choices of one kind in the form
MANY = 1000  # packets that are sent to see where they end

_REF = re.compile(r"(pods|services)/[a-z0-9.-]{1,253}/[a-z0-9.-]{1,253}|nodes/[a-z0-9.-]{1,253}")
_TYPED = re.compile(r"[A-Za-z0-9._:\[\]-]+")
_WITH_PORT = re.compile(r"(?P<target>\[[^\]]*\]|[^:]*):(?P<port>\d{1,6})(?:/(?P<protocol>[a-z]+))?")

Row = dict[str, Any]


def question(query: Mapping[str, str], problems: list[str] | None = None) -> Question | None:
    """What an address asks of the network; None when it asks for no packet in particular.

    `problems`: where to note what cannot be asked; the rest is then asked as it would be without.

    Raises:
        StatusError: 400 for what cannot be asked, where `problems` are not taken.
    """
    reading = _Reading(query, problems)
    source = reading.text("src")
    target = reading.text("to") or reading.text("dst")
    port, protocol = reading.number("port", PORTS), reading.text("proto").lower()
    found = _WITH_PORT.fullmatch(target)
    if found:
        target = found["target"].removeprefix("[").removesuffix("]")
        port = port or _Reading({"port": found["port"]}, problems).number("port", PORTS)
        protocol = protocol or found["protocol"] or ""
    if protocol and protocol not in PROTOCOLS:
        reading.refuse(_("proto must be one of %(names)s.") % {"names": ", ".join(PROTOCOLS)})
        protocol = ""
    if source and source not in OUTSIDE and not (_REF.fullmatch(source) and not source.startswith("services/")):
        told = _("src must be pods/namespace/name, nodes/name, or one of %(names)s.")
        reading.refuse(told % {"names": ", ".join(OUTSIDE)})
        source = ""
    if target and not _REF.fullmatch(target) and not (len(target) <= NAME and _TYPED.fullmatch(target)):
        told = _("dst must be pods/namespace/name, services/namespace/name, nodes/name, or a name or an IP address.")
        reading.refuse(told)
        target = ""
    size = reading.number("size", SIZES)
    if 0 < size < HEADERS:
        reading.refuse(_("size must be at least %(least)s bytes: headers are that long.") % {"least": HEADERS})
        size = 0
    packet, hop = reading.number("packet", PACKETS), reading.number("hop", HOPS)
    many = reading.text("many") in {"1", str(MANY)}
    asked = Question(source, target, port, protocol or "tcp", packet, size, hop, many)
    return asked if asked != Question() else None


class _Reading:
    """The parameters of an address, and what is wrong with them."""

    def __init__(self, query: Mapping[str, str], problems: list[str] | None) -> None:
        self.query, self.problems = query, problems

    def text(self, name: str) -> str:
        return (self.query.get(name) or "").strip()

    def number(self, name: str, most: int) -> int:
        text = self.text(name)
        if not text:
            return 0
        if not text.isascii() or not text.isdigit() or len(text) > 6 or int(text) > most:
            told = _("%(name)s must be a whole number from 0 to %(most)s.")
            self.refuse(told % {"name": name, "most": most})
            return 0
        return int(text)

    def refuse(self, message: str) -> None:
        if self.problems is None:
            raise Said(400, "BadRequest", message)
        self.problems.append(message)


# ---- the form ------------------------------------------------------------------------------------


def form(snapshot: Snapshot, asked: asking.Asked, at: str, pinned: bool) -> Row:
    """The choices there are, with the packet that is shown chosen among them."""
    now = asked.question
    sources = [
        {"label": _("Pods"), "options": _pods(snapshot)},
        {"label": _("Nodes"), "options": [_option(f"nodes/{name}", name) for name in _machines(snapshot)]},
        {"label": _("Outside"), "options": _outside(asked)},
    ]
    targets = [
        {"label": _("Services"), "options": _services(snapshot)},
        {"label": _("Node ports"), "options": _node_ports(snapshot)},
        {"label": _("Pods"), "options": _pods(snapshot)},
        {"label": _("Nodes"), "options": [_option(f"nodes/{name}", name) for name in _machines(snapshot)]},
    ]
    if _REF.fullmatch(now.target) and not _chosen(now, targets):  # what was asked for stays a choice, there or not
        targets[0]["options"].insert(0, _option(now.target, _named(now.target.partition("/")[2])))
    chosen = _chosen(now, targets)
    typed = "" if chosen else now.target
    if now.source and not any(one["value"] == now.source for group in sources for one in group["options"]):
        sources[0]["options"].insert(0, _option(now.source, _named(now.source.partition("/")[2]) or now.source))
    numbers = [step.number for step in asked.steps]
    hop = asked.chosen.number if asked.chosen is not None else 0
    return {
        "at": at if pinned else "",
        "sources": _marked(sources, now.source),
        "targets": _marked(targets, chosen),
        "typed": typed,
        # A port that its choice brings along is not written again: another choice has another.
        "port": "" if ":" in chosen or not now.port else now.port,
        "protocol": "" if now.protocol == "tcp" or ":" in chosen else now.protocol,
        "protocols": PROTOCOLS,
        "packet": now.packet,
        "size": now.size or "",
        "most": {"packet": PACKETS, "size": SIZES, "port": PORTS},
        "next": now.query(packet=min(now.packet + 1, PACKETS), hop=0, many=False),
        "many": now.query(many=not now.many, hop=0),
        "counted": now.many,
        "hop": hop,
        "hops": len(numbers),
        "before": now.query(hop=hop - 1) if hop > 1 else "",
        "after": now.query(hop=hop + 1) if hop < len(numbers) else "",
        "whole": now.query(hop=0) if hop else "",
        "suggested": asked.suggested,
    }


def _option(value: str, label: str) -> Row:
    return {"value": value, "label": label}


def _marked(groups: list[Row], chosen: str) -> list[Row]:
    return [
        {
            "label": group["label"],
            "options": [{**one, "chosen": one["value"] == chosen} for one in group["options"][:LISTED]],
        }
        for group in groups
        if group["options"]
    ]


def _chosen(now: Question, targets: list[Row]) -> str:
    """The choice that stands for what is asked: with its port, or without one."""
    values = [one["value"] for group in targets for one in group["options"]]
    whole = f"{now.target}:{now.port}" + ("" if now.protocol == "tcp" else f"/{now.protocol}")
    if whole in values:
        return whole
    if now.target in values:
        return now.target
    if not now.port:
        return next((value for value in values if value.partition(":")[0] == now.target), "")
    return ""


def _named(key: str) -> str:
    return key.removeprefix("default/")


def _ranked(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(table.items(), key=lambda item: (namespace_of(item[1]) in asking.SYSTEM, natural(item[0])))


def _pods(snapshot: Snapshot) -> list[Row]:
    pods = snapshot.objects.get("pods", {})
    return [_option(f"pods/{key}", _named(key)) for key, pod in _ranked(pods) if asking.sends(pod)]


def _machines(snapshot: Snapshot) -> list[str]:
    return sorted(snapshot.machines, key=natural)


def _outside(asked: asking.Asked) -> list[Row]:
    words = {"client": _("client outside"), "balancer": _("load balancer")}
    there = asked.world.machines
    return [_option(name, words[name]) for name in OUTSIDE if name in there]


def _services(snapshot: Snapshot) -> list[Row]:
    out = []
    for key, service in _ranked(snapshot.objects.get("services", {})):
        ports = (service.get("spec") or {}).get("ports") or ()
        if not ports:
            out.append(_option(f"services/{key}", _named(key)))
        for port in ports:
            protocol = str(port.get("protocol", "TCP")).lower()
            with_protocol = "" if protocol == "tcp" else f"/{protocol}"
            value = f"services/{key}:{port['port']}{with_protocol}"
            out.append(_option(value, f"{_named(key)}:{port['port']}{with_protocol}"))
    return out


def _node_ports(snapshot: Snapshot) -> list[Row]:
    out = []
    for key, service in _ranked(snapshot.objects.get("services", {})):
        for port in (service.get("spec") or {}).get("ports") or ():
            if not port.get("nodePort"):
                continue
            protocol = str(port.get("protocol", "TCP")).lower()
            with_protocol = "" if protocol == "tcp" else f"/{protocol}"
            for name in _machines(snapshot):
                value = f"nodes/{name}:{port['nodePort']}{with_protocol}"
                out.append(_option(value, f"{name}:{port['nodePort']}{with_protocol} ({_named(key)})"))
    return out
