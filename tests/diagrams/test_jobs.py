"""Figures of Jobs: what they made, what has ended well, and of a CronJob's Jobs the newest."""

from __future__ import annotations

import re

import pytest

from apps.cluster.apimachinery import timestamps
from apps.cluster.cluster import Cluster, Config
from apps.diagrams import places
from apps.diagrams.figure import VIEWS, render
from apps.diagrams.options import Options
from tests.cluster.controllers.batch import cron_job, job


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster.boot(Config(workers=2))
    objects = [job("sum", completions=3, parallelism=2), cron_job("*/1 * * * *", "sleep 20", name="report")]
    cluster.execute({"op": "create", "objects": objects})
    cluster.run_until(timestamps.parse("2026-11-23T00:04:10Z"))
    return cluster


def figures(cluster, view):
    """The figure at every step that shows."""
    base = cluster.view(cluster.base)
    now = places.start(base)
    for step in cluster.trace.between(cluster.base, cluster.revision):
        if step.rank in ("note", "heartbeat"):
            continue
        now = places.advance(now, step)
        yield render(cluster.view(step.revision), view, "en", Options(places=now, step=step))


@pytest.mark.parametrize("view", VIEWS)
def test_every_revision_is_drawn(cluster, view):
    assert len(list(figures(cluster, view))) > 50


def test_of_a_cron_jobs_jobs_the_newest_are_shown(cluster):
    *_, last = figures(cluster, "ownership")
    minute = 29_923_200
    shown = set(re.findall(r'id="fig-jobs-default-([a-z0-9-]+)"', last.svg))
    assert shown == {"sum", f"report-{minute + 3}", f"report-{minute + 4}"}
    told = last.alt.splitlines()[1:]  # the first says what happens
    assert told[0].startswith("Job sum: 3 of 3 succeeded: Pod sum-")
    assert told[0].count("Completed") == 3
    assert told[1] == "CronJob report"
    assert told[2].startswith(f"Job report-{minute + 3}: 1 of 1 succeeded: Pod report-{minute + 3}-")
    assert told[3].startswith(f"Job report-{minute + 4}: 0 of 1 succeeded: Pod report-{minute + 4}-")
