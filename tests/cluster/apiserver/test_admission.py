"""Admission plugin by plugin, through the API server of a small world."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import Actor, APIServer
from apps.cluster.engine import Engine
from apps.cluster.etcd import Store

KUBECTL = Actor("kubectl")
COMPONENT = Actor("replicaset-controller")


@pytest.fixture
def server() -> APIServer:
    made = APIServer(Engine(1), Store())
    made.create(KUBECTL, "namespaces", {"metadata": {"name": "default"}})
    made.create(KUBECTL, "serviceaccounts", {"metadata": {"name": "default", "namespace": "default"}})
    return made


def container(name: str = "c", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "nginx", **more}


def resources(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if requests:
        out["requests"] = requests
    if limits:
        out["limits"] = limits
    return {"resources": out}


def pod(*containers: dict[str, Any], name: str = "p", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": list(containers) or [container()], **spec},
    }


def refusal(server: APIServer, resource: str, obj: dict[str, Any], actor: Actor = KUBECTL) -> StatusError:
    with pytest.raises(StatusError) as caught:
        server.create(actor, resource, obj)
    return caught.value


def limit_range(**item: Any) -> dict[str, Any]:
    return {"metadata": {"name": "l", "namespace": "default"}, "spec": {"limits": [item]}}


# ---- LimitRanger -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "given", "message"),
    [
        pytest.param(
            {"type": "Container", "min": {"cpu": "50m"}, "max": {"cpu": "1"}},
            pod(container(**resources({"cpu": "40m"}, {"cpu": "500m"}))),
            "minimum cpu usage per Container is 50m, but request is 40m",
            id="a request below the minimum",
        ),
        pytest.param(
            {"type": "Container", "min": {"memory": "1Mi"}},
            pod(container(**resources({"memory": "1Mi"}, {"memory": "512Ki"}))),
            None,
            id="validation speaks before a limit below the minimum",
        ),
        pytest.param(
            {"type": "Container", "max": {"cpu": "1"}},
            pod(container(**resources({"cpu": "1"}, {"cpu": "2"}))),
            "maximum cpu usage per Container is 1, but limit is 2",
            id="a limit above the maximum",
        ),
        pytest.param(
            {"type": "Pod", "max": {"memory": "1Gi"}},
            pod(container()),
            "maximum memory usage per Pod is 1Gi.  No limit is specified",
            id="a Pod that names no limit",
        ),
        pytest.param(
            {"type": "Pod", "min": {"memory": "1Gi"}},
            pod(container()),
            "minimum memory usage per Pod is 1Gi.  No request is specified",
            id="a Pod that names no request",
        ),
        pytest.param(
            {"type": "Pod", "max": {"memory": "1536Mi"}},
            pod(
                container("a", **resources({"memory": "1Gi"}, {"memory": "1Gi"})),
                container("b", **resources({"memory": "1Gi"}, {"memory": "1Gi"})),
            ),
            "maximum memory usage per Pod is 1536Mi, but limit is 2Gi",
            id="containers add up",
        ),
        pytest.param(
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "1500m"}},
            pod(container(**resources({"cpu": "100m"}, {"cpu": "200m"}))),
            "cpu max limit to request ratio per Container is 1500m, but provided ratio is 2.000000",
            id="too far apart",
        ),
        pytest.param(
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "10"}},
            pod(container(**resources({"cpu": "0"}, {"cpu": "1"}))),
            "cpu max limit to request ratio per Container is 10, but no request is specified or request is 0",
            id="a ratio to nothing",
        ),
        pytest.param(
            {"type": "Container", "min": {"cpu": "100m", "memory": "1Gi"}},
            pod(container(**resources({"cpu": "1m", "memory": "1Mi"}))),
            "[minimum cpu usage per Container is 100m, but request is 1m, minimum memory usage per Container is 1Gi, "
            "but request is 1Mi]",
            id="several at once",
        ),
    ],
)
def test_limit_ranger_refuses(server, item, given, message):
    server.create(KUBECTL, "limitranges", limit_range(**item))
    if message is None:
        assert refusal(server, "pods", given).code == 422
        return
    error = refusal(server, "pods", given)
    assert error.message == f'pods "p" is forbidden: {message}'
    assert (error.code, error.stage, error.plugin) == (403, "validating", "LimitRanger")


def test_limit_ranger_fills_in_and_says_so(server):
    server.create(
        KUBECTL,
        "limitranges",
        limit_range(type="Container", default={"cpu": "200m", "memory": "512Mi"}, defaultRequest={"cpu": "100m"}),
    )
    given = pod(container("a"), container("b", **resources({"cpu": "50m"})), initContainers=[container("i")])
    made = server.create(KUBECTL, "pods", given)
    whole = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"cpu": "200m", "memory": "512Mi"}}
    assert made["spec"]["containers"][0]["resources"] == whole
    assert made["spec"]["containers"][1]["resources"]["requests"] == {"cpu": "50m", "memory": "512Mi"}
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container a; cpu, memory limit for container a; "
        "memory request for container b; cpu, memory limit for container b; "
        "cpu, memory request for init container i; cpu, memory limit for init container i"
    )


def test_pods_of_one_template_share_what_limit_ranger_did(server):
    server.create(KUBECTL, "limitranges", limit_range(type="Container", default={"cpu": "1"}))
    spec = {"containers": [container()]}
    made = [
        server.create(COMPONENT, "pods", {"metadata": {"generateName": "w-", "namespace": "default"}, "spec": spec})
        for _ in range(3)
    ]
    assert {one["metadata"]["annotations"]["kubernetes.io/limit-ranger"] for one in made} == {
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    }
    assert {one["spec"]["containers"][0]["resources"]["limits"]["cpu"] for one in made} == {"1"}
    assert len({one["spec"]["volumes"][0]["name"] for one in made}) == 3
    assert {one["status"]["qosClass"] for one in made} == {"Burstable"}


# ---- ResourceQuota ---------------------------------------------------------------------------


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "q", "namespace": "default"},
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard, "used": dict.fromkeys(hard, "0") | (used or {})},
    }


def with_quota(server: APIServer, hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> None:
    wanted = quota(hard, used, **spec)
    made = server.create(KUBECTL, "resourcequotas", wanted)
    server.update(COMPONENT, "resourcequotas", {**made, "status": wanted["status"]}, subresource="status")


def used(server: APIServer) -> dict[str, str]:
    return server.get("resourcequotas", "default", "q")["status"]["used"]


def test_quota_is_charged_before_the_object_is_stored(server):
    with_quota(server, {"pods": "2", "requests.cpu": "1"}, {"pods": "1", "requests.cpu": "500m"})
    server.create(KUBECTL, "pods", pod(container(**resources({"cpu": "500m"}))))
    assert used(server) == {"pods": "2", "requests.cpu": "1"}
    error = refusal(server, "pods", pod(container(**resources({"cpu": "1"})), name="p2"))
    assert error.message == (
        'pods "p2" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=1, used: pods=2,requests.cpu=1, '
        "limited: pods=2,requests.cpu=1"
    )
    assert (error.code, error.stage, error.plugin) == (403, "validating", "ResourceQuota")


def test_a_dry_run_charges_nothing(server):
    with_quota(server, {"pods": "2"})
    server.create(KUBECTL, "pods", pod(), dry_run=True)
    assert used(server) == {"pods": "0"}


@pytest.mark.parametrize(
    ("hard", "resource", "given", "message"),
    [
        pytest.param(
            {"limits.memory": "1Gi", "requests.cpu": "1"},
            "pods",
            pod(container("a"), container("b", **resources({"cpu": "1"}))),
            'pods "p" is forbidden: failed quota: q: must specify limits.memory for: a,b; requests.cpu for: a',
            id="what a quota counts must be named",
        ),
        pytest.param(
            {"configmaps": "0"},
            "configmaps",
            {"metadata": {"name": "over", "namespace": "default"}},
            'configmaps "over" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=0, '
            "limited: configmaps=0",
            id="the old name of a count",
        ),
        pytest.param(
            {"count/deployments.apps": "0"},
            "deployments",
            {
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {
                    "selector": {"matchLabels": {"a": "b"}},
                    "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container()]}},
                },
            },
            'deployments.apps "web" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, '
            "used: count/deployments.apps=0, limited: count/deployments.apps=0",
            id="a count of any kind",
        ),
        pytest.param(
            {"services.nodeports": "1"},
            "services",
            {
                "metadata": {"name": "s", "namespace": "default"},
                "spec": {"type": "NodePort", "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]},
            },
            'services "s" is forbidden: exceeded quota: q, requested: services.nodeports=2, '
            "used: services.nodeports=0, limited: services.nodeports=1",
            id="node ports",
        ),
        pytest.param(
            {"gold.storageclass.storage.k8s.io/requests.storage": "1Gi", "requests.storage": "10Gi"},
            "persistentvolumeclaims",
            {
                "metadata": {"name": "d", "namespace": "default"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": "gold",
                    "resources": {"requests": {"storage": "2Gi"}},
                },
            },
            'persistentvolumeclaims "d" is forbidden: exceeded quota: q, '
            "requested: gold.storageclass.storage.k8s.io/requests.storage=2Gi, "
            "used: gold.storageclass.storage.k8s.io/requests.storage=0, "
            "limited: gold.storageclass.storage.k8s.io/requests.storage=1Gi",
            id="storage of one class",
        ),
    ],
)
def test_quota_refuses(server, hard, resource, given, message):
    with_quota(server, hard)
    assert refusal(server, resource, given).message == message


@pytest.mark.parametrize(
    ("spec", "given", "counted"),
    [
        pytest.param({"scopes": ["BestEffort"]}, pod(), True, id="best effort in BestEffort"),
        pytest.param({"scopes": ["NotBestEffort"]}, pod(), False, id="best effort in NotBestEffort"),
        pytest.param({"scopes": ["Terminating"]}, pod(activeDeadlineSeconds=5), True, id="with a deadline"),
        pytest.param({"scopes": ["NotTerminating"]}, pod(activeDeadlineSeconds=5), False, id="without one"),
        pytest.param(
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["x"]}]
                }
            },
            pod(priorityClassName="x"),
            True,
            id="by priority class",
        ),
        pytest.param(
            {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}},
            pod(),
            False,
            id="without a priority class",
        ),
    ],
)
def test_a_scope_narrows_a_quota(server, spec, given, counted):
    server.create(KUBECTL, "priorityclasses", {"metadata": {"name": "x"}, "value": 5})
    with_quota(server, {"pods": "3"}, **spec)
    server.create(KUBECTL, "pods", given)
    assert used(server) == {"pods": "1" if counted else "0"}


def test_a_generated_name_is_known_to_validating_plugins_alone(server):
    with_quota(server, {"pods": "0"})
    template = {"metadata": {"generateName": "web-", "namespace": "default"}, "spec": {"containers": [container()]}}
    assert refusal(server, "pods", template).details["name"].startswith("web-")
    assert len(refusal(server, "pods", template).details["name"]) == len("web-") + 5
    lost = {**template, "spec": {**template["spec"], "serviceAccountName": "nobody"}}
    assert refusal(server, "pods", lost).message == (
        'pods "web-" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found'
    )


# ---- Priority, RuntimeClass, storage ---------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(
            pod(priorityClassName="lost"),
            'pods "p" is forbidden: no PriorityClass with name lost was found',
            id="no such class",
        ),
        pytest.param(
            pod(priority=7),
            'pods "p" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority '
            "admission controller computed 0 from the given PriorityClass name",
            id="a number of one's own",
        ),
        pytest.param(
            pod(preemptionPolicy="Never"),
            'pods "p" is forbidden: the string value of PreemptionPolicy (Never) must not be provided in pod spec; '
            "priority admission controller computed PreemptLowerPriority from the given PriorityClass name",
            id="a policy of one's own",
        ),
        pytest.param(
            pod(runtimeClassName="gvisor"),
            'pods "p" is forbidden: pod rejected: RuntimeClass "gvisor" not found',
            id="no such runtime class",
        ),
        pytest.param(
            pod(overhead={"cpu": "1"}),
            'pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
            id="overhead of one's own",
        ),
    ],
)
def test_a_pod_is_refused(server, given, message):
    assert refusal(server, "pods", given).message == message


def test_one_global_default_alone(server):
    server.create(KUBECTL, "priorityclasses", {"metadata": {"name": "a"}, "value": 5, "globalDefault": True})
    made = server.create(KUBECTL, "pods", pod())
    assert (made["spec"]["priority"], made["spec"]["priorityClassName"]) == (5, "a")
    error = refusal(server, "priorityclasses", {"metadata": {"name": "b"}, "value": 1, "globalDefault": True})
    assert error.message == (
        'priorityclasses.scheduling.k8s.io "b" is forbidden: PriorityClass a is already marked as default. Only one '
        "default can exist"
    )


def test_a_runtime_class_brings_overhead_and_a_place(server):
    server.create(
        KUBECTL,
        "runtimeclasses",
        {
            "metadata": {"name": "vm"},
            "handler": "kata",
            "overhead": {"podFixed": {"cpu": "100m"}},
            "scheduling": {"nodeSelector": {"vm": "yes"}, "tolerations": [{"key": "vm", "operator": "Exists"}]},
        },
    )
    made = server.create(KUBECTL, "pods", pod(runtimeClassName="vm", nodeSelector={"disk": "ssd"}))
    assert made["spec"]["overhead"] == {"cpu": "100m"}
    assert made["spec"]["nodeSelector"] == {"disk": "ssd", "vm": "yes"}
    assert [one["key"] for one in made["spec"]["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "vm",
    ]


def test_a_claim_gets_the_newest_default_class_and_may_not_grow_unbound(server):
    for name, default in (("a", "true"), ("b", "false")):
        annotations = {"storageclass.kubernetes.io/is-default-class": default}
        server.create(
            KUBECTL, "storageclasses", {"metadata": {"name": name, "annotations": annotations}, "provisioner": "x"}
        )
    claim = {
        "metadata": {"name": "d", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    made = server.create(KUBECTL, "persistentvolumeclaims", claim)
    assert made["spec"]["storageClassName"] == "a"
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    bigger = {**made, "spec": {**made["spec"], "resources": {"requests": {"storage": "2Gi"}}}}
    with pytest.raises(StatusError) as caught:
        server.update(KUBECTL, "persistentvolumeclaims", bigger)
    assert caught.value.code in (403, 422)


# ---- NodeRestriction -------------------------------------------------------------------------

KUBELET = Actor("kubelet", "n1")


def node(server: APIServer, name: str) -> dict[str, Any]:
    return server.create(Actor("kubelet", name), "nodes", {"metadata": {"name": name}})


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        pytest.param(
            "n2", {}, 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"', id="another node"
        ),
        pytest.param(
            "n1",
            {"node-role.kubernetes.io/control-plane": "", "x": "y"},
            'nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: '
            "node-role.kubernetes.io/control-plane",
            id="a role that it gives itself",
        ),
        pytest.param("n1", {"kubernetes.io/hostname": "n1", "node.kubernetes.io/x": "y"}, None, id="its own labels"),
    ],
)
def test_a_kubelet_registers_itself_alone(server, name, labels, message):
    obj = {"metadata": {"name": name, "labels": labels}}
    if message is None:
        server.create(KUBELET, "nodes", obj)
    else:
        assert refusal(server, "nodes", obj, KUBELET).message == message


def test_a_kubelet_keeps_to_its_own_pods(server):
    node(server, "n1")
    made = server.create(KUBECTL, "pods", pod(nodeName="n2"))
    for act in (
        lambda: server.update(KUBELET, "pods", {**made, "status": {"phase": "Running"}}, subresource="status"),
        lambda: server.delete(KUBELET, "pods", "default", "p"),
        lambda: server.evict(KUBELET, "default", "p"),
    ):
        with pytest.raises(StatusError) as caught:
            act()
        assert caught.value.plugin == "NodeRestriction"
        assert caught.value.code == 403
    assert refusal(server, "pods", pod(nodeName="n1"), KUBELET).message == (
        'pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create '
        "mirror pods"
    )


# ---- PodSecurity -----------------------------------------------------------------------------


def labelled(server: APIServer, **labels: str) -> None:
    namespace = server.get("namespaces", "", "default")
    prefixed = {f"pod-security.kubernetes.io/{name.replace('_', '-')}": value for name, value in labels.items()}
    metadata = {**namespace["metadata"], "labels": {**namespace["metadata"]["labels"], **prefixed}}
    server.update(KUBECTL, "namespaces", {**namespace, "metadata": metadata})


def test_restricted_in_its_own_words(server):
    labelled(server, enforce="restricted")
    assert refusal(server, "pods", pod()).message == (
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false '
        '(container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities '
        '(container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container '
        '"c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set '
        'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param(
            pod(hostNetwork=True, hostPID=True), "host namespaces (hostNetwork=true, hostPID=true)", id="host"
        ),
        pytest.param(
            pod(
                container("a", securityContext={"privileged": True}),
                container("b", securityContext={"privileged": True}),
            ),
            'privileged (containers "a", "b" must not set securityContext.privileged=true)',
            id="privileged",
        ),
        pytest.param(
            pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), 'hostPath volumes (volume "v")', id="host path"
        ),
        pytest.param(
            pod(container(securityContext={"capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}})),
            'non-default capabilities (container "c" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
            id="capabilities",
        ),
        pytest.param(
            pod(container(ports=[{"containerPort": 80, "hostPort": 80}])),
            'hostPort (container "c" uses hostPort 80)',
            id="host port",
        ),
        pytest.param(
            pod(container(livenessProbe={"tcpSocket": {"port": 1, "host": "h"}})),
            'probe or lifecycle host (container "c" uses probe or lifecycle host "h")',
            id="a probe of another host",
        ),
        pytest.param(
            pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
            "forbidden sysctls (kernel.msgmax)",
            id="sysctls",
        ),
        pytest.param(
            pod(container(securityContext={"seLinuxOptions": {"type": "foo", "user": "u"}})),
            'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "foo"; user may not be '
            "set)",
            id="selinux",
        ),
    ],
)
def test_baseline_forbids(server, given, told):
    labelled(server, enforce="baseline", enforce_version="v1.34")
    assert refusal(server, "pods", given).message == (
        f'pods "p" is forbidden: violates PodSecurity "baseline:v1.34": {told}'
    )


def deployment(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container()], **spec}},
        },
    }


def test_a_workload_is_warned_and_its_pods_are_refused(server):
    labelled(server, enforce="baseline")
    server.create(KUBECTL, "deployments", deployment(hostNetwork=True))
    assert server.warnings == ['would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)']


def test_a_raised_level_tells_of_the_pods_that_break_it(server):
    for name in ("a", "b"):
        server.create(KUBECTL, "pods", pod(name=name, hostNetwork=True))
    labelled(server, enforce="baseline")
    assert server.warnings == [
        'existing pods in namespace "default" violate the new PodSecurity enforce level "baseline:latest"',
        "a (and 1 other pod): host namespaces",
    ]


def test_a_level_that_is_none_is_invalid(server):
    with pytest.raises(StatusError) as caught:
        labelled(server, enforce="strict")
    assert caught.value.message == (
        'Namespace "default" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": '
        "must be one of privileged, baseline, restricted"
    )
