"""Pod security levels, and which of them the labels of a namespace ask for.

Models      staging/src/k8s.io/pod-security-admission/api (helpers.go, constants.go)
Leaves out  nothing known
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from apps.cluster.apimachinery.status import FieldError

PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
LEVELS = (PRIVILEGED, BASELINE, RESTRICTED)
PREFIX = "pod-security.kubernetes.io/"
LATEST = "latest"
_VERSION = re.compile(r"v1\.([0-9]|[1-9][0-9]*)", re.ASCII)
NEWEST = 36  # the minor version that "latest" means


class Level(NamedTuple):
    """A level as a version of Kubernetes understood it."""

    name: str = PRIVILEGED
    version: str = LATEST

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"

    @property
    def minor(self) -> int:
        return NEWEST if self.version == LATEST else min(int(self.version[3:]), NEWEST)


class Policy(NamedTuple):
    enforce: Level = Level()
    audit: Level = Level()
    warn: Level = Level()

    @property
    def open(self) -> bool:
        return all(level.name == PRIVILEGED for level in self)


def compare(one: str, other: str) -> int:
    """Above 0: `one` is stricter."""
    return LEVELS.index(one) - LEVELS.index(other)


def policy_of(labels: Mapping[str, str] | None) -> tuple[Policy, list[FieldError]]:
    """The policy, and what is wrong with the labels. A level that is none counts as restricted for `enforce` alone."""
    if not labels:
        return Policy(), []
    problems: list[FieldError] = []
    found: dict[str, Level] = {}
    good: dict[str, bool] = {}
    for mode in ("enforce", "audit", "warn"):
        name, version = PRIVILEGED, LATEST
        label = PREFIX + mode
        if label in labels:
            name = labels[label]
            good[mode] = name in LEVELS
            if not good[mode]:
                problems.append(_invalid(label, name, f"must be one of {', '.join(LEVELS)}"))
                name = RESTRICTED if mode == "enforce" else PRIVILEGED
        label = f"{PREFIX}{mode}-version"
        if label in labels:
            version = labels[label]
            if version != LATEST and not _VERSION.fullmatch(version):
                problems.append(_invalid(label, version, 'must be "latest" or "v1.x"'))
                version = LATEST
        found[mode] = Level(name, version)
    enforce, warn = found["enforce"], found["warn"]
    if "warn" not in good and good.get("enforce") and compare(enforce.name, warn.name) > 0:
        # Who is held to a level is warned of it too: workloads are not refused, their Pods are.
        kept = f"{PREFIX}warn-version" in labels
        warn = Level(enforce.name, warn.version if kept else enforce.version)
    return Policy(enforce, found["audit"], warn), problems


def _invalid(label: str, value: str, detail: str) -> FieldError:
    return FieldError("Invalid value", f"metadata.labels[{label}]", value, detail)
