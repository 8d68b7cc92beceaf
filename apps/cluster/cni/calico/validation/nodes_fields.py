"""What the fields of Nodes, WorkloadEndpoints and of the controllers' configuration may hold (`schema.py`).

Models      libcalico-go/lib/apis/internalapi, api/pkg/apis/projectcalico/v3/kubecontrollersconfig.go
"""

from __future__ import annotations

TYPES: dict[str, dict[str, str]] = {
    "NodeSpec": {
        "bgp": "NodeBGPSpec?",
        "ipv4VXLANTunnelAddr": "string? ipv4",
        "vxlanTunnelMACAddr": "string? mac",
        "ipv6VXLANTunnelAddr": "string? ipv6",
        "vxlanTunnelMACAddrV6": "string? mac",
        "orchRefs": "[OrchRef]?",
        "wireguard": "NodeWireguardSpec?",
        "addresses": "[NodeAddress]?",
        "interfaces": "[NodeInterface]?",
    },
    "NodeBGPSpec": {
        "ipv4Address": "string? cidrv4",
        "ipv6Address": "string? cidrv6",
        "ipv4IPIPTunnelAddr": "string? ipv4",
        "routeReflectorClusterID": "string? ipv4",
    },
    "NodeWireguardSpec": {
        "interfaceIPv4Address": "string? ipv4",
        "interfaceIPv6Address": "string? ipv6",
    },
    "NodeAddress": {
        "address": "string net",
        "type": "string? ipType",
    },
    "NodeInterface": {
        "name": "string? name",
    },
    "NodeStatus": {
        "wireguardPublicKey": "string? wireguardPublicKey",
        "wireguardPublicKeyV6": "string? wireguardPublicKey",
    },
    "OrchRef": {},
    "WorkloadEndpointSpec": {
        "orchestrator": "string? name",
        "workload": "string? name",
        "node": "string? name",
        "containerID": "string? containerID",
        "pod": "string? name",
        "endpoint": "string? name",
        "serviceAccountName": "string? name",
        "ipNetworks": "[string]? each:net",
        "ipNATs": "[IPNAT]?",
        "ipv4Gateway": "string? ipv4",
        "ipv6Gateway": "string? ipv6",
        "profiles": "[string]? each:name",
        "interfaceName": "string interface",
        "mac": "string? mac",
        "ports": "[WorkloadEndpointPort]?",
        "allowSpoofedSourcePrefixes": "[string]? each:cidr",
        "qosControls": "QoSControls?",
    },
    "WorkloadEndpointPort": {
        "name": "string? portName",
        "protocol": "Protocol",
        "port": "int >0",
        "hostIP": "string? net",
    },
    "IPNAT": {
        "internalIP": "string? ip",
        "externalIP": "string? ip",
    },
    "QoSControls": {
        "dscp": "DSCP?",
    },
    "KubeControllersConfigurationSpec": {
        "logSeverityScreen": "string | enum=None/Debug/Info/Warning/Error/Fatal/Panic",
        "healthChecks": "string? enum=Enabled/Disabled",
        "prometheusMetricsPort": "int? | >=0 <=65535",
        "controllers": "ControllersConfig",
        "debugProfilePort": "int? | >=0 <=65535",
    },
    "ControllersConfig": {
        "node": "NodeControllerConfig?",
        "policy": "PolicyControllerConfig?",
        "workloadEndpoint": "WorkloadEndpointControllerConfig?",
        "serviceAccount": "ServiceAccountControllerConfig?",
        "namespace": "NamespaceControllerConfig?",
        "loadBalancer": "LoadBalancerControllerConfig?",
        "migration": "MigrationControllerConfig?",
    },
    "NodeControllerConfig": {
        "syncLabels": "string? enum=Enabled/Disabled",
        "hostEndpoint": "AutoHostEndpointConfig?",
    },
    "AutoHostEndpointConfig": {
        "autoCreate": "string? enum=Enabled/Disabled",
        "createDefaultHostEndpoint": "string? createDefaultHostEndpoint",
        "templates": "[Template]?",
    },
    "Template": {
        "generateName": "string? name | len<=253",
        "interfaceCIDRs": "[string] cidrs",
        "interfacePattern": "string? regexp",
        "labels": "map? labels",
        "nodeSelector": "string? selector",
    },
    "PolicyControllerConfig": {},
    "WorkloadEndpointControllerConfig": {},
    "ServiceAccountControllerConfig": {},
    "NamespaceControllerConfig": {},
    "LoadBalancerControllerConfig": {
        "assignIPs": "string | enum=AllServices/RequestedServicesOnly",
    },
    "MigrationControllerConfig": {
        "policyNameMigrator": "string? enum=Enabled/Disabled",
    },
}
