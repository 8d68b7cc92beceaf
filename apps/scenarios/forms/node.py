"""The form of a node: join, cordon, uncordon, drain, power off, power on, remove."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.cluster.strain import FILLS
from apps.scenarios.commands import NODE_VERBS, Body

# What fills a machine needs an amount, and a form of its own.
FORM_VERBS = tuple(verb for verb in NODE_VERBS if verb not in FILLS)


class NodeForm(forms.Form):
    """`name` may be left empty when joining: the next free worker's name is taken."""

    name = forms.CharField(
        label=_("name"),
        max_length=63,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )
    action = forms.ChoiceField(choices=[(verb, verb) for verb in FORM_VERBS], widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, machines: Iterable[str] = (), **kwargs: Any) -> None:
        self.next_name = next_worker(machines)
        kwargs.setdefault("auto_id", "node-%s")
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["placeholder"] = self.next_name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        action = cleaned.get("action")
        if not action:
            self.add_error("action", _("Choose what to do with the node."))
        elif not cleaned.get("name"):
            if action == "join":
                cleaned["name"] = self.next_name
            elif "name" not in self.errors:
                self.add_error("name", _("Which node?"))
        return cleaned

    def command(self) -> Body:
        """The command that the form asks for."""
        return {"op": "node", "verb": self.cleaned_data["action"], "name": self.cleaned_data["name"]}


def next_worker(machines: Iterable[str]) -> str:
    """The next free worker's name.

    >>> next_worker(["control-plane-1", "worker-1", "worker-4"])
    'worker-5'
    """
    taken = [int(match[1]) for name in machines if (match := re.fullmatch(r"worker-(\d{1,6})", name))]
    return f"worker-{max(taken, default=0) + 1}"
