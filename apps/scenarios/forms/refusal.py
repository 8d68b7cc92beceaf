"""Refusals of the API server, put beside the form's field that they are about."""

from __future__ import annotations

import re

from django import forms

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios.explained import explain_all, in_one_line

# The fields of an object that a form's field stands for; the first that matches counts.
PATHS = (
    (re.compile(r"spec\.replicas"), "replicas"),
    (re.compile(r"spec\.(strategy|updateStrategy)\.rollingUpdate\.maxSurge"), "max_surge"),
    (re.compile(r"spec\.(strategy|updateStrategy)\.rollingUpdate\.maxUnavailable"), "max_unavailable"),
    (re.compile(r"spec\.updateStrategy\.rollingUpdate\.partition"), "partition"),
    (re.compile(r"spec\.(strategy|updateStrategy)"), "strategy"),
    (re.compile(r"spec\.podManagementPolicy"), "pod_management"),
    (re.compile(r"spec\.template\.spec\.containers\[\d+\]\.image"), "image"),
    (re.compile(r"spec\.template\.spec\.containers\[\d+\]\.resources\.\w+[.\[]?(cpu|memory)?"), "cpu"),
    (re.compile(r"spec\.template\.spec\.nodeSelector"), "node_selector"),
    (re.compile(r"spec\.template\.spec\.tolerations"), "tolerations"),
    (re.compile(r"spec\.paused"), "paused"),
    (re.compile(r"metadata\.(name|labels)|spec\.template\.labels|spec\.template\.metadata|spec\.selector"), "name"),
)


LIMIT_FIELDS = {
    "replicas": "replicas",
    "pods": "replicas",
    "workers": "workers",
    "scenarios_per_hour": None,
    "commands": None,
}


def field_of(path: str, message: str = "") -> str:
    """The form's field for a field of the object, "" when there is none.

    >>> field_of("spec.template.spec.containers[0].resources.requests[memory]"), field_of("spec.volumes")
    ('memory', '')
    """
    for pattern, name in PATHS:
        match = pattern.match(path)
        if match is not None:
            if name == "cpu" and "memory" in (match[1] or message):
                return "memory"
            return name
    return ""


def add_refusal(form: forms.Form, error: StatusError, lang: str) -> None:
    """Show why the cluster refused, in the reader's language and in its own words, beside the field it names."""
    for told in explain_all(error, lang):
        name: str | None = field_of(told.field, told.message)
        if error.details.get("limit"):
            name = LIMIT_FIELDS.get(error.details["limit"], "manifest")
        elif error.reason in {"AlreadyExists", "NotFound"}:
            name = "name"
        form.add_error(name if name in form.fields else None, in_one_line(told))
