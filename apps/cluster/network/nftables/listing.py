"""`nft list table`: the kernel's own form of a table, which `nft -f` takes again.

Models      nft list table, as nftables 1.0.9 prints it
Leaves out  the handles; how long an element that times out has left
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from apps.cluster.network.addresses import number, prefix
from apps.cluster.network.nftables.rule import Statement, parse_rule
from apps.cluster.network.nftables.table import Chain, Map, Set, Table

# Named priorities, and the hook that knows the name, where not all do.
PRIORITIES = {
    "raw": (-300, ""),
    "mangle": (-150, ""),
    "dstnat": (-100, "prerouting"),
    "filter": (0, ""),
    "security": (50, ""),
    "srcnat": (100, "postrouting"),
}
NEAR = 10  # a priority is said by the name of one that is not farther away than this
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
DAY, HOUR, MINUTE = 86400, 3600, 60


def listed(table: Table) -> str:
    """The table as text."""
    lines = [f"table {table} {{"]
    if table.comment:
        lines.append(f'\tcomment "{table.comment}"')
    blocks = [_set(name, one) for name, one in table.sets.items()]
    blocks += [_chain(name, chain, table.family) for name, chain in table.chains.items()]
    for at, block in enumerate(blocks):
        lines += [*([""] if at else []), *block]
    return "\n".join([*lines, "}"]) + "\n"


def _set(name: str, one: Set | Map) -> list[str]:
    kind, verdict = ("set", "") if isinstance(one, Set) else ("map", " : verdict")
    lines = [f"\t{kind} {name} {{", f"\t\ttype {one.type}{verdict}"]
    if isinstance(one, Set) and one.flags:
        lines += ["\t\tsize 65535"] if "dynamic" in one.flags else []
        lines.append(f"\t\tflags {','.join(one.flags)}")
        lines += [f"\t\ttimeout {duration(one.timeout)}"] if one.timeout else []
    if one.comment:
        lines.append(f'\t\tcomment "{one.comment}"')
    if one.elements:
        lines.append(f"\t\telements = {{ {_elements(one)} }}")
    return [*lines, "\t}"]


def _elements(one: Set | Map) -> str:
    said = []
    for key in sorted(one.elements, key=_order):
        element = one.elements[key]
        comment = f' comment "{element.comment}"' if element.comment else ""
        said.append(f"{key}{comment}" + (f" : {element.verdict}" if element.verdict else ""))
    # Addresses of IPv4 stand two in a line, everything else alone.
    a_line = 2 if one.type == "ipv4_addr" else 1
    return ",\n\t\t\t     ".join(", ".join(said[at : at + a_line]) for at in range(0, len(said), a_line))


def _order(key: str) -> int:
    """nft compares keys as one number, and those of several parts byte by byte from behind."""
    parts = key.split(" . ")
    if len(parts) == 1:
        return number(key)[0]
    return int.from_bytes(b"".join(_bytes(part) for part in parts), "little")


def _bytes(part: str) -> bytes:
    if part in PROTOCOLS:
        return PROTOCOLS[part].to_bytes(1, "big")
    if part.isdecimal():
        return int(part).to_bytes(2, "big")
    value, family = number(part)
    return value.to_bytes(4 if family == 4 else 16, "big")


def duration(seconds: int) -> str:
    """Seconds as nft writes them.

    >>> duration(10800), duration(90), duration(86401)
    ('3h', '1m30s', '1d1s')
    """
    said = ""
    for letter, size in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1)):
        count, seconds = divmod(seconds, size)
        said += f"{count}{letter}" if count else ""
    return said


def _chain(name: str, chain: Chain, family: str) -> list[str]:
    lines = [f"\tchain {name} {{"]
    if chain.comment:
        lines.append(f'\t\tcomment "{chain.comment}"')
    if chain.hook:
        priority = _priority(chain.priority, chain.hook)
        lines.append(f"\t\ttype {chain.kind} hook {chain.hook} priority {priority}; policy accept;")
    return [*lines, *(f"\t\t{listed_rule(rule, family)}" for rule in chain.rules), "\t}"]


def _priority(value: int, hook: str) -> str:
    for name, (named, only) in PRIORITIES.items():
        if abs(value - named) <= NEAR and only in {"", hook}:
            return name if value == named else f"{name} {'+' if value > named else '-'} {abs(value - named)}"
    return str(value)


def listed_rule(text: str, family: str = "ip") -> str:
    """One rule as the kernel gives it back."""
    rule = parse_rule(text)
    said = [_statement(one, family) for one in rule.statements]
    if rule.comment:
        said.append(f'comment "{rule.comment}"')
    return " ".join(said)


FIELDS = {"l4proto": "meta l4proto", "dport": "th dport"}


def _fields(names: tuple[str, ...], family: str) -> str:
    return " . ".join(FIELDS.get(name) or f"{family} {name}" for name in names)


def _numbered(values: tuple[str, ...]) -> str:
    return "{ " + ", ".join(f"{at} : {value}" for at, value in enumerate(values)) + " }"


def _statement(one: Statement, family: str) -> str:
    if one.kind == "is":
        fields, no = _fields(one.fields, family), "!= " if one.negated else ""
        if one.name:
            return f"{fields} {no}@{one.name}"
        # A set of one is no set to the kernel.
        values = ", ".join(_joined(one.values))
        return f"{fields} {no}{values}" if len(one.values) == 1 else f"{fields} {no}{{ {values} }}"
    if one.kind == "fib":
        return f"fib {one.fields[0]} type local"
    if one.kind == "ct":
        return f"ct {one.fields[0]} {one.name}"
    if one.kind == "marked":
        return f"meta mark & {_bits(one.name)} != {_bits('0')}"
    if one.kind == "mark":
        return f"meta mark set meta mark {'|' if one.fields[0] == 'or' else '^'} {_bits(one.name)}"
    if one.kind == "protocol":
        return f"meta l4proto {one.name}"
    if one.kind == "vmap":
        return f"{_fields(one.fields, family)} vmap @{one.name}"
    if one.kind == "numgen vmap":
        return f"numgen random mod {len(one.values)} vmap {_numbered(one.values)}"
    if one.kind == "numgen dnat":
        return f"dnat {family} addr . port to numgen random mod {len(one.values)} map {_numbered(one.values)}"
    if one.kind == "dnat":
        return f"dnat to {one.name}"
    if one.kind == "update":
        return f"update @{one.name} {{ {family} {one.fields[0]} }}"
    return f"{one.kind} {one.name}".rstrip()


def _joined(values: tuple[str, ...]) -> list[str]:
    """Networks in order; those that touch are one range to nft.

    >>> _joined(("10.112.0.0/16", "10.96.0.0/12", "192.0.2.1")), _joined(("10.0.0.0/9", "10.128.0.0/9"))
    (['10.96.0.0-10.112.255.255', '192.0.2.1'], ['10.0.0.0/8'])
    """
    ranges: list[tuple[int, int, int]] = []  # from, to, family
    for net in sorted(map(prefix, values)):
        end = net.number + (1 << (32 if net.family == 4 else 128) - net.length) - 1
        if ranges and net.number <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]), net.family)
        else:
            ranges.append((net.number, end, net.family))
    return [_range(*one) for one in ranges]


def _range(first: int, last: int, family: int) -> str:
    to_address = IPv4Address if family == 4 else IPv6Address
    size = last - first + 1
    if size & (size - 1) or first % size:
        return f"{to_address(first)}-{to_address(last)}"
    length = (32 if family == 4 else 128) - size.bit_length() + 1
    return str(to_address(first)) if size == 1 else f"{to_address(first)}/{length}"


def _bits(text: str) -> str:
    return f"0x{int(text, 0):08x}"
