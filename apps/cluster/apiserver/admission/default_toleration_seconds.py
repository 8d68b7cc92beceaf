"""DefaultTolerationSeconds: a Pod bears a node that is not ready or unreachable for 300 s, unless it says otherwise.

Models      plugin/pkg/admission/defaulttolerationseconds
Leaves out  nothing known
"""

from __future__ import annotations

from apps.cluster.apiserver.admission.attributes import CREATE, UPDATE, Attributes, Plugin

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"


def admit(a: Attributes) -> None:
    tolerations = a.obj["spec"].get("tolerations") or []
    extra = [
        {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for taint in (NOT_READY, UNREACHABLE)
        if not any(
            toleration.get("key") in (taint, "", None) and toleration.get("effect") in ("NoExecute", "", None)
            for toleration in tolerations
        )
    ]
    if extra:
        a.with_spec(tolerations=[*tolerations, *extra])


PLUGIN = Plugin("DefaultTolerationSeconds", frozenset({CREATE, UPDATE}), frozenset({"pods"}), admit, None)
