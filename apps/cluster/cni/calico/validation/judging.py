"""What becomes of a write to Calico's kinds: refused in the words of Calico's API.

Models      libcalico-go/lib/clientv3 (ippool.go: validateAndSetDefaults), apiserver/pkg/registry/projectcalico
Leaves out  that a real API server without Calico's own would let some of it through: the definitions alone judge there
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import FieldError
from apps.cluster.cni.calico.validation import validate

GROUP = "crd.projectcalico.org"
POOLS = f"ippools.{GROUP}"
Tables = Mapping[str, Mapping[str, Obj]]


class Judge:
    """Asked by the API server for objects of the group whose fields are of the right types."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def __call__(self, new: Obj, old: Obj | None) -> list[FieldError]:
        kind = "IPAMConfiguration" if new["kind"] == "IPAMConfig" else new["kind"]
        found = [
            FieldError("Invalid value", one.field, one.value, one.reason.strip())
            for one in validate({**new, "kind": kind})
        ]
        return found or (self._pool(new, old) if kind == "IPPool" else [])

    def _pool(self, new: Obj, old: Obj | None) -> list[FieldError]:
        """What a pool may not do to the others, or to what it was."""
        spec, name = new["spec"], new["metadata"]["name"]
        network = ip_network(spec["cidr"])
        if old is not None:
            was = old["spec"]
            wrong = [FieldError("Invalid value", "spec.cidr", spec["cidr"], "IPPool CIDR cannot be modified")]
            found = wrong if ip_network(was["cidr"], strict=False) != network else []
            if (was.get("blockSize") or 0) != (spec.get("blockSize") or 0):
                size = spec.get("blockSize") or 0
                found.append(FieldError("Invalid value", "spec.blockSize", size, "IPPool BlockSize cannot be modified"))
            return found
        found = []
        for other, pool in self._tables.get(POOLS, {}).items():
            cidr = pool["spec"]["cidr"]
            theirs = ip_network(cidr, strict=False)
            if other != name and theirs.version == network.version and theirs.overlaps(network):
                reason = f"IPPool({name}) CIDR overlaps with IPPool({other}) CIDR {cidr}"
                found.append(FieldError("Invalid value", "spec.cidr", spec["cidr"], reason))
        return found
