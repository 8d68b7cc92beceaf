"""Addresses of scenarios that are the same in every language: files and embeds."""

from django.urls import path, register_converter

from apps.scenarios.converters import RefConverter
from apps.scenarios.views import files, pages

register_converter(RefConverter, "plainref")

urlpatterns = [
    path("d/<plainref:ref>.<str:format>", files.state_file, name="scenario-file"),
    path("embed/<plainref:ref>/", pages.embed, name="scenario-embed"),
]
