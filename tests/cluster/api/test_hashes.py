"""The hashes in names are Kubernetes 1.36's, digit for digit."""

import pytest

from apps.cluster.api.podtemplate_hash import controller_revision_hash, controller_revision_name, pod_template_hash
from tests.testdata.api import rows


@pytest.mark.parametrize("row", [pytest.param(row, id=row["hash"]) for row in rows("hashes")])
def test_a_recorded_template_has_its_recorded_hash(row):
    assert pod_template_hash(row["template"]) == row["hash"]


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in rows("revisions")])
def test_a_recorded_revision_has_its_recorded_name(row):
    assert controller_revision_hash(row["data"], 0) == row["hash"]
    assert controller_revision_name("db", row["hash"]) == row["name"]


def test_no_collision_and_collision_zero_are_two_hashes():
    template = rows("hashes")[0]["template"]
    assert len({pod_template_hash(template, count) for count in (None, 0, 1)}) == 3


def test_the_memo_tells_equal_templates_from_changed_ones():
    template = rows("hashes")[0]["template"]
    again = {**template, "spec": {**template["spec"]}}
    changed = {**template, "spec": {**template["spec"], "hostNetwork": True}}
    assert pod_template_hash(template) == pod_template_hash(again) != pod_template_hash(changed)


def test_quantities_hash_by_value_and_by_the_text_that_is_kept():
    def hashed(cpu):
        container = {"name": "c", "image": "x", "resources": {"requests": {"cpu": cpu}}}
        return pod_template_hash({"metadata": {}, "spec": {"containers": [container]}})

    assert len({hashed(cpu) for cpu in ("500m", "1", "1500m")}) == 3


def test_a_long_owner_name_is_cut():
    assert controller_revision_name("a" * 300, "b") == "a" * 223 + "-b"
