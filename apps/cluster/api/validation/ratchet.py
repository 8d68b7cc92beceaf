"""What a changed Pod may still have because it had it before: rules that came later than Pods that break them.

Models      pkg/api/pod/util.go (GetValidationOptionsFromPodSpecAndMeta)
Leaves out  nothing that a Pod's update asks for; templates are judged as new ones are
"""

from __future__ import annotations

import re

from apps.cluster.apimachinery.status import FieldError

# Where, and what is said there. One such error in the old Pod, and the rule is not applied to the new one.
RULES = tuple(
    (re.compile(field), detail)
    for field, detail in (
        (r"\.resizePolicy\[\d+\]\.restartPolicy$", "non-sidecar initContainers"),
        (r"\.requiredDuringSchedulingIgnoredDuringExecution\.nodeSelectorTerms.*\.values\[", "a valid label must"),
        (r"\.podA(nti)?[aA]ffinity\..*Selector\..*\.values\[", "a valid label must"),
        (r"\.topologySpreadConstraints\[\d+\]\.labelSelector\.", ""),
        (r"\.topologySpreadConstraints\[\d+\]", "exists in both matchLabelKeys and labelSelector"),
        (r"\.projected\.path$", "must "),
        (r"\.sysctls\[\d+\]\.name$", "may not be specified when 'host"),
        (r"\.resources\.(limits|requests)\[hugepages-", "is not positive integer multiple of"),
        (r"\.volumeDevices$", "when `hostUsers` is false"),
        (r"\[controller\.kubernetes\.io/pod-deletion-cost\]$", "must be a 32bit integer"),
    )
)


def _broken(error: FieldError, field: re.Pattern[str], detail: str) -> bool:
    return field.search(error.field) is not None and detail in error.detail


def still_allowed(errors: list[FieldError], old: list[FieldError]) -> list[FieldError]:
    """The errors that count, of a Pod whose old form has those others."""
    for field, detail in RULES:
        if any(_broken(error, field, detail) for error in old):
            errors = [error for error in errors if not _broken(error, field, detail)]
    return errors
