"""Kinds that are shown under a second version: Events of events.k8s.io, autoscalers of autoscaling/v1.

What is stored has one form. A request through the other is turned into it on its way in, and back on its way out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from apps.cluster.apiserver import event_forms
from apps.cluster.apiserver.requests import autoscalers

Obj = dict[str, Any]


class Form(NamedTuple):
    resource: str
    shown: Callable[[Obj], Obj]
    stored: Callable[[Obj], Obj]


# By the apiVersion of the second form.
FORMS: dict[str, Form] = {
    "events.k8s.io/v1": Form("events", event_forms.modern, event_forms.core),
    "autoscaling/v1": Form("horizontalpodautoscalers", autoscalers.old, autoscalers.new),
}


def of(group: str, version: str, resource: str) -> str:
    """The apiVersion under which a second form is asked for; "" when it is the one that is stored."""
    api_version = f"{group}/{version}"
    form = FORMS.get(api_version)
    return api_version if form is not None and form.resource == resource else ""


def shown(obj: Obj, api_version: str) -> Obj:
    return FORMS[api_version].shown(obj) if api_version else obj


def stored(obj: Obj, api_version: str) -> Obj:
    return FORMS[api_version].stored(obj) if api_version else obj
