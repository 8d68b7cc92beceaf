"""Which flow a request belongs to, by the FlowSchemas that a cluster begins with."""

from __future__ import annotations

import pytest

from apps.cluster.apiserver.authentication import named, service_account
from apps.cluster.apiserver.requests import Request, handle
from apps.cluster.cluster import Cluster, Config


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster.boot(Config(workers=0))


@pytest.mark.parametrize(
    ("user", "method", "path", "schema", "level"),
    [
        pytest.param(named("jane"), "GET", "/api/v1/pods", "global-default", "global-default", id="anybody"),
        pytest.param(named("root", ("system:masters",)), "GET", "/api/v1/pods", "exempt", "exempt", id="masters"),
        pytest.param(named("jane"), "GET", "/readyz", "probes", "exempt", id="health"),
        pytest.param(
            service_account("default", "default"),
            "GET",
            "/version",
            "service-accounts",
            "workload-low",
            id="an account",
        ),
        pytest.param(
            service_account("kube-system", "coredns"),
            "GET",
            "/api/v1/services",
            "kube-system-service-accounts",
            "workload-high",
            id="one of the system's",
        ),
        pytest.param(
            named("system:node:a", ("system:nodes",)),
            "GET",
            "/api/v1/nodes/a",
            "system-node-high",
            "node-high",
            id="nodes",
        ),
        pytest.param(named("jane"), "GET", "/api/v1/namespaces/default/pods/x/log", "", "", id="a log has none"),
    ],
)
def test_the_flow_of_a_request(cluster, user, method, path, schema, level):
    response = handle(cluster.apiserver, Request(method, path, user=user))
    uids = {
        obj["metadata"]["uid"]: name
        for resource in ("flowschemas", "prioritylevelconfigurations")
        for name, obj in cluster.apiserver.tables[resource].items()
    }
    told = [
        uids.get(response.headers.get(f"X-Kubernetes-Pf-{what}-Uid", ""), "")
        for what in ("Flowschema", "Prioritylevel")
    ]
    assert told == [schema, level]
