"""What the fields of BGP's resources and of IP pools may hold; how it is written down, `schema.py` tells.

Models      api/pkg/apis/projectcalico/v3 (bgpconfig, bgppeer, bgpfilter, ippool, ipreservation, ipamconfig)
"""

from __future__ import annotations

TYPES: dict[str, dict[str, str]] = {
    "BGPConfigurationSpec": {
        "logSeverityScreen": "string | pattern=level",
        "serviceLoadBalancerIPs": "[ServiceLoadBalancerIPBlock]?",
        "serviceExternalIPs": "[ServiceExternalIPBlock]?",
        "serviceClusterIPs": "[ServiceClusterIPBlock]?",
        "serviceLoadBalancerAggregation": "string? | enum=Enabled/Disabled",
        "communities": "[Community]? | items<=500",
        "prefixAdvertisements": "[PrefixAdvertisement]? | items<=500",
        "listenPort": "int? >0 | >=1 <=65535",
        "bindMode": "string? | enum=None/NodeIP",
        "ignoredInterfaces": "[string]? each:ignoredInterface",
        "localWorkloadPeeringIPV4": "string? ipv4",
        "localWorkloadPeeringIPV6": "string? ipv6",
        "programClusterRoutes": "string? | enum=Enabled/Disabled/EnabledIPIPOnly/EnabledNoEncapOnly",
        "ipv4NormalRoutePriority": "int? >=1 <=2147483646",
        "ipv6NormalRoutePriority": "int? >=1 <=2147483646",
    },
    "ServiceLoadBalancerIPBlock": {
        "cidr": "string? net | format=cidr",
    },
    "ServiceExternalIPBlock": {
        "cidr": "string? net | format=cidr",
    },
    "ServiceClusterIPBlock": {
        "cidr": "string? net | format=cidr",
    },
    "Community": {
        "name": "string required name | len<=253",
        "value": "string required | len<=40 pattern=community_value",
    },
    "PrefixAdvertisement": {
        "cidr": "string required net | format=cidr",
        "communities": "[string] required | items<=50",
    },
    "BGPPeerSpec": {
        "node": "string? name | len<=253",
        "nodeSelector": "string? selector | len<=1024",
        "peerIP": "string? IP:port | len<=64",
        "peerSelector": "string? selector | len<=1024",
        "nextHopMode": "string? | enum=Auto/Self/Keep",
        "sourceAddress": "string | enum=UseNodeIP/None",
        "reachableBy": "string? reachableBy | len<=64",
        "filters": "[string]? each:name",
        "localWorkloadSelector": "string? selector | len<=1024",
        "reversePeering": "string? | enum=Auto/Manual",
    },
    "BGPFilterSpec": {
        "exportV4": "[BGPFilterRuleV4]?",
        "importV4": "[BGPFilterRuleV4]?",
        "exportV6": "[BGPFilterRuleV6]?",
        "importV6": "[BGPFilterRuleV6]?",
    },
    "BGPFilterRuleV4": {
        "cidr": "string? netv4 | format=cidr len<=18",
        "prefixLength": "BGPFilterPrefixLengthV4?",
        "source": "string? enum=RemotePeers",
        "interface": "string? bgpFilterInterface | len<=15",
        "matchOperator": "string | enum=Equal/NotEqual/In/NotIn",
        "peerType": "string? enum=eBGP/iBGP",
        "communities": "BGPFilterCommunityMatch?",
        "priority": "int? >=1 <=2147483646",
        "action": "string required | enum=Accept/Reject",
        "operations": "[BGPFilterOperation]? | items>=1 items<=10",
    },
    "BGPFilterRuleV6": {
        "cidr": "string? netv6 | format=cidr len<=43",
        "prefixLength": "BGPFilterPrefixLengthV6?",
        "source": "string? enum=RemotePeers",
        "interface": "string? bgpFilterInterface | len<=15",
        "matchOperator": "string | enum=Equal/NotEqual/In/NotIn",
        "peerType": "string? enum=eBGP/iBGP",
        "communities": "BGPFilterCommunityMatch?",
        "priority": "int? >=1 <=2147483646",
        "action": "string required | enum=Accept/Reject",
        "operations": "[BGPFilterOperation]? | items>=1 items<=10",
    },
    "BGPFilterPrefixLengthV4": {
        "min": "int? bgpFilterPrefixLengthV4 | >=0 <=32",
        "max": "int? bgpFilterPrefixLengthV4 | >=0 <=32",
    },
    "BGPFilterPrefixLengthV6": {
        "min": "int? bgpFilterPrefixLengthV6 | >=0 <=128",
        "max": "int? bgpFilterPrefixLengthV6 | >=0 <=128",
    },
    "BGPFilterCommunityMatch": {
        "values": "[string] required | items>=1 items<=1 each:len<=32 each:community",
    },
    "BGPFilterOperation": {
        "": "BGPFilterOperation | props>=1 props<=1",
        "addCommunity": "BGPFilterAddCommunity?",
        "prependASPath": "BGPFilterPrependASPath?",
        "setPriority": "BGPFilterSetPriority?",
    },
    "BGPFilterAddCommunity": {
        "value": "string? required | len<=32 community",
    },
    "BGPFilterPrependASPath": {
        "prefix": "[ASNumber] required | items>=1 items<=10",
    },
    "BGPFilterSetPriority": {
        "value": "int? required >=1 <=2147483646",
    },
    "IPPoolSpec": {
        "cidr": "string net | format=cidr len<=48 required",
        "vxlanMode": "string | enum=Never/Always/CrossSubnet",
        "ipipMode": "string | enum=Never/Always/CrossSubnet",
        "blockSize": "int | >=0 <=128",
        "nodeSelector": "string? selector | len<=1024",
        "namespaceSelector": "string? selector | len<=1024",
        "allowedUses": "[string]? | items<=10 each:enum=Workload/Tunnel/LoadBalancer",
        "assignmentMode": "string? | enum=Automatic/Manual",
    },
    "IPReservationSpec": {
        "reservedCIDRs": "[string]? cidrs",
    },
    "BlockAffinitySpec": {},
    "IPAMConfigurationSpec": {
        "maxBlocksPerHost": "int | >=0 <=1000000",
        "kubeVirtVMAddressPersistence": "string? | enum=Enabled/Disabled",
        "ipCooldownSeconds": "int | >=0 <=1200",
    },
}
