"""Documents into objects, and the real server's words where they are none."""

import pytest

from apps.cluster.api.decode import decode
from apps.cluster.apimachinery.status import StatusError


def deployment(**spec):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec},
    }


def pod(**container):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "x", **container}]},
    }


CANNOT = 'Deployment in version "v1" cannot be handled as a Deployment: '
REPLICAS = "DeploymentSpec.spec.replicas"
POD = 'Pod in version "v1" cannot be handled as a Pod: '


@pytest.mark.parametrize(
    ("doc", "message"),
    [
        pytest.param(
            deployment(replica=3),
            CANNOT + 'strict decoding error: unknown field "spec.replica"',
            id="a field that does not exist",
        ),
        pytest.param(
            {**pod(imgae="y"), "spek": {}},
            POD + 'strict decoding error: unknown field "spec.containers[0].imgae", unknown field "spek"',
            id="two of them, in the order of the sorted document",
        ),
        pytest.param(
            deployment(replicas="3"),
            CANNOT + f"json: cannot unmarshal string into Go struct field {REPLICAS} of type int32",
            id="a number in quotes",
        ),
        pytest.param(
            deployment(replicas=1.5),
            CANNOT + f"json: cannot unmarshal number 1.5 into Go struct field {REPLICAS} of type int32",
            id="a fraction where a count belongs",
        ),
        pytest.param(
            deployment(replicas=3_000_000_000),
            CANNOT + f"json: cannot unmarshal number 3000000000 into Go struct field {REPLICAS} of type int32",
            id="more than 32 bits hold",
        ),
        pytest.param(
            pod(ports={"containerPort": 80}),
            POD
            + "json: cannot unmarshal object into Go struct field Container.spec.containers.ports of type"
            + " []v1.ContainerPort",
            id="a map where a list belongs",
        ),
        pytest.param(
            pod(env=[{"name": "A", "value": 1}]),
            POD + "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
            id="an environment variable without quotes",
        ),
        pytest.param(
            {**pod(), "metadata": {"name": "p", "labels": {"on": True}}},
            POD + "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
            id="a label that YAML takes for true",
        ),
        pytest.param(
            pod(resources={"requests": {"cpu": "100mb"}}),
            POD + "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            id="a quantity that is none",
        ),
        pytest.param(
            pod(livenessProbe={"httpGet": {"port": True}}),
            POD
            + "json: cannot unmarshal bool into Go struct field"
            + " HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32",
            id="a port that is neither number nor name",
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "%%%"}},
            'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
            id="a secret in plain text",
        ),
        pytest.param(
            {"apiVersion": "v1", "metadata": {"name": "p"}},
            'Object \'Kind\' is missing in \'{"apiVersion":"v1","metadata":{"name":"p"}}\'',
            id="no kind",
        ),
        pytest.param({"kind": "Pod"}, "Object 'apiVersion' is missing in '{\"kind\":\"Pod\"}'", id="no apiVersion"),
    ],
)
def test_what_is_refused(doc, message):
    with pytest.raises(StatusError) as caught:
        decode(doc)
    assert (caught.value.code, caught.value.reason, caught.value.message) == (400, "BadRequest", message)


def test_what_comes_out_is_as_the_server_writes_it():
    doc = pod(
        resources={"limits": {"cpu": 0.5, "memory": "1024Mi"}},
        command=[],
        tty=False,
        stdin=None,
        ports=[{"containerPort": 80.0}],
    )
    container = decode(doc).obj["spec"]["containers"][0]
    assert container == {
        "name": "c",
        "image": "x",
        "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}},
        "ports": [{"containerPort": 80}],
    }


def test_a_kind_that_is_not_built_in_keeps_everything_but_its_metadata_is_judged():
    doc = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "anything": {"goes": [1, None]}}
    assert decode(doc).obj == doc
    with pytest.raises(StatusError, match=r'unknown field "metadata\.lables"'):
        decode({**doc, "metadata": {"name": "w", "lables": {}}})


def test_decoding_changes_nothing_in_place():
    doc = deployment()
    spec = doc["spec"]
    decode(doc)
    assert doc == deployment()
    assert doc["spec"] is spec
