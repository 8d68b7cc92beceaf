"""A kube-proxy of any mode that has heard of each kind of Service, with some endpoints, many, and none."""

from __future__ import annotations

from apps.cluster.proxy import ProxyConfig, Ruleset, ruleset_for
from tests.cluster.proxy.test_ruleset import NAMES, SPECS, a_service, a_slice

RESTRICTED = {"type": "LoadBalancer", "loadBalancerSourceRanges": ["203.0.113.0/25", "10.0.0.0/24"]}


def rules_of(mode: str, config: ProxyConfig) -> Ruleset:
    rules = ruleset_for(mode, config)
    for number, spec in enumerate((*SPECS, RESTRICTED)):
        name = f"{NAMES[number % 3]}-{number}"
        service = a_service(name, number, **spec)
        service["status"] = {"loadBalancer": {"ingress": [{"ip": f"198.51.100.{number + 1}"}]}}
        rules.service("default", name, service)
        if number % 4 != 3:
            endpoints = [(at, "worker-1" if number % 2 else "worker-2", True) for at in range(1, number + 2)]
            rules.slice_(a_slice(name, number, endpoints))
    rules.sync()
    return rules
