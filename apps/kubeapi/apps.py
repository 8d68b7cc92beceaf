"""The app's registration."""

from django.apps import AppConfig


class KubeAPIConfig(AppConfig):
    """The Kubernetes REST paths over HTTP, for kubectl and client libraries."""

    name = "apps.kubeapi"
