"""Ports and protocols, each a number or a name: `80`, `"8000:8080"`, `"http"`; `6`, `"TCP"`.

Models      api/pkg/lib/numorstring, libcalico-go/lib/validator/v3/validator.go (validatePort, validateProtocol)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_PROTOCOLS = ("TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite")
_NUMBERS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP", 136: "UDPLite"}
_RANGE = re.compile(r"(\d+):(\d+)", re.ASCII)
_PORT_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
OUT_OF_RANGE = "port range invalid, port number must be between 1 and 65535"


def port_range(port: Any) -> tuple[int, int] | None:
    """The first and last of a port, None for one that has a name."""
    if isinstance(port, int):
        return port, port
    match = _RANGE.fullmatch(port)
    if match is not None:
        return int(match[1]), int(match[2])
    return (int(port), int(port)) if port.isdigit() else None


def wrong_port(port: Any) -> str:
    found = port_range(port)
    if found is None:
        return "" if _PORT_NAME.fullmatch(port) else f'invalid port: "{port}"'
    if found[0] > found[1]:
        return "port range invalid"
    return "" if found[0] >= 1 and found[1] <= 65535 else OUT_OF_RANGE


def all_named(ports: Iterable[Any]) -> bool:
    return all(port_range(port) is None for port in ports)


def _number(protocol: Any) -> int | None:
    if isinstance(protocol, int):
        return protocol
    return int(protocol) if protocol.isdigit() and int(protocol) < 256 else None


def wrong_protocol(protocol: Any) -> str:
    number = _number(protocol)
    if number is not None:
        return "" if 1 <= number <= 255 else "protocol number invalid"
    return "" if protocol in _PROTOCOLS else "protocol name invalid"


def named_protocol(protocol: Any) -> str:
    """The name of a protocol, whichever way it is given; "" for none."""
    if protocol is None or protocol == "":
        return ""
    number = _number(protocol)
    return str(protocol) if number is None else _NUMBERS.get(number, str(number))


def supports_ports(protocol: Any) -> bool:
    return named_protocol(protocol) in ("TCP", "UDP", "SCTP")


def wrong_dscp(value: Any) -> str:
    """A code point by number or by its class's name."""
    if isinstance(value, int) or value.isdigit():
        return "" if 0 <= int(value) <= 63 else f"invalid DSCP value: {value}"
    return "" if value.upper() in _CLASSES else f"invalid DSCP value: {value}"


_CLASSES = {
    "DF",
    "BE",
    "EF",
    "VA",
    *(f"CS{number}" for number in range(8)),
    *(f"AF{one}{two}" for one in range(1, 5) for two in range(1, 4)),
}
