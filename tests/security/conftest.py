"""What attacks share: strangers, an owner with a key, hostile texts, and what an answer must never be."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, settings

from apps.scenarios import access, making, manifests, service, session

settings.register_profile(
    "security",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FUZZ = settings.get_profile("security")

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.27"}]}
"""

# What somebody may write where a text goes. Each could be read as something else by one of our writers.
HOSTILE = {
    "a script element": "<script>alert(1)</script>",
    "the end of a script element": "</script><script>alert(1)</script>",
    "an attribute that ends": '"><img src=x onerror=alert(1)>',
    "an attribute that ends, in single quotes": "' onmouseover='alert(1)",
    "an SVG with a handler": "<svg/onload=alert(1)>",
    "the end of a CDATA section": "]]><script>alert(1)</script>",
    "a comment": "--><script>alert(1)</script><!--",
    "an entity": "&lt;marquee&gt; &#x41; &nosuch;",
    "a template tag": "{{ 7|add:7 }}{% csrf_token %}${7*7}",
    "what Graphviz replaces": r"\N \G \L \E \l \" \\",
    "a Graphviz HTML label": "<<marquee>bold</marquee>>",
    "the end of a DOT string": '"]; evil [label="x',
    "a Mermaid directive": '%%{init: {"theme": "dark"}}%% "] --> evil["x',
    "text that runs from right to left": "\u202eabc\u2066\u2069\u200f",
    "Hangul": "이름표 이름표",
    "a percent pattern": "%s %d %(name)s %%",
    "format braces": "{0} {name} {}",
    "a URL that runs": "javascript:alert(1)",
    "two lines": "one\r\ntwo: injected",
    "an emoji": "🦈\ufe0f",
}


def tags(html: str) -> set[str]:
    """The names of the elements in a page, as a browser that knows no mercy would find them."""
    return {name.lower() for name in re.findall(r"<([a-zA-Z][a-zA-Z0-9:]*)", html)}


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Every test begins without the sessions and frames of another."""
    session.forget()
    service.forget_frames()
    yield
    session.forget()
    service.forget_frames()


@pytest.fixture
def made(db: None) -> making.Made:
    """A stored scenario with one Deployment, and its key."""
    return making.from_preset("empty", documents=manifests.read(WEB))


@pytest.fixture
def owner(made: making.Made) -> Client:
    """A browser that holds the scenario's key."""
    client = Client()
    client.cookies[access.cookie_name(made.scenario.id)] = made.key
    return client


def post_command(client: Client, scenario_id: str, body: Any, lang: str = "en") -> Any:
    """A command as a program posts it."""
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(
        f"/{lang}/s/{scenario_id}/commands/", data, content_type="application/json", HTTP_ACCEPT="application/json"
    )


@contextmanager
def cpu_at_most(seconds: float) -> Iterator[None]:
    """The work inside takes no more of one core than this."""
    begin = time.process_time()
    yield
    took = time.process_time() - begin
    assert took <= seconds, f"{took:.2f} s of CPU"
