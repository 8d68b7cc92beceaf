"""Recordings that are no timelines: cases of scheduling, and the objects of a cluster that nobody has used."""

from __future__ import annotations

import pytest

from tests.fidelity import bootstrap, explain, scheduling


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in scheduling.recorded()["cases"]])
def test_a_pod_goes_where_a_real_scheduler_put_it(case: scheduling.Obj) -> None:
    assert scheduling.judge(case) == ""


def test_what_is_there_before_anyone_did_anything() -> None:
    found = bootstrap.ours()
    missing = [f"{about} {what}" for about, what in bootstrap.kept() if (about, what) not in found]
    assert [fact for fact in missing if explain.why_it_differs("f3-bootstrap", fact) is None] == []
