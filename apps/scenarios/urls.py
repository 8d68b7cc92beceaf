"""The scenarios' addresses below /{language}/. Links to them live for ever."""

from django.urls import path, register_converter

from apps.scenarios.converters import RefConverter
from apps.scenarios.views import actions, data, objects, pages

register_converter(RefConverter, "ref")

urlpatterns = [
    path("scenarios/", pages.index, name="scenarios"),
    path("scenarios/new", pages.new, name="scenario-new"),
    path("s/<ref:ref>/", pages.scenario, name="scenario"),
    path("s/<ref:ref>/frame/", data.frame, name="scenario-frame"),
    path("s/<ref:ref>/steps/", data.step_list, name="scenario-steps"),
    path("s/<ref:ref>/commands/", actions.command, name="scenario-commands"),
    path("s/<ref:ref>/fork/", actions.fork, name="scenario-fork"),
    path("s/<ref:ref>/clock/", actions.clock, name="scenario-clock"),
    path("s/<ref:ref>/objects/<str:resource>/<path:key>.yaml", objects.object_yaml, name="scenario-object"),
]
