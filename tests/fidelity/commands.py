"""The kubectl command lines of the recordings, as the commands of our façade."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

Command = dict[str, Any]

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
RESOURCES = {
    "deploy": "deployments",
    "deployment": "deployments",
    "sts": "statefulsets",
    "ds": "daemonsets",
    "pod": "pods",
    "pods": "pods",
    "svc": "services",
    "job": "jobs",
    "cronjob": "cronjobs",
}
READS = ("get", "describe")
READ_ROLLOUT = ("history", "status")
IGNORED = re.compile(r"^\((state before|30 s after|after restart|75 s after)")


def commands(line: str, namespace: str, objects: Sequence[Command], nodes: dict[str, str]) -> list[Command]:
    """What one line does: several commands, or none for one that only reads.

    `objects` are what `-f -` stands for; `nodes` maps the recording's node names to ours.

    Raises:
        ValueError: a line that is not understood.
    """
    if line.startswith("("):
        return _act(line, namespace, nodes)
    words = shlex.split(line)[1:]
    verb = words[0]
    if verb in READS or (verb == "rollout" and words[1] in READ_ROLLOUT):
        return []
    if verb == "create" and "-f" in words:
        return [{"op": "create", "objects": list(objects)}]
    if verb == "create" and words[1] == "job":
        return [{"from": _flag(words, "--from").partition("/")[2], "name": words[-1], "namespace": namespace}]
    if verb == "create" and words[1] == "deployment":
        return [{"op": "create", "objects": [_deployment(words[2], _flag(words, "--image"), namespace)]}]
    where = {"namespace": namespace}
    if verb == "scale":
        resource, name = _target(words[1:])
        return [
            {"op": "scale", "resource": resource, "name": name, **where, "replicas": int(_flag(words, "--replicas"))}
        ]
    if verb == "set" and words[1] == "image":
        resource, name = _target(words[2:])
        container, _, image = words[3].partition("=")
        body = {"spec": {"template": {"spec": {"containers": [{"name": container, "image": image}]}}}}
        return [_patch(resource, name, where, body)]
    if verb == "annotate":
        resource, name = _target(words[1:])
        key, _, value = words[2].partition("=")
        return [_patch(resource, name, where, {"metadata": {"annotations": {key: value}}})]
    if verb == "patch":
        resource, name = _target(words[1:])
        return [_patch(resource, name, where, json.loads(line.partition(" -p ")[2]))]
    if verb == "rollout":
        resource, name = _target(words[2:])
        if "#" in words:  # when it was given: the template's hash depends on it
            told = {"metadata": {"annotations": {RESTARTED_AT: words[-1]}}}
            return [_patch(resource, name, where, {"spec": {"template": told}})]
        to = int(_flag(words, "--to-revision") or 0)
        return [{"op": "rollout", "verb": words[1], "resource": resource, "name": name, **where, "revision": to}]
    if verb == "delete" and "-l" in words:
        node = nodes[_flag([words[words.index("--field-selector") + 1]], "spec.nodeName")]
        label = words[words.index("-l") + 1]
        return [{"op": "delete", "resource": RESOURCES[words[1]], **where, "labels": label, "node": node}]
    if verb == "delete":
        resource, name = _target(words[1:])
        return [{"op": "delete", "resource": resource, "name": name, **where}]
    if verb in ("cordon", "uncordon"):
        return [{"op": "node", "verb": verb, "name": nodes[words[1]]}]
    if verb == "taint":
        return [_taint(nodes[words[2]], words[3])]
    raise ValueError(f"not understood: {line}")


def _act(line: str, namespace: str, nodes: dict[str, str]) -> list[Command]:
    """What was done without kubectl, to a machine or through the API: the recordings put it in brackets."""
    if match := re.match(r"\((create|delete) namespace (\w+)\)", line):
        if match.group(1) == "delete":
            return [{"op": "delete", "resource": "namespaces", "name": match.group(2)}]
        return [
            {"op": "create", "objects": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": match[2]}}]}
        ]
    if line == "(create services a0 to a9)":
        return [{"op": "create", "objects": [_node_port(f"a{number}", namespace)]} for number in range(10)]
    if match := re.match(r"\((add|delete) node (\w+)\)", line):
        verb = "join" if match.group(1) == "add" else "remove"
        return [{"op": "node", "verb": verb, "name": nodes[match.group(2)]}]
    if match := re.search(r"now kubelet (\w+) (stops|starts)", line):
        verb = "power-off" if match.group(2) == "stops" else "power-on"
        return [{"op": "node", "verb": verb, "name": nodes[match.group(1)]}]
    if match := re.match(r"\(kubelet (\w+) stops and Node", line):
        return [{"op": "node", "verb": "remove", "name": nodes[match.group(1)]}]
    if IGNORED.match(line):
        return []
    raise ValueError(f"not understood: {line}")


def _target(words: Sequence[str]) -> tuple[str, str]:
    kind, slash, name = words[0].partition("/")
    return RESOURCES[kind], name if slash else words[1]


def _flag(words: Sequence[str], flag: str) -> str:
    for word in words:
        if word.startswith(flag + "="):
            return word.partition("=")[2]
    return ""


def _patch(resource: str, name: str, where: dict[str, str], body: Any) -> Command:
    return {"op": "patch", "resource": resource, "name": name, **where, "type": "strategic", "body": body}


def _deployment(name: str, image: str, namespace: str) -> Command:
    """What `kubectl create deployment` makes of a name and an image."""
    labels = {"app": name}
    container = {"name": image.partition(":")[0].rpartition("/")[2], "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def job_from(cron_job: Any, name: str) -> Any:
    """What `kubectl create job --from` makes of a CronJob."""
    template, metadata = cron_job["spec"]["jobTemplate"], cron_job["metadata"]
    owner = {"kind": "CronJob", "apiVersion": "batch/v1", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": template["spec"],
    }


def _node_port(name: str, namespace: str) -> Command:
    spec = {"type": "NodePort", "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def _taint(node: str, text: str) -> Command:
    """`key=value:Effect`, or `key-` to take it away."""
    if text.endswith("-"):
        taints: list[dict[str, str]] = []
    else:
        key, _, rest = text.partition("=")
        value, _, effect = rest.partition(":")
        taints = [{"key": key, "value": value, "effect": effect}]
    body = {"spec": {"taints": taints}}
    return {"op": "patch", "resource": "nodes", "namespace": "", "name": node, "type": "merge", "body": body}
