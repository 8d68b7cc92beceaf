"""DefaultIngressClass: an Ingress that names no class gets the one marked as default.

Models      plugin/pkg/admission/network/defaultingressclass
Leaves out  nothing known
"""

from __future__ import annotations

from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, Attributes, Plugin
from apps.cluster.apiserver.admission.storage import newest

ANNOTATION = "kubernetes.io/ingress.class"
DEFAULT = "ingressclass.kubernetes.io/is-default-class"


def admit(a: Attributes) -> None:
    spec = a.obj.get("spec") or NOTHING
    if spec.get("ingressClassName") is not None or ANNOTATION in (a.obj["metadata"].get("annotations") or NOTHING):
        return
    best = newest(
        one
        for one in a.table("ingressclasses").values()
        if (one["metadata"].get("annotations") or NOTHING).get(DEFAULT) == "true"
    )
    if best is not None:
        a.with_spec(ingressClassName=best["metadata"]["name"])


PLUGIN = Plugin("DefaultIngressClass", frozenset({CREATE}), frozenset({"ingresses"}), admit, None)
