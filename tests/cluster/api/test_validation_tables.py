"""Kubernetes' own validation tables: which objects are refused, and with what words."""

import re

import pytest

from apps.cluster.api.scheme import RESOURCES
from apps.cluster.api.validation.claims import claim_template
from apps.cluster.api.validation.volumes import volumes
from apps.cluster.apimachinery.status import CAUSE_REASONS
from tests.testdata.api import rows

REASONS = {**CAUSE_REASONS, "Unsupported value": "FieldValueNotSupported"}


def said(errors):
    return [str(error) for error in errors]


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in rows("validate_pod")])
def test_pods(row):
    found = said(RESOURCES["pods"].validate(row["pod"]))
    if row["error"] is None:
        assert found == []
    else:
        assert row["error"] in " | ".join(found)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in rows("validate_volumes")])
def test_volumes(row):
    errors = []
    volumes(errors, "field", [row["volume"]], "", row["pod"])
    assert len(errors) == len(row["errors"]), said(errors)
    for error, (reason, field, detail) in zip(errors, row["errors"], strict=True):
        assert REASONS[error.type] == reason
        assert error.field.endswith(field)
        assert detail in error.detail


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row["name"] + " as template" * row["template"]) for row in rows("validate_claim")]
)
def test_claims(row):
    found = [] if row["template"] else RESOURCES["persistentvolumeclaims"].validate(row["claim"])
    if row["template"]:
        claim_template(found, "template", {"metadata": row["claim"]["metadata"], "spec": row["claim"]["spec"]})
    assert bool(found) is row["bad"], said(found)


# Rules that upstream lets a feature gate switch, and which are on (or off) in 1.36 whatever the row says.
GATED = (
    "without-featuregate-enabled",
    "upgrade-storage-class-annotation",
    "update-change-storage-class-annotation",
    "invalid-size-update-resize-enabled",
    "recover-disabled",
    "allow-update-pvc-when-data-source",
)


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row["name"]) for row in rows("update_claim") if not any(g in row["name"] for g in GATED)],
)
def test_changes_of_claims(row):
    new, old = ({**row[one], "metadata": {"resourceVersion": "1", **row[one]["metadata"]}} for one in ("new", "old"))
    found = RESOURCES["persistentvolumeclaims"].validate_update(new, old)
    assert bool(found) is row["bad"], said(found)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in rows("update_config_map")])
def test_changes_of_config_maps(row):
    assert (RESOURCES["configmaps"].validate_update(row["new"], row["old"]) == []) is row["good"]


def kinds(texts):
    """Field and kind of each error: the table's own texts leave out values and details here and there."""
    return sorted(
        re.sub(r"(Required value|Invalid value|Unsupported value|Forbidden|Duplicate value).*", r"\1", t) for t in texts
    )


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"] or "good") for row in rows("validate_controller")])
def test_replication_controllers(row):
    assert kinds(said(RESOURCES["replicationcontrollers"].validate(row["controller"]))) == kinds(row["errors"])
