"""IP addresses and ranges: those that are taken, those that old clients wrote, those that are written otherwise.

Models      k8s.io/apimachinery/pkg/util/validation/ip.go, pkg/apis/core/validation/validation.go (ValidateEndpointIP),
            k8s.io/utils/net (ParseIPSloppy, ParseCIDRSloppy)
Leaves out  nothing
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from apps.cluster.api.validation.fields import Errors, invalid
from apps.cluster.apimachinery import features, names
from apps.cluster.apimachinery.remember import remembered
from apps.cluster.apimachinery.status import go_quoted

Address = IPv4Address | IPv6Address
IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
INTERFACE = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"
LINK_LOCAL_MULTICAST = {4: ipaddress.ip_network("224.0.0.0/24"), 6: ipaddress.ip_network("ff02::/16")}


def without_leading_zeros(text: str) -> str:
    """Leading zeros in the parts of an IPv4 address, which old clients wrote, taken away."""
    before, colon, tail = text.rpartition(":")
    if "." not in tail:
        return text
    return before + colon + ".".join(part.lstrip("0") or "0" if part.isdigit() else part for part in tail.split("."))


def sloppy(text: str) -> Address | None:
    """An address as everything before 1.36 read it: leading zeros do not count."""
    lean = without_leading_zeros(text)
    return ip_address(lean) if names.is_ip(lean) else None


def _mapped(address: Address) -> IPv4Address | None:
    return address.ipv4_mapped if isinstance(address, IPv6Address) else None


def written(address: Address) -> str:
    """An address as Go's net package writes it: one that stands for an IPv4 address as that."""
    return str(_mapped(address) or address)


class Range(NamedTuple):
    """An address with a prefix length, as it was written."""

    address: Address
    bits: int

    def network(self) -> Range:
        """The same without what is behind the prefix; a range of IPv4 addresses written as IPv6 ones is that."""
        inner = _mapped(self.address)
        if inner is not None and self.bits >= 96:
            return Range(inner, self.bits - 96).network()
        size = self.address.max_prefixlen
        kept = int(self.address) >> (size - self.bits) << (size - self.bits)
        return Range(type(self.address)(kept), self.bits)

    def text(self) -> str:
        return f"{written(self.address)}/{self.bits}"


def sloppy_range(text: str) -> Range | None:
    """`10.0.0.0/8`, as everything before 1.36 read it."""
    head, slash, bits = text.partition("/")
    address = sloppy(head)
    if address is None or not slash or not (bits.isascii() and bits.isdigit()):
        return None
    return Range(address, int(bits)) if int(bits) <= address.max_prefixlen else None


def legacy_ip(errors: Errors, at: str, value: str, strict: bool) -> bool:
    """An address of a field that is older than the rule; true when nothing is wrong with it."""
    address = sloppy(value)
    if address is None:
        invalid(errors, at, value, IP)
        return False
    if strict and not names.is_ip(value):
        invalid(errors, at, value, "must not have leading 0s")
        return False
    if strict and _mapped(address) is not None:
        invalid(errors, at, value, "must not be an IPv4-mapped IPv6 address")
        return False
    return True


def ip(errors: Errors, at: str, value: str) -> bool:
    """The same, as strict as the cluster is."""
    return legacy_ip(errors, at, value, features.enabled("StrictIPCIDRValidation"))


def canonical_ip(errors: Errors, at: str, value: str) -> None:
    """An address of a new field: in the one form there is."""
    if legacy_ip(errors, at, value, True):
        right = written(ip_address(value))
        if value != right:
            invalid(errors, at, value, f"must be in canonical form ({go_quoted(right)})")


def legacy_cidr(errors: Errors, at: str, value: str, strict: bool) -> bool:
    """A range of a field that is older than the rule; true when nothing is wrong with it."""
    found = sloppy_range(value)
    problem = ""
    if found is None:
        problem = CIDR
    elif strict:
        head, _, bits = value.partition("/")
        if not names.is_ip(head) or (len(bits) > 1 and bits[0] == "0"):
            problem = "must not have leading 0s in IP or prefix length"
        elif _mapped(found.address) is not None:
            problem = "must not have an IPv4-mapped IPv6 address"
        elif found.address != found.network().address:
            problem = "must not have bits set beyond the prefix length"
    if problem:
        invalid(errors, at, value, problem)
    return not problem


def cidr(errors: Errors, at: str, value: str) -> None:
    """The same, as strict as the cluster is."""
    legacy_cidr(errors, at, value, features.enabled("StrictIPCIDRValidation"))


def canonical_cidr(errors: Errors, at: str, value: str) -> None:
    """A range of a new field: in the one form there is."""
    if legacy_cidr(errors, at, value, True):
        found = sloppy_range(value)
        assert found is not None
        right = found.network().text()
        if value != right:
            invalid(errors, at, value, f"must be in canonical form ({go_quoted(right)})")


def interface_address(errors: Errors, at: str, value: str) -> None:
    """An address with the size of its network, `10.9.8.7/24`."""
    found = sloppy_range(value)
    if found is None:
        invalid(errors, at, value, INTERFACE)
        return
    inner = _mapped(found.address)
    bits = found.bits - 96 if inner is not None and found.bits > 32 else found.bits
    right = f"{written(found.address)}/{bits}"
    if value != right:
        invalid(errors, at, value, f"must be in canonical form ({go_quoted(right)})")


def ip_warnings(at: str, value: str) -> list[str]:
    """What a client is told of an address that is taken but better written otherwise.

    >>> ip_warnings("spec.ip", "010.0.0.1")
    ['spec.ip: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"']
    """
    address = sloppy(value)
    if address is None:
        return []
    if not names.is_ip(value) or _mapped(address) is not None:
        right = go_quoted(written(address))
        return [f"{at}: non-standard IP address {go_quoted(value)} is invalid: use {right}"]
    if address.version == 6 and str(address) != value:
        right = go_quoted(str(address))
        return [f"{at}: IPv6 address {go_quoted(value)} should be in RFC 5952 canonical format ({right})"]
    return []


def cidr_warnings(at: str, value: str) -> list[str]:
    """The same of a range."""
    found = sloppy_range(value)
    if found is None:
        return []
    told, shown = [], go_quoted(value)
    network, head = found.network(), value.partition("/")
    if written(found.address) != written(network.address):
        alone = go_quoted(f"{written(found.address)}/{network.address.max_prefixlen}")
        told.append(
            f"{at}: CIDR value {shown} is ambiguous in this context (should be {go_quoted(network.text())} or {alone}?)"
        )
    if not names.is_ip(head[0]) or (len(head[2]) > 1 and head[2][0] == "0") or _mapped(found.address) is not None:
        told.append(f"{at}: non-standard CIDR value {shown} is invalid: use {go_quoted(network.text())}")
    right = f"{found.address}/{found.bits}"
    if not told and found.address.version == 6 and right != value:
        told.append(f"{at}: IPv6 CIDR value {shown} should be in RFC 5952 canonical format ({go_quoted(right)})")
    return told


@remembered(8192)
def _reachable(value: str) -> bool:
    """An address with which nothing is wrong: by far the most that are asked about."""
    return names.is_ip(value) and not _unreachable(ip_address(value), value)


def _unreachable(address: Address, value: str) -> tuple[str, ...]:
    address = _mapped(address) or address
    return tuple(
        detail
        for wrong, detail in (
            (address.is_unspecified, f"may not be unspecified ({value})"),
            (address.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
            (address.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
            (
                address in LINK_LOCAL_MULTICAST[address.version],
                "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
            ),
        )
        if wrong
    )


def endpoint_ip(errors: Errors, at: str, value: str) -> None:
    """An address that other machines can reach."""
    if _reachable(value):
        return
    address = sloppy(value)
    if address is None:
        invalid(errors, at, value, "must be a valid IP address")
        return
    for detail in _unreachable(address, value):
        invalid(errors, at, value, detail)
