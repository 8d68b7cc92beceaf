"""Reading paths: which articles, in which order, for whom. Their lengths are the articles' own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

PATHS: tuple[tuple[str, ...], ...] = (
    ("architecture", "kubelet", "deployment", "statefulset", "daemonset", "kube-scheduler"),
    ("what-is-kubernetes", "architecture", "workloads", "pod", "deployment", "daemonset", "statefulset"),
    ("what-is-kubernetes", "deployment", "services"),
)
WHOLE = 5  # minutes: a shorter article is an outline still, and no station
MINUTE = 11.17  # px of a reading minute on a ruler 872 px wide
BASE = 74  # px from the top to the ruler's baseline
LEVELS = 3  # lines of names above it


def words() -> list[tuple[str, str]]:
    """For whom each path is, and how it is walked."""
    return [
        (_("I must run one from Monday"), _("From the whole to what each node does")),
        (_("I must teach it"), _("With the figures on the wall, one after the other")),
        (_("I have half an hour"), _("What it is, and the one controller that everybody meets")),
    ]


def drawn(articles: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The paths as rulers: a tick a minute, a station an article.

    `articles`: slug -> {"short", "url", "minutes"}. A name that would run over the next ones stands a line above them.
    """
    found = []
    for (title, note), slugs in zip(words(), PATHS, strict=True):
        stations: list[dict[str, Any]] = []
        ticks: list[tuple[float, bool]] = []
        minute = 0
        for article in [articles[slug] for slug in slugs if articles[slug]["minutes"] >= WHOLE]:
            long = article["minutes"]
            stations.append({**article, "x": round(4 + minute * MINUTE, 1), "room": long * MINUTE > 30})
            ticks += [(round(4 + (minute + each) * MINUTE, 1), each == 0) for each in range(long)]
            minute += long
        for index in reversed(range(len(stations))):
            station = stations[index]
            end = station["x"] + length(station["short"]) + 8
            over = [later["level"] for later in stations[index + 1 :] if later["x"] < end]
            station["level"] = min(LEVELS - 1, max(over) + 1 if over else 0)
            station["y"] = BASE - 20 - 17 * station["level"]
        if not stations:
            continue
        end = round(4 + minute * MINUTE, 1)
        ticks.append((end, True))
        path = {"title": title, "note": note, "stations": stations, "ticks": ticks, "end": end, "minutes": minute}
        found.append({**path, "label": round(end + 12, 1), "url": stations[0]["url"]})
    return found


def length(text: str) -> float:
    """About how wide a text is at 13 px."""
    return sum(13 if ord(letter) > 0x1100 else 7.4 for letter in text)
