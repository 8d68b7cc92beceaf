"""Every public address. Links to them live for ever; `tests/k8sdocs/test_addresses.py` holds them."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

from k8sdocs import views
from k8sdocs.rooms import has


def room(name: str, module: str = "urls") -> list:
    """Return the addresses of one app, none while it has none."""
    if has(name, module):
        return [path("", include(f"apps.{name}.{module}"))]
    return []


urlpatterns = [
    path("", views.language_door, name="door"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("robots.txt", views.robots, name="robots"),
    path("favicon.ico", views.favicon, name="favicon"),
    *room("kubeapi"),
    *room("scenarios", "plain_urls"),
    *i18n_patterns(
        path("", views.home, name="home"),
        path("styleguide/", views.styleguide, name="styleguide"),
        *room("articles"),
        *room("scenarios"),
    ),
]

handler400 = "k8sdocs.views.bad_request"
handler403 = "k8sdocs.views.forbidden"
handler404 = "k8sdocs.views.not_found"
handler500 = "k8sdocs.views.server_error"
