"""The REST door of the API server: a request in, a response out. Whoever speaks HTTP only maps it onto this."""

from apps.cluster.apiserver.authentication import User
from apps.cluster.apiserver.requests.handler import handle
from apps.cluster.apiserver.requests.messages import Attributes, Request, Response

__all__ = ["Attributes", "Request", "Response", "User", "handle"]
