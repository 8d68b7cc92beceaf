"""The priority levels and flow schemas that every API server starts with: the two it cannot do without, and the others.

Models      k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go
Leaves out  nothing

Made once and shared by every cluster. Nothing is queued by them: requests are answered at once (apiserver/server.py).
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

AUTO_UPDATE = "apf.kubernetes.io/autoupdate-spec"
EXEMPT, CATCH_ALL = "exempt", "catch-all"
USER, NAMESPACE = "ByUser", "ByNamespace"
_ALL = ["*"]
_EVERYBODY = ("system:unauthenticated", "system:authenticated")


def _made(name: str, spec: Obj) -> Obj:
    return {"metadata": {"name": name, "annotations": {AUTO_UPDATE: "true"}}, "spec": spec}


# ---- priority levels -------------------------------------------------------------------------------


def _limited(name: str, shares: int, lendable: int, response: Obj) -> Obj:
    limited = {"nominalConcurrencyShares": shares, "limitResponse": response, "lendablePercent": lendable}
    return _made(name, {"type": "Limited", "limited": limited})


def _queued(name: str, shares: int, lendable: int, queues: int, hand: int) -> Obj:
    queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": 50}
    return _limited(name, shares, lendable, {"type": "Queue", "queuing": queuing})


SUGGESTED_LEVELS = (
    _queued("system", 30, 33, 64, 6),
    _queued("node-high", 40, 25, 64, 6),
    _queued("leader-election", 10, 0, 16, 4),
    _queued("workload-high", 40, 50, 128, 6),
    _queued("workload-low", 100, 90, 128, 6),
    _queued("global-default", 20, 50, 128, 6),
)
MANDATORY_LEVELS = (
    _limited(CATCH_ALL, 5, 0, {"type": "Reject"}),
    _made(EXEMPT, {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}),
)


# ---- flow schemas ----------------------------------------------------------------------------------


def _groups(*names: str) -> list[Obj]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


def _users(*names: str) -> list[Obj]:
    return [{"kind": "User", "user": {"name": name}} for name in names]


def _own_accounts() -> list[Obj]:
    return [{"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": "*"}}]


def _resources(verbs: list[str], groups: list[str], resources: list[str], *, cluster: bool) -> Obj:
    rule: Obj = {"verbs": verbs, "apiGroups": groups, "resources": resources}
    if cluster:
        rule["clusterScope"] = True
    return {**rule, "namespaces": _ALL}


def _schema(name: str, level: str, precedence: int, method: str, rule: Obj) -> Obj:
    spec: Obj = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
    if method:
        spec["distinguisherMethod"] = {"type": method}
    return _made(name, {**spec, "rules": [rule]})


def _anything(subjects: list[Obj]) -> Obj:
    return {
        "subjects": subjects,
        "resourceRules": [_resources(_ALL, _ALL, _ALL, cluster=True)],
        "nonResourceRules": [{"verbs": _ALL, "nonResourceURLs": _ALL}],
    }


_LEASES = ["coordination.k8s.io"], ["leases"]
SUGGESTED_SCHEMAS = (
    _schema("system-nodes", "system", 500, USER, _anything(_groups("system:nodes"))),
    _schema(
        "system-node-high",
        "node-high",
        400,
        USER,
        {
            "subjects": _groups("system:nodes"),
            "resourceRules": [
                _resources(_ALL, [""], ["nodes", "nodes/status"], cluster=True),
                _resources(_ALL, *_LEASES, cluster=False),
            ],
        },
    ),
    _schema(
        "probes",
        EXEMPT,
        2,
        "",
        {
            "subjects": _groups(*_EVERYBODY),
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}],
        },
    ),
    _schema(
        "system-leader-election",
        "leader-election",
        100,
        USER,
        {
            "subjects": [*_users("system:kube-controller-manager", "system:kube-scheduler"), *_own_accounts()],
            "resourceRules": [_resources(["get", "create", "update"], *_LEASES, cluster=False)],
        },
    ),
    _schema(
        "kube-controller-manager",
        "workload-high",
        800,
        NAMESPACE,
        _anything(_users("system:kube-controller-manager")),
    ),
    _schema("kube-scheduler", "workload-high", 800, NAMESPACE, _anything(_users("system:kube-scheduler"))),
    _schema("kube-system-service-accounts", "workload-high", 900, NAMESPACE, _anything(_own_accounts())),
    _schema("service-accounts", "workload-low", 9000, USER, _anything(_groups("system:serviceaccounts"))),
    _schema("global-default", "global-default", 9900, USER, _anything(_groups(*_EVERYBODY))),
)
MANDATORY_SCHEMAS = (
    _schema(EXEMPT, EXEMPT, 1, "", _anything(_groups("system:masters"))),
    _schema(CATCH_ALL, CATCH_ALL, 10000, USER, _anything(_groups(*_EVERYBODY))),
)


def _specs(objects: tuple[Obj, ...]) -> dict[str, Obj]:
    return {obj["metadata"]["name"]: obj["spec"] for obj in objects}


LEVELS, SCHEMAS = "prioritylevelconfigurations", "flowschemas"
# (resource, object, whether no cluster may be without it), in the order in which they are written.
BOOTSTRAP: tuple[tuple[str, Obj, bool], ...] = tuple(
    (resource, obj, mandatory)
    for resource, objects, mandatory in (
        (LEVELS, SUGGESTED_LEVELS, False),
        (SCHEMAS, SUGGESTED_SCHEMAS, False),
        (LEVELS, MANDATORY_LEVELS, True),
        (SCHEMAS, MANDATORY_SCHEMAS, True),
    )
    for obj in objects
)
FIXED = {LEVELS: _specs(MANDATORY_LEVELS), SCHEMAS: _specs(MANDATORY_SCHEMAS)}
