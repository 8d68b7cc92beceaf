"""Reading paths: which articles, in which order, for whom. Their lengths are the articles' own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

PATHS: tuple[tuple[str, ...], ...] = (
    ("architecture", "deployment", "statefulset", "daemonset", "kube-scheduler", "kubelet"),
    ("what-is-kubernetes", "architecture", "workloads", "deployment", "daemonset", "statefulset"),
    ("services", "clusterip", "kube-proxy", "calico", "tunnel"),
)
MINUTE = 11.17  # px of a reading minute on a ruler 872 px wide


def words() -> list[tuple[str, str]]:
    """For whom each path is, and how it is walked."""
    return [
        (_("I must run one from Monday"), _("From the whole to what each node does")),
        (_("I must teach it"), _("With the figures on the wall, one after the other")),
        (_("I want to follow a packet"), _("From a name to the Pod that answers")),
    ]


def drawn(articles: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The paths as rulers: a tick a minute, a station an article.

    `articles`: slug -> {"short", "url", "minutes"}; those that there are not are left out.
    """
    found = []
    for (title, note), slugs in zip(words(), PATHS, strict=True):
        stations, ticks, minute = [], [], 0
        for slug in slugs:
            article = articles.get(slug)
            if article is None:
                continue
            long = max(1, article["minutes"])
            stations.append({**article, "minutes": long, "x": round(4 + minute * MINUTE, 1)})
            ticks += [(round(4 + (minute + each) * MINUTE, 1), each == 0) for each in range(long)]
            minute += long
        if not stations:
            continue
        end = round(4 + minute * MINUTE, 1)
        ticks.append((end, True))
        path = {"title": title, "note": note, "stations": stations, "ticks": ticks, "end": end, "minutes": minute}
        found.append({**path, "label": round(end + 12, 1), "url": stations[0]["url"]})
    return found
