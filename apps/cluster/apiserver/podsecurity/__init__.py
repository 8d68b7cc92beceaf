"""Pod security standards: what a Pod must not do at a level.

Models      staging/src/k8s.io/pod-security-admission/policy (registry.go, checks.go)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.apiserver.podsecurity import checks
from apps.cluster.apiserver.podsecurity.checks import Check, Violation
from apps.cluster.apiserver.podsecurity.levels import BASELINE, PRIVILEGED, Level, Policy, compare, policy_of

__all__ = ["PRIVILEGED", "Level", "Policy", "Violation", "compare", "policy_of", "violations"]

# By the names of the checks, in whose order they are made: (since which minor version, check).
_BASELINE: dict[str, tuple[int, Check]] = {
    "appArmorProfile": (0, checks.app_armor),
    "capabilities_baseline": (0, checks.capabilities_baseline),
    "hostNamespaces": (0, checks.host_namespaces),
    "hostPathVolumes": (0, checks.host_path_volumes),
    "hostPorts": (0, checks.host_ports),
    "hostProbesAndHostLifecycle": (34, checks.host_probes),
    "privileged": (0, checks.privileged),
    "procMount": (0, checks.proc_mount_baseline),
    "seLinuxOptions": (0, checks.se_linux),
    "seccompProfile_baseline": (0, checks.seccomp_baseline),
    "sysctls": (0, checks.sysctls),
    "windowsHostProcess": (0, checks.windows_host_process),
}
# The third: which check of the baseline a stricter one stands for.
_RESTRICTED: dict[str, tuple[int, Check, str]] = {
    "allowPrivilegeEscalation": (8, checks.privilege_escalation, ""),
    "capabilities_restricted": (22, checks.capabilities_restricted, "capabilities_baseline"),
    "procMount_restricted": (35, checks.proc_mount, "procMount"),
    "restrictedVolumes": (0, checks.restricted_volumes, "hostPathVolumes"),
    "runAsNonRoot": (0, checks.run_as_non_root, ""),
    "runAsUser": (23, checks.run_as_user, ""),
    "seccompProfile_restricted": (19, checks.seccomp_restricted, "seccompProfile_baseline"),
}


def violations(level: Level, meta: Mapping[str, Any], spec: Mapping[str, Any]) -> list[Violation]:
    """What a Pod does that the level forbids: the checks of the baseline first, each kind in the order of its name."""
    if level.name == PRIVILEGED:
        return []
    minor = level.minor
    made: list[Check] = []
    stricter = [] if level.name == BASELINE else [entry for entry in _RESTRICTED.values() if minor >= entry[0]]
    replaced = {entry[2] for entry in stricter}
    for name in sorted(_BASELINE):
        since, check = _BASELINE[name]
        if minor >= since and name not in replaced:
            made.append(check)
    made.extend(entry[1] for entry in stricter)
    return [found for check in made if (found := check(meta, spec, minor)) is not None]
