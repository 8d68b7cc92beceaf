# ruff: noqa: E501 (the messages are longer than a line)
"""Warnings, in upstream's words. Cases after pkg/api/*/warnings_test.go."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.apiserver import warnings
from apps.cluster.apiserver.warnings import addresses
from apps.cluster.cluster import Cluster, Config


def template(spec: dict[str, Any] | None = None, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    inner = {"metadata": {"annotations": annotations or {}}, "spec": {"containers": [], **(spec or {})}}
    return {"metadata": {"name": "web", "generation": 1}, "spec": {"template": inner}}


def containers(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"containers": list(listed)}


MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
AT = "spec.template.spec"
NULL = "a null labelSelector results in matching no pod"
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param(template(), [], id="nothing to say"),
        pytest.param(
            template({"volumes": [{"name": "s", "photonPersistentDisk": {}}]}),
            [f"{AT}.volumes[0].photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+"],
            id="photon",
        ),
        pytest.param(
            template({"volumes": [{"name": "s", "gitRepo": {}}]}),
            [f"{AT}.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"],
            id="gitRepo",
        ),
        pytest.param(
            template({"volumes": [{"name": "s", "storageos": {}}]}),
            [f"{AT}.volumes[0].storageOS: deprecated in v1.22, non-functional in v1.25+"],
            id="storageos",
        ),
        pytest.param(
            template({"volumes": [{"name": "s", "glusterfs": {}}, {"name": "c", "cephfs": {}}]}),
            [
                f"{AT}.volumes[0].glusterfs: deprecated in v1.25, non-functional in v1.26+",
                f"{AT}.volumes[1].cephfs: deprecated in v1.28, non-functional in v1.31+",
            ],
            id="two volumes",
        ),
        pytest.param(
            template({"hostAliases": [{"ip": "1.1.1.1"}, {"ip": "1.1.1.1"}, {"ip": "1.1.1.1"}]}),
            [
                f'{AT}.hostAliases[1].ip: duplicate ip "1.1.1.1"',
                f'{AT}.hostAliases[2].ip: duplicate ip "1.1.1.1"',
            ],
            id="the same address",
        ),
        pytest.param(
            template({"imagePullSecrets": [{"name": "a"}, {"name": "a"}, {"name": ""}]}),
            [
                f'{AT}.imagePullSecrets[1].name: duplicate name "a"',
                f'{AT}.imagePullSecrets[2].name: invalid empty name ""',
            ],
            id="pull secrets",
        ),
        pytest.param(
            template(containers({"name": "f", "env": [{"name": "a"}, {"name": "a"}, {"name": "a", "value": "x$(a)"}]})),
            [f'{AT}.containers[0].env[1]: hides previous definition of "a", which may be dropped when using apply'],
            id="a variable twice, but building on itself",
        ),
        pytest.param(
            template(
                containers({"name": "f", "resources": {"limits": {"memory": "100m"}, "requests": {"memory": "1"}}})
            ),
            [
                f'{AT}.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer'
            ],
            id="part of a byte",
        ),
        pytest.param(
            template({"nodeSelector": {"beta.kubernetes.io/os": "linux"}}),
            [f'{AT}.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
            id="an old label",
        ),
        pytest.param(
            template(
                {
                    "affinity": {
                        "nodeAffinity": {
                            REQUIRED: {
                                "nodeSelectorTerms": [
                                    {"matchExpressions": [{"key": "failure-domain.beta.kubernetes.io/zone"}]}
                                ]
                            },
                            PREFERRED: [
                                {"preference": {"matchExpressions": [{"key": "foo", "values": ["-1"]}]}},
                            ],
                        }
                    }
                }
            ),
            [
                (
                    f"{AT}.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].key: "
                    'failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" '
                    "instead"
                ),
                (
                    f"{AT}.affinity.nodeAffinity.{PREFERRED}[0].preference.matchExpressions[0].values[0]: -1 is invalid, "
                    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
                    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
                    "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                ),
            ],
            id="node affinity",
        ),
        pytest.param(
            template(
                {
                    "topologySpreadConstraints": [{"topologyKey": "beta.kubernetes.io/arch", "labelSelector": {}}],
                    "affinity": {"podAffinity": {REQUIRED: [{}]}, "podAntiAffinity": {PREFERRED: [{}]}},
                }
            ),
            [
                (
                    f"{AT}.topologySpreadConstraints[0].topologyKey: beta.kubernetes.io/arch is deprecated since v1.14; use "
                    '"kubernetes.io/arch" instead'
                ),
                f"{AT}.affinity.podAffinity.{REQUIRED}[0].labelSelector: {NULL}",
                f"{AT}.affinity.podAntiAffinity.{PREFERRED}[0].podAffinityTerm.labelSelector: {NULL}",
            ],
            id="selectors that are none",
        ),
        pytest.param(
            template(
                containers({"name": "foo"}),
                {
                    "scheduler.alpha.kubernetes.io/critical-pod": "",
                    "seccomp.security.alpha.kubernetes.io/pod": "x",
                    "container.seccomp.security.alpha.kubernetes.io/foo": "x",
                    "container.apparmor.security.beta.kubernetes.io/foo": "unconfined",
                },
            ),
            [
                (
                    "spec.template.metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in "
                    'v1.16+; use the "priorityClassName" field instead'
                ),
                (
                    "spec.template.metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in "
                    'v1.27+; use the "seccompProfile" field instead'
                ),
                (
                    "spec.template.metadata.annotations[container.seccomp.security.alpha.kubernetes.io/foo]: non-functional "
                    'in v1.27+; use the "seccompProfile" field instead'
                ),
                (
                    "spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/foo]: deprecated "
                    'since v1.30; use the "appArmorProfile" field instead'
                ),
            ],
            id="annotations",
        ),
        pytest.param(
            template(
                containers(
                    {"name": "a", "ports": [{"containerPort": 80, "protocol": "UDP", "hostPort": 80, "name": "n"}]},
                    {"name": "b", "ports": [{"containerPort": 80, "protocol": "UDP", "hostPort": 80, "name": "n"}]},
                )
            ),
            [
                f"{AT}.containers[1].ports[0]: duplicate port definition with {AT}.containers[0].ports[0]",
                (
                    f'{AT}.containers[1].ports[0]: duplicate port name "n" with {AT}.containers[0].ports[0], services and '
                    f"probes that select ports by name will use {AT}.containers[0].ports[0]"
                ),
            ],
            id="a port twice",
        ),
        pytest.param(
            template(
                containers({"name": "a", "ports": [{"containerPort": 80, "protocol": "UDP", "hostIP": "10.0.0.1"}]})
            ),
            [
                (
                    f"{AT}.containers[0].ports[0]: hostIP set without hostPort: {{Name: HostPort:0 ContainerPort:80 "
                    "Protocol:UDP HostIP:10.0.0.1}"
                )
            ],
            id="an address without a port",
        ),
        pytest.param(
            template({"terminationGracePeriodSeconds": -1}),
            [f"{AT}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"],
            id="less than no grace",
        ),
        pytest.param(
            template(
                {
                    "volumes": [
                        {
                            "name": "foo",
                            "configMap": {"name": "foo", "items": [{"path": "test"}, {"path": "test/app"}]},
                        },
                        {
                            "name": "bar",
                            "projected": {
                                "sources": [
                                    {"configMap": {"name": "x", "items": [{"path": "dir"}]}},
                                    {"serviceAccountToken": {"path": "dir/token"}},
                                    {},
                                ]
                            },
                        },
                    ]
                }
            ),
            [
                'volume "foo" (ConfigMap "foo"): overlapping paths: "test/app" with "test"',
                'volume "bar" (Projected) has no sources provided',
                (
                    'volume "bar" (Projected): overlapping paths: "dir/token" (ServiceAccountToken) with "dir" (ConfigMap '
                    '"x")'
                ),
            ],
            id="files on one another",
        ),
    ],
)
def test_a_template_is_warned_of(given, told):
    assert warnings.of("daemonsets", given) == told


@pytest.mark.parametrize(
    ("resource", "given", "told"),
    [
        pytest.param(
            "pods",
            {"metadata": {"name": "a.b"}, "spec": {"containers": []}},
            [
                (
                    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label "
                    "is recommended: [must not contain dots]"
                )
            ],
            id="a name with dots",
        ),
        pytest.param(
            "jobs",
            {
                "metadata": {"name": "j"},
                "spec": {"completionMode": "Indexed", "completions": 100001, "parallelism": 10001},
            },
            [
                (
                    "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, "
                    "Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
                )
            ],
            id="too many indexes",
        ),
        pytest.param(
            "services",
            {
                "metadata": {"name": "s"},
                "spec": {"clusterIP": "None", "loadBalancerIP": "1.2.3.4", "externalIPs": ["1.2.3.4"]},
            },
            [
                "spec.loadBalancerIP is ignored for headless services",
                "spec.externalIPs is ignored for headless services",
            ],
            id="a headless service",
        ),
        pytest.param(
            "services",
            {"metadata": {"name": "s"}, "spec": {"clusterIP": "1.2.3.4", "trafficDistribution": "PreferClose"}},
            ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
            id="near",
        ),
        pytest.param(
            "persistentvolumes",
            {"metadata": {"name": "v"}, "spec": {"persistentVolumeReclaimPolicy": "Recycle", "rbd": {}}},
            [
                (
                    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
                    "approach is to use dynamic provisioning."
                ),
                "spec.rbd: deprecated in v1.28, non-functional in v1.31+",
            ],
            id="a volume",
        ),
        pytest.param(
            "endpoints",
            {"metadata": {"name": "e"}},
            ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"],
            id="an old kind",
        ),
        pytest.param(
            "resourcequotas",
            {"metadata": {"name": "q"}, "spec": {"hard": {"requests.cpu": "2", "limits.cpu": "1"}}},
            ["ResourceQuota requests.cpu (2) should be less than limits.cpu (1)"],
            id="a quota upside down",
        ),
        pytest.param(
            "ingresses",
            {"metadata": {"name": "i", "annotations": {"kubernetes.io/ingress.class": "x"}}, "spec": {}},
            ["annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"],
            id="an ingress",
        ),
    ],
)
def test_other_kinds_are_warned_of(resource, given, told):
    assert warnings.of(resource, given) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param("1.2.3.4", [], id="fine"),
        pytest.param("01.02.03.04", ['f: non-standard IP address "01.02.03.04" is invalid: use "1.2.3.4"'], id="zeros"),
        pytest.param(
            "::ffff:1.2.3.4", ['f: non-standard IP address "::ffff:1.2.3.4" is invalid: use "1.2.3.4"'], id="mapped"
        ),
        pytest.param(
            "2001:DB8::1",
            ['f: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")'],
            id="capitals",
        ),
    ],
)
def test_addresses(value, told):
    assert list(addresses.ip("f", value)) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param("192.168.0.0/24", [], id="fine"),
        pytest.param(
            "192.168.1.5/24",
            [
                (
                    'f: CIDR value "192.168.1.5/24" is ambiguous in this context (should be "192.168.1.0/24" or '
                    '"192.168.1.5/32"?)'
                )
            ],
            id="a host and its network",
        ),
        pytest.param(
            "192.168.001.000/24",
            ['f: non-standard CIDR value "192.168.001.000/24" is invalid: use "192.168.1.0/24"'],
            id="zeros",
        ),
        pytest.param(
            "2001:DB8::/64",
            ['f: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")'],
            id="capitals",
        ),
    ],
)
def test_ranges(value, told):
    assert list(addresses.cidr("f", value)) == told


def test_a_command_collects_the_warnings_of_all_its_objects():
    cluster = Cluster.boot(Config(workers=1))
    name = "a.b"
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "image": "w"}]},
        },
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s", "annotations": {MOUNTABLE: "true"}}},
    ]
    cluster.execute({"op": "create", "objects": pods})
    assert [text.partition(":")[0] for text in cluster.warnings] == [
        f"metadata.annotations[{MOUNTABLE}]",
        "metadata.name",
    ]
    cluster.execute({"op": "delete", "resource": "pods", "namespace": "default", "name": name})
    assert cluster.warnings == []
