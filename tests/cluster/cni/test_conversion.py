"""Kubernetes' objects as Calico's: policies above all."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.cni.calico import selector
from apps.cluster.cni.calico.conversion import (
    namespace_profile,
    namespace_selector,
    network_policy,
    pod_selector,
    service_account_profile,
    simplified,
    workload_endpoint,
)
from apps.cluster.cni.calico.validation import validate

Obj = dict[str, Any]
K8S = "projectcalico.org/orchestrator == 'k8s'"


def expression(operator: str, *values: str) -> Obj:
    return {"matchExpressions": [{"key": "toast", "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("given", "of_pods", "of_namespaces"),
    [
        (None, K8S, ""),
        ({}, K8S, "all()"),
        (expression("DoesNotExist"), f"{K8S} && ! has(toast)", "! has(toast)"),
        (expression("Exists"), f"{K8S} && has(toast)", "has(toast)"),
        (expression("In", "butter", "jam"), f"{K8S} && toast in {{ 'butter', 'jam' }}", "toast in { 'butter', 'jam' }"),
        (expression("NotIn", "milk"), f"{K8S} && toast not in {{ 'milk' }}", "toast not in { 'milk' }"),
        ({"matchLabels": {"b": "2", "a": "1"}}, f"{K8S} && a == '1' && b == '2'", "a == '1' && b == '2'"),
    ],
)
def test_a_label_selector_is_one_of_calicos(given, of_pods, of_namespaces):
    assert (pod_selector(given), namespace_selector(given)) == (of_pods, of_namespaces)
    selector.parse(of_pods)
    selector.parse(of_namespaces)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        ([1], [1]),
        (["0:65535"], ["0:65535"]),
        ([2, 1], ["1:2"]),
        ([1, 2, 4], ["1:2", 4]),
        (["81:90", 4, 2, "foo", "80:81", 3, 1, 9090, "http"], ["foo", "http", "1:4", "80:90", 9090]),
        (["foo"], ["foo"]),
    ],
)
def test_ports_are_the_fewest_ranges(given, expected):
    assert simplified(given) == expected


def policy(**spec: Any) -> Obj:
    made = network_policy({"metadata": {"name": "p", "namespace": "shop"}, "spec": {"podSelector": {}, **spec}})
    assert validate(made) == []
    return made["spec"]


def test_a_policy_that_says_nothing_is_about_what_comes_in():
    assert policy() == {"order": 1000, "tier": "default", "selector": K8S, "types": ["Ingress"]}


def test_a_rule_is_one_for_each_protocol_and_peer():
    ports = [{"port": 80}, {"port": 81}, {"port": 53, "protocol": "UDP"}, {"port": "dns", "protocol": "UDP"}]
    peers = [{"podSelector": {"matchLabels": {"app": "web"}}}, {"namespaceSelector": {}}]
    rules = policy(ingress=[{"ports": ports, "from": peers}], policyTypes=["Ingress"])["ingress"]
    web, anywhere = {"selector": f"{K8S} && app == 'web'"}, {"selector": K8S, "namespaceSelector": "all()"}
    tcp, udp = {"ports": ["80:81"]}, {"ports": [53, "dns"]}
    assert rules == [
        {"action": "Allow", "protocol": "TCP", "source": web, "destination": tcp},
        {"action": "Allow", "protocol": "TCP", "source": anywhere, "destination": tcp},
        {"action": "Allow", "protocol": "UDP", "source": web, "destination": udp},
        {"action": "Allow", "protocol": "UDP", "source": anywhere, "destination": udp},
    ]


def test_a_block_of_addresses_has_its_exceptions():
    block = {"cidr": "10.0.0.1/8", "except": ["10.1.0.0/16"]}
    (rule,) = policy(egress=[{"to": [{"ipBlock": block}]}], policyTypes=["Egress"])["egress"]
    assert rule == {"action": "Allow", "destination": {"nets": ["10.0.0.0/8"], "notNets": ["10.1.0.0/16"]}}


def test_a_port_without_a_number_is_every_port_of_its_protocol():
    rules = policy(ingress=[{"ports": [{"protocol": "UDP"}, {"port": 53, "protocol": "UDP"}]}])["ingress"]
    assert rules == [{"action": "Allow", "protocol": "UDP"}]


def test_an_empty_rule_allows_all():
    assert policy(ingress=[{}])["ingress"] == [{"action": "Allow"}]


def test_an_end_port_makes_a_range():
    rules = policy(egress=[{"ports": [{"port": 32000, "endPort": 32768}]}], policyTypes=["Egress"])["egress"]
    assert rules[0]["destination"] == {"ports": ["32000:32768"]}


def test_profiles_hand_labels_down():
    namespace = namespace_profile({"metadata": {"name": "shop", "labels": {"team": "a"}}})
    assert namespace["metadata"]["name"] == "kns.shop"
    assert namespace["spec"]["labelsToApply"] == {"pcns.team": "a", "pcns.projectcalico.org/name": "shop"}
    account = service_account_profile({"metadata": {"name": "clerk", "namespace": "shop"}})
    assert account["metadata"]["name"] == "ksa.shop.clerk"
    assert validate(namespace) == validate(account) == []


def pod(**status: Any) -> Obj:
    container = {"name": "c", "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81}]}
    return {
        "metadata": {"name": "web-0", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"nodeName": "worker-1", "serviceAccountName": "clerk", "containers": [container]},
        "status": status,
    }


def test_a_pod_is_an_endpoint():
    made = workload_endpoint(pod(phase="Running", podIP="192.168.1.2"))
    assert made["metadata"]["name"] == "worker--1-k8s-web--0-eth0"
    assert made["metadata"]["labels"]["projectcalico.org/namespace"] == "shop"
    spec = made["spec"]
    assert (spec["ipNetworks"], spec["profiles"]) == (["192.168.1.2/32"], ["kns.shop", "ksa.shop.clerk"])
    assert [port["name"] for port in spec["ports"]] == ["http"]
    assert selector.parse(pod_selector({"matchLabels": {"app": "web"}})).matches(made["metadata"]["labels"])


def test_a_pod_that_is_done_has_no_address_any_more():
    assert workload_endpoint(pod(phase="Succeeded", podIP="192.168.1.2"))["spec"]["ipNetworks"] == []
