"""A client some of whose requests fail."""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.status import StatusError


class Failing:
    """A client whose requests of one kind fail so many times. Counts what is asked of that kind."""

    def __init__(self, client: Any, verb: str, resource: str, times: int, message: str = "API server failed") -> None:
        self.client, self.verb, self.resource, self.left, self.message = client, verb, resource, times, message
        self.asked = self.failed = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if name != self.verb:
            return method

        def attempt(resource: str, *args: Any, **kwargs: Any) -> Any:
            self.asked += resource == self.resource
            if resource == self.resource and self.left > 0:
                self.left -= 1
                self.failed += 1
                raise StatusError(500, "InternalError", self.message)
            return method(resource, *args, **kwargs)

        return attempt
