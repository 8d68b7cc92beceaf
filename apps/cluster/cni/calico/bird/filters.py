"""BGPFilters as functions of BIRD, and what a peer's import and export go through.

Models      confd/pkg/resource/template/template_funcs.go (BGPFilterBIRDFuncs), util.go (TruncateAndHashName),
            confd/pkg/backends/calico/bgp_processor.go (buildImportFilter, buildExportFilter)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from ipaddress import ip_interface
from typing import Any

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.bird.datastore import Datastore, as_number

LONGEST_SYMBOL = 64  # of BIRD; a resource's name may be longer
HASH_DIGITS = 16
# A route's priority (lower is better, as the kernel's metric) travels as bgp_local_pref (higher is better).
# One is LARGEST less the other.
LARGEST = 2147483647
OVERRIDING = 200  # the preference of a route that has to win against a Pod of this node: one that moved away
_OPERATORS = {"Equal": "=", "NotEqual": "!=", "In": "~", "NotIn": "!~"}


def normal_priority(store: Datastore, family: int) -> int:
    return int(store.defaults.get(f"ipv{family}NormalRoutePriority") or 1024)


def functions(filters: Mapping[str, Obj], family: int) -> list[str]:
    """The definitions of all BGPFilters for one family."""
    lines: list[str] = []
    for name, spec in filters.items():
        rules = {way: spec.get(f"{way}V{family}") or [] for way in ("import", "export")}
        if not any(rules.values()):
            continue
        lines.append(f"# v{family} BGPFilter {name}")
        for way, those in rules.items():
            if those:
                asked = "bool is_same_as" if _minds_peers(those) else ""
                lines += [f"function {function_name(name, way, family)}({asked}) {{", *map(_guarded, those), "}"]
    return lines or [f"# No v{family} BGPFilters configured"]


def function_name(name: str, way: str, family: int) -> str:
    """
    >>> function_name("mine", "import", 4)
    "'bgp_mine_importFilterV4'"
    """
    room = LONGEST_SYMBOL - len(f"bgp__{way}FilterV{family}")
    if len(name) > room:
        digest = sha256(name.encode()).hexdigest().upper()[:HASH_DIGITS]
        name = f"{name[: room - HASH_DIGITS - 1]}_{digest}"
    return f"'bgp_{name}_{way}FilterV{family}'"


def _minds_peers(rules: Sequence[Obj]) -> bool:
    return any(rule.get("peerType") for rule in rules)


def _guarded(rule: Obj) -> str:
    guard = {"iBGP": "is_same_as", "eBGP": "!is_same_as"}.get(rule.get("peerType") or "")
    text = statement(rule)
    return f"  if ({guard}) then {{ {text} }}" if guard else f"  {text}"


def statement(rule: Obj) -> str:
    """One rule as a statement.

    >>> statement({"action": "Accept", "matchOperator": "In", "cidr": "77.0.0.0/16"})
    'if ((net ~ 77.0.0.0/16)) then { accept; }'
    """
    body = " ".join([*_operations(rule), f"{rule['action'].lower()};"])
    conditions = "&&".join(_conditions(rule))
    return f"if ({conditions}) then {{ {body} }}" if conditions else body


def _conditions(rule: Obj) -> Iterator[str]:
    if rule.get("cidr"):
        yield f"(net {_OPERATORS[rule['matchOperator']]} {_network(rule['cidr'], rule.get('prefixLength'))})"
    if rule.get("source"):
        yield "((defined(source))&&(source ~ [ RTS_BGP ]))"
    if rule.get("interface"):
        yield f'((defined(ifname))&&(ifname ~ "{rule["interface"]}"))'
    if rule.get("communities"):
        values, attribute = _community(rule["communities"]["values"][0])
        yield f"({values} ~ {attribute})"
    if rule.get("asPathPrefix"):
        yield f"(bgp_path ~ [= {' '.join(map(as_number, rule['asPathPrefix']))} * =])"
    if rule.get("priority") is not None:
        yield f"(defined(bgp_local_pref)&&(bgp_local_pref = {LARGEST - rule['priority']}))"


def _network(cidr: str, lengths: Obj | None) -> str:
    if lengths is None:
        return cidr
    interface = ip_interface(cidr)
    least, most = lengths.get("min"), lengths.get("max")
    low = interface.network.prefixlen if least is None else max(interface.network.prefixlen, least)
    high = interface.max_prefixlen if most is None else min(interface.max_prefixlen, most)
    return f"[ {cidr}{{{low},{high}}} ]"


def _community(value: str) -> tuple[str, str]:
    """A community as BIRD writes it, and the attribute that it is looked up in; of three parts it is a large one."""
    parts = value.split(":")
    return f"({', '.join(parts)})", "bgp_large_community" if len(parts) == 3 else "bgp_community"


def add_community(value: str) -> str:
    values, attribute = _community(value)
    return f"{attribute}.add({values});"


def _operations(rule: Obj) -> Iterator[str]:
    for operation in rule.get("operations") or ():
        yield from _operation(operation)


def _operation(operation: Mapping[str, Any]) -> Iterator[str]:
    if operation.get("addCommunity"):
        yield add_community(operation["addCommunity"]["value"])
    elif operation.get("prependASPath"):
        # BIRD puts one number before the path at a time, so the first one comes last.
        for number in reversed(operation["prependASPath"]["prefix"]):
            yield f"bgp_path.prepend({as_number(number)});"
    elif operation.get("setPriority"):
        yield f"bgp_local_pref = {LARGEST - operation['setPriority']['value']};"


def _calls(store: Datastore, names: Sequence[str], way: str, family: int, same_as: bool) -> Iterator[str]:
    for name in names:
        rules = store.filters.get(name, {}).get(f"{way}V{family}") or []
        if rules:
            yield f"{function_name(name, way, family)}({_bool(same_as) if _minds_peers(rules) else ''});"


def import_filter(store: Datastore, names: Sequence[str], family: int, *, same_as: bool) -> list[str]:
    return [
        *_calls(store, names, "import", family, same_as),
        f"if (defined(bgp_local_pref)&&(bgp_local_pref > {LARGEST - normal_priority(store, family)})) then",
        f"  preference = {OVERRIDING};",
        "accept;",
    ]


def export_filter(store: Datastore, names: Sequence[str], family: int, *, same_as: bool) -> list[str]:
    """A route learnt by BGP has its priority in bgp_local_pref, one of this node in krt_metric; both are needed."""
    return [
        "if (defined(source) && source = RTS_BGP && defined(bgp_local_pref)) then {",
        f"  krt_metric = {LARGEST} - bgp_local_pref;",
        "} else {",
        f"  if (!defined(krt_metric)) then {{ krt_metric = {normal_priority(store, family)}; }}",
        f"  bgp_local_pref = {LARGEST} - krt_metric;",
        "}",
        *_calls(store, names, "export", family, same_as),
        f"calico_export_to_bgp_peers({_bool(same_as)});",
        "reject;",
    ]


def _bool(value: bool) -> str:
    return "true" if value else "false"
