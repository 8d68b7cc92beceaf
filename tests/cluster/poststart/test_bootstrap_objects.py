"""What kube-apiserver writes by itself: what is there, who owns it, and what becomes of it in other hands."""

from __future__ import annotations

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.fieldmanager.managed import encode
from apps.cluster.cluster import Cluster, Config
from apps.cluster.poststart.flowcontrol import revised

SEED_NAMES = Config(workers=1)


@pytest.fixture
def cluster():
    return Cluster.boot(SEED_NAMES)


def table(cluster, resource):
    return cluster.apiserver.tables[resource]


def managers(cluster, resource, name):
    found = encode(cluster.apiserver.managed(cluster.apiserver.info(resource), name))
    return [(one["manager"], one["operation"], one.get("subresource", ""), one["fieldsV1"]) for one in found]


def definition(*versions, group="a.io"):
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [
                {"name": name, "served": True, "storage": index == 0, "schema": schema}
                for index, name in enumerate(versions)
            ],
        },
    }


def delete(cluster, resource, name):
    cluster.execute({"op": "delete", "resource": resource, "namespace": "", "name": name})


# ---- APIServices -----------------------------------------------------------------------------------


def test_every_group_that_is_served_has_an_available_apiservice(cluster):
    there = table(cluster, "apiservices")
    served = {f"{version}.{group}" for group, version in cluster.apiserver.versions()}
    assert set(there) == served - {"v1.apiregistration.k8s.io"}
    for name, obj in there.items():
        (condition,) = obj["status"]["conditions"]
        assert (condition["type"], condition["status"], condition["reason"]) == ("Available", "True", "Local")
        custom = name == "v1.crd.projectcalico.org"  # Calico's definitions made it
        mark = "true" if custom else "onstart"
        assert obj["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": mark}
    assert there["v1."]["spec"] == {"version": "v1", "groupPriorityMinimum": 18000, "versionPriority": 1}
    ((manager, operation, subresource, fields),) = managers(cluster, "apiservices", "v1.apps")
    assert (manager, operation, subresource) == ("kube-apiserver", "Update", "")
    assert set(fields["f:spec"]) == {"f:group", "f:groupPriorityMinimum", "f:version", "f:versionPriority"}


def test_a_custom_kinds_group_is_registered_corrected_and_taken_away(cluster):
    cluster.execute({"op": "apply", "objects": [definition("v1", "v2")]})
    cluster.run_to_rest()
    made = table(cluster, "apiservices")["v2.a.io"]
    assert made["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
    assert made["spec"] == {"group": "a.io", "version": "v2", "groupPriorityMinimum": 1000, "versionPriority": 100}
    patch = {"op": "patch", "resource": "apiservices", "namespace": "", "name": "v2.a.io", "type": "merge"}
    cluster.execute({**patch, "body": {"spec": {"versionPriority": 7}}})
    cluster.run_to_rest()
    assert table(cluster, "apiservices")["v2.a.io"]["spec"] == made["spec"]
    cluster.execute({"op": "apply", "objects": [definition("v1")]})
    cluster.run_to_rest()
    assert "v2.a.io" not in table(cluster, "apiservices")
    delete(cluster, "apiservices", "v1.a.io")
    cluster.run_to_rest()
    assert "v1.a.io" in table(cluster, "apiservices")
    delete(cluster, "customresourcedefinitions", "things.a.io")
    cluster.run_to_rest()
    assert "v1.a.io" not in table(cluster, "apiservices")


def test_a_built_in_group_is_registered_again_by_the_next_process_only(cluster):
    delete(cluster, "apiservices", "v1.apps")
    cluster.run_to_rest()
    assert "v1.apps" not in table(cluster, "apiservices")
    cluster.execute({"op": "component", "verb": "crash", "name": "kube-apiserver", "node": "control-plane-1"})
    cluster.run_to_rest()
    assert "v1.apps" in table(cluster, "apiservices")


def test_what_nobody_marked_is_left_alone(cluster):
    cluster.execute({"op": "apply", "objects": [definition("v1")]})
    cluster.run_to_rest()
    own = {"metadata": {"labels": {"kube-aggregator.kubernetes.io/automanaged": None}}, "spec": {"versionPriority": 7}}
    patch = {"op": "patch", "resource": "apiservices", "namespace": "", "name": "v1.a.io", "type": "merge", "body": own}
    cluster.execute(patch)
    cluster.run_to_rest()
    assert table(cluster, "apiservices")["v1.a.io"]["spec"]["versionPriority"] == 7


# ---- priority and fairness -------------------------------------------------------------------------


def test_schemas_and_levels_are_there_and_every_schema_has_its_level(cluster):
    assert len(table(cluster, "prioritylevelconfigurations")) == 8
    schemas = table(cluster, "flowschemas")
    assert len(schemas) == 11
    for obj in schemas.values():
        (condition,) = obj["status"]["conditions"]
        assert (condition["type"], condition["status"], condition["reason"]) == ("Dangling", "False", "Found")
    assert [found[:3] for found in managers(cluster, "flowschemas", "exempt")] == [
        ("api-priority-and-fairness-config-consumer-v1", "Apply", "status"),
        ("api-priority-and-fairness-config-producer-v1", "Update", ""),
    ]
    ((manager, *_),) = managers(cluster, "prioritylevelconfigurations", "system")
    assert manager == "api-priority-and-fairness-config-producer-v1"


def test_what_is_deleted_or_changed_comes_back_within_the_minute(cluster):
    delete(cluster, "flowschemas", "probes")
    patch = {"op": "patch", "resource": "prioritylevelconfigurations", "namespace": "", "type": "merge"}
    cluster.execute({**patch, "name": "system", "body": {"spec": {"limited": {"nominalConcurrencyShares": 1}}}})
    cluster.run_for(60_100)
    assert "probes" in table(cluster, "flowschemas")
    assert table(cluster, "prioritylevelconfigurations")["system"]["spec"]["limited"]["nominalConcurrencyShares"] == 30
    assert cluster.run_to_rest()


def test_what_an_administrator_took_over_stays_as_it_was_made(cluster):
    own = {"metadata": {"annotations": {"apf.kubernetes.io/autoupdate-spec": "false"}}}
    change = {"spec": {"limited": {"nominalConcurrencyShares": 1}}}
    patch = {"op": "patch", "resource": "prioritylevelconfigurations", "namespace": "", "type": "merge"}
    cluster.execute({**patch, "name": "system", "body": {**own, **change}})
    cluster.run_for(60_100)
    assert table(cluster, "prioritylevelconfigurations")["system"]["spec"]["limited"]["nominalConcurrencyShares"] == 1


def test_a_schema_whose_level_goes_hangs_in_the_air(cluster):
    spec = {"priorityLevelConfiguration": {"name": "mine"}, "matchingPrecedence": 700}
    schema = {"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": {"name": "mine"}}
    cluster.execute({"op": "apply", "objects": [{**schema, "spec": spec}]})
    cluster.run_for(100)
    (condition,) = table(cluster, "flowschemas")["mine"]["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("True", "NotFound")
    told = 'This FlowSchema references the PriorityLevelConfiguration object named "mine" but there is no such object'
    assert condition["message"] == told


def test_the_mandatory_ones_cannot_be_changed(cluster):
    patch = {"op": "patch", "resource": "flowschemas", "namespace": "", "name": "exempt", "type": "merge"}
    with pytest.raises(StatusError, match="spec of 'exempt' must equal the fixed value"):
        cluster.execute({**patch, "body": {"spec": {"rules": None}}})


WANTED = {"metadata": {"name": "x", "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}}, "spec": {"a": 1}}


def thing(mark, spec, generation=1):
    annotations = {} if mark is None else {"apf.kubernetes.io/autoupdate-spec": mark}
    return {"metadata": {"name": "x", "generation": generation, "annotations": annotations}, "spec": spec}


@pytest.mark.parametrize(
    ("there", "mandatory", "mark", "spec"),
    [
        pytest.param(thing("true", {"a": 1}), False, None, None, id="nothing to do"),
        pytest.param(thing("true", {"a": 2}, 3), False, "true", {"a": 1}, id="marked for updates: put right"),
        pytest.param(thing("false", {"a": 2}), False, None, None, id="marked against updates: left"),
        pytest.param(thing("false", {"a": 2}), True, "true", {"a": 1}, id="mandatory: whatever the mark says"),
        pytest.param(thing(None, {"a": 2}, 1), False, "true", {"a": 1}, id="no mark, never changed: put right"),
        pytest.param(thing(None, {"a": 2}, 2), False, "false", {"a": 2}, id="no mark, changed: marked as somebody's"),
        pytest.param(thing("perhaps", {"a": 1}, 2), False, "false", {"a": 1}, id="a mark that says nothing is none"),
    ],
)
def test_revised(there, mandatory, mark, spec):
    found = revised(there, WANTED, mandatory=mandatory)
    if mark is None:
        assert found is None
    else:
        assert (found["metadata"]["annotations"]["apf.kubernetes.io/autoupdate-spec"], found["spec"]) == (mark, spec)


# ---- chance ----------------------------------------------------------------------------------------


def test_what_it_writes_for_itself_draws_nothing_and_is_its_own_in_every_cluster():
    one, twin, other = (Cluster.boot(Config(workers=0, seed=seed)) for seed in (1, 1, 2))
    uids = [table(cluster, "apiservices")["v1.apps"]["metadata"]["uid"] for cluster in (one, twin, other)]
    assert uids[0] == uids[1] != uids[2]
    assert len({obj["metadata"]["uid"] for obj in table(one, "apiservices").values()}) == 22
    went_on = Cluster.restore(one.snapshot())
    assert went_on.engine.random.uuid_of("a") == one.engine.random.uuid_of("a")
