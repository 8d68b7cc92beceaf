"""The app's registration."""

from django.apps import AppConfig


class ScenariosConfig(AppConfig):
    """Stored scenarios, their command log, links, forms and pages."""

    name = "apps.scenarios"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.scenarios import hearing

        hearing.connect()
