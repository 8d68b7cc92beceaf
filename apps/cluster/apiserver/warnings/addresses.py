"""Warnings about addresses that are understood, but should be written otherwise.

Models      staging/src/k8s.io/apimachinery/pkg/util/validation/ip.go (GetWarningsForIP, GetWarningsForCIDR)
Leaves out  nothing known
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _sloppy(text: str) -> Address | None:
    """As Go's ParseIPSloppy: leading zeros of IPv4 are let pass."""
    parts = text.split(".")
    if ":" not in text and len(parts) == 4 and all(part.isdigit() for part in parts):
        text = ".".join(str(int(part)) for part in parts)
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _plain(address: Address) -> Address:
    """IPv4 in IPv6's clothes as what it is."""
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def ip(path: str, value: str) -> Iterator[str]:
    address = _sloppy(value)
    if address is None:
        return
    plain = _plain(address)
    try:
        strict = ipaddress.ip_address(value)
    except ValueError:
        strict = None
    if strict is None or plain is not address:
        yield f'{path}: non-standard IP address "{value}" is invalid: use "{plain}"'
    elif strict.version == 6 and str(strict) != value:
        yield f'{path}: IPv6 address "{value}" should be in RFC 5952 canonical format ("{strict}")'


def cidr(path: str, value: str) -> Iterator[str]:
    text, _, length = value.partition("/")
    address = _sloppy(text)
    if address is None or not length.isdigit():
        return
    plain = _plain(address)
    bits = int(length) - (96 if plain is not address else 0)
    if not 0 <= bits <= plain.max_prefixlen:
        return
    network = ipaddress.ip_network(f"{plain}/{bits}", strict=False)
    told = False
    if network.network_address != plain:
        told = True
        single = f"{plain}/{plain.max_prefixlen}"
        yield f'{path}: CIDR value "{value}" is ambiguous in this context (should be "{network}" or "{single}"?)'
    try:
        ipaddress.ip_address(text)
        standard = plain is address and (length == "0" or not length.startswith("0"))
    except ValueError:
        standard = False
    if not standard:
        yield f'{path}: non-standard CIDR value "{value}" is invalid: use "{network}"'
    elif not told and address.version == 6 and f"{address}/{length}" != value:
        yield f'{path}: IPv6 CIDR value "{value}" should be in RFC 5952 canonical format ("{address}/{length}")'
