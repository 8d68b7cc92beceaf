"""Every refusal can be told in both languages, with its field and what to do."""

import pytest

from apps.cluster.api.decode import decode
from apps.cluster.api.explain import DETAILS, TYPES, WITH_FIX, explain
from apps.cluster.apimachinery import status
from apps.cluster.apimachinery.status import FieldError, StatusError
from apps.diagrams import wording
from tests.fidelity import tables

LABEL = {"app": "web"}


def refused(doc):
    try:
        found = decode(doc)
        obj = found.info.default(found.obj)
        obj = {**obj, "metadata": {**obj["metadata"], "namespace": "default"}}
        errors = found.info.validate(obj)
        raise status.invalid(found.info.kind, found.info.group, "web", errors)
    except StatusError as error:
        return error


def deployment(**spec):
    template = {"metadata": {"labels": LABEL}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"selector": {"matchLabels": LABEL}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


@pytest.mark.parametrize(
    ("doc", "message", "field", "params"),
    [
        pytest.param(
            deployment(replica=3),
            "rejected.unknown-field-near",
            "spec.replica",
            {"kind": "Deployment", "near": "replicas"},
            id="a field that is nearly right",
        ),
        pytest.param(
            deployment(template={"spec": {"containers": [{"name": "c", "Image": "x"}]}}),
            "rejected.unknown-field-near",
            "spec.template.spec.containers[0].Image",
            {"near": "image"},
            id="a field in capitals",
        ),
        pytest.param(
            deployment(zzz=3), "rejected.unknown-field", "spec.zzz", {"kind": "Deployment"}, id="a field like no other"
        ),
        pytest.param(
            deployment(replicas="3"),
            "rejected.wrong-type",
            "spec.replicas",
            {"got": "string", "wanted": "integer"},
            id="a number in quotes",
        ),
        pytest.param(deployment(selector=None), "rejected.selector-missing", "spec.selector", {}, id="no selector"),
        pytest.param(
            deployment(selector={"matchLabels": {"app": "x"}}),
            "rejected.selector-mismatch",
            "spec.template.metadata.labels",
            {"value": '{"app":"web"}'},
            id="a selector of other Pods",
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 70000}]}},
            "rejected.port",
            "spec.ports[0].port",
            {"value": "70000", "low": "1", "high": "65535"},
            id="a port beyond the last",
        ),
        pytest.param(
            {**deployment(), "metadata": {"name": "Web_1"}},
            "rejected.name-subdomain",
            "metadata.name",
            {"value": "Web_1"},
            id="a name in capitals",
        ),
        pytest.param({"kind": "Pod"}, "rejected.no-api-version", "apiVersion", {}, id="no apiVersion"),
    ],
)
def test_what_is_wrong_where(doc, message, field, params):
    first = explain(refused(doc))[0]
    assert (first.message_id, first.field) == (message, field)
    assert params.items() <= first.params.items()


QUANTITY = {"containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "lots"}}}]}


def test_a_quantity_that_is_none():
    doc = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": QUANTITY}
    assert [one.message_id for one in explain(refused(doc))] == ["rejected.quantity"]


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_every_message_that_can_come_has_its_text_in_both_languages(lang):
    names = {name for _, name in DETAILS} | set(TYPES.values()) | (WITH_FIX - {"no-field"})
    names |= {"invalid", "other", "absent", "not-allowed"}
    assert [name for name in sorted(names) if not wording.has(lang, f"rejected.{name}")] == []
    assert [name for name in sorted(WITH_FIX) if not wording.has(lang, f"rejected.fix.{name}")] == []


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_no_parameter_is_ever_missing(lang):
    """Told of every error that Kubernetes' own tables of bad Pods bring about."""
    from apps.cluster.api.scheme import RESOURCES

    for row in tables.rows("validation__validation__TestValidatePod"):
        errors = RESOURCES["pods"].validate(row["spec"] if "expectedError" in row else dict(row))
        for one in explain(status.invalid("Pod", "", "p", errors)) if errors else ():
            texts = wording.say(lang, one.message_id, one.params), wording.say(lang, one.fix_id, one.params)
            assert "⟦" not in texts[0], texts
            assert not one.fix_id or "⟦" not in texts[1], texts


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(status.not_found("namespaces", "shop"), id="a namespace that is not there"),
        pytest.param(status.already_exists("pods", "p"), id="a name that is taken"),
        pytest.param(status.conflict("pods", "p"), id="a change that came too late"),
        pytest.param(status.forbidden("pods", "p", "exceeded quota"), id="a quota that is used up"),
        pytest.param(status.bad_request("anything at all"), id="a message nobody foresaw"),
    ],
)
def test_what_has_no_field_is_told_as_well(error):
    (one,) = explain(error)
    for lang in wording.LANGUAGES:
        assert "⟦" not in wording.say(lang, one.message_id, one.params)


def test_long_values_are_cut():
    error = status.invalid("Pod", "", "p", [FieldError("Invalid value", "f", "x" * 500, "anything")])
    assert len(explain(error)[0].params["value"]) == 80
