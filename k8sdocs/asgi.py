"""The door: HTTP to Django, WebSockets to the consumers of `apps.live`, behind one origin check."""

import os

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

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AllowedHostsOriginValidator(URLRouter(websocket_urlpatterns)),
    }
)

settle_in()
