"""iptables-save: the kernel's own form, which is not the form they were written in.

Models      iptables-nft-save 1.8.9: iptables/nft-ipv4.c, the save callbacks of the extensions; chains by name
Leaves out  the counters of packets and bytes, which are 0; the comments with the date
"""

from __future__ import annotations

from apps.cluster.network.addresses import canonical
from apps.cluster.network.iptables.rule import BUILT_IN, Match, Rule, Tables, parse_rule

ORDER = ("mangle", "raw", "filter", "nat")
PLAIN_ORDER = ("-s", "-d", "-i", "-o", "-p")
SHORT = {"--destination-ports": "--dports", "--source-ports": "--sports"}
# Protocols that rules may name by number.
PROTOCOLS = {"1": "icmp", "4": "ipencap", "6": "tcp", "17": "udp", "58": "ipv6-icmp", "132": "sctp"}
# Options that are printed in another order than they may be given in.
RECENT = ("--set", "--rcheck", "--seconds", "--reap", "--name")


def save(tables: Tables) -> str:
    """All tables as text."""
    lines: list[str] = []
    for table in ORDER:
        if table not in tables:
            continue
        chains = tables[table]
        own = sorted(chain for chain in chains if chain not in BUILT_IN[table])
        lines.append(f"*{table}")
        lines.extend(f":{chain} ACCEPT [0:0]" for chain in BUILT_IN[table])
        lines.extend(f":{chain} - [0:0]" for chain in own)
        for chain in (*BUILT_IN[table], *own):
            lines.extend(f"-A {chain} {saved}" if (saved := saved_rule(rule)) else f"-A {chain}"
                         for rule in chains.get(chain, ()))  # fmt: skip
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def saved_rule(text: str) -> str:
    """One rule, its text without `-A CHAIN`, as the kernel gives it back."""
    rule = parse_rule(text)
    plain = {match.option: match for match in rule.matches if not match.module}
    parts = [_plain(plain[option]) for option in PLAIN_ORDER if option in plain]
    parts.extend(_module(rule, place) for place in range(len(rule.modules)))
    parts.extend(_target(rule))
    return " ".join(parts)


def _not(match: Match) -> str:
    return "! " if match.negated else ""


def _plain(match: Match) -> str:
    value = match.value
    if match.option in {"-s", "-d"}:
        value = canonical(value)
    elif match.option == "-p":
        value = PROTOCOLS.get(value, value)
    return f"{_not(match)}{match.option} {value}"


def _module(rule: Rule, place: int) -> str:
    module = rule.modules[place]
    if module == "comment":
        return f'-m comment --comment "{rule.comment}"'
    asked = [match for match in rule.matches if match.place == place and match.option]
    if module == "recent":
        asked.sort(key=lambda match: RECENT.index(match.option))
    said = [f"{_not(match)}{SHORT.get(match.option, match.option)} {_value(match)}".rstrip() for match in asked]
    if module == "recent":
        said.append("--mask 255.255.255.255 --rsource")
    return " ".join([f"-m {module}", *said])


def _value(match: Match) -> str:
    if match.option == "--probability":  # kept by the kernel as a fraction of 2^31
        return f"{round(float(match.value) * 2**31) / 2**31:.11f}"
    if match.option == "--mark":
        return "/".join(f"{int(number, 0):#x}" for number in match.value.split("/"))
    return match.value


def _target(rule: Rule) -> list[str]:
    if not rule.target:
        return []
    said = [f"{'-g' if rule.goto else '-j'} {rule.target}"]
    if rule.target == "REJECT" and not rule.options:
        return [*said, "--reject-with icmp-port-unreachable"]
    for option, value in rule.options:
        if rule.target == "MARK":
            option, value = "--set-xmark", _xmark(option, value)
        said.append(f"{option} {value}".rstrip())
    return said


def _xmark(option: str, value: str) -> str:
    """Every way to write a mark, as the one the kernel knows: clear the mask's bits, then turn over the value's."""
    number, _slash, mask = value.partition("/")
    bits = int(number, 0)
    if option == "--or-mark":
        return f"{bits:#x}/{bits:#x}"
    if option == "--xor-mark":
        return f"{bits:#x}/0x0"
    if option == "--and-mark":
        return f"0x0/{~bits & 0xFFFFFFFF:#x}"
    kept = int(mask, 0) if mask else 0xFFFFFFFF
    return f"{bits:#x}/{bits | kept if option == '--set-mark' else kept:#x}"
