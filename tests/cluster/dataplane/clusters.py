"""Small clusters with a Deployment, its Service and a Pod that asks it."""

from __future__ import annotations

from typing import Any

import yaml

from apps.cluster.cluster import Cluster, Config

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "web:1.0", ports: [{name: http, containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: client}}
spec: {containers: [{name: c, image: "busybox:1.36", command: ["sleep", "infinity"]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http, nodePort: 30080}]}
"""


def apply(cluster: Cluster, text: str) -> None:
    cluster.execute({"op": "apply", "objects": list(yaml.safe_load_all(text))})
    cluster.run_to_rest()


def booted(text: str = WEB, **config: Any) -> Cluster:
    cluster = Cluster.boot(Config(**config))
    apply(cluster, text)
    return cluster


def agent(cluster: Cluster, verb: str, name: str, node: str) -> None:
    cluster.execute({"op": "component", "verb": verb, "name": name, "node": node})
