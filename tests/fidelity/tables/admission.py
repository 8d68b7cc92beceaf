"""Admission: what is added to a Pod on its way in."""

from __future__ import annotations

from apps.cluster.api.scheme import RESOURCES
from apps.cluster.apiserver.admission import default_toleration_seconds
from apps.cluster.apiserver.admission.attributes import CREATE, Attributes
from apps.cluster.apiserver.authentication import Actor, user_of
from tests.fidelity.tables.registry import Row, adaptor, same


@adaptor("quota-limits__defaulttolerationseconds__TestForgivenessAdmission")
def tolerations(row: Row) -> None:
    user = user_of(Actor("kubectl"))
    a = Attributes(CREATE, RESOURCES["pods"], "foo", "name", row["requestedPod"], None, user, {}, lambda n: "x" * n)
    default_toleration_seconds.admit(a)
    same(a.obj["spec"].get("tolerations") or [], row["expectedPod"]["spec"].get("tolerations") or [])
