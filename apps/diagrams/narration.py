"""What a step says: its sentence, its verb, the article it leads to and the edges it travels.

A step that brings a message id is said with it. One that brings none is described from its verb, its object and what
changed between `before` and `after`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.apiserver.refusals import REFUSED
from apps.cluster.engine.trace import Step
from apps.diagrams import wording
from apps.diagrams.ids import edge_id
from apps.diagrams.states import ready_condition, status_word

Obj = dict[str, Any]

# Container runtimes, and what they set going.
RUNTIMES = ("crio", "containerd", "cri-dockerd", "crun", "runc", "conmon", "containerd-shim-runc-v2", "pinns", "cni")
# Components that are no controller of kube-controller-manager, and the article about each.
ARTICLES = {
    "kubectl": "kube-apiserver",
    "kube-apiserver": "kube-apiserver",
    "etcd": "etcd",
    "kube-scheduler": "kube-scheduler",
    "default-scheduler": "kube-scheduler",
    "kube-controller-manager": "kube-controller-manager",
    "kubelet": "kubelet",
    **dict.fromkeys(RUNTIMES, "container-runtime"),
    "kube-proxy": "kube-proxy",
    "calico-node": "calico-node",
    "calico": "calico",
    "calico-kube-controllers": "calico",
    "felix": "felix",
    "bird": "bird",
    "kubeadm": "kubeadm",
    "machine": "node",
    "storage-provisioner": "statefulset",
    "storage-attacher": "statefulset",
    "service-controller": "loadbalancer",
    "metallb-controller": "loadbalancer",
    "metallb-speaker": "loadbalancer",
    "cloud": "loadbalancer",
}
CONTROLLER_ARTICLES = {
    "deployment": "deployment",
    "replicaset": "deployment",
    "daemonset": "daemonset",
    "statefulset": "statefulset",
    "job": "job",
    "cronjob": "job",
    "ttlafterfinished": "job",
    "endpoint": "services",
    "endpointslice": "services",
    "endpointslicemirroring": "services",
    "service": "loadbalancer",
    "node": "node",
    "nodelifecycle": "node",
    "nodeipam": "node",
    "taintevictioncontroller": "node",
}
# Who speaks for the reader: what they do arrives at the gate from outside.
OUTSIDE = ("kubectl", "kubeadm", "machine", "load", "")
_PROXIES = ("kube-proxy", "calico-node", "felix", "bird", "confd")
_HTTP = {"create": "POST", "bind": "POST", "evict": "POST", "update": "PUT", "delete": "DELETE"}
_SUBRESOURCE = {"bind": "binding", "evict": "eviction"}


def split_ref(ref: str) -> tuple[str, str, str]:
    """A ref's resource, namespace and name.

    >>> split_ref("pods/default/web-0"), split_ref("nodes/worker-1")
    (('pods', 'default', 'web-0'), ('nodes', '', 'worker-1'))
    """
    resource, _, key = ref.partition("/")
    namespace, slash, name = key.partition("/")
    return (resource, namespace, name) if slash else (resource, "", namespace)


def kind_of(step: Step) -> str:
    """The kind of the step's object; the resource's name when the object is not at hand."""
    obj = step.after or step.before
    if obj is not None:
        return obj.get("kind", "")  # type: ignore[no-any-return]
    resource = split_ref(step.ref)[0]
    return {"pods": "Pod", "nodes": "Node"}.get(resource, resource)


def who(step: Step) -> str:
    """Who acted, with the machine where one program runs on many: `kubelet/worker-2`."""
    if step.node and step.component in ("kubelet", *RUNTIMES, *_PROXIES):
        return f"{step.component}/{step.node}"
    if step.component == "kubectl" and "agent" in step.params:
        return agent_name(step.params["agent"])
    return step.component


def agent_name(agent: str) -> str:
    """The program in a user agent.

    >>> agent_name("kubectl/v1.32.4 (linux/amd64) kubernetes/4ea3eb5"), agent_name("OpenAPI-Generator/35.0.0/python")
    ('kubectl', 'OpenAPI-Generator')
    """
    return agent.partition("/")[0].strip()[:40] or "kubectl"


def controller_name(component: str) -> str:
    """A controller's short name, "" for what is no controller: `deployment-controller` -> `deployment`.

    >>> [controller_name(who) for who in ("replicaset-controller", "generic-garbage-collector", "kubelet")]
    ['replicaset', 'garbage-collector', '']
    """
    if component in ARTICLES or not component:
        return ""
    name = component.removesuffix("-controller").removeprefix("generic-")
    return {"daemon-set": "daemonset", "stateful-set": "statefulset", "node": "node-lifecycle"}.get(name, name)


def article_of(step: Step) -> str:
    """The slug of the article about who acted."""
    if step.component in ARTICLES:
        return ARTICLES[step.component]
    squashed = controller_name(step.component).replace("-", "")
    return CONTROLLER_ARTICLES.get(squashed, "kube-controller-manager")


def edges_of(step: Step | None) -> list[str]:
    """Ids of the edges the step travels, in order: who asks -> kube-apiserver -> etcd. Notes stop short of etcd."""
    if step is None:
        return []
    component, node = step.component, step.node
    if component == "kubelet" or component in RUNTIMES or (component in _PROXIES and node):
        first = edge_id("kubelet", node)  # one line leads from a machine to the API server
    elif component in ("kube-scheduler", "default-scheduler"):
        first = edge_id("kube-scheduler")
    elif component in OUTSIDE:
        first = edge_id("kubectl")
    elif controller_name(component) or component == "kube-controller-manager":
        first = edge_id("kube-controller-manager")
    else:
        first = ""  # kube-apiserver itself, or an addon that the figure gives no edge
    if step.rank == "note":
        return [first] if first and (component == "kubectl" or step.message == REFUSED) else []
    return [first, edge_id("etcd")] if first else [edge_id("etcd")]


def asks(step: Step | None) -> bool:
    """Whether a step comes of a request to the API server: it wrote something, or was refused."""
    return step is not None and (step.rank != "note" or step.message == REFUSED)


def request_of(step: Step | None) -> str:
    """The request as kube-apiserver sees it: `PATCH pods/status`; nothing for a step that has asked for nothing."""
    if not asks(step):
        return ""
    assert step is not None
    done, below = step.verb, step.subresource
    if step.rank == "note":
        done, below = step.params["request"], step.params["subresource"]
    subresource = below or _SUBRESOURCE.get(done, "")
    resource = split_ref(step.ref)[0].partition(".")[0]
    verb = _HTTP.get(done, "PATCH")
    return f"{verb} {resource}/{subresource}" if subresource else f"{verb} {resource}"


def verb_text(step: Step, lang: str) -> str:
    """What was done, in a word of the language; the verb itself where the language has none."""
    verb = step.verb
    if step.subresource == "scale":
        verb = "scale"
    return wording.say(lang, f"verb.{verb}") if wording.has(lang, f"verb.{verb}") else verb


def sentence(step: Step, lang: str) -> str:
    """One line that says what happened."""
    params = {**_standing(step), **step.params}
    if step.message and wording.has(lang, step.message):
        return wording.say(lang, step.message, params)
    message, more = _derived(step)
    return wording.say(lang, message, {**params, "verb": verb_text(step, lang), **more})


def _standing(step: Step) -> dict[str, Any]:
    """What every message may use."""
    resource, namespace, name = split_ref(step.ref)
    return {
        "who": who(step),
        "kind": kind_of(step),
        "name": name,
        "namespace": namespace,
        "resource": resource,
        "node": step.node,
    }


def _derived(step: Step) -> tuple[str, Mapping[str, Any]]:
    """The message id, and parameters, that describe a step without one."""
    before, after = step.before, step.after
    if step.rank == "heartbeat":
        return "step.heartbeat", {}
    if step.rank == "event":
        return "step.event", _event(after or before or {})
    if step.rank == "note":
        named = f"step.{step.verb}"
        return (named, {}) if step.verb in ("power-off", "power-on") else ("step.note", {})
    if step.verb == "bind":
        return "step.bind", {"target": (after or {}).get("spec", {}).get("nodeName", "")}
    if step.verb == "delete" or (before is not None and after is None):
        return ("step.gone" if after is None else "step.marked"), {}
    if before is not None and after is not None:
        told = _change(kind_of(step), before, after)
        if told is not None:
            return told
        if step.subresource == "status":
            return "step.status", {}
    if step.subresource == "scale":
        return "step.scale", {}
    return (f"step.{step.verb}" if step.verb in _HTTP or step.verb == "patch" else "step.update"), {}


def _event(event: Obj) -> dict[str, str]:
    about = event.get("involvedObject") or event.get("regarding") or {}
    return {"about": f"{about.get('kind', '')} {about.get('name', '')}".strip(), "reason": event.get("reason", "")}


def _change(kind: str, before: Obj, after: Obj) -> tuple[str, Mapping[str, Any]] | None:
    """The change most worth saying, if it is one of those that readers wait for."""
    if kind == "Pod":
        old, new = status_word(before), status_word(after)
        if old != new:
            return "step.pod-state", {"before": old, "after": new}
        was, now = ready_condition(before) == "True", ready_condition(after) == "True"
        if was != now:
            return ("step.pod-ready" if now else "step.pod-unready"), {}
        return None
    if kind == "Node":
        was_ready, is_ready = ready_condition(before), ready_condition(after)
        if was_ready != is_ready:
            return {"True": "step.node-ready", "Unknown": "step.node-lost"}.get(is_ready, "step.node-not-ready"), {}
        return None
    old_wanted, new_wanted = _replicas(before), _replicas(after)
    if old_wanted != new_wanted and new_wanted is not None:
        return "step.replicas", {"before": old_wanted, "after": new_wanted}
    ready = (after.get("status") or {}).get("readyReplicas", 0)
    if new_wanted is not None and ready != (before.get("status") or {}).get("readyReplicas", 0):
        return "step.ready-count", {"ready": ready, "wanted": new_wanted}
    return None


def _replicas(obj: Obj) -> int | None:
    return (obj.get("spec") or {}).get("replicas")
