"""The Django app: it has templates and template tags, no models."""

from django.apps import AppConfig


class DiagramsConfig(AppConfig):  # type: ignore[misc]
    name = "apps.diagrams"
    label = "diagrams"
