"""A small API server that is spoken to as over HTTP."""

from __future__ import annotations

import json

from apps.cluster.apiserver import APIServer
from apps.cluster.apiserver.requests import Request, handle
from apps.cluster.apiserver.requests.reads import frames
from apps.cluster.client import Client
from apps.cluster.engine import Engine
from apps.cluster.etcd import Store

JSON_PATCH, MERGE = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
MAPS = "/api/v1/namespaces/default/configmaps"


class Rest:
    def __init__(self):
        self.engine = Engine(1)
        self.server = APIServer(self.engine, Store())
        self.client = Client(self.server, "test")
        for name in ("default", "other"):
            self.client.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            self.client.create("serviceaccounts", {"metadata": {"name": "default", "namespace": name}})

    def send(self, method, path, body=None, content_type="application/json", agent="curl/8.5.0", accept=""):
        address, _, query = path.partition("?")
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        headers = {"Content-Type": content_type, "User-Agent": agent, **({"Accept": accept} if accept else {})}
        return handle(self.server, Request(method, address, query, headers, text))

    def get(self, path):
        response = self.send("GET", path)
        assert response.status == 200, response.body
        return response.body

    def post(self, path, body):
        response = self.send("POST", path, body)
        assert response.status == 201, response.body
        return response.body

    def apply(self, path, body, manager, *, force=False, more=""):
        forced = "&force=true" if force else ""
        return self.send("PATCH", f"{path}?fieldManager={manager}{forced}{more}", body, APPLY)

    def watch(self, path):
        response = self.send("GET", path)
        assert response.watch is not None, response.body
        return response.watch

    def events(self, watch):
        return [(frame["type"], frame["object"]) for frame in frames(self.server, watch)]


def config(name, **more):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **more.pop("metadata", {})}, **more}


def owners(obj):
    """Manager and operation -> its fields, of what is shown."""
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry["fieldsV1"]
        for entry in obj["metadata"].get("managedFields", ())
    }
