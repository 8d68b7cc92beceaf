"""What the API server says of its own health, and of kinds that are on their way out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster.apiserver.rest import MAPS, Rest

RECORDED = json.loads((Path(__file__).parents[2] / "testdata/http/recorded.json").read_text())
# What an API server says that the recorded one could not: it had no etcd beside it, and no front proxy.
OWN = ["[+]etcd ok", "[+]etcd-readiness ok", "[+]poststarthook/aggregator-reload-proxy-client-cert ok"]


@pytest.fixture
def rest():
    return Rest()


def test_readyz_lists_the_checks_of_the_recording(rest):
    theirs = RECORDED["readyz-verbose"]["answer"].splitlines()
    ours = rest.get("/readyz?verbose").splitlines()
    assert [line for line in ours if line not in OWN] == theirs
    assert set(OWN) < set(ours)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        pytest.param("/healthz", "ok", id="in one word"),
        pytest.param("/readyz/etcd", "ok", id="one check by its address"),
        pytest.param("/readyz?verbose&exclude=etcd", "[+]etcd excluded: ok", id="a check left out"),
        pytest.param(
            "/livez?verbose&exclude=nope",
            'warn: some health checks cannot be excluded: no matches for "nope"',
            id="a check that there is not, left out",
        ),
    ],
)
def test_health_is_told(rest, address, told):
    assert told in rest.get(address).splitlines()


def test_livez_does_not_ask_whether_it_is_ready(rest):
    assert "[+]shutdown ok" not in rest.get("/livez?verbose")
    assert rest.send("GET", "/livez/shutdown").status == 404


def test_without_etcd_nothing_is_well(rest):
    rest.server.unhealthy = True
    sent = rest.send("GET", "/readyz")
    assert sent.status == 500
    assert "[-]etcd failed: reason withheld" in sent.body
    assert sent.body.endswith("readyz check failed\n")
    assert rest.send("GET", "/readyz?exclude=etcd&exclude=etcd-readiness").status == 200


def test_the_version_is_written_for_people(rest):
    assert rest.send("GET", "/version").content().startswith(b'{\n  "major": "1",\n  "minor": "36",')


@pytest.mark.parametrize("path", ["/api/v1/endpoints", "/api/v1/namespaces/default/endpoints/web"])
def test_who_reads_endpoints_is_told_to_read_slices(rest, path):
    told = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
    assert rest.send("GET", path).warnings == [told]
    assert rest.send("GET", MAPS).warnings == []


def test_one_warning_is_said_once(rest):
    body = {"metadata": {"name": "web"}, "subsets": []}
    sent = rest.send("POST", "/api/v1/namespaces/default/endpoints", body)
    assert (sent.status, len(sent.warnings)) == (201, 1)
