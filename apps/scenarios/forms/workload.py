"""The form of one workload: add it, or change the fields that differ from what was shown."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _

from apps.cluster.apimachinery.quantity import InvalidQuantity, parse
from apps.scenarios import edits, limits

Obj = dict[str, Any]
TEXT = 250


def _line(**attrs: str) -> forms.TextInput:
    return forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", **attrs})


def _lines() -> forms.Textarea:
    return forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "off"})


class WorkloadForm(forms.Form):
    """Fields that all three kinds have. Subclasses add their own; `kind` says which."""

    kind = ""
    template_name_label = None

    name = forms.CharField(label=_("name"), max_length=TEXT, widget=_line())
    image = forms.CharField(label=_("image"), max_length=TEXT, widget=_line())
    replicas = forms.IntegerField(
        label=_("replicas"),
        min_value=0,
        max_value=limits.REPLICAS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    cpu = forms.CharField(label=_("cpu request"), max_length=20, required=False, widget=_line(placeholder="100m"))
    memory = forms.CharField(label=_("memory request"), max_length=20, required=False, widget=_line(placeholder="64Mi"))
    strategy = forms.ChoiceField(label=_("strategy"))
    max_surge = forms.CharField(label="maxSurge", max_length=10, required=False, widget=_line())
    max_unavailable = forms.CharField(label="maxUnavailable", max_length=10, required=False, widget=_line())
    partition = forms.IntegerField(
        label=_("partition"), min_value=0, required=False, widget=forms.NumberInput(attrs={"inputmode": "numeric"})
    )
    pod_management = forms.ChoiceField(
        label="podManagementPolicy", choices=[("OrderedReady", "OrderedReady"), ("Parallel", "Parallel")]
    )
    node_selector = forms.CharField(
        label="nodeSelector", max_length=2000, required=False, widget=_lines(), help_text=_("One key=value a line")
    )
    tolerations = forms.CharField(
        label=_("tolerations"),
        max_length=2000,
        required=False,
        widget=_lines(),
        help_text=_("One a line: key=value:Effect, key:Effect, key, or * for every taint"),
    )
    paused = forms.BooleanField(label=_("paused"), required=False)

    def __init__(self, *args: Any, obj: Obj | None = None, **kwargs: Any) -> None:
        self.obj = obj
        identity = f"{obj['metadata'].get('namespace', '')}-{obj['metadata']['name']}" if obj else "new"
        kwargs.setdefault("auto_id", f"{self.kind.lower()}-{identity}-%s")
        initial = edits.values_of(obj) if obj else {**edits.DEFAULTS[self.kind], "image": "nginx:1.27", "cpu": "100m"}
        kwargs["initial"] = {**initial, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        if obj is not None:
            del self.fields["name"]
            self.fields.pop("pod_management", None)  # it cannot be changed later
        for field in self.fields.values():
            field.show_hidden_initial = True

    def clean_node_selector(self) -> str:
        return self._lines("node_selector", edits.read_selector, _("Not key=value: %(line)s"))

    def clean_tolerations(self) -> str:
        return self._lines("tolerations", edits.read_tolerations, _("Not a toleration: %(line)s"))

    def clean_cpu(self) -> str:
        return self._quantity("cpu")

    def clean_memory(self) -> str:
        return self._quantity("memory")

    def _quantity(self, field: str) -> str:
        text: str = self.cleaned_data[field]
        if text:
            try:
                parse(text)
            except InvalidQuantity as error:
                raise ValidationError(
                    _("Not a quantity, such as 250m or 1.5 for cpu, 64Mi for memory (%(why)s)"),
                    params={"why": str(error)},
                ) from None
        return text

    def _lines(self, field: str, read: Any, message: Any) -> str:
        text: str = self.cleaned_data[field]
        try:
            read(text)
        except edits.LineError as error:
            raise ValidationError(message, params={"line": str(error)}) from None
        return text

    def changed_values(self) -> edits.Values:
        """The values that differ from what the reader was shown; for a new object, all of them."""
        if self.obj is None:
            return dict(self.cleaned_data)
        changed = {}
        for name in self.fields:
            if name in self.cleaned_data and self[name]._has_changed():
                changed[name] = self.cleaned_data[name]
        return changed


class DeploymentForm(WorkloadForm):
    kind = "Deployment"
    partition = pod_management = None  # type: ignore[assignment]
    strategy = forms.ChoiceField(
        label=_("strategy"), choices=[("RollingUpdate", "RollingUpdate"), ("Recreate", "Recreate")]
    )


class DaemonSetForm(WorkloadForm):
    kind = "DaemonSet"
    replicas = partition = pod_management = paused = None  # type: ignore[assignment]
    strategy = forms.ChoiceField(
        label="updateStrategy", choices=[("RollingUpdate", "RollingUpdate"), ("OnDelete", "OnDelete")]
    )


class StatefulSetForm(WorkloadForm):
    kind = "StatefulSet"
    max_surge = max_unavailable = paused = None  # type: ignore[assignment]
    strategy = forms.ChoiceField(
        label="updateStrategy", choices=[("RollingUpdate", "RollingUpdate"), ("OnDelete", "OnDelete")]
    )


CLASSES: dict[str, type[WorkloadForm]] = {form.kind: form for form in (DeploymentForm, DaemonSetForm, StatefulSetForm)}


def workload_class(kind: str) -> type[WorkloadForm] | None:
    """The form of a kind, None for a kind that has no form."""
    return CLASSES.get(kind)


def form_for(kind: str, obj: Obj | None = None, data: QueryDict | None = None) -> WorkloadForm:
    """The form of one workload, unbound or bound to what was posted. A field that was not posted keeps its value."""
    form_class = CLASSES[kind]
    if data is None:
        return form_class(obj=obj)
    filled: MultiValueDict[str, Any] = data.copy()
    initial = form_class(obj=obj).initial
    for name, field in form_class.base_fields.items():
        if name in data or name not in initial:
            continue
        if isinstance(field, forms.BooleanField) and f"initial-{name}" in data:
            continue  # an empty box is not posted; its twin says that it was there
        filled[name] = initial[name]
    for name in form_class.base_fields:
        if f"initial-{name}" not in filled and name in initial:
            filled[f"initial-{name}"] = initial[name]
    return form_class(filled, obj=obj)
