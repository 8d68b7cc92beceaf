"""What kubectl asks an API server about itself: discovery, OpenAPI of both versions, health; and typed bodies."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.kubeapi.conftest import API, Kubectl
from tests.live import servers

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wg]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer}}}}
"""
TYPO = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx, imgae: typo}]}
"""


def test_explain(kubectl):
    code, out, err = kubectl("explain", "deployment.spec.strategy")
    assert (code, err) == (0, "")
    assert out.startswith(
        "GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\nFIELD: strategy <DeploymentStrategy>\n"
    )
    assert "  type\t<string>\n  enum: Recreate, RollingUpdate\n" in out
    assert "RollingUpdate: a few at a time" in out
    code, out, err = kubectl("explain", "pod", "--recursive")
    assert (code, err) == (0, "")
    assert "    containers\t<[]Container> -required-\n" in out
    code, out, err = kubectl("explain", "pod.spec.restartPolicy", "--output=plaintext-openapiv2")
    assert (code, err) == (0, "")
    assert "FIELD:    restartPolicy <string>" in out
    assert kubectl("explain", "hpa", "--api-version=autoscaling/v1")[1].startswith("GROUP:      autoscaling\n")
    assert kubectl("explain", "pod.spec.nosuch")[2] == 'error: field "nosuch" does not exist\n'
    assert kubectl("explain", "nosuch")[2] == 'the server doesn\'t have a resource type "nosuch"\n'


def test_explain_of_a_custom_kind(kubectl):
    assert kubectl("apply", "-f", "-", sent=CRD)[0] == 0
    kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=20s")
    code, out, err = kubectl("explain", "widget.spec")
    assert (code, err) == (0, "")
    assert out == (
        "GROUP:      example.com\nKIND:       Widget\nVERSION:    v1\n\nFIELD: spec <Object>\n\n\n"
        "DESCRIPTION:\n    <empty>\nFIELDS:\n  size\t<integer>\n    <no description>\n\n\n"
    )


def test_typed_objects_are_created_from_protobuf(kubectl):
    code, out, err = kubectl("create", "deployment", "web", "--image=nginx", "--replicas=2")
    assert (code, out, err) == (0, "deployment.apps/web created\n", "")
    code, out, _ = kubectl(
        "get", "deployment", "web", "-o", "jsonpath={.spec.replicas} {.metadata.managedFields[*].manager}"
    )
    assert out.startswith("2 ")
    assert "kubectl-create" in out


def test_fields_that_do_not_exist(kubectl):
    code, out, err = kubectl("apply", "-f", "-", sent=TYPO)
    assert (code, out) == (1, "")
    assert 'unknown field "spec.template.spec.containers[0].imgae"' in err


def test_documents_come_as_they_are_kept(api):
    index = api.get("/openapi/v3").json["paths"]
    answer = api.get(index["apis/apps/v1"]["serverRelativeURL"], Accept="application/json", Accept_Encoding="gzip")
    assert answer.headers.get_all("Content-Encoding") == ["gzip"]
    assert json.loads(subprocess.run(["gzip", "-dc"], input=answer.data, capture_output=True, check=True).stdout)[
        "paths"
    ]
    plain = api.get(index["apis/apps/v1"]["serverRelativeURL"], Accept="application/json")
    assert plain.headers["Content-Encoding"] is None
    assert plain.json["openapi"] == "3.0.0"


FASTER = "from apps.scenarios.models import Scenario; Scenario.objects.filter(pk={id!r}).update(speed=60)"


def test_top(running, tmp_path):
    made = json.loads(servers.manage(running.var, "scenario", "new", "--preset", "hpa"))
    kubectl = Kubectl(API(running, made, made["key"]), tmp_path / "home")
    assert kubectl("top", "nodes") == (1, "", "error: Metrics API not available\n")
    made = json.loads(servers.manage(running.var, "scenario", "new", "--preset", "hpa"))
    servers.manage(running.var, "shell", "-v0", "-c", FASTER.format(id=made["id"]))
    kubectl = Kubectl(API(running, made, made["key"]), tmp_path / "faster")
    kubectl("wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=30s")
    tries = (kubectl("top", "pods") for _ in range(40))
    code, out, _ = next((found for found in tries if found[0] == 0), (1, "", ""))
    assert code == 0
    assert out.splitlines()[0].split() == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    rows = [line.split() for line in out.splitlines()[1:]]
    assert rows
    # The story goes on sixty times as fast: by now a load may have come.
    assert all(name.startswith("web-") and cpu.endswith("m") and memory.endswith("Mi") for name, cpu, memory in rows)
    code, out, err = kubectl("top", "nodes")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split() == ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["control-plane-1", "worker-1", "worker-2", "worker-3"]


@pytest.mark.parametrize("words", [["api-versions"], ["api-resources", "--namespaced=false", "-o", "wide"]])
def test_discovery(kubectl, words):
    code, out, err = kubectl(*words)
    assert (code, err) == (0, "")
    assert "admissionregistration.k8s.io/v1" in out
