"""Calico's validator: which resources, and parts of them, it refuses. Go's structs are turned into what YAML has."""

from __future__ import annotations

import re
from typing import Any

from apps.cluster.cni.calico.validation import SPECS, validate, validate_part
from tests.fidelity.tables.registry import Row, adaptor, same

Obj = dict[str, Any]

LONG = "x" * (256 * 1024)
IDENTS: dict[str, Any] = {
    "Vneg1": -1,
    "V0": 0,
    "V4": 4,
    "V6": 6,
    "V128": 128,
    "V254": 254,
    "V255": 255,
    "V256": 256,
    "Vffffffff": 0xFFFFFFFF,
    "V100000000": 0x100000000,
    "tierOrder": 100.0,
    "defaultTierOrder": 1_000_000,
    "adminTierOrder": 1_000,
    "baselineTierOrder": 10_000_000,
    "defaultTierBadOrder": 10.0,
    "defaultActionDeny": "Deny",
    "defaultActionPass": "Pass",
    "Vtrue": True,
    "Vfalse": False,
    "ipv4_1": "1.2.3.4",
    "ipv4_2": "100.200.0.0",
    "ipv6_1": "aabb:aabb::ffff",
    "ipv6_2": "aabb::abcd",
    "netv4_1": "1.2.3.4/32",
    "netv4_2": "1.2.0.0/32",
    "netv4_3": "1.2.3.0/26",
    "netv4_4": "1.0.0.0/10",
    "netv4_5": "1.2.3.0/27",
    "netv6_1": "aabb:aabb::ffff/128",
    "netv6_2": "aabb:aabb::/128",
    "netv6_3": "aabb:aabb::0000/122",
    "peerv4_1": "9.9.9.9:4444",
    "peerv6_1": "[aabb::ffff]:4444",
    "bad_ipv4_1": "999.999.999.999",
    "bad_ipv6_1": "xyz:::",
    "protoTCP": "TCP",
    "protoUDP": "UDP",
    "protoSCTP": "SCTP",
    "protoNumeric": 123,
    "as61234": 61234,
    "validWireguardPortOrRulePriority": 12345,
    "invalidWireguardPortOrRulePriority": 99999,
    "nextHopMode": "Auto",
    "awsCheckEnable": "Enable",
    "awsCheckDisable": "Disable",
    "awsCheckDoNothing": "DoNothing",
    "awsCheckbadVal": "badVal",
    "awsCheckenable": "enable",
    "bpfHostNetworkedNatEnabled": "Enabled",
    "bpfHostNetworkedNatDisabled": "Disabled",
    "bpfHostNetworkedNatenabled": "enabled",
    "bpfHostNetworkedNatBadVal": "badVal",
    "bpfConnectTimeLBTCP": "TCP",
    "bpfConnectTimeLBEnabled": "Enabled",
    "bpfConnectTimeLBDisabled": "Disabled",
    "bpfConnectTimeLBBadVal": "badVal",
    "iptablesBackendLegacy": "Legacy",
    "iptablesBackendNFTables": "NFT",
    "iptablesBackendAuto": "Auto",
    "iptablesBackendbadVal": "badVal",
    "value63": "x" * 63,
    "value64": "x" * 64,
    "windowsManageFirewallRulesEnabled": "Enabled",
    "windowsManageFirewallRulesDisabled": "Disabled",
    "windowsManageFirewallRulesBlah": "blah",
    "assignmentModeAutomatic": "Automatic",
    "assignmentModeInvalid": "",
    "names.DefaultTierName": "default",
    "names.KubeAdminTierName": "kube-admin",
    "names.KubeBaselineTierName": "kube-baseline",
    "api.DefaultTierOrder": 1_000_000,
    "api.KubeAdminTierOrder": 1_000,
    "api.KubeBaselineTierOrder": 10_000_000,
    "longValue[:maxNameLength]": LONG[:253],
    "longValue[:maxNameLength+1]": LONG[:254],
    "longValue[:maxAnnotationsLength-3]": LONG[:-3],
    "longValue[:maxAnnotationsLength-2]": LONG[:-2],
}
# What stands before the value in the name of a constant: `api.PolicyTypeIngress`.
PREFIXES = (
    "PolicyType",
    "StagedAction",
    "IPPoolAllowedUse",
    "IPIPMode",
    "VXLANMode",
    "PerfHint",
    "SourceAddress",
    "BGPPeer",
)
SECONDS = {"time.Second": 1, "time.Minute": 60, "time.Hour": 3600, "time.Millisecond": 0.001}
FIELDS = {"BPFDSROptoutCIDRs": "bpfDSROptoutCIDRs", "ExternalNodesCIDRList": "externalNodesList"}


def json_name(name: str) -> str:
    """A Go field's name in JSON: a leading abbreviation is in lower case, `asNumber`, `ipv4Address`, `cidr`."""
    if name in FIELDS:
        return FIELDS[name]
    if name.startswith("IPv"):
        return "ipv" + name[3:]
    for word in ("IPNATs", "IPNetworks", "ICMP", "HTTP", "CIDR", "MAC", "BGP"):
        if name == word:
            return {"IPNATs": "ipNATs", "IPNetworks": "ipNetworks"}.get(word, word.lower())
    match = re.match(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+(?![a-z])|[A-Z]", name)
    assert match is not None, name
    return match[0].lower() + name[match.end() :]


def duration(text: str) -> str:
    number = next((int(part) for part in re.findall(r"(?<![\w.])\d+", text)), 1)
    unit = next(seconds for name, seconds in SECONDS.items() if name in text)
    seconds = int(number * unit)
    return f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"


def constant(text: str) -> Any:
    if text in IDENTS:
        return IDENTS[text]
    if "time." in text:
        return duration(text)
    word = text.rpartition(".")[2]
    for prefix in PREFIXES:
        word = word.removeprefix(prefix)
    return word


def called(name: str, arguments: list[Any]) -> Any:
    if name == "mustParsePortRange":
        return f"{arguments[0]}:{arguments[1]}"
    return arguments[0]


def port(value: Obj) -> Any:
    """A numorstring.Port: a name, a number, or first and last."""
    first, last = value.get("minPort", 0), value.get("maxPort", 0)
    if value.get("portName"):
        return value["portName"] if not first and not last else f"{value['portName']}:{first}:{last}"
    return first if first == last else f"{first}:{last}"


def value_of(value: Any) -> Any:
    """A Go expression as YAML would have it. What is nought, "" or nil is left out of structs, as Go leaves it out."""
    if isinstance(value, list):
        return [{} if one == [] else value_of(one) for one in value]  # `{}` of a list's type was noted down as []
    if not isinstance(value, dict):
        return value
    if "$call" in value:
        return called(value["$call"], value_of(value.get("args") or []))
    for kind in ("$ident", "$go"):
        if kind in value:
            return constant(value[kind])
    type_ = str(value.get("$type", "")).rpartition(".")[2]
    return struct(type_, value)


def struct(type_: str, value: Obj) -> Any:
    found = {}
    for name, one in value.items():
        if name == "$type":
            continue
        if name in MAPS:
            inside: Any = {key: value_of(text) for key, text in (one or {}).items() if key != "$type"}
        else:
            inside = {} if name in POINTERS and one == [] else value_of(one)
        if inside is not None and (isinstance(one, dict) or name in POINTERS or inside not in ("", 0, [], False)):
            found[json_name(name) if type_ or name[:1].isupper() else name] = inside
    if set(found) & {"minPort", "maxPort", "portName"}:
        return port(found)
    if type_ == "Protocol":
        return found.get("strVal", found.get("numVal", 0))
    if type_ == "Duration":
        given = found.get("duration", "0s")
        return f"{given}ns" if isinstance(given, int) else given
    return found


MAPS = ("Labels", "Annotations", "LabelsToApply", "BPFLogFilters")
POINTERS = ("Services", "HTTP", "ICMP", "NotICMP", "ServiceAccounts", "BGP")  # there, even when nothing is in them
# Empty structs, whose type was not noted down.
EMPTY = {
    "should reject workload endpoint with no config": "WorkloadEndpointSpec",
    "should accept ICMP with no config": "ICMPFields",
    "should accept node with no BGP": "NodeSpec",
}


def whole(type_: str, value: Obj) -> Obj:
    metadata = value.get("objectMeta") or {}
    return {"kind": type_, "metadata": metadata, "spec": value.get("spec") or {}}


@adaptor("calico__validator__166_Validator")
def check(row: Row) -> None:
    given, valid = row["args"]
    if given == []:
        given = {"$type": EMPTY[row.title]}
    made = value_of(given)
    type_ = str(given.get("$type", "")).rpartition(".")[2]
    if "$call" in given:
        type_ = "Protocol"
    found = validate(whole(type_, made)) if type_ in SPECS else validate_part(type_, made)
    same((not found, [str(problem) for problem in found][:3] if valid else []), (valid, []))


@adaptor("calico__validator__4384_Tier_validation_tests")
def tier(row: Row) -> None:
    given, error = row["args"]
    found = [problem.reason for problem in validate(whole("Tier", value_of(given)))]
    same(any(error in reason for reason in found) if error else found, True if error else [])
