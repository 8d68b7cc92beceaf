"""Rules for file paths, modes and names that many fields share.

Models      pkg/apis/core/validation/validation.go (validatePathNoBacksteps, ValidateLocalNonReservedPath, …)
Leaves out  nothing
"""

from __future__ import annotations

import ipaddress
from typing import Any

from apps.cluster.api.validation.fields import Errors, all_invalid, invalid, required
from apps.cluster.apimachinery import features, names
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.remember import remembered

MODE = "must be a number between 0 and 0777 (octal), both inclusive"
IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"

LINK_LOCAL_MULTICAST = {4: ipaddress.ip_network("224.0.0.0/24"), 6: ipaddress.ip_network("ff02::/16")}


def no_backsteps(errors: Errors, at: str, path: str) -> None:
    if ".." in path.split("/"):
        invalid(errors, at, path, "must not contain '..'")


def local_descending(errors: Errors, at: str, path: str) -> None:
    if path.startswith("/"):
        invalid(errors, at, path, "must be a relative path")
    no_backsteps(errors, at, path)


def local_non_reserved(errors: Errors, at: str, path: str) -> None:
    local_descending(errors, at, path)
    if path.startswith("..") and not path.startswith("../"):
        invalid(errors, at, path, "must not start with '..'")


def mode(errors: Errors, at: str, value: int | None) -> None:
    if value is not None and not 0 <= value <= 0o777:
        invalid(errors, at, value, MODE)


def dns_label(errors: Errors, at: str, value: str) -> None:
    problems = names.dns1123_label(value)
    if problems:
        all_invalid(errors, at, value, problems)


def dns_subdomain(errors: Errors, at: str, value: str) -> None:
    problems = names.dns1123_subdomain(value)
    if problems:
        all_invalid(errors, at, value, problems)


def qualified(errors: Errors, at: str, value: str) -> None:
    all_invalid(errors, at, value, names.qualified_name(value))


def port_or_name(errors: Errors, at: str, port: int | str | None) -> None:
    """A port as a number or as a name."""
    problems = names.port_name(port) if isinstance(port, str) else names.port_number(port or 0)
    if problems:
        all_invalid(errors, at, port or (0 if not isinstance(port, str) else ""), problems)


def without_leading_zeros(text: str) -> str:
    """Leading zeros in the parts of an IPv4 address, which old clients wrote, taken away."""
    if ":" in text:
        return text
    return ".".join(part.lstrip("0") or "0" if part.isdigit() else part for part in text.split("."))


def ip(errors: Errors, at: str, value: str) -> bool:
    """True when it is an address."""
    if not names.is_ip(without_leading_zeros(value)):
        invalid(errors, at, value, IP)
        return False
    if not features.enabled("StrictIPCIDRValidation"):
        return True
    if not names.is_ip(value):
        invalid(errors, at, value, "must not have leading 0s")
        return False
    if value.lower().startswith("::ffff:") and "." in value:
        invalid(errors, at, value, "must not be an IPv4-mapped IPv6 address")
        return False
    return True


@remembered(8192)
def _reachable(value: str) -> bool:
    """An address with which nothing is wrong: by far the most that are asked about."""
    if not names.is_ip(value):
        return False
    address = ipaddress.ip_address(value)
    special = address.is_unspecified or address.is_loopback or address.is_link_local
    return not special and address not in LINK_LOCAL_MULTICAST[address.version]


def endpoint_ip(errors: Errors, at: str, value: str) -> None:
    """An address that other machines can reach."""
    if _reachable(value):
        return
    if not names.is_ip(without_leading_zeros(value)):
        invalid(errors, at, value, "must be a valid IP address")
        return
    address = ipaddress.ip_address(without_leading_zeros(value))
    if address.is_unspecified:
        invalid(errors, at, value, f"may not be unspecified ({value})")
    if address.is_loopback:
        invalid(errors, at, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        invalid(errors, at, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if address in LINK_LOCAL_MULTICAST[address.version]:
        invalid(errors, at, value, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")


def cidr(errors: Errors, at: str, value: str) -> None:
    address, slash, bits = value.partition("/")
    try:
        if not slash or not bits.isdigit():
            raise ValueError
        network = ipaddress.ip_network(f"{without_leading_zeros(address)}/{int(bits)}", strict=False)
    except ValueError:
        invalid(errors, at, value, CIDR)
        return
    if not features.enabled("StrictIPCIDRValidation"):
        return
    if not names.is_ip(address) or (len(bits) > 1 and bits[0] == "0"):
        invalid(errors, at, value, "must not have leading 0s in IP or prefix length")
    elif ipaddress.ip_address(address) != network.network_address:
        invalid(errors, at, value, "must not have bits set beyond the prefix length")


def require(errors: Errors, at: str, obj: Obj, *fields: str) -> None:
    """Each of these fields must be there and not be empty."""
    for field in fields:
        value: Any = obj
        for part in field.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if not value:
            required(errors, f"{at}.{field}")
