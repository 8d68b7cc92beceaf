"""What the server fills in: Kubernetes' own tables, and the corners they leave out."""

import pytest

from apps.cluster.api.decode import decode
from apps.cluster.api.defaults.pod import image_tag
from apps.cluster.api.scheme import RESOURCES


def defaulted(doc):
    found = decode(doc)
    return found.info.default(found.obj)


def service(**spec):
    return defaulted({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec})["spec"]


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("nginx", "latest"),
        ("nginx:1.25", "1.25"),
        ("registry.example:5000/team/app", "latest"),
        ("registry.example:5000/team/app:v1", "v1"),
        ("app@sha256:" + "a" * 64, ""),
        ("UPPER/case", "latest"),
        ("Upper", ""),
    ],
)
def test_the_tag_decides_the_pull_policy(image, tag):
    assert image_tag(image) == tag


def test_a_load_balancer():
    assert service(type="LoadBalancer", ports=[{"port": 80}]) == {
        "type": "LoadBalancer",
        "sessionAffinity": "None",
        "externalTrafficPolicy": "Cluster",
        "internalTrafficPolicy": "Cluster",
        "allocateLoadBalancerNodePorts": True,
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
    }


def test_client_affinity_lasts_three_hours():
    config = service(sessionAffinity="ClientIP", ports=[{"port": 80}])["sessionAffinityConfig"]
    assert config == {"clientIP": {"timeoutSeconds": 10800}}


def pod(**spec):
    doc = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    return defaulted({**doc, "spec": {"containers": [{"name": "c", "image": "x"}], **spec}})["spec"]


def test_limits_become_requests_in_a_pod_but_not_in_a_template():
    containers = [{"name": "c", "image": "x", "resources": {"limits": {"cpu": "1"}, "requests": {"memory": "1Gi"}}}]
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}
    doc = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "r"}, "spec": {"template": template}}
    assert pod(containers=containers)["containers"][0]["resources"]["requests"] == {"cpu": "1", "memory": "1Gi"}
    kept = defaulted(doc)["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert kept["requests"] == {"memory": "1Gi"}


def test_on_the_host_network_ports_are_host_ports():
    containers = [{"name": "c", "image": "x", "ports": [{"containerPort": 80}]}]
    assert pod(hostNetwork=True, containers=containers)["containers"][0]["ports"][0]["hostPort"] == 80


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        pytest.param({}, {"emptyDir": {}}, id="nothing said"),
        pytest.param({"configMap": {"name": "c"}}, {"configMap": {"name": "c", "defaultMode": 420}}, id="a file mode"),
        pytest.param({"hostPath": {"path": "/"}}, {"hostPath": {"path": "/", "type": ""}}, id="any kind of host path"),
        pytest.param(
            {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
            {
                "ephemeral": {
                    "volumeClaimTemplate": {"metadata": {}, "spec": {"resources": {}, "volumeMode": "Filesystem"}}
                }
            },
            id="a claim of its own",
        ),
        pytest.param(
            {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {
                "projected": {
                    "defaultMode": 420,
                    "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
                }
            },
            id="a token for an hour",
        ),
    ],
)
def test_volumes(volume, expected):
    assert pod(volumes=[{"name": "v", **volume}])["volumes"][0] == {"name": "v", **expected}


def test_defaulting_twice_changes_nothing_and_makes_nothing():
    doc = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}}
    once = defaulted(doc)
    assert RESOURCES["pods"].default(once) is once


def test_defaulting_changes_nothing_in_place():
    found = decode({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d"}, "spec": {}})
    before = repr(found.obj)
    found.info.default(found.obj)
    assert repr(found.obj) == before


def test_a_limit_range_fills_default_and_request_for_containers():
    limit = {"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}
    doc = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [limit]}}
    filled = defaulted(doc)["spec"]["limits"][0]
    assert (filled["default"], filled["defaultRequest"]) == ({"cpu": "2"}, {"memory": "1Mi", "cpu": "2"})


MATCH = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
QUEUES = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}


@pytest.mark.parametrize(
    ("resource", "spec", "expected"),
    [
        pytest.param(
            "validatingadmissionpolicies",
            {"matchConstraints": {"resourceRules": [{"resources": ["pods"]}]}},
            {
                "failurePolicy": "Fail",
                "matchConstraints": {**MATCH, "resourceRules": [{"resources": ["pods"], "scope": "*"}]},
            },
            id="a policy of admission",
        ),
        pytest.param(
            "mutatingadmissionpolicybindings", {"matchResources": {}}, {"matchResources": MATCH}, id="binding"
        ),
        pytest.param("flowschemas", {}, {"matchingPrecedence": 1000}, id="a schema of flows"),
        pytest.param(
            "prioritylevelconfigurations",
            {"limited": {"limitResponse": {"queuing": {"queues": 1}}}},
            {
                "limited": {
                    "limitResponse": {"queuing": {**QUEUES, "queues": 1}},
                    "nominalConcurrencyShares": 30,
                    "lendablePercent": 0,
                }
            },
            id="a limited level of priority",
        ),
        pytest.param(
            "prioritylevelconfigurations",
            {"exempt": {}},
            {"exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}},
            id="an exempt level of priority",
        ),
        pytest.param(
            "resourceclaims",
            {"devices": {"requests": [{"exactly": {"tolerations": [{}]}}, {"firstAvailable": [{"count": 2}]}]}},
            {
                "devices": {
                    "requests": [
                        {
                            "exactly": {
                                "tolerations": [{"operator": "Equal"}],
                                "allocationMode": "ExactCount",
                                "count": 1,
                            }
                        },
                        {"firstAvailable": [{"count": 2, "allocationMode": "ExactCount"}]},
                    ]
                }
            },
            id="a claim to devices",
        ),
    ],
)
def test_specs(resource, spec, expected):
    assert RESOURCES[resource].default({"metadata": {}, "spec": spec})["spec"] == expected


def test_what_a_pod_asks_for_as_a_whole():
    huge = {"limits": {"hugepages-2Mi": "4Mi", "cpu": "250m"}}
    containers = [{"name": name, "image": "i", "resources": huge} for name in "ab"]
    spec = {"containers": containers, "resources": {"limits": {"memory": "1Gi"}}}
    made = RESOURCES["pods"].default({"metadata": {}, "spec": spec})["spec"]["resources"]
    assert made == {
        "limits": {"memory": "1Gi", "hugepages-2Mi": "8Mi"},
        "requests": {"cpu": "500m", "memory": "1Gi", "hugepages-2Mi": "8Mi"},
    }
