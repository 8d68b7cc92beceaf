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
        return {
            name: self.cleaned_data[name] for name in ("workers", "seed") if self.cleaned_data.get(name) is not None
        }
