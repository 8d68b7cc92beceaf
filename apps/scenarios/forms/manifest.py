"""Forms that take YAML: a manifest to apply, an object to replace, and a new scenario from any of three sources."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.scenarios import limits, presets

YAML_BOX = {"rows": 18, "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off", "class": "yaml-box"}


class _ReadsFiles(forms.Form):
    """What is uploaded is read as text into the same field as what is pasted, so that an error shows it in the box."""

    def read_upload(self) -> str:
        """The uploaded text, "" without one; an error beside the field for what is no text or too big."""
        upload = self.cleaned_data.get("file")
        if upload is None:
            return ""
        if upload.size > limits.MANIFEST_BYTES:
            refusal = limits.exceeded("manifest_bytes", limits.MANIFEST_BYTES, upload.size)
            self.add_error("file", refusal.message)
            return ""
        try:
            return str(upload.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            self.add_error("file", _("This file is not text in UTF-8."))
            return ""


class ManifestForm(_ReadsFiles):
    """A manifest, pasted or uploaded."""

    manifest = forms.CharField(
        label=_("Manifest"), required=False, strip=False, widget=forms.Textarea(attrs={**YAML_BOX, "rows": 8})
    )
    file = forms.FileField(
        label=_("or a file"), required=False, widget=forms.FileInput(attrs={"accept": ".yaml,.yml,.json"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "manifest-%s")
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        uploaded = self.read_upload()
        cleaned["text"] = uploaded or cleaned.get("manifest") or ""
        if not cleaned["text"].strip() and not self.errors:
            self.add_error("manifest", _("Paste a manifest, or choose a file."))
        return cleaned


# Settings of a cluster's network: what each value is called. A story has its own where nothing is chosen.
AS_IT_IS = ("", _("as the story has it"))
NOBODY = "none"  # no load balancer: an empty choice says nothing of it
NETWORK: dict[str, tuple[Any, tuple[tuple[str, Any], ...]]] = {
    "proxy_mode": (_("kube-proxy mode"), (("iptables", "iptables"), ("nftables", "nftables"), ("ipvs", "IPVS"))),
    "encapsulation": (
        _("Encapsulation between nodes"),
        (
            ("ipip", _("IP-in-IP, always")),
            ("ipip-cross-subnet", _("IP-in-IP, between subnets alone")),
            ("vxlan", _("VXLAN, always")),
            ("vxlan-cross-subnet", _("VXLAN, between subnets alone")),
            ("none", _("none")),
        ),
    ),
    "cluster_routes": (_("Routes to other nodes' Pods by"), (("bird", "BIRD"), ("felix", "Felix"))),
    "load_balancer": (
        _("Load balancer"),
        (
            (NOBODY, _("none: LoadBalancer Services stay pending")),
            ("cloud", _("a cloud's, in front of the node ports")),
            ("metallb", _("MetalLB, in layer 2 mode")),
        ),
    ),
    "subnets": (_("Subnets of the nodes"), (("1", _("one")), ("2", _("two, with a router between")))),
}


class NewScenarioForm(_ReadsFiles):
    """A new scenario: a preset, a cluster's make-up, and optionally a manifest on top."""

    title = forms.CharField(label=_("Title"), max_length=120, required=False)
    preset = forms.ChoiceField(label=_("Begin with"), required=False)
    workers = forms.IntegerField(label=_("Worker nodes"), min_value=0, max_value=limits.WORKERS, required=False)
    seed = forms.IntegerField(
        label=_("Seed"),
        min_value=0,
        max_value=2**31 - 1,
        required=False,
        help_text=_("The same seed and the same commands always give the same story."),
    )
    manifest = forms.CharField(label=_("Manifest"), required=False, strip=False, widget=forms.Textarea(attrs=YAML_BOX))
    file = forms.FileField(
        label=_("or a file"), required=False, widget=forms.FileInput(attrs={"accept": ".yaml,.yml,.json"})
    )

    def __init__(self, *args: Any, lang: str = "en", **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "new-%s")
        super().__init__(*args, **kwargs)
        choices = [(preset.id, preset.title_in(lang)) for preset in presets.listed()]
        self.fields["preset"].choices = choices  # type: ignore[attr-defined]
        text = {name: self.fields.pop(name) for name in ("manifest", "file")}
        for name, (label, values) in NETWORK.items():
            self.fields[name] = forms.ChoiceField(label=label, choices=(AS_IT_IS, *values), required=False)
        self.fields.update(text)

    def clean_preset(self) -> str:
        return self.cleaned_data["preset"] or "empty"

    def clean_manifest(self) -> str:
        text: str = self.cleaned_data["manifest"]
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > limits.MANIFEST_BYTES:
            raise ValidationError(limits.exceeded("manifest_bytes", limits.MANIFEST_BYTES, size).message)
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        uploaded = self.read_upload()
        cleaned["text"] = uploaded or cleaned.get("manifest") or ""
        return cleaned

    def cluster(self) -> dict[str, Any]:
        """The cluster settings that differ from the preset's."""
        told = self.cleaned_data
        settings = {name: told[name] for name in ("workers", "seed") if told.get(name) is not None}
        for name in NETWORK:
            chosen = told.get(name)
            if chosen:
                nobody = name == "load_balancer" and chosen == NOBODY
                settings[name] = "" if nobody else int(chosen) if name == "subnets" else chosen
        return settings
