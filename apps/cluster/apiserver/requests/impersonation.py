"""Impersonation: a request that asks to be taken for somebody else's, as `kubectl --as` sends it.

Models      staging/src/k8s.io/apiserver/pkg/endpoints/filters/impersonation (constrained_impersonation.go, mode.go)
Leaves out  extra fields of users, which are asked about and then forgotten, and with them the mode of a ServiceAccount
            for the node that it runs on; which mode served last and is tried first

Each mode asks the authorizers for itself, the narrow ones first; the first that may, acts. When none may, what the
first one was told is the answer. The narrow modes ask twice: whether this verb may be used in somebody's name at all,
and whether this somebody's name may be taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import unquote

from apps.cluster.apimachinery.names import dns1123_label, dns1123_subdomain
from apps.cluster.apimachinery.status import StatusError, bad_request, go_quoted
from apps.cluster.apiserver.authentication import (
    ACCOUNT_PREFIX,
    ACCOUNTS,
    ANONYMOUS,
    AUTHENTICATED,
    MASTERS,
    NODE_PREFIX,
    NODES,
    UNAUTHENTICATED,
    User,
)
from apps.cluster.apiserver.authorization import Answer, Ask, refusal
from apps.cluster.apiserver.requests.messages import Attributes, Request

USER, GROUP, UID, EXTRA = "impersonate-user", "impersonate-group", "impersonate-uid", "impersonate-extra-"
LEGACY = "impersonate"
REVIEWED = "authentication.k8s.io"
MANY = 4  # so many groups are first asked for in one, as "*"
Answers = Callable[[Ask], Answer]


class Wanted(NamedTuple):
    """Who the headers ask to be."""

    name: str
    groups: tuple[str, ...]
    uid: str
    extra: Mapping[str, tuple[str, ...]]

    @property
    def only_a_name(self) -> bool:
        return not (self.groups or self.uid or self.extra)


def impersonated(request: Request, attributes: Attributes, answer: Answers) -> Request:
    """The request as whoever it is made for would send it; itself, when nobody is named.

    Raises:
        StatusError: 400 for groups without a user, 403 when the asker may not.
    """
    wanted = _wanted(request)
    if wanted is None or request.user is None:
        return request
    asker, first = request.user, None
    for mode in _modes(wanted):
        try:
            if mode != LEGACY:
                verb = f"impersonate-on:{mode}:{attributes.verb}"
                _require(answer, _of(asker, verb, attributes))
            user = _taken(answer, asker, wanted, mode)
        except StatusError as error:
            first = first or error
            continue
        headers = {name: value for name, value in request.headers.items() if not _is_ours(name)}
        return replace(request, user=user, headers=headers)
    assert first is not None  # the last mode always has an opinion
    raise first


def _is_ours(name: str) -> bool:
    return name.lower() in (USER, GROUP, UID) or name.lower().startswith(EXTRA)


def _wanted(request: Request) -> Wanted | None:
    name, uid, groups = request.header(USER), request.header(UID), request.values(GROUP)
    extra: dict[str, tuple[str, ...]] = {}
    for header in request.headers:
        if header.lower().startswith(EXTRA):
            key = unquote(header.lower().removeprefix(EXTRA))
            extra[key] = (*extra.get(key, ()), *request.values(header))
    if name:
        return Wanted(name, groups, uid, extra)
    if not (groups or uid or extra):
        return None
    shown = f'Name:"", UID:{go_quoted(uid)}, Groups:{_strings(groups)}, Extra:{_map(extra)}'
    raise bad_request(f"requested &user.DefaultInfo{{{shown}}} without impersonating a user name")


def _strings(values: tuple[str, ...]) -> str:
    return f"[]string{{{', '.join(map(go_quoted, values))}}}" if values else "[]string(nil)"


def _map(extra: Mapping[str, tuple[str, ...]]) -> str:
    pairs = ", ".join(f"{go_quoted(key)}:{_strings(extra[key])}" for key in sorted(extra))
    return f"map[string][]string{{{pairs}}}" if extra else "map[string][]string(nil)"


def node_named(name: str) -> str:
    """The node whose user this is; "" for everybody else."""
    node = name.removeprefix(NODE_PREFIX)
    return node if name.startswith(NODE_PREFIX) and not dns1123_subdomain(node) else ""


def account_named(name: str) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount whose user this is."""
    namespace, _, account = name.removeprefix(ACCOUNT_PREFIX).partition(":")
    if not name.startswith(ACCOUNT_PREFIX) or dns1123_label(namespace) or dns1123_subdomain(account):
        return None
    return namespace, account


def _modes(wanted: Wanted) -> Iterator[str]:
    if node_named(wanted.name):
        if wanted.only_a_name:
            yield "arbitrary-node"
    elif account_named(wanted.name) is not None:
        if wanted.only_a_name:
            yield "serviceaccount"
    else:
        yield "user-info"
    yield LEGACY


def _of(asker: User, verb: str, attributes: Attributes) -> Ask:
    if not attributes.is_resource:
        return Ask(asker, verb, path=attributes.path)
    resource, subresource = attributes.resource, attributes.subresource
    return Ask(asker, verb, attributes.group, resource, subresource, attributes.namespace, attributes.name)


def _require(answer: Answers, ask: Ask) -> None:
    found = answer(ask)
    if not found.allowed:
        raise refusal(ask, found.reason)


def _taken(answer: Answers, asker: User, wanted: Wanted, mode: str) -> User:
    """Every part of the other's identity, asked for one by one."""
    narrow = mode != LEGACY
    verb, group = (f"impersonate:{mode}", REVIEWED) if narrow else (LEGACY, "")
    groups = wanted.groups
    node, account = node_named(wanted.name), account_named(wanted.name)
    name = Ask(asker, verb, group, "users", "", "", wanted.name)
    if account is not None:
        name = name._replace(resource="serviceaccounts", namespace=account[0], name=account[1])
        groups = groups or (ACCOUNTS, f"{ACCOUNTS}:{account[0]}")
    elif node and narrow:
        name = name._replace(resource="nodes", name=node)
        groups = (NODES,)
    _require(answer, name)
    if wanted.uid:
        _require(answer, Ask(asker, verb, REVIEWED, "uids", "", "", wanted.uid))
    _groups(answer, Ask(asker, verb, group, "groups"), wanted.groups, narrow=narrow)
    for key, values in wanted.extra.items():
        for value in values:
            _require(answer, Ask(asker, verb, REVIEWED, "userextras", key, "", value))
    if wanted.name == ANONYMOUS:
        groups = (*groups, *(() if UNAUTHENTICATED in groups else (UNAUTHENTICATED,)))
    elif UNAUTHENTICATED not in groups and AUTHENTICATED not in groups:
        groups = (*groups, AUTHENTICATED)
    return User(wanted.name, groups, wanted.uid)


def _groups(answer: Answers, ask: Ask, groups: tuple[str, ...], *, narrow: bool) -> None:
    if narrow and "" in groups:
        raise refusal(ask, "impersonating the empty string group is not allowed")
    if narrow and MASTERS in groups:
        raise refusal(ask._replace(name=MASTERS), "impersonating the system:masters group is not allowed")
    if narrow and len(groups) >= MANY and answer(ask._replace(name="*")).allowed:
        return
    for group in groups:
        _require(answer, ask._replace(name=group))
