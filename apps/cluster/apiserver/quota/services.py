"""Services against a quota: their number, node ports and load balancers.

Models      pkg/quota/v1/evaluator/core/services.go
Leaves out  nothing known
"""

from __future__ import annotations

from apps.cluster.apimachinery.resourcelist import ZERO, Amounts, count
from apps.cluster.apiserver.quota.evaluator import NOTHING, ONE, Evaluator, Obj

NAMES = ("count/services", "services", "services.nodeports", "services.loadbalancers")


class ServiceEvaluator(Evaluator):
    def __init__(self) -> None:
        super().__init__(NAMES)

    def handles(self, operation: str, subresource: str, new: Obj, old: Obj | None) -> bool:
        return not subresource and operation in ("CREATE", "UPDATE")

    def usage(self, obj: Obj, now_ms: int) -> Amounts:
        spec = obj.get("spec") or NOTHING
        ports = spec.get("ports") or ()
        result: Amounts = {
            "count/services": ONE,
            "services": ONE,
            "services.loadbalancers": ZERO,
            "services.nodeports": ZERO,
        }
        if spec.get("type") == "NodePort":
            result["services.nodeports"] = count(len(ports))
        elif spec.get("type") == "LoadBalancer":
            opened = len(ports)
            if spec.get("allocateLoadBalancerNodePorts") is False:
                opened = sum(1 for port in ports if port.get("nodePort"))
            result["services.nodeports"] = count(opened)
            result["services.loadbalancers"] = ONE
        return result
