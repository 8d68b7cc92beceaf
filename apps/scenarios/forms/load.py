"""The form of the load on a workload: a slider of cpu, dealt out among its Pods or put on each of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.cluster.apimachinery.quantity import InvalidQuantity, milli
from apps.cluster.metrics.load import PER, RESOURCES
from apps.scenarios.commands import Body

MOST_MILLI = 8_000  # of the slider; a command may ask for more
STEP_MILLI = 50


class LoadForm(forms.Form):
    """`load` is in thousandths of a core."""

    resource = forms.ChoiceField(choices=[(name, name) for name in RESOURCES])
    namespace = forms.CharField(max_length=253)
    name = forms.CharField(max_length=253)
    load = forms.IntegerField(label=_("load, cpu"), min_value=0, max_value=10_000_000)
    per = forms.ChoiceField(label=_("for"), choices=[(per, per) for per in PER], required=False)

    def command(self) -> Body:
        """The command that the form asks for."""
        told = self.cleaned_data
        return {
            "op": "load",
            "resource": told["resource"],
            "namespace": told["namespace"],
            "name": told["name"],
            "cpu": f"{told['load']}m",
            "per": told["per"] or PER[0],
        }


def load_row(found: dict[str, Any] | None) -> dict[str, Any]:
    """What the slider shows of a load: thousandths of a core, and for whom."""
    try:
        amount = milli(str((found or {}).get("cpu") or "0"))
    except InvalidQuantity:
        amount = 0
    return {
        "milli": amount,
        "cores": f"{amount / 1000:g}",
        "most": max(MOST_MILLI, amount),
        "step": STEP_MILLI,
        "per": (found or {}).get("per", PER[0]),
    }
