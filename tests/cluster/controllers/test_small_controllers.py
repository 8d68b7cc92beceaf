"""The smaller controllers of kube-controller-manager: what each of them does when there is something to do."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from apps.cluster.apimachinery import timestamps, x509
from apps.cluster.apimachinery.meta import name_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import Actor
from apps.cluster.cluster import Cluster, Config
from apps.cluster.controllers.bootstrap import tokens
from apps.cluster.controllers.certificates.cleaner import is_old
from apps.cluster.controllers.nodeipam.range_allocator import CIDRSet
from tests.cluster.controllers.world import World


def secret(text):
    return b64encode(text.encode()).decode()


# ---- nodes -------------------------------------------------------------------------------------


def test_every_node_gets_a_range_of_pod_addresses_and_a_ttl():
    world = World()
    ranges = [world.get("nodes", name)["spec"]["podCIDR"] for name in world.nodes]
    assert ranges == ["192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24"]
    node = world.get("nodes", "worker-1")
    assert node["spec"]["podCIDRs"] == ["192.168.0.0/24"]
    assert node["metadata"]["annotations"]["node.alpha.kubernetes.io/ttl"] == "0"


def test_a_range_given_back_waits_its_turn():
    ranges = CIDRSet("10.0.0.0/22", 24)
    assert [ranges.next() for _ in range(2)] == ["10.0.0.0/24", "10.0.1.0/24"]
    ranges.taken.discard(ranges.place("10.0.0.0/24"))
    assert [ranges.next() for _ in range(4)] == ["10.0.2.0/24", "10.0.3.0/24", "10.0.0.0/24", None]
    assert ranges.place("10.9.0.0/24") is None


# ---- certificates ------------------------------------------------------------------------------

KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"
USAGES = ["digital signature", "client auth"]


def csr(name="csr-1", common_name="system:node:worker-9", organizations=("system:nodes",), **spec):
    body = {
        "request": secret(x509.request(common_name, organizations)),
        "signerName": KUBELET,
        "usages": USAGES,
        "username": "system:bootstrap:abcdef",
        "groups": ["system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token"],
        **spec,
    }
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    return {**kind, "metadata": {"name": name}, "spec": body}


@pytest.fixture(scope="module")
def _booted():
    return Cluster.boot(Config(workers=0)).snapshot()


@pytest.fixture
def certified(_booted):
    """A cluster as kubeadm makes it, and what becomes of a request in it."""

    def ask(request, *statuses):
        cluster = Cluster.restore(_booted)
        who = Actor("kubelet", "worker-9", request["spec"]["username"], tuple(request["spec"]["groups"]))
        cluster.apiserver.create(who, "certificatesigningrequests", request)
        cluster.run_for(100)
        for status in statuses:
            patch = {"resource": "certificatesigningrequests", "name": "csr-1", "type": "merge"}
            cluster.execute({"op": "patch", **patch, "body": {"status": status}, "subresource": "approval"})
            cluster.run_for(100)
        return cluster.view().objects["certificatesigningrequests"]["csr-1"].get("status", {})

    return ask


BY_HAND = {"conditions": [{"type": "Approved", "status": "True", "reason": "ByHand"}]}


def test_a_kubelets_request_is_approved_and_signed(certified):
    status = certified(csr(expirationSeconds=3600))
    (approved,) = status["conditions"]
    assert (approved["type"], approved["reason"]) == ("Approved", "AutoApproved")
    assert approved["message"] == "Auto approving kubelet client certificate after SubjectAccessReview."
    assert b64decode(status["certificate"]).startswith(b"-----BEGIN CERTIFICATE-----\n")


def test_the_api_server_dates_an_approval_and_keeps_it(certified):
    status = certified(csr(signerName="kubernetes.io/kube-apiserver-client"), BY_HAND)
    (approved,) = status["conditions"]
    assert approved["lastUpdateTime"] == approved["lastTransitionTime"]
    for verdict, found in (
        ("Denied", "Approved and Denied conditions are mutually exclusive"),
        ("", 'updates may not remove a condition of type "Approved"'),
    ):
        then = [{**approved, "type": verdict}] if verdict else []
        with pytest.raises(StatusError) as refused:
            certified(
                csr(signerName="kubernetes.io/kube-apiserver-client"),
                BY_HAND,
                {"conditions": [approved, *then] if verdict else then},
            )
        assert refused.value.code == 422
        assert found in refused.value.message


def test_a_kubelet_renews_its_own_certificate(certified):
    own = csr(username="system:node:worker-9", groups=["system:nodes", "system:authenticated"])
    (approved,) = certified(own)["conditions"]
    assert approved["message"] == "Auto approving self kubelet client certificate after SubjectAccessReview."


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(csr(common_name="worker-9"), id="no node's name"),
        pytest.param(csr(organizations=()), id="not of system:nodes"),
        pytest.param(csr(usages=["server auth"]), id="another use"),
        pytest.param(csr(signerName="kubernetes.io/kube-apiserver-client"), id="another signer"),
    ],
)
def test_what_is_not_a_kubelets_waits_for_a_person(certified, request_):
    assert not certified(request_).get("conditions")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(
            csr(username="system:node:worker-1", groups=["system:nodes"]),
            "can only create a node CSR with CN=system:node:worker-1",
            id="for another node's name",
        ),
        pytest.param(
            csr(organizations=("system:masters",), signerName="kubernetes.io/kube-apiserver-client"),
            "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed",
            id="for the masters' group",
        ),
    ],
)
def test_a_request_is_refused_for_what_it_would_say(certified, request_, expected):
    with pytest.raises(StatusError) as refused:
        certified(request_)
    assert refused.value.code == 403
    assert refused.value.message.endswith(expected)


def test_an_approved_request_that_breaks_the_signers_rules_fails(certified):
    failed = certified(csr(common_name="worker-9"), BY_HAND)["conditions"][-1]
    assert (failed["type"], failed["reason"]) == ("Failed", "SignerValidationFailure")
    assert failed["message"] == "subject common name does not begin with system:node:"


def test_other_signers_are_left_to_others(certified):
    assert "certificate" not in certified(csr(signerName="example.com/mine"), BY_HAND)


@pytest.mark.parametrize(
    ("type_", "issued", "hours", "old"),
    [
        pytest.param("Approved", True, 1.5, True, id="issued for more than an hour"),
        pytest.param("Approved", True, 0.5, False, id="issued lately"),
        pytest.param("Approved", False, 23, False, id="approved and not issued for less than a day"),
        pytest.param("Approved", False, 25, True, id="approved and not issued for a day"),
        pytest.param("Denied", False, 1.5, True, id="denied"),
        pytest.param("Failed", False, 1.5, True, id="failed"),
        pytest.param("", False, 23, False, id="pending for less than a day"),
        pytest.param("", False, 25, True, id="pending for a day"),
    ],
)
def test_requests_that_have_had_their_day_go(type_, issued, hours, old):
    then = timestamps.format_ms(0)
    status = {"conditions": [{"type": type_, "status": "True", "lastUpdateTime": then}]} if type_ else {}
    if issued:
        status["certificate"] = "LS0t"
    request = {"metadata": {"name": "csr", "creationTimestamp": then}, "status": status}
    assert is_old(request, int(hours * 3_600_000)) is old


# ---- tokens ------------------------------------------------------------------------------------


def test_cluster_info_is_signed_with_the_bootstrap_token_which_goes_after_a_day():
    cluster = Cluster.boot(Config(workers=1))
    data = cluster.view().objects["configmaps"]["kube-public/cluster-info"]["data"]
    expected = tokens.signature(data["kubeconfig"], "abcdef", "0123456789abcdef")
    assert data["jws-kubeconfig-abcdef"] == expected
    cluster.run_until(24 * 3_600_000 + 60_000)
    objects = cluster.view().objects
    assert "kube-system/bootstrap-token-abcdef" not in objects["secrets"]
    assert "jws-kubeconfig-abcdef" not in objects["configmaps"]["kube-public/cluster-info"]["data"]


def account_secret(name="build"):
    annotations = {"kubernetes.io/service-account.name": name}
    metadata = {"name": "token", "namespace": "default", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/service-account-token"}


def test_a_secret_for_a_service_account_is_filled_and_goes_with_it():
    world = World(nodes=())
    world.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "build", "namespace": "default"}})
    world.create(account_secret())
    world.run(100)
    token = world.get("secrets", "token", "default")
    assert sorted(token["data"]) == ["ca.crt", "namespace", "token"]
    uid = world.get("serviceaccounts", "build", "default")["metadata"]["uid"]
    assert token["metadata"]["annotations"]["kubernetes.io/service-account.uid"] == uid
    world.delete("serviceaccounts", "build")
    world.run(100)
    assert "token" not in world.names("secrets")


# ---- Services ----------------------------------------------------------------------------------


def by_hand(*, labels=None, ready=("10.0.0.5",), others=()):
    subset = {"ports": [{"name": "db", "port": 5432}]}
    if ready:
        subset["addresses"] = [{"ip": ip} for ip in ready]
    if others:
        subset["notReadyAddresses"] = [{"ip": ip} for ip in others]
    metadata = {"name": "db", "namespace": "default", "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [subset]}


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "db", "namespace": "default"},
    "spec": {"ports": [{"name": "db", "port": 5432}]},
}


def mirrored(world):
    slices = world.list("endpointslices")
    return [one for one in slices if one["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"]


def test_endpoints_kept_by_hand_are_mirrored_into_a_slice():
    world = World(nodes=())
    world.create(SERVICE)
    world.create(by_hand(others=("10.0.0.6",), labels={"team": "a"}))
    world.run(100)
    (part,) = mirrored(world)
    assert name_of(part).startswith("db-")
    assert part["metadata"]["labels"] == {
        "team": "a",
        "kubernetes.io/service-name": "db",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }
    assert [(one["addresses"], one["conditions"]["ready"]) for one in part["endpoints"]] == [
        (["10.0.0.5"], True),
        (["10.0.0.6"], False),
    ]
    assert part["ports"] == [{"name": "db", "port": 5432, "protocol": "TCP"}]
    owner = part["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["controller"]) == ("Endpoints", True)
    world.kubectl.patch(
        "endpoints", "default", "db", {"subsets": by_hand(ready=("10.0.0.9",))["subsets"]}, type="merge"
    )
    world.run(100)
    (again,) = mirrored(world)
    assert name_of(again) == name_of(part)
    assert again["endpoints"][0]["addresses"] == ["10.0.0.9"]
    world.patch("services", "db", {"spec": {"selector": {"app": "db"}}})
    world.run(100)
    assert not mirrored(world)


def test_endpoints_that_ask_not_to_be_mirrored_are_not():
    world = World(nodes=())
    world.create(SERVICE)
    world.create(by_hand(labels={"endpointslice.kubernetes.io/skip-mirror": "true"}))
    world.run(100)
    assert not mirrored(world)


def test_endpoints_whose_service_went_while_nobody_looked_are_removed_at_the_next_start():
    cluster = Cluster.boot(Config(workers=1))
    manager = cluster.processes["kube-controller-manager"]
    cluster.execute({"op": "create", "objects": [{**SERVICE, "spec": {**SERVICE["spec"], "selector": {"app": "x"}}}]})
    cluster.run_for(2_000)
    assert "default/db" in cluster.view().objects["endpoints"]
    manager.stop()
    cluster.execute({"op": "delete", "resource": "services", "name": "db"})
    manager.start()
    cluster.run_for(2_000)
    assert "default/db" not in cluster.view().objects["endpoints"]


def test_a_range_of_service_addresses_is_held_while_one_of_them_is_in_use():
    world = World(nodes=())
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR"}
    world.create({**kind, "metadata": {"name": "more"}, "spec": {"cidrs": ["10.200.0.0/24"]}})
    labels = {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}
    parent = {"resource": "services", "namespace": "default", "name": "db"}
    address = {"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "spec": {"parentRef": parent}}
    world.create({**address, "metadata": {"name": "10.200.0.7", "labels": labels}})
    world.run(100)
    made = world.get("servicecidrs", "more")
    assert made["metadata"]["finalizers"] == ["networking.k8s.io/service-cidr-finalizer"]
    (ready,) = made["status"]["conditions"]
    assert (ready["status"], ready["message"]) == ("True", "Kubernetes Service CIDR is ready")
    world.delete("servicecidrs", "more", "")
    world.run(20_000)
    (held,) = world.status("servicecidrs", "more")["conditions"]
    assert (held["status"], held["reason"]) == ("False", "Terminating")
    world.delete("ipaddresses", "10.200.0.7", "")
    world.run(20_000)
    assert "more" not in world.names("servicecidrs", "")


# ---- volumes and policies ----------------------------------------------------------------------


def test_a_generic_ephemeral_volume_brings_its_claim():
    world = World()
    template = {
        "metadata": {"labels": {"kind": "scratch"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    volumes = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]
    spec = {"containers": [{"name": "c", "image": "web:1.0"}], "volumes": volumes}
    world.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "job", "namespace": "default"}, "spec": spec})
    world.run(100)
    claim = world.get("persistentvolumeclaims", "job-scratch", "default")
    owner = claim["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Pod", "job", True)
    assert claim["metadata"]["labels"] == {"kind": "scratch"}
    world.delete("pods", "job")
    world.run(2_000)
    assert "job-scratch" not in world.names("persistentvolumeclaims")


def test_a_claim_of_somebody_elses_with_that_name_is_not_taken():
    world = World()
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": spec}
    world.create({**claim, "metadata": {"name": "job-scratch", "namespace": "default"}})
    volumes = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}]
    pod = {"containers": [{"name": "c", "image": "web:1.0"}], "volumes": volumes}
    world.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "job", "namespace": "default"}, "spec": pod})
    world.run(15)
    told = "PVC default/job-scratch was not created for pod default/job (pod is not owner)"
    assert f"ephemeral volume scratch: {told}" in world.events("FailedBinding")


def test_a_class_of_volume_attributes_stays_while_a_claim_has_it():
    world = World(nodes=())
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttributesClass"}
    world.create({**kind, "metadata": {"name": "gold"}, "driverName": "x.example.com", "parameters": {"iops": "9"}})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "default"}}
    world.create({**claim, "spec": {**spec, "volumeAttributesClassName": "gold"}})
    world.run(100)
    assert world.get("volumeattributesclasses", "gold")["metadata"]["finalizers"] == ["kubernetes.io/vac-protection"]
    world.delete("volumeattributesclasses", "gold", "")
    world.run(1_000)
    assert "gold" in world.names("volumeattributesclasses", "")
    world.delete("persistentvolumeclaims", "data")
    world.run(1_000)
    assert "gold" not in world.names("volumeattributesclasses", "")


def test_a_policy_that_was_looked_at_says_so():
    world = World(nodes=())
    rules = [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]
    spec = {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": "true"}]}
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy"}
    world.create({**kind, "metadata": {"name": "replicas"}, "spec": spec})
    world.run(100)
    assert world.status("validatingadmissionpolicies", "replicas") == {"observedGeneration": 1, "typeChecking": {}}


def test_a_request_is_read_as_it_was_written():
    assert x509.subject(x509.request("system:node:a", ("b", "system:nodes"))) == (
        "system:node:a",
        ("b", "system:nodes"),
    )
    for text in ("", "x", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"):
        with pytest.raises(ValueError, match=r"CERTIFICATE REQUEST|malformed"):
            x509.subject(text)
