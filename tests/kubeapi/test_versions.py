"""Every kubectl that there is, from Debian's 1.20 to the newest: what it asks to begin with, it finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kubeapi.conftest import API, Kubectl
from tests.kubectl.programs import programs, version

# Where `make test` unpacks Debian's.
OLD = Path(__file__).parents[2] / "var" / "kubernetes-client" / "usr" / "bin" / "kubectl"
FOUND = {**({version(OLD): OLD} if OLD.exists() else {}), **programs()}
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: told}\n"


@pytest.fixture(params=[pytest.param(FOUND[one], id=f"{one.major}.{one.minor}") for one in sorted(FOUND)])
def kubectl(request: pytest.FixtureRequest, api: API, tmp_path: Path) -> Kubectl:
    found = Kubectl(api, tmp_path / "home")
    found.program = str(request.param)
    return found


def test_it_finds_its_way(kubectl):
    code, out, err = kubectl("api-resources", "-o", "name")
    assert (code, err) == (0, "")
    assert {"pods", "deployments.apps", "customresourcedefinitions.apiextensions.k8s.io"} <= set(out.split())
    code, out, err = kubectl("explain", "pod.spec.restartPolicy")
    assert (code, err) == (0, "")
    assert "restartPolicy <string>" in out
    assert "Always, OnFailure or Never" in out
    code, out, err = kubectl("create", "deployment", "web", "--image=nginx")
    assert (code, out, err) == (0, "deployment.apps/web created\n", "")
    code, out, err = kubectl("autoscale", "deployment", "web", "--max=3")
    assert (code, out) == (0, "horizontalpodautoscaler.autoscaling/web autoscaled\n")
    code, out, err = kubectl("apply", "-f", "-", sent=CONFIG + "dta: {a: b}\n")
    assert (code, out) == (1, "")
    assert 'unknown field "dta"' in err
    code, out, err = kubectl("apply", "-f", "-", sent=CONFIG + "data: {a: b}\n")
    assert (code, out, err) == (0, "configmap/told created\n", "")
    code, out, err = kubectl("apply", "--dry-run=server", "-f", "-", sent=CONFIG + "data: {a: c}\n")
    assert (code, out, err) == (0, "configmap/told configured (server dry run)\n", "")
    code, out, err = kubectl("get", "configmap", "told", "-o", "jsonpath={.data.a}")
    assert (code, out, err) == (0, "b", "")
