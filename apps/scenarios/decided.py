"""Why this node: a decision of kube-scheduler as tables, plugin by plugin and node by node. Data, no HTML.

Models      what kube-scheduler logs of a scheduling cycle at verbosity 10
Leaves out  -
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.cluster.scheduler.decision import Decision, NodeScore, Verdict
from apps.cluster.scheduler.framework import FILTERS, SCORES
from apps.cluster.scheduler.journal import BINDING, Waiting
from apps.cluster.snapshot import Snapshot
from apps.diagrams.views.scheduler import subject_of

ATTEMPTS = 12  # of one Pod, the latest first
QUEUED = 50  # Pods listed that wait

Row = dict[str, Any]


def decided(snapshot: Snapshot, focus: str, revision_of: Callable[[int], int], base_ms: int) -> Row:
    """The queues, and the latest decision about the Pod chosen (or decided about last) at this revision.

    `revision_of` gives the revision of a step of the trace.
    """
    key = subject_of(snapshot, focus)
    scheduling = snapshot.scheduling
    pod = snapshot.objects.get("pods", {}).get(key)
    told: Row = {
        "pod": key.removeprefix("default/"),
        "ref": f"pods/{key}" if key else "",
        "exists": pod is not None,
        "running": scheduling is None or scheduling.running,
        "decision": None,
        "waiting": None,
        "queue": [],
        "queue_more": 0,
        "attempts": [],
    }
    if scheduling is None:
        return told
    pods = snapshot.objects.get("pods", {})
    queue = [
        one
        for waiting in scheduling.queues().values()
        for one in waiting
        if one.key in pods and not pods[one.key]["spec"].get("nodeName")
    ]
    told["queue"] = [_queued(one, base_ms) for one in queue[:QUEUED]]
    told["queue_more"] = max(len(queue) - QUEUED, 0)
    told["waiting"] = next((_queued(one, base_ms) for one in queue if one.key == key), None)
    if not key:
        return told
    history = scheduling.history(key)
    if history:
        told["decision"] = table_of(history[0][1])
    told["attempts"] = [
        {
            "attempt": one.attempt,
            "revision": revision_of(step),
            "time": seconds(one.time_ms - base_ms),
            "node": one.chosen,
            "message": one.message,
            "now": step == history[0][0],
        }
        for step, one in history[:ATTEMPTS]
    ]
    return told


def table_of(decision: Decision) -> Row:
    """One decision: what Filter and Score said of each node."""
    scores = {node.node: node for node in decision.scores}
    plugins = [(part.plugin, part.weight) for part in decision.scores[0].scores] if decision.scores else []
    order = {name: place for place, (name, _weight) in enumerate(SCORES)}
    plugins.sort(key=lambda plugin: order.get(plugin[0], len(order)))
    took_part = {name for name, _weight in plugins}
    return {
        "attempt": decision.attempt,
        "chosen": decision.chosen,
        "score": decision.score,
        "nodes": decision.nodes,
        "evaluated": decision.evaluated,
        "feasible": decision.feasible,
        "message": decision.message,
        "sentence": sentence(decision),
        "filters": [words(name) for name in FILTERS if name in decision.filters],
        "filter_skipped": [name for name in FILTERS if name not in decision.filters] if decision.filters else [],
        "filter_rows": [_filter_row(verdict, decision) for verdict in decision.verdicts],
        "scores": [{"words": words(name), "weight": weight} for name, weight in plugins],
        "score_skipped": [name for name, _weight in SCORES if name not in took_part] if plugins else [],
        "score_rows": [
            _score_row(scores[verdict.node], decision, [name for name, _weight in plugins])
            for verdict in decision.verdicts
            if verdict.node in scores
        ],
        "ties": list(decision.ties) if len(decision.ties) > 1 else [],
        "only_outcome": bool(decision.evaluated and not decision.verdicts),
        "rejected_by": list(decision.rejected_by),
        "nominated": decision.nominated,
        "victims": [victim.removeprefix("default/") for victim in decision.victims],
        "candidates": [
            {
                "node": node,
                "victims": [victim.removeprefix("default/") for victim in victims],
                "broken": broken,
                "chosen": node == decision.nominated,
            }
            for node, victims, broken in decision.candidates
        ],
    }


def _filter_row(verdict: Verdict, decision: Decision) -> Row:
    filters = [name for name in FILTERS if name in decision.filters]
    place = filters.index(verdict.plugin) if verdict.plugin in filters else len(filters)
    return {
        "node": verdict.node,
        "passed": verdict.passed,
        "chosen": verdict.node == decision.chosen,
        "plugin": verdict.plugin,
        "reasons": list(verdict.reasons),
        "cells": [
            {"plugin": name, "mark": "yes" if number < place else "no" if number == place else "none"}
            for number, name in enumerate(filters)
        ],
    }


def _score_row(node: NodeScore, decision: Decision, plugins: list[str]) -> Row:
    parts = {part.plugin: part for part in node.scores}
    return {
        "node": node.node,
        "chosen": node.node == decision.chosen,
        "tied": node.node in decision.ties,
        "total": node.total,
        "cells": [
            {
                "plugin": name,
                "raw": parts[name].raw,
                "normalized": parts[name].normalized,
                "weight": parts[name].weight,
                "points": parts[name].normalized * parts[name].weight,
            }
            for name in plugins
        ],
    }


def sentence(decision: Decision) -> str:
    """The outcome in a sentence or two."""
    if decision.chosen:
        if decision.feasible == 1:
            return _("%(node)s is the only node that fits, so it is taken without a score.") % {"node": decision.chosen}
        values = {"node": decision.chosen, "score": decision.score, "feasible": decision.feasible}
        text = _("%(node)s has the most points of the %(feasible)s nodes that fit: %(score)s.") % values
        if len(decision.ties) > 1:
            text += " " + _(
                "Nodes with just as many points: %(ties)s. Chance, which the seed decides, took this one."
            ) % {"ties": ", ".join(node for node in decision.ties if node != decision.chosen)}
        return text
    if decision.nominated:
        return ngettext(
            "No node fits. Preemption makes room on %(node)s: %(count)s less important Pod has to leave.",
            "No node fits. Preemption makes room on %(node)s: %(count)s less important Pods have to leave.",
            len(decision.victims),
        ) % {"node": decision.nominated, "count": len(decision.victims)}
    if not decision.evaluated:
        return _("No node was looked at: a plugin refused the Pod before.")
    return _("No node fits, and no Pod that could leave would make room.")


def _queued(waiting: Waiting, base_ms: int) -> Row:
    return {
        "pod": waiting.key.removeprefix("default/"),
        "ref": f"pods/{waiting.key}",
        "queue": queue_name(waiting.where),
        "priority": waiting.priority,
        "attempts": waiting.attempts,
        "since": seconds(waiting.since_ms - base_ms),
        "until": seconds(waiting.until_ms - base_ms) if waiting.until_ms else "",
        "plugins": list(waiting.plugins),
        "gate": waiting.gate,
        "text": _waits(waiting, base_ms),
    }


def queue_name(where: str) -> str:
    return {
        "active": "Active",
        "backoff": "Backoff",
        "error-backoff": "Backoff",
        "unschedulable": "Unschedulable",
        BINDING: "PreBind",
    }.get(where, "")


def _waits(waiting: Waiting, base_ms: int) -> str:
    """What it waits for."""
    if waiting.gate:
        return _("for its scheduling gates to be removed")
    if waiting.where == BINDING:
        return _("for its volumes on the node that was chosen")
    if waiting.where == "active":
        return _("for its turn")
    if waiting.until_ms:
        at = seconds(waiting.until_ms - base_ms)
        if waiting.where == "unschedulable":
            return _("for something in the cluster to change that %(plugins)s asks about") % {
                "plugins": ", ".join(waiting.plugins)
            }
        return _("for its back-off to end at %(time)s") % {"time": at}
    return ""


def words(name: str) -> list[str]:
    """A plugin's name in the pieces where a narrow column may break it.

    >>> words("NodeResourcesFit")
    ['Node', 'Resources', 'Fit']
    """
    return re.findall(r"[A-Z][^A-Z]*", name) or [name]


def seconds(time_ms: int) -> str:
    """
    >>> seconds(16520)
    '16.52 s'
    """
    return f"{time_ms / 1000:.2f} s"
