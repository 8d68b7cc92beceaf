"""What the fields of policies, tiers, sets and host endpoints may hold; how it is written down, `schema.py` tells.

Models      api/pkg/apis/projectcalico/v3 (policies, tier, networkset, profile, hostendpoint)
"""

from __future__ import annotations

TYPES: dict[str, dict[str, str]] = {
    "Rule": {
        "action": "string | enum=Allow/Deny/Log/Pass required",
        "ipVersion": "int? | enum=4/6",
        "protocol": "Protocol?",
        "icmp": "ICMPFields?",
        "notProtocol": "Protocol?",
        "notICMP": "ICMPFields?",
        "source": "EntityRule?",
        "destination": "EntityRule?",
        "http": "HTTPMatch?",
        "metadata": "RuleMetadata?",
    },
    "EntityRule": {
        "nets": "[string]? each:net | items<=256",
        "selector": "string? selector | len<=1024",
        "namespaceSelector": "string? selector | len<=1024",
        "services": "ServiceMatch?",
        "ports": "[Port]? | items<=50",
        "notNets": "[string]? each:net | items<=256",
        "notSelector": "string? selector | len<=1024",
        "notPorts": "[Port]? | items<=50",
        "serviceAccounts": "ServiceAccountMatch?",
    },
    "ServiceMatch": {
        "name": "string? name | len<=253",
        "namespace": "string? name | len<=253",
    },
    "ServiceAccountMatch": {
        "selector": "string? selector",
    },
    "ICMPFields": {
        "type": "int? >=0 <=254",
        "code": "int? >=0 <=255",
    },
    "HTTPMatch": {
        "methods": "[string]? | items<=20",
        "paths": "[HTTPPath]? | items<=20",
    },
    "HTTPPath": {
        "exact": "string? | len<=1024",
        "prefix": "string? | len<=1024",
    },
    "RuleMetadata": {},
    "NetworkPolicySpec": {
        "tier": "string? name",
        "ingress": "[Rule]? | items<=1024",
        "egress": "[Rule]? | items<=1024",
        "selector": "string selector | len<=1024",
        "types": "[string] | items>=1 items<=2 each:enum=Ingress/Egress",
        "serviceAccountSelector": "string selector | len<=1024",
        "performanceHints": "[string]? unique each:enum=AssumeNeededOnEveryNode",
    },
    "GlobalNetworkPolicySpec": {
        "tier": "string? name",
        "ingress": "[Rule]? | items<=1024",
        "egress": "[Rule]? | items<=1024",
        "selector": "string selector | len<=1024",
        "types": "[string] | items>=1 items<=2 each:enum=Ingress/Egress",
        "serviceAccountSelector": "string selector | len<=1024",
        "namespaceSelector": "string selector | len<=1024",
        "performanceHints": "[string]? unique each:enum=AssumeNeededOnEveryNode",
    },
    "StagedNetworkPolicySpec": {
        "stagedAction": "string | enum=Set/Delete/Learn/Ignore",
        "tier": "string? name",
        "ingress": "[Rule]? | items<=1024",
        "egress": "[Rule]? | items<=1024",
        "selector": "string selector | len<=1024",
        "types": "[string] | items>=1 items<=2 each:enum=Ingress/Egress",
        "serviceAccountSelector": "string selector | len<=1024",
        "performanceHints": "[string]? unique each:enum=AssumeNeededOnEveryNode",
    },
    "StagedGlobalNetworkPolicySpec": {
        "stagedAction": "string | enum=Set/Delete/Learn/Ignore",
        "tier": "string? name",
        "ingress": "[Rule]? | items<=1024",
        "egress": "[Rule]? | items<=1024",
        "selector": "string selector | len<=1024",
        "types": "[string] | items>=1 items<=2 each:enum=Ingress/Egress",
        "serviceAccountSelector": "string selector | len<=1024",
        "namespaceSelector": "string selector | len<=1024",
        "performanceHints": "[string]? unique each:enum=AssumeNeededOnEveryNode",
    },
    "TierSpec": {
        "defaultAction": "string? enum=Deny/Pass",
    },
    "NetworkSetSpec": {
        "nets": "[string]? each:cidr",
    },
    "GlobalNetworkSetSpec": {
        "nets": "[string]? each:cidr",
    },
    "ProfileSpec": {
        "ingress": "[Rule]? | items<=1024",
        "egress": "[Rule]? | items<=1024",
        "labelsToApply": "map? labels",
    },
    "HostEndpointSpec": {
        "node": "string? name | len<=253",
        "interfaceName": "string? interface | len<=15",
        "expectedIPs": "[string]? each:ip",
        "profiles": "[string]? each:name",
        "ports": "[EndpointPort]",
    },
    "EndpointPort": {
        "name": "string portName",
        "protocol": "Protocol",
        "port": "int >0 | >=1 <=65535 required",
    },
}
