"""Addresses of Services as objects: written before the Service, gone after it, put right after other hands."""

from __future__ import annotations

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.fieldmanager.managed import encode
from apps.cluster.cluster import Cluster, Config


@pytest.fixture
def cluster():
    return Cluster.boot(Config(workers=1))


def service(name="web", **spec):
    spec = {"ports": [{"port": 80}], "selector": {"app": name}, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def cidr(name, *cidrs):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": name},
        "spec": {"cidrs": list(cidrs)},
    }


def create(cluster, *objects):
    return cluster.execute({"op": "create", "objects": list(objects)})


def addresses(cluster):
    return {
        ip: "{namespace}/{name}".format(**obj["spec"]["parentRef"])
        for ip, obj in cluster.apiserver.tables["ipaddresses"].items()
    }


def patch(cluster, body, name="web", resource="services"):
    namespace = "default" if resource == "services" else ""
    where = {"resource": resource, "namespace": namespace, "name": name, "type": "merge"}
    return cluster.execute({"op": "patch", **where, "body": body})


def delete(cluster, resource, name, namespace=""):
    cluster.execute({"op": "delete", "resource": resource, "namespace": namespace, "name": name})


def warnings(cluster, reason):
    return [obj["note"] if "note" in obj else obj["message"] for obj in events(cluster) if obj["reason"] == reason]


def events(cluster):
    return cluster.apiserver.tables["events"].values()


def test_kubernetes_and_kube_dns_have_theirs(cluster):
    assert addresses(cluster) == {"10.96.0.1": "default/kubernetes", "10.96.0.10": "kube-system/kube-dns"}
    obj = cluster.apiserver.tables["ipaddresses"]["10.96.0.10"]
    assert obj["metadata"]["labels"] == {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    assert obj["spec"]["parentRef"] == {"resource": "services", "namespace": "kube-system", "name": "kube-dns"}
    (owner,) = encode(cluster.apiserver.managed(cluster.apiserver.info("ipaddresses"), "10.96.0.10"))
    assert (owner["manager"], owner["operation"]) == ("kube-apiserver", "Update")


def test_an_address_is_written_before_its_service_and_deleted_after_it(cluster):
    (made,) = create(cluster, service())
    ip = made["spec"]["clusterIP"]
    assert addresses(cluster)[ip] == "default/web"
    delete(cluster, "services", "web", "default")
    assert ip not in addresses(cluster)
    told = [
        (step.verb, step.ref)
        for step in cluster.trace.steps
        if step.ref in (f"ipaddresses/{ip}", "services/default/web")
    ]
    assert told == [
        ("create", f"ipaddresses/{ip}"),
        ("create", "services/default/web"),
        ("delete", "services/default/web"),
        ("delete", f"ipaddresses/{ip}"),
    ]


def test_what_has_no_address_has_no_object(cluster):
    create(cluster, service("bare", clusterIP="None"), service("far", type="ExternalName", externalName="a.io"))
    assert len(addresses(cluster)) == 2


def test_a_service_that_leaves_the_cluster_gives_its_address_back_and_gets_another(cluster):
    (made,) = create(cluster, service())
    ip = made["spec"]["clusterIP"]
    patch(cluster, {"spec": {"type": "ExternalName", "externalName": "a.io"}})
    assert ip not in addresses(cluster)
    patch(cluster, {"spec": {"type": "ClusterIP", "externalName": None}})
    again = cluster.apiserver.tables["services"]["default/web"]["spec"]["clusterIP"]
    assert addresses(cluster)[again] == "default/web"


def test_a_refused_or_dry_request_takes_no_address(cluster):
    before = cluster.revision
    with pytest.raises(StatusError, match="provided IP is already allocated"):
        create(cluster, service(clusterIP="10.96.0.10"))
    with pytest.raises(StatusError, match="the provided network does not match the current range"):
        create(cluster, service(clusterIP="10.96.0.0"))
    assert (cluster.revision, len(addresses(cluster))) == (before, 2)


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        pytest.param(
            {"ipFamilyPolicy": "RequireDualStack"},
            'Service "web" is invalid: spec.ipFamilyPolicy: Invalid value: "RequireDualStack": '
            "this cluster is not configured for dual-stack services",
            id="both families are required",
        ),
        pytest.param(
            {"ipFamilies": ["IPv6"]},
            'Service "web" is invalid: spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
            id="the other family",
        ),
    ],
)
def test_a_family_that_the_cluster_does_not_have(cluster, spec, refused):
    with pytest.raises(StatusError) as error:
        create(cluster, service(**spec))
    assert error.value.message == refused


def test_families_are_filled_in(cluster):
    both, mine, bare = create(
        cluster,
        service("both", ipFamilyPolicy="PreferDualStack"),
        service("mine", clusterIP="10.96.0.77"),
        service("bare", clusterIP="None", selector={}),
    )
    found = [(made["spec"]["ipFamilyPolicy"], made["spec"]["ipFamilies"]) for made in (both, mine, bare)]
    assert found == [
        ("PreferDualStack", ["IPv4"]),
        ("SingleStack", ["IPv4"]),
        ("RequireDualStack", ["IPv4", "IPv6"]),
    ]


def test_another_range_gives_what_lies_in_it_and_more_when_the_first_is_gone(cluster):
    with pytest.raises(StatusError, match="does not match the current range"):
        create(cluster, service(clusterIP="172.20.0.5"))
    create(cluster, cidr("more", "172.20.0.0/28"))
    cluster.run_to_rest()
    create(cluster, service(clusterIP="172.20.0.5"))
    assert addresses(cluster)["172.20.0.5"] == "default/web"


def test_a_deleted_address_comes_back(cluster):
    delete(cluster, "ipaddresses", "10.96.0.10")
    cluster.run_to_rest()
    assert addresses(cluster)["10.96.0.10"] == "kube-system/kube-dns"
    assert warnings(cluster, "ClusterIPNotAllocated") == ["Cluster IP [IPv4]: 10.96.0.10 is not allocated; repairing"]


def test_labels_in_other_hands_are_put_right(cluster):
    wrong = {"metadata": {"labels": {"ipaddress.kubernetes.io/managed-by": "me"}}}
    patch(cluster, wrong, "10.96.0.10", "ipaddresses")
    cluster.run_to_rest()
    labels = cluster.apiserver.tables["ipaddresses"]["10.96.0.10"]["metadata"]["labels"]
    assert labels["ipaddress.kubernetes.io/managed-by"] == "ipallocator.k8s.io"


def test_an_address_of_a_service_that_never_came_is_taken_away_after_a_minute(cluster):
    stray = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": "10.96.0.99", "labels": {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}},
        "spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "ghost"}},
    }
    create(cluster, stray)
    cluster.run_for(50_000)
    assert "10.96.0.99" in addresses(cluster)
    cluster.run_for(20_000)
    assert "10.96.0.99" not in addresses(cluster)
    told = "IPAddress: 10.96.0.99 for Service default/ghost appears to have leaked: cleaning up"
    assert warnings(cluster, "IPAddressNotAllocated") == [told]


def test_an_address_in_other_hands_is_no_bodys_else(cluster):
    own = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": "10.96.0.99"},
        "spec": {"parentRef": {"group": "gateway.networking.k8s.io", "resource": "gateways", "name": "g"}},
    }
    create(cluster, own)
    cluster.run_to_rest()
    with pytest.raises(StatusError, match="provided IP is already allocated"):
        create(cluster, service(clusterIP="10.96.0.99"))


def test_chance_is_as_it_was():
    """What is drawn for a Service is its uid, its address and its port; its IPAddress draws nothing."""
    cluster = Cluster.boot(Config(workers=1))
    before = cluster.engine.random.save()
    create(cluster, service(clusterIP="10.96.0.77"))
    after = cluster.engine.random.save()
    cluster.engine.random.load(before)
    cluster.engine.random.uuid()
    assert cluster.engine.random.save() == after
