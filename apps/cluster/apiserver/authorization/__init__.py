"""Authorization: system:masters may everything, then the Node authorizer is asked, then RBAC; the first yes counts.

Models      staging/src/k8s.io/apiserver/pkg/authorization (union, authorizerfactory) and its
            endpoints/handlers/responsewriters (ForbiddenStatusError); --authorization-mode=Node,RBAC as kubeadm sets it
Leaves out  authorization configuration files; what components read and watch is not asked about, only
            their writes and all that readers do

An answer is kept until a role or a binding changes; what the Node authorizer says of names and Pods is asked each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from apps.cluster.apimachinery.status import StatusError, forbidden
from apps.cluster.apiserver.authentication import MASTERS, Actor, User, user_of
from apps.cluster.apiserver.authorization import node, rbac
from apps.cluster.apiserver.authorization.rbac import Ask

__all__ = ["RBAC_RESOURCES", "Answer", "Ask", "Authorizer", "User", "decide", "refusal"]

RBAC_RESOURCES = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
MODES = ("Node", "RBAC")
MOST_ANSWERS = 65536
NODE_ROLE = "system:node"
_SANITIZED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
Tables = Mapping[str, Mapping[str, dict[str, Any]]]


class Answer(NamedTuple):
    """Yes or no; which authorizer said yes; its reason, or what those that had no opinion said."""

    allowed: bool
    authorizer: str
    reason: str
    granted: rbac.Granted | None = None


def decide(tables: Tables, ask: Ask, modes: tuple[str, ...] = MODES) -> Answer:
    """Ask the authorizers in turn. Pure."""
    if MASTERS in ask.user.groups:
        return Answer(True, "privileged group", "")
    reasons: list[str] = []
    for mode in modes:
        if mode == "AlwaysAllow":
            return Answer(True, mode, "")
        if mode == "Node":
            role = tables.get("clusterroles", rbac.NOTHING).get(NODE_ROLE) or rbac.NOTHING
            allowed, reason = node.authorize(tables, ask, role.get("rules") or [])
            if allowed:
                return Answer(True, mode, reason)
        elif mode == "RBAC":
            granted, reason = rbac.authorize(tables, ask)
            if granted is not None:
                return Answer(True, mode, reason, granted)
        else:
            continue
        if reason:
            reasons.append(reason)
    return Answer(False, "", "\n".join(reasons))


def refusal(ask: Ask, reason: str) -> StatusError:
    """403 as the API server words it."""
    if ask.path:
        text = f'User "{ask.user.name}" cannot {ask.verb} path "{ask.path}"'
    else:
        resource = f"{ask.resource}/{ask.subresource}" if ask.subresource else ask.resource
        text = f'User "{ask.user.name}" cannot {ask.verb} resource "{resource}" in API group "{ask.group}"'
        text += f' in the namespace "{ask.namespace}"' if ask.namespace else " at the cluster scope"
    text = text.translate(_SANITIZED)
    return forbidden(ask.resource, ask.name, f"{text}: {reason}" if reason else text, ask.group)


class Authorizer:
    """The authorizers of one API server, over what is stored in it."""

    def __init__(self, tables: Tables, modes: tuple[str, ...]) -> None:
        self._tables = tables
        self.modes = modes
        self._open = modes == ("AlwaysAllow",)
        # An authorizer behind the others, as --authorization-mode=Webhook adds one: its reason for a yes, or "".
        self.webhook: Callable[[Ask], str] | None = None
        self._kept: set[tuple[Actor, str, str, str, str]] = set()

    def forget(self) -> None:
        """A role or a binding has changed, or the whole world."""
        self._kept.clear()

    def answer(self, ask: Ask) -> Answer:
        found = decide(self._tables, ask, self.modes)
        if found.allowed or self.webhook is None:
            return found
        reason = self.webhook(ask)
        return Answer(True, "Webhook", reason) if reason else found

    def check(
        self, actor: Actor, verb: str, group: str, resource: str, subresource: str, namespace: str, name: str
    ) -> None:
        """Raises: StatusError 403."""
        if self._open:
            return
        key = (actor, verb, resource, subresource, namespace)
        if key in self._kept:
            return
        ask = Ask(user_of(actor), verb, group, resource.partition(".")[0], subresource, namespace, name)
        answer = self.answer(ask)
        if not answer.allowed:
            error = refusal(ask, answer.reason)
            error.stage = "authorization"
            raise error
        if self._holds_for_all_names(ask, answer) or (actor.component == "kubelet" and resource == "leases"):
            # (A kubelet's lease is looked at once more, name and all, by NodeRestriction.)
            if len(self._kept) >= MOST_ANSWERS:
                self._kept.clear()
            self._kept.add(key)

    @staticmethod
    def _holds_for_all_names(ask: Ask, answer: Answer) -> bool:
        if answer.granted is not None:
            return not answer.granted.rule.get("resourceNames")
        if answer.authorizer == "Node":  # its own objects, by the name that stands in the key's user
            return (ask.resource, ask.verb) in _NODE_KEEPS
        return answer.authorizer != "Webhook"


# What the Node authorizer allows whatever the name is; all else it says depends on names and Pods.
_NODE_KEEPS = frozenset(
    {
        *(("pods", verb) for verb in ("create", "delete", "update", "patch")),
        *(("nodes", verb) for verb in ("create", "update", "patch")),
        *(("events", verb) for verb in ("create", "update", "patch")),
        ("leases", "create"),
    }
)
