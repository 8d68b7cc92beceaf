"""The WebSocket addresses."""

from django.urls import re_path

from apps.live.consumers import ScenarioConsumer

websocket_urlpatterns = [
    re_path(r"^ws/scenarios/(?P<scenario_id>[A-Za-z0-9]{1,16})/$", ScenarioConsumer.as_asgi()),
]
