"""kube-apiserver: the one door to the cluster's state."""

from apps.cluster.apiserver.server import Actor, APIServer

__all__ = ["APIServer", "Actor"]
