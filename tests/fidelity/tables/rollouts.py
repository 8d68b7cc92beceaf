"""`kubectl rollout status`: what it says of a StatefulSet."""

from __future__ import annotations

from apps.cluster import rollout
from apps.cluster.apimachinery.status import StatusError
from tests.fidelity.tables.registry import Row, adaptor, same


@adaptor("rollout-status__polymorphichelpers__TestStatefulSetStatusViewerStatus")
def stateful_set(row: Row) -> None:
    """The set of that test asks for three Pods. Whether it is done is compared as that test does: never."""
    metadata = {"name": "foo", "generation": row["generation"]}
    spec = {"replicas": 3, "updateStrategy": row["strategy"]}
    obj = {"kind": "StatefulSet", "metadata": metadata, "spec": spec, "status": row["status"]}
    try:
        said, _ = rollout.status(obj)
    except StatusError:
        same(True, row["err"], "an error")
        return
    same(False, row["err"], "an error")
    same(said + "\n", row["msg"])
