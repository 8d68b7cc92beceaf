"""The door: `/k8s/` to the Kubernetes API, other HTTP to Django, WebSockets to `apps.live` behind an origin check."""

import os
from typing import Any

from k8sdocs.handler import http_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "k8sdocs.settings")
django_application = http_application()  # before anything that imports models

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from apps.scenarios.collecting import settle_in  # noqa: E402
from k8sdocs.rooms import has  # noqa: E402

websocket_urlpatterns: list = []
if has("live", "routing"):
    from apps.live.routing import websocket_urlpatterns

http: Any = django_application
if has("kubeapi", "asgi"):
    from apps.kubeapi.asgi import Door
    from apps.kubeapi.asgi import websocket_urlpatterns as not_websockets

    http = Door(django_application)
    websocket_urlpatterns = [*websocket_urlpatterns, *not_websockets]

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(URLRouter(websocket_urlpatterns)),
    }
)

settle_in()
