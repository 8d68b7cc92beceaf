"""Validation of Calico's resources: what is said, and what only whole resources are held against."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.cni.calico.validation import TYPES, validate, validate_part
from apps.cluster.cni.calico.validation.schema import fields_of, passes

Obj = dict[str, Any]


def of(kind: str, name: str = "it", /, **spec: Any) -> Obj:
    return {"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": name}, "spec": spec}


def reasons(obj: Obj) -> list[str]:
    return [problem.reason for problem in validate(obj)]


def test_a_problem_reads_as_calicoctl_prints_it():
    rule = {"action": "Allow", "protocol": "TCP", "destination": {"notPorts": ["0:456"]}}
    (problem,) = validate_part("Rule", rule)
    assert str(problem) == (
        "error with field destination.notPorts[0] = '0:456' "
        "(port range invalid, port number must be between 1 and 65535)"
    )


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (of("IPPool", cidr="192.168.0.1/16"), "IP pool CIDR is not strictly masked"),
        (
            of("IPPool", cidr="192.168.0.0/16", ipipMode="Always", vxlanMode="Always"),
            "ipipMode and vxlanMode cannot both be enabled",
        ),
        (of("IPPool", cidr="fd00::/64", ipipMode="Always"), "IPIP is not supported on IPv6 pools"),
        (
            of("IPPool", cidr="10.0.0.0/27"),
            "IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.",
        ),
        (of("BGPPeer", peerIP="10.0.0.1", peerSelector="all()"), "peerIP and peerSelector cannot both be set"),
        (of("HostEndpoint", node="one"), "at least one of interfaceName or expectedIPs must be specified"),
        (
            of("GlobalNetworkPolicy", preDNAT=True, applyOnForward=True, types=["Egress"]),
            "preDNAT policy cannot have 'Egress' type",
        ),
        (of("Tier", "kube-admin", order=1000), "The 'kube-admin' tier must have default action 'Pass'"),
    ],
)
def test_what_is_wrong_is_said(obj, reason):
    assert reason in reasons(obj)


@pytest.mark.parametrize(
    "obj",
    [
        of("IPPool", cidr="192.168.0.0/16", ipipMode="Always", natOutgoing=True, nodeSelector="all()"),
        of("BGPConfiguration", "default", asNumber=64512, nodeToNodeMeshEnabled=False, logSeverityScreen="Info"),
        of("BGPPeer", nodeSelector="all()", peerSelector="has(route-reflector)"),
        of(
            "NetworkPolicy",
            "allow-tcp-6379",
            selector="role == 'database'",
            types=["Ingress"],
            ingress=[
                {
                    "action": "Allow",
                    "protocol": "TCP",
                    "source": {"selector": "role == 'frontend'"},
                    "destination": {"ports": [6379]},
                }
            ],
        ),
        of("NetworkSet", nets=["198.51.100.0/28", "203.0.113.7"]),
    ],
    ids=lambda obj: obj["kind"],
)
def test_what_is_right_passes(obj):
    assert reasons(obj) == []


def test_a_part_by_itself_is_not_held_against_the_rules_of_resources():
    rule = {"action": "Deny", "http": {"methods": ["GET"]}}
    assert validate_part("Rule", rule) == []
    assert "HTTP match is only valid on Allow rules" in reasons(of("NetworkPolicy", ingress=[rule]))


def test_a_kind_that_is_not_known_is_left_alone():
    assert validate({"kind": "Widget", "spec": {"cidr": 1}}) == []


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_every_tag_can_be_asked(type_):
    for field in fields_of(type_):
        for tag in (*field.tags, *field.schema):
            bare = tag.removeprefix("each:")
            sample: Any = [] if field.listed and bare == tag else {} if field.kind == "map" or not field.name else "1"
            passes(bare, 1 if field.kind == "int" else sample)
