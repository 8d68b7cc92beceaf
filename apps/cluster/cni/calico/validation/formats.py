"""Formats that a field may have, by the name that its tag gives it.

Models      libcalico-go/lib/validator/v3/validator.go (the field validators)
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from apps.cluster.apimachinery import names
from apps.cluster.cni.calico import selector

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
NAME = re.compile(SUBDOMAIN)
_DURATION = r"([0-9]+(\.[0-9]+)?(ms|s|m|h))*"

# Patterns of the custom resource definitions.
PATTERNS = {
    "level": re.compile("(Trace|Debug|Info|Warning|Error|Fatal)?", re.IGNORECASE),
    "community_value": re.compile(r"\d+:\d+(:\d+)?", re.ASCII),
    "duration": re.compile(r"([0-9]+(\\.[0-9]+)?(ms|s|m|h))*"),  # a slip of theirs: no fraction passes
    "duration_exact": re.compile(_DURATION),
    "switches": re.compile("([a-zA-Z0-9_-]+=(true|false|),)*([a-zA-Z0-9_-]+=(true|false|))?"),
    "gates": re.compile("([a-zA-Z0-9_-]+=[^=]+,)*([a-zA-Z0-9_-]+=[^=]+)?"),
    "auto_legacy_nft": re.compile("(Auto|Legacy|NFT)?", re.IGNORECASE),
    "insert_append": re.compile("(Insert|Append)?", re.IGNORECASE),
    "drop_accept_return": re.compile("(Drop|Accept|Return)?", re.IGNORECASE),
    "accept_return": re.compile("(Accept|Return)?", re.IGNORECASE),
    "drop_reject": re.compile("(Drop|Reject)?", re.IGNORECASE),
    "log_prefix": re.compile("[a-zA-Z0-9%: /_-]*"),
    "rate": re.compile(r"[1-9]\d{0,3}/(second|minute|hour|day)", re.ASCII),
    "off_info_debug": re.compile("(Off|Info|Debug)?", re.IGNORECASE),
    "tunnel_dsr": re.compile("(Tunnel|DSR)?", re.IGNORECASE),
    "disabled_doubleiffull": re.compile("(Disabled|DoubleIfFull)?", re.IGNORECASE),
    "disabled_strict_loose": re.compile("(Disabled|Strict|Loose)?", re.IGNORECASE),
    "workloadips_calicoipam": re.compile("(WorkloadIPs|CalicoIPAM)?", re.IGNORECASE),
    "drop_reject_disabled": re.compile("(Drop|Reject|Disabled)?", re.IGNORECASE),
    "disabled_any": re.compile("(Disabled|Any)?", re.IGNORECASE),
    "timeout": re.compile(r"([0-9.]*(ms|s|h|m|us))+|Auto"),
}

_INTERFACE = re.compile(r"[a-zA-Z0-9_.-]{1,15}")
_STARRED = re.compile(r"[a-zA-Z0-9_.*-]{1,15}")
_FILTERED = re.compile(r"[a-zA-Z0-9:._+-]{1,15}")
_CONTAINER = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?")
_METRICS_HOST = re.compile(r"[a-zA-Z0-9:._+-]{1,64}")
_MAC = re.compile(r"([0-9a-fA-F]{2}[:-]){5}([0-9a-fA-F]{2}[:-]){0,2}[0-9a-fA-F]{2}|([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}")
_PAIR = re.compile(r"\s*\w+=.*", re.ASCII)
_WITH_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+):(\d+)|\[([0-9a-fA-F:.]+)\]:(\d+)", re.ASCII)
_COMMUNITY = re.compile(r"(0|[1-9]\d*):(0|[1-9]\d*)(?::(0|[1-9]\d*))?", re.ASCII)


def family(text: str) -> int:
    """4 or 6 for an address, 0 for what is none."""
    try:
        return ip_address(text).version
    except ValueError:
        return 0


def network_family(text: str) -> int:
    """The same for an address or a network; host bits do not matter."""
    try:
        return ip_interface(text).version
    except ValueError:
        return 0


def is_masked(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def split_peer(text: str) -> tuple[str, int] | None:
    """An address with or without a port, as `192.0.2.1:179` or `[2001:db8::1]:179`."""
    match = _WITH_PORT.fullmatch(text)
    host, port = text, 0
    if match is not None:
        host, port = match[1] or match[3], int(match[2] or match[4])
        if not 1 <= port <= 65535:
            return None
    return (host, port) if family(host) else None


def community(text: str) -> bool:
    """`aa:nn` of 16 bits each, or three numbers of 32 bits."""
    match = _COMMUNITY.fullmatch(text)
    if match is None:
        return False
    bits = 16 if match[3] is None else 32
    return all(int(part) < 1 << bits for part in match.groups() if part is not None)


def _selector(text: str) -> bool:
    try:
        selector.parse(text)
    except (selector.InvalidSelector, RecursionError):
        return False
    return True


def _expression(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _key(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) == 32
    except (NotBase64, ValueError):
        return False


def _labels(value: dict[str, str]) -> bool:
    return not any(names.qualified_name(key) or names.label_value(one) for key, one in value.items())


def _all(check: Callable[[str], Any]) -> Callable[[Any], bool]:
    return lambda values: all(check(value) for value in values)


FORMATS: dict[str, Callable[[Any], bool]] = {
    "name": lambda text: NAME.fullmatch(text) is not None,
    "containerID": lambda text: _CONTAINER.fullmatch(text) is not None,
    "selector": _selector,
    "labels": _labels,
    "portName": lambda text: bool(text) and not names.port_name(text),
    "interface": lambda text: text == "*" or _INTERFACE.fullmatch(text) is not None,
    "bgpFilterInterface": lambda text: _STARRED.fullmatch(text) is not None,
    "ignoredInterface": lambda text: text != "*" and _STARRED.fullmatch(text) is not None,
    "ifaceFilter": lambda text: _FILTERED.fullmatch(text) is not None,
    "ifaceFilterSlice": _all(_FILTERED.fullmatch),
    "interfaceSlice": _all(_INTERFACE.fullmatch),
    "bpfLogFilters": _all(_INTERFACE.fullmatch),
    "bgpFilterPrefixLengthV4": lambda number: 0 <= number <= 32,
    "bgpFilterPrefixLengthV6": lambda number: 0 <= number <= 128,
    "mac": lambda text: _MAC.fullmatch(text) is not None,
    "keyValueList": lambda text: all(not one or _PAIR.match(one) for one in text.split(",")) or not text.strip(),
    "prometheusHost": lambda text: _METRICS_HOST.fullmatch(text) is not None,
    "regexp": _expression,
    "wireguardPublicKey": _key,
    "IP:port": lambda text: split_peer(text) is not None,
    "reachableBy": lambda text: not text or family(text) != 0,
    "ip": lambda text: family(text) != 0,
    "ipv4": lambda text: family(text) == 4,
    "ipv6": lambda text: family(text) == 6,
    "net": is_masked,
    "netv4": lambda text: is_masked(text) and network_family(text) == 4,
    "netv6": lambda text: is_masked(text) and network_family(text) == 6,
    "cidr": lambda text: network_family(text) != 0,
    "cidrv4": lambda text: network_family(text) == 4,
    "cidrv6": lambda text: network_family(text) == 6,
    "cidrs": _all(network_family),
    "ipType": lambda text: text in ("CalicoNodeIP", "InternalIP", "ExternalIP"),
    "createDefaultHostEndpoint": lambda text: text in ("Enabled", "Disabled"),
    "unique": lambda values: len(set(values)) == len(values),
    "community": community,
    "format=cidr": lambda text: "/" in text and network_family(text) != 0,
}
