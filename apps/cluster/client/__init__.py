"""client-go in small: how a component talks to the API server, and the only way it may."""

from apps.cluster.client.access import Access, Problem, Unreachable
from apps.cluster.client.client import Client
from apps.cluster.client.controller import REACTION_MS, Controller
from apps.cluster.client.informer import Informer, Informers
from apps.cluster.client.recorder import Recorder

__all__ = [
    "REACTION_MS",
    "Access",
    "Client",
    "Controller",
    "Informer",
    "Informers",
    "Problem",
    "Recorder",
    "Unreachable",
]
