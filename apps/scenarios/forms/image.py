"""The catalogue of images: what the program in one does, pushed to the registry under its name for the next pull."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.cluster.kubelet.registry import FIELDS
from apps.cluster.strain import PURGE
from apps.scenarios.commands import Body

SHOWN = {
    "missing": gettext_lazy("not in the registry"),
    "pull_seconds": gettext_lazy("pull takes, s"),
    "start_seconds": gettext_lazy("start takes, s"),
    "exit_after": gettext_lazy("ends after, s"),
    "exit_code": gettext_lazy("with exit code"),
    "never_ready": gettext_lazy("never ready"),
    "ready_after": gettext_lazy("ready after, s"),
    "unhealthy_after": gettext_lazy("liveness fails after, s"),
    "ignores_sigterm": gettext_lazy("ignores SIGTERM"),
    "stop_seconds": gettext_lazy("stop takes, s"),
    "memory_mib": gettext_lazy("memory, MiB"),
    "leak_mib": gettext_lazy("leaks a second, MiB"),
    "write_mib": gettext_lazy("writes a second, MiB"),
}
FIRST = ("missing", "pull_seconds", "exit_after", "exit_code", "never_ready", "leak_mib")


class ImageForm(forms.Form):
    """An empty field says nothing of the image; what is left empty is as images usually are."""

    name = forms.CharField(
        label=gettext_lazy("image"),
        max_length=250,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )
    purge = forms.BooleanField(label=gettext_lazy("forget it on the nodes"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "image-%s")
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["placeholder"] = "web:2.0"
        for name, label in SHOWN.items():
            kind, most = FIELDS[name]
            if kind is bool:
                self.fields[name] = forms.BooleanField(label=label, required=False)
            else:
                self.fields[name] = forms.IntegerField(
                    label=label,
                    min_value=0,
                    max_value=most,
                    required=False,
                    widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
                )

    @property
    def first(self) -> list[Any]:
        return [self[name] for name in ("name", *FIRST)]

    @property
    def rest(self) -> list[Any]:
        return [self[name] for name in SHOWN if name not in FIRST] + [self["purge"]]

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        if told.get("exit_code") and told.get("exit_after") is None:
            self.add_error("exit_after", _("After how long does it end?"))
        return told

    def command(self) -> Body:
        """The command that the form asks for."""
        told = self.cleaned_data
        body: Body = {"op": "image", "name": told["name"]}
        for name in SHOWN:
            if told.get(name) not in (None, False, ""):
                body[name] = told[name]
        if told.get("purge"):
            body[PURGE] = True
        return body
