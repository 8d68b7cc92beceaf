"""kube-apiserver: the one door to the cluster's state."""

from apps.cluster.apiserver.authentication import Actor
from apps.cluster.apiserver.server import APIServer

__all__ = ["APIServer", "Actor"]
