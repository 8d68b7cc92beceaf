"""New scenarios: from a preset, from a manifest, as a copy of another from some revision on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.cluster import kubectl
from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import commands, guard, limits, presets, tokens
from apps.scenarios.links import Link
from apps.scenarios.manifests import Document, ManifestError, Problem, missing_namespaces
from apps.scenarios.models import Scenario
from apps.scenarios.replay import Run, config_of
from apps.scenarios.session import wall_ms
from apps.scenarios.source import Source
from apps.scenarios.story import Entry, Story

ACCOUNT_LIMIT_MS = 5_000  # a new namespace has its service account long before


@dataclass(frozen=True)
class Made:
    """A scenario just made, and the only time its tokens are at hand."""

    scenario: Scenario
    key: str
    view_token: str


def make(
    story: Story, *, preset: str, title: str = "", maker: str = "", forked_from: str = "", begin_ms: int = 0
) -> Made:
    """Store a scenario that tells `story`, its clock at `begin_ms` and running.

    Raises:
        LimitExceeded: too many from one address in an hour.
    """
    if maker:
        since = timezone.now() - timedelta(hours=1)
        if Scenario.objects.filter(maker=maker, created__gte=since).count() >= limits.SCENARIOS_PER_HOUR:
            raise limits.exceeded("scenarios_per_hour", limits.SCENARIOS_PER_HOUR)
    key, view_token = tokens.new_key(), tokens.new_key()
    for _attempt in range(4):
        try:
            with transaction.atomic():
                scenario = Scenario.objects.create(
                    title=title[:120],
                    preset=preset,
                    config=story.cluster,
                    base=[[entry.time_ms, entry.body] for entry in story.entries],
                    key_hash=tokens.digest(key),
                    view_hash=tokens.digest(view_token),
                    forked_from=forked_from if len(forked_from) <= 16 else "",
                    maker=maker,
                    anchor_sim_ms=begin_ms,
                    anchor_wall_ms=wall_ms(),
                )
        except IntegrityError:
            continue  # an id that was taken
        return Made(scenario, key, view_token)
    raise StatusError(500, "InternalError", "no free id was found")


def from_preset(
    preset_id: str,
    *,
    cluster: dict[str, Any] | None = None,
    documents: Sequence[Document] = (),
    title: str = "",
    maker: str = "",
) -> Made:
    """A new scenario that plays a preset from its beginning, with a manifest on top.

    Raises:
        StatusError: no such preset, a setting out of bounds, a limit.
        ManifestError: documents that the cluster refuses, every one of them.
    """
    preset = presets.get(preset_id)
    story = Story({**preset.story.cluster, **(cluster or {})}, preset.story.entries)
    config_of(story.cluster)
    if documents:
        run = Run(story)
        run.advance(story.end_ms)
        told = accepted(run, documents, limits.SITE)
        story = story.then(*(Entry(story.end_ms + entry.time_ms, entry.body) for entry in told))
    return make(story, preset=preset_id, title=title, maker=maker)


def fork(source: Source, *, at: int | None = None, title: str = "", maker: str = "") -> Made:
    """A copy of one's own that goes on from a revision; from the newest, without one.

    Raises:
        LimitExceeded
    """
    story = source.story(at)
    with source.run.lock:
        begin = source.run.done_ms if at is None or at >= source.head else max(source.run.time_of(at), story.end_ms)
    origin = source.ref if source.stored else ""
    return make(story, preset=source.preset, title=title, maker=maker, forked_from=origin, begin_ms=begin)


def accepted(run: Run, documents: Sequence[Document], allowed: limits.Limits) -> list[Entry]:
    """The commands that apply a manifest, with times counted from now, once the cluster is known to accept all of it.

    Namespaces come first, those that the manifest takes for granted included, and what lives in a new one follows as
    soon as the namespace has its service account: a Pod sent in the same breath would be refused. `run` is used up.

    Raises:
        ManifestError: naming every document that the cluster refuses.
        LimitExceeded
    """
    existing = run.view().objects.get("namespaces", {})
    first: list[Any] = [*missing_namespaces(documents, existing)]
    first += [document.obj for document in documents if document.kind == "Namespace" and document.name not in existing]
    begin = run.done_ms
    entries: list[Entry] = []
    problems: list[Problem] = []
    rest = [document for document in documents if not any(document.obj is obj for obj in first)]
    if first and rest:
        body = {"op": "apply", "objects": first}
        guard.check_command(commands.check(body), allowed)
        problems += _tried(run, [document for document in documents if document not in rest])
        for obj in first:
            with suppress(StatusError):
                run.cluster.execute({"op": "apply", "objects": [obj]})
        entries.append(Entry(0, body))
        _await_accounts(run, [obj["metadata"]["name"] for obj in first])
    else:
        rest = list(documents)
    body = {"op": "apply", "objects": [document.obj for document in rest]}
    guard.check_command(commands.check(body), allowed)
    entries.append(Entry(run.done_ms - begin, body))
    problems += _tried(run, rest)
    if problems:
        raise ManifestError(sorted(problems, key=lambda problem: (problem.source, problem.number)))
    guard.check_cluster(run.view(), allowed)
    return entries


def _tried(run: Run, documents: Sequence[Document]) -> list[Problem]:
    """Apply documents one by one; what the cluster refuses of them. What others need goes first, as with apply."""
    problems = []
    for document in sorted(
        documents,
        key=lambda document: kubectl.FIRST_KINDS.index(document.kind) if document.kind in kubectl.FIRST_KINDS else 99,
    ):
        try:
            run.cluster.execute({"op": "apply", "objects": [document.obj]})
        except StatusError as error:
            number, line, source = document.number, document.line, document.source
            problems.append(Problem(error, number, line, document.kind, document.name, source, document))
    return problems


def _await_accounts(run: Run, namespaces: Sequence[str]) -> None:
    """Let time pass until every namespace has its service account."""
    cluster = run.cluster
    limit = cluster.now_ms + ACCOUNT_LIMIT_MS
    while not cluster.at_rest:
        accounts = run.view().objects.get("serviceaccounts", {})
        due = cluster.next_due()
        if all(f"{name}/default" in accounts for name in namespaces) or due is None or due > limit:
            return
        cluster.run_until(due)


def link_of(source: Source, title: str = "") -> Link:
    """The v1 link that tells a scenario so far, and what its script will still do."""
    story = source.story()
    entries = story.entries
    if source.session is not None and source.session.seq == 0:
        entries = tuple(Entry(time_ms, body) for time_ms, body in source.scenario.base)
    preset = presets.library().get(source.preset) or presets.get("empty")
    script = preset.story.entries
    shared = 0
    while shared < min(len(script), len(entries)) and script[shared] == entries[shared]:
        shared += 1
    rest = entries[shared:]
    settings = {key: value for key, value in story.cluster.items() if preset.story.cluster.get(key) != value}
    implied = presets.script_count(preset.story, rest)
    return Link(preset.id, settings, rest, title, None if shared == implied else shared)
