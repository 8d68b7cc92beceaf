"""The app's registration."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    """WebSocket consumers and the running clusters they watch."""

    name = "apps.live"

    def ready(self) -> None:
        from apps.live.hub import connect

        connect()
