"""What a Service is given: an address, node ports, a port for health checks. Messages are those of a real server.

Rows of TestCreateInitNodePorts, TestCreateDryRun, TestUpdateIPsFromSingleStack
(pkg/registry/core/service/storage/storage_test.go), Test_calculateRangeOffset (portallocator/allocator_test.go).
"""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.node_ports import NODE_PORTS, Operation, static_band, used_ports
from apps.cluster.client import Client
from apps.cluster.engine import Randomness
from tests.cluster.apiserver.rest import MERGE, Rest

Obj = dict[str, Any]
SERVICES = "/api/v1/namespaces/default/services"
OUT_OF_RANGE = "provided port is not in the valid range. The range of valid ports is 30000-32767"


@pytest.fixture
def rest() -> Rest:
    return Rest()


def service(name: str = "web", ports: list[Obj] | None = None, **spec: Any) -> Obj:
    spec = {"ports": [{"port": 80}] if ports is None else ports, "selector": {"app": name}, **spec}
    spec = {field: value for field, value in spec.items() if value is not None}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def refused(rest: Rest, body: Obj, code: int = 422, *, path: str = SERVICES, method: str = "POST") -> str:
    kind = MERGE if method == "PATCH" else "application/json"
    answer = rest.send(method, path, body, kind)
    assert answer.status == code, answer.body
    return answer.body["message"]


def patched(rest: Rest, body: Obj, name: str = "web") -> Obj:
    answer = rest.send("PATCH", f"{SERVICES}/{name}", {"spec": body}, MERGE)
    assert answer.status == 200, answer.body
    return answer.body["spec"]


def ports_of(spec: Obj) -> list[int]:
    return [port.get("nodePort", 0) for port in spec["ports"]]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param(16, 0, id="a small range has no band"),
        pytest.param(128, 16, id="at least sixteen"),
        pytest.param(1024, 32, id="a thirty-second"),
        pytest.param(2768, 86, id="the default range"),
        pytest.param(65536, 128, id="at most 128"),
    ],
)
def test_the_band_of_ports_for_those_who_ask(size: int, expected: int) -> None:
    assert static_band(size) == expected


def test_who_does_not_care_gets_a_port_of_the_upper_band_while_there_are_any() -> None:
    band = range(NODE_PORTS.start, NODE_PORTS.start + static_band(len(NODE_PORTS)))
    upper = set(NODE_PORTS) - set(band)
    operation = Operation(lambda: upper - {31000}, Randomness(1))
    assert operation.next() == 31000
    assert operation.next() in band
    assert Operation(lambda: set(NODE_PORTS), Randomness(1)).next() == 0


TWO = [{"name": "p", "port": 80}, {"name": "q", "port": 443}]
DNS = [{"name": "p", "port": 53}, {"name": "q", "port": 53, "protocol": "UDP"}]


def with_node_ports(ports: list[Obj], *numbers: int) -> list[Obj]:
    return [{**port, "nodePort": number} for port, number in zip(ports, numbers, strict=True)]


TAKEN = 'Service "web" is invalid: spec.ports[1].nodePort: Invalid value: {}: provided port is already allocated'


@pytest.mark.parametrize(
    ("kind", "ports", "more", "expected"),
    [
        pytest.param("ClusterIP", TWO, {}, [0, 0], id="none for a cluster IP"),
        pytest.param(
            "ClusterIP",
            with_node_ports([{"port": 80}], 30080),
            {},
            "Service \"web\" is invalid: spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
            id="nor may it ask",
        ),
        pytest.param("NodePort", TWO, {}, "two", id="one for each"),
        pytest.param("NodePort", with_node_ports(TWO, 30080, 30443), {}, [30080, 30443], id="those asked for"),
        pytest.param("NodePort", with_node_ports(TWO, 30080, 30080), {}, TAKEN.format(30080), id="not one twice"),
        pytest.param("NodePort", DNS, {}, "one", id="one for TCP and UDP of a port"),
        pytest.param("NodePort", with_node_ports(DNS, 30053, 31053), {}, [30053, 31053], id="or two"),
        pytest.param("NodePort", with_node_ports(DNS, 30053, 30053), {}, [30053, 30053], id="or the same"),
        pytest.param("NodePort", [DNS[0], {**DNS[1], "nodePort": 30053}], {}, [30053, 30053], id="which one has said"),
        pytest.param(
            "NodePort",
            with_node_ports([{"name": "p", "port": 93}, {"name": "q", "port": 76, "protocol": "UDP"}], 30093, 30093),
            {},
            TAKEN.format(30093),
            id="other ports cannot share even with other protocols",
        ),
        pytest.param(
            "NodePort",
            with_node_ports([{"port": 80}], 8080),
            {},
            f'Service "web" is invalid: spec.ports[0].nodePort: Invalid value: 8080: {OUT_OF_RANGE}',
            id="out of range",
        ),
        pytest.param("LoadBalancer", TWO, {"allocateLoadBalancerNodePorts": False}, [0, 0], id="a balancer without"),
        pytest.param(
            "LoadBalancer",
            [TWO[0], {**TWO[1], "nodePort": 30443}],
            {"allocateLoadBalancerNodePorts": False},
            [0, 30443],
            id="a balancer with the one asked for",
        ),
        pytest.param("LoadBalancer", TWO, {}, "two", id="a balancer has them of itself"),
    ],
)
def test_node_ports_of_a_new_service(rest, kind, ports, more, expected) -> None:
    body = service(type=kind, ports=ports, **more)
    if isinstance(expected, str) and expected not in ("one", "two"):
        assert refused(rest, body) == expected
        assert rest.get("/api/v1/services")["items"] == []
        return
    found = ports_of(rest.post(SERVICES, body)["spec"])
    if isinstance(expected, list):
        assert found == expected
    else:
        assert len(set(found)) == ("one", "two").index(expected) + 1
        assert all(30086 <= port <= 32767 for port in found)


def test_a_port_is_one_services_until_it_lets_it_go(rest) -> None:
    rest.post(SERVICES, service("web", with_node_ports([{"port": 80}], 30080), type="NodePort"))
    other = service("api", with_node_ports([{"port": 80}], 30080), type="NodePort")
    taken = 'Service "api" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated'
    assert refused(rest, other) == taken
    other["spec"]["ports"][0]["protocol"] = "UDP"
    assert refused(rest, other) == taken  # a real server counts ports, not protocols
    assert ports_of(patched(rest, {"type": "ClusterIP"})) == [0]
    rest.post(SERVICES, other)
    answer = rest.send(
        "PATCH", f"{SERVICES}/web", {"spec": {"type": "NodePort", "ports": other["spec"]["ports"]}}, MERGE
    )
    assert answer.status == 422
    rest.send("DELETE", f"{SERVICES}/api")
    assert ports_of(patched(rest, {"type": "NodePort", "ports": other["spec"]["ports"]})) == [30080]


def test_a_changed_service_keeps_its_ports_by_their_names(rest) -> None:
    before = rest.post(SERVICES, service(ports=TWO, type="NodePort"))["spec"]
    moved = patched(rest, {"ports": [{"name": "q", "port": 8443}, {"name": "p", "port": 80}]})
    assert ports_of(moved) == list(reversed(ports_of(before)))
    grown = patched(rest, {"ports": [*TWO, {"name": "r", "port": 9090}]})
    assert ports_of(grown)[:2] == ports_of(before)
    assert ports_of(grown)[2] not in (0, *ports_of(before))


def test_the_port_of_a_health_check_comes_and_goes_with_local_traffic(rest) -> None:
    spec = rest.post(SERVICES, service(type="LoadBalancer"))["spec"]
    assert "healthCheckNodePort" not in spec
    spec = patched(rest, {"externalTrafficPolicy": "Local"})
    port = spec["healthCheckNodePort"]
    assert port in NODE_PORTS
    assert port not in ports_of(spec)
    message = refused(rest, {"spec": {"healthCheckNodePort": 31999}}, path=f"{SERVICES}/web", method="PATCH")
    assert message == 'Service "web" is invalid: spec.healthCheckNodePort: Forbidden: field is immutable'
    assert "healthCheckNodePort" not in patched(rest, {"externalTrafficPolicy": "Cluster"})
    body = service("api", type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=ports_of(spec)[0])
    told = f"Internal error occurred: failed to allocate requested HealthCheck NodePort {ports_of(spec)[0]}: "
    assert refused(rest, body, 500) == told + "provided port is already allocated"
    body["spec"]["healthCheckNodePort"] = port
    assert rest.post(SERVICES, body)["spec"]["healthCheckNodePort"] == port


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"ipFamilyPolicy": "PreferDualStack"}, (["IPv4"], 1), id="who would like two gets one"),
        pytest.param(
            {"ipFamilyPolicy": "RequireDualStack"},
            'Service "web" is invalid: spec.ipFamilyPolicy: Invalid value: "RequireDualStack": '
            "this cluster is not configured for dual-stack services",
            id="who needs two is refused",
        ),
        pytest.param(
            {"ipFamilies": ["IPv6"]},
            'Service "web" is invalid: spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
            id="a family that is not there",
        ),
        pytest.param(
            {"clusterIP": "2000::1"},
            'Service "web" is invalid: spec.clusterIPs[0]: Invalid value: ["2000::1"]: '
            "IPv6 is not configured on this cluster",
            id="an address of such a family",
        ),
        pytest.param(
            {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "SingleStack"},
            'Service "web" is invalid: spec.ipFamilyPolicy: Invalid value: "SingleStack": '
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
            id="two families and a policy of one",
        ),
        pytest.param({"clusterIP": "None"}, (["IPv4"], 1), id="headless"),
        pytest.param(
            {"clusterIP": "None", "selector": None}, (["IPv4", "IPv6"], 1), id="headless without selector has both"
        ),
        pytest.param(
            {"clusterIP": "10.96.0.0"},
            'Service "web" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.0"]: '
            "failed to allocate IP 10.96.0.0: the provided network does not match the current range",
            id="the network's own address",
        ),
    ],
)
def test_families_and_addresses_of_a_new_service(rest, more, expected) -> None:
    if isinstance(expected, str):
        assert refused(rest, service(**more)) == expected
        return
    spec = rest.post(SERVICES, service(**more))["spec"]
    assert (spec["ipFamilies"], len(spec["clusterIPs"])) == expected


def test_who_would_like_two_families_may_say_so_later(rest) -> None:
    before = rest.post(SERVICES, service())["spec"]
    spec = patched(rest, {"ipFamilyPolicy": "PreferDualStack"})
    assert (spec["ipFamilyPolicy"], spec["clusterIPs"]) == ("PreferDualStack", before["clusterIPs"])
    message = refused(rest, {"spec": {"ipFamilyPolicy": "RequireDualStack"}}, path=f"{SERVICES}/web", method="PATCH")
    assert message.endswith("this cluster is not configured for dual-stack services")


def test_a_dry_run_is_shown_what_nobody_was_given(rest) -> None:
    answer = rest.send("POST", f"{SERVICES}?dryRun=All", service(ports=TWO, type="NodePort"))
    assert answer.status == 201
    assert answer.body["spec"]["clusterIP"] == "10.96.0.0"
    assert ports_of(answer.body["spec"]) == [32769, 32770]
    assert rest.server.tables.get("ipaddresses", {}) == {}
    message = refused(rest, service(clusterIP="1.2.3.4"), path=f"{SERVICES}?dryRun=All")
    assert message.endswith(
        "the provided IP (1.2.3.4) is not in the valid range. The range of valid IPs is 10.96.0.0/12"
    )


def test_a_type_that_changes_takes_the_balancers_address_along(rest) -> None:
    rest.post(SERVICES, service(type="LoadBalancer"))
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}}
    answer = rest.send("PATCH", f"{SERVICES}/web/status", status, MERGE)
    assert answer.body["status"]["loadBalancer"] == {"ingress": [{"ip": "203.0.113.1", "ipMode": "VIP"}]}
    patched(rest, {"type": "NodePort"})
    assert rest.get(f"{SERVICES}/web")["status"] == {"loadBalancer": {}}


def test_to_a_name_and_back(rest) -> None:
    before = rest.post(SERVICES, service(type="NodePort"))["spec"]
    name = patched(rest, {"type": "ExternalName", "externalName": "db.example.com"})
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & set(name)
    assert before["clusterIP"] not in rest.server.tables["ipaddresses"]
    assert ports_of(name) == [0]
    back = patched(rest, {"type": "ClusterIP", "externalName": None})
    assert back["clusterIP"] in rest.server.tables["ipaddresses"]
    assert (back["ipFamilies"], back["internalTrafficPolicy"]) == (["IPv4"], "Cluster")


def test_the_endpoints_of_its_name_go_with_a_service(rest) -> None:
    rest.post(SERVICES, service(selector=None))
    subsets = [{"addresses": [{"ip": "192.0.2.9"}], "ports": [{"port": 80}]}]
    kept = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "web"}, "subsets": subsets}
    rest.post("/api/v1/namespaces/default/endpoints", kept)
    rest.send("DELETE", f"{SERVICES}/web")
    assert rest.server.tables["endpoints"] == {}


@pytest.mark.parametrize("seed", range(20))
def test_no_port_and_no_address_is_ever_given_twice(seed: int) -> None:
    """Services come, change their type and go in a random order; what each has is its own, and no more is taken."""
    rest, random = Rest(), Randomness(seed)
    client = Client(rest.server, "kubectl")
    kinds = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
    codes = set()
    for _ in range(120):
        name = f"s{random.below(12)}"
        there = rest.server.tables.get("services", {}).get(f"default/{name}")
        kind = random.choice(kinds)
        more: Obj = {"type": kind, "externalName": "a.example.com"} if kind == "ExternalName" else {"type": kind}
        if kind != "ExternalName" and random.below(3) == 0:
            more["externalTrafficPolicy"] = random.choice(("Cluster", "Local"))
        if kind in ("NodePort", "LoadBalancer") and random.below(2) == 0:
            more["ports"] = [{"port": 80, "nodePort": 30000 + random.below(15)}]
        try:
            if there is None:
                client.create("services", service(name, **more))
            elif random.below(4) == 0:
                client.delete("services", "default", name)
            else:
                client.patch("services", "default", name, {"spec": more}, type="merge")
        except StatusError as error:
            codes.add(error.code)
        services = rest.server.tables.get("services", {}).values()
        ports = [port for one in services for port in used_ports([one])]
        assert len(ports) == len(set(ports)), f"seed {seed}"
        addresses = [ip for one in services for ip in one["spec"].get("clusterIPs") or ()]
        assert sorted(addresses) == sorted(rest.server.tables.get("ipaddresses", {})), f"seed {seed}"
    assert codes <= {422}, f"seed {seed}"
