"""The keys of etcd beside its figure: create and mod revision and version as etcd counts them, then as well as now."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from apps.cluster.internals import etcd_key
from apps.scenarios import presets, service
from apps.scenarios.source import open_source
from apps.scenarios.stored import stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolling():
    return open_source(presets.library()["rolling-update"].link, "en")


def counted(steps, until):
    """Create revision, mod revision and version of every key, from the steps alone."""
    out: dict[str, tuple[int, int, int]] = {}
    for step in steps:
        if step.revision > until:
            break
        if step.rank == "note":
            continue
        if step.after is None:
            out.pop(step.ref, None)
        else:
            create, _, version = out.get(step.ref, (step.revision, 0, 0))
            out[step.ref] = (create, step.revision, version + 1)
    return out


def test_revisions_and_versions_are_those_of_the_history(rolling):
    run = rolling.run
    for revision in (run.base, run.base + 60, run.head - 90, run.head):
        expected = counted(run.cluster.trace.steps, revision)
        for resource in ("pods", "deployments", "leases"):
            some = next(ref for ref in expected if ref.startswith(f"{resource}/")) if expected else ""
            told = stored(run.view(revision), some)
            keys = {row["ref"]: row for prefix in told["prefixes"] for row in prefix["keys"]}
            assert keys.keys() == {ref for ref in expected if ref.startswith(f"{resource}/")}
            for ref, row in keys.items():
                assert (row["create"], row["mod"], row["version"]) == expected[ref]
        counts = Counter(ref.partition("/")[0] for ref in expected)
        assert {prefix["prefix"]: prefix["count"] for prefix in told["prefixes"] if prefix["count"]} == {
            etcd_key(f"{resource}/"): count for resource, count in counts.items()
        }


def test_what_the_step_wrote_is_lit_and_its_versions_are_links(rolling):
    step = next(step for step in reversed(rolling.run.cluster.trace.steps) if step.verb == "bind")
    html = service.frame(rolling, step.revision, "etcd", "en")["detail"]
    now = re.findall(r'<tr class="now"><th scope="row"><a href="[^"]*" data-focus-ref="([^"]*)"', html)
    assert now == [step.ref]
    seeks = [int(found) for found in re.findall(r'data-seek="(\d+)"', html)]
    assert seeks[0] == step.revision
    assert seeks == sorted(seeks, reverse=True)
    assert all(rolling.run.cluster.trace.at(one).ref == step.ref for one in seeks)


def test_a_prefix_that_is_shut_leads_to_its_newest_key(rolling):
    at = rolling.run.head - 90
    html = service.frame(rolling, at, "etcd", "en")["detail"]
    shut = dict(re.findall(r'<a class="key-prefix"[^>]*data-focus-ref="([^"]*)"><code>([^<]*)</code>', html))
    assert "/registry/minions/" in shut.values()
    for ref, prefix in shut.items():
        assert etcd_key(ref).startswith(prefix)
        opened = service.frame(rolling, at, "etcd", "en", focus=ref)["detail"]
        assert f'data-focus-ref="{ref}"' in opened
    assert len(html) < 45_000
