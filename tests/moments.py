"""Revisions of the presets' stories, by what happens at them.

What boot writes comes before every story, so no test names a revision by its number. The stories are run in this
process as the site runs them; nothing of it needs a database.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from apps.articles import finding
from apps.scenarios import presets
from apps.scenarios.replay import Run, settled

ROLLING = "rolling-update"


@cache
def run(preset: str) -> Run:
    return settled(presets.get(preset).story)


def revision(preset: str, **finder: Any) -> int:
    """Of the first step of a story that a finder of `apps.articles.finding` means; `nth=` for a later one."""
    told = run(preset)
    steps = told.cluster.trace.steps
    return steps[finding.find(steps, finder, told.first)].revision


def after(preset: str, *counts: int) -> tuple[int, ...]:
    """So many revisions after a story's beginning, whatever happens there."""
    return tuple(run(preset).base + count for count in counts)


def title(preset: str) -> str:
    return presets.get(preset).title_in("en")


def rolling_begins() -> int:
    """In the rolling update: every Pod of the first rollout stands in the figure, the kubelets begin with them."""
    return revision(ROLLING, who="kubelet", ref="pods/default/node-log-*", message="kubelet.accept")


def rolling_ready() -> int:
    """In the rolling update: late in the first rollout a Pod turns ready; the new image is yet to come."""
    return revision(ROLLING, ref="pods/default/web-*", message="kubelet.pod-ready", nth=5)


def deployment_article() -> int:
    """A revision that the figure of the article on Deployments can show."""
    from apps.articles import library, walks

    return walks.of(library.article("en", "deployment")).moments[3].revision
