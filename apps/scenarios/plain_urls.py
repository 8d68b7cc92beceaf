"""Addresses of scenarios that are the same in every language: files and embeds."""

from django.urls import path, register_converter

from apps.scenarios.converters import FormatConverter, RefConverter
from apps.scenarios.views import files, pages

register_converter(RefConverter, "plainref")
register_converter(FormatConverter, "format")

urlpatterns = [
    path("d/<plainref:ref>.<format:format>", files.state_file, name="scenario-file"),
    path("embed/<plainref:ref>/", pages.embed, name="scenario-embed"),
]
