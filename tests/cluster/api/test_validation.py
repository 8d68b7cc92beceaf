"""What people get wrong, in the real server's words."""

import pytest

from apps.cluster.api.decode import decode
from apps.cluster.api.scheme import RESOURCES

NAME = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must"
    " start and end"
    " with an alphanumeric character (e.g. 'example.com', regex used for validation is"
    r" '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
UNMATCHED = "spec.template.metadata.labels: Invalid value: LABELS: `selector` does not match template `labels`"
GPU = '[0].resources.requests[gpu]: Invalid value: "gpu":'
PULLS = '"Always", "IfNotPresent", "Never"'
TYPES = '"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
SURGE = "spec.updateStrategy.rollingUpdate.maxSurge"
FEW_THINGS = (
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template',"
    " 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are"
    " forbidden"
)
LABEL = {"app": "web"}


def checked(kind, spec, api_version="apps/v1", name="web", **metadata):
    doc = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}
    found = decode(doc)
    obj = found.info.default(found.obj)
    if found.info.namespaced:
        obj = {**obj, "metadata": {"namespace": "default", **obj["metadata"]}}
    return [str(error) for error in found.info.validate(obj)]


def template(labels=LABEL, **pod):
    return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx"}], **pod}}


def workload(**spec):
    return {"selector": {"matchLabels": LABEL}, "template": template(), **spec}


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        pytest.param("Deployment", workload(), [], id="a Deployment as it should be"),
        pytest.param(
            "Deployment",
            {"template": template()},
            [
                "spec.selector: Required value",
                UNMATCHED.replace("LABELS", '{"app":"web"}'),
            ],
            id="no selector",
        ),
        pytest.param(
            "Deployment",
            workload(selector={}),
            ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
            id="a selector that selects everything",
        ),
        pytest.param(
            "Deployment",
            workload(template=template({"app": "other"})),
            [UNMATCHED.replace("LABELS", '{"app":"other"}')],
            id="a template without the selector's labels",
        ),
        pytest.param(
            "Deployment",
            workload(replicas=-1),
            ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
            id="fewer than no replicas",
        ),
        pytest.param(
            "Deployment",
            workload(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
            ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
            id="a rollout that could never move",
        ),
        pytest.param(
            "Deployment",
            workload(strategy={"rollingUpdate": {"maxUnavailable": "150%"}}),
            ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "150%": must not be greater than 100%'],
            id="more than all unavailable",
        ),
        pytest.param(
            "Deployment",
            workload(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
            ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
            id="Recreate with rolling update settings",
        ),
        pytest.param(
            "Deployment",
            workload(template=template(restartPolicy="Never")),
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
            id="a Deployment whose Pods end",
        ),
        pytest.param(
            "DaemonSet",
            workload(updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}),
            [f"{SURGE}: Invalid value: 1: may not be set when maxUnavailable is non-zero"],
            id="a DaemonSet that would do both",
        ),
        pytest.param(
            "StatefulSet",
            workload(serviceName="My_Service", podManagementPolicy="Random"),
            [
                "spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'",
                f'spec.serviceName: Invalid value: "My_Service": {LABEL_RULE}',
            ],
            id="a StatefulSet with a policy and a service that cannot be",
        ),
        pytest.param(
            "StatefulSet",
            workload(volumeClaimTemplates=[{"metadata": {"name": "d"}, "spec": {}}]),
            [
                "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
                "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
            ],
            id="a claim template that asks for nothing",
        ),
    ],
)
def test_workloads(kind, spec, expected):
    assert checked(kind, spec) == expected


def test_the_claims_of_a_stateful_set_are_volumes_of_its_template():
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    mounting = {"name": "c", "image": "x", "volumeMounts": [{"name": "data", "mountPath": "/d"}]}
    spec = workload(template=template(containers=[mounting]))
    assert checked("StatefulSet", {**spec, "volumeClaimTemplates": [claim]}) == []
    assert checked("StatefulSet", spec) == ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"']


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        pytest.param({"image": ""}, ["[0].image: Required value"], id="no image"),
        pytest.param(
            {"ports": [{"containerPort": 70000}]},
            ["[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
            id="a port beyond the last",
        ),
        pytest.param(
            {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
            ['[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
            id="a request above its limit",
        ),
        pytest.param(
            {"resources": {"requests": {"gpu": "1"}}},
            [
                f"{GPU} must be a standard resource type or fully qualified",
                f"{GPU} must be a standard resource for containers",
            ],
            id="a resource nobody knows",
        ),
        pytest.param(
            {"livenessProbe": {}},
            ["[0].livenessProbe: Required value: must specify a handler type"],
            id="a probe that does nothing",
        ),
        pytest.param(
            {"imagePullPolicy": "Sometimes"},
            [f'[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: {PULLS}'],
            id="a pull policy that does not exist",
        ),
    ],
)
def test_containers(container, expected):
    found = checked("Pod", {"containers": [{"name": "c", "image": "nginx", **container}]}, "v1")
    assert found == [f"spec.containers{one}" for one in expected]


def test_a_bad_name():
    assert checked("Deployment", workload(), name="Web_1") == [f'metadata.name: Invalid value: "Web_1": {NAME}']


def test_a_job_must_end():
    found = checked("Job", {"template": template()}, "batch/v1")
    assert found == ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        pytest.param("*/5 * * * *", "", id="every five minutes"),
        pytest.param("0 0 * jan-mar mon", "", id="names of months and days"),
        pytest.param("@hourly", "", id="a descriptor"),
        pytest.param("* * * *", "expected exactly 5 fields, found 4: [* * * *]", id="four fields"),
        pytest.param("60 * * * *", "end of range (60) above maximum (59): 60", id="minute 60"),
        pytest.param("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax', id="a word"),
    ],
)
def test_schedules(schedule, problem):
    job = {"spec": {"template": template(restartPolicy="Never")}}
    found = checked("CronJob", {"schedule": schedule, "jobTemplate": job}, "batch/v1")
    assert found == ([f'spec.schedule: Invalid value: "{schedule}": {problem}'] if problem else [])


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"ports": [{"port": 80}]}, [], id="a Service as it should be"),
        pytest.param({}, ["spec.ports: Required value"], id="no ports"),
        pytest.param({"clusterIP": "None"}, [], id="headless Services need none"),
        pytest.param(
            {"ports": [{"port": 0}, {"port": 81}]},
            [
                "spec.ports[0].name: Required value",
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
                "spec.ports[1].name: Required value",
            ],
            id="two ports without names, one of them 0",
        ),
        pytest.param(
            {"type": "ExternalName"}, ["spec.externalName: Required value"], id="an external name that is not said"
        ),
        pytest.param(
            {"type": "NodePrt", "ports": [{"port": 80}]},
            [f'spec.type: Unsupported value: "NodePrt": supported values: {TYPES}'],
            id="a type that does not exist",
        ),
        pytest.param(
            {"ports": [{"port": 80, "nodePort": 30080}]},
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
            id="a node port without a node",
        ),
        pytest.param(
            {"clusterIP": "10.96.0.256", "ports": [{"port": 80}]},
            [f'spec.clusterIPs[0]: Invalid value: "10.96.0.256": {ADDRESS}'],
            id="an address that is none",
        ),
    ],
)
def test_services(spec, expected):
    assert checked("Service", spec, "v1") == expected


def changed(resource, old, **spec):
    new = {**old, "spec": {**old["spec"], **spec}}
    return [str(error) for error in RESOURCES[resource].validate_update(new, old)]


def stored(kind, spec, api_version="apps/v1"):
    found = decode({"apiVersion": api_version, "kind": kind, "metadata": {"name": "web"}, "spec": spec})
    obj = found.info.default(found.obj)
    return {**obj, "metadata": {**obj["metadata"], "namespace": "default", "resourceVersion": "1", "uid": "u"}}


@pytest.mark.parametrize("resource", ["deployments", "replicasets", "daemonsets"])
def test_a_selector_stays(resource):
    old = stored(
        {"deployments": "Deployment", "replicasets": "ReplicaSet", "daemonsets": "DaemonSet"}[resource], workload()
    )
    found = changed(resource, old, selector={"matchLabels": {"app": "other"}})
    assert 'spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable' in found


def test_of_a_stateful_set_few_things_change():
    old = stored("StatefulSet", workload(serviceName="web"))
    assert changed("statefulsets", old, replicas=5) == []
    assert changed("statefulsets", old, serviceName="other") == [FEW_THINGS]


def test_of_a_pod_the_image_changes_and_the_rest_does_not():
    old = stored("Pod", template()["spec"], "v1")
    assert changed("pods", old, containers=[{**old["spec"]["containers"][0], "image": "nginx:2"}]) == []
    assert changed("pods", old, tolerations=[{"operator": "Exists"}]) == []
    (found,) = changed("pods", old, nodeName="other")
    assert found.startswith(
        "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing"
        " tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n@@"
    )
    assert found.partition("@@\n")[2].splitlines() == [
        '  "NodeSelector": null,',
        '  "ServiceAccountName": "",',
        '  "AutomountServiceAccountToken": null,',
        '- "NodeName": "",',
        '+ "NodeName": "other",',
        '  "SecurityContext": {',
        '   "HostNetwork": false,',
        '   "HostPID": false,',
    ]


def test_a_service_keeps_its_address():
    old = stored("Service", {"ports": [{"port": 80}], "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"]}, "v1")
    found = changed("services", old, clusterIP="10.96.0.8", clusterIPs=["10.96.0.8"])
    assert found == ['spec.clusterIPs[0]: Invalid value: ["10.96.0.8"]: may not change once set']


def test_a_job_keeps_its_template():
    old = stored("Job", {"template": template(restartPolicy="Never")}, "batch/v1")
    pod = {**old["spec"]["template"]["spec"], "restartPolicy": "OnFailure"}
    found = changed("jobs", old, template={**old["spec"]["template"], "spec": pod})
    assert len(found) == 1
    assert found[0].startswith("spec.template: Invalid value: ")
    assert found[0].endswith("field is immutable")


def test_a_template_that_was_found_good_is_not_looked_at_again():
    good = stored("ReplicaSet", workload())
    assert RESOURCES["replicasets"].validate(good) == []
    shared = {**good, "spec": {**good["spec"], "replicas": 7}}
    assert shared["spec"]["template"] is good["spec"]["template"]
    assert RESOURCES["replicasets"].validate(shared) == []
