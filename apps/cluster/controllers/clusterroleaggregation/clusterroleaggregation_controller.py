"""The ClusterRole aggregation controller: a ClusterRole with an aggregationRule holds the rules of those it selects.

Models      pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.cluster.apimachinery.meta import EMPTY, Obj, name_of
from apps.cluster.apimachinery.selectors import from_label_selector
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine


def aggregated(role: Obj, roles: Sequence[Obj]) -> list[Obj]:
    """The rules of every role that a selector finds, by name, each rule once."""
    rules: list[Obj] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        matches = from_label_selector(selector).matches
        for other in sorted(roles, key=name_of):
            if name_of(other) == name_of(role) or not matches(other["metadata"].get("labels") or EMPTY):
                continue
            rules.extend(rule for rule in other.get("rules") or () if rule not in rules)
    return rules


class ClusterRoleAggregationController(Controller):
    """Any change of a ClusterRole may concern each aggregated one."""

    name = "clusterrole-aggregation-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.roles = informers("clusterroles")
        self.roles.add_handler(lambda _: self._all(), lambda _old, _new: self._all(), lambda _: self._all())

    def _all(self) -> None:
        for role in self.roles.list():
            if role.get("aggregationRule"):
                self.enqueue(name_of(role))

    def sync(self, key: str) -> None:
        """Raises: StatusError, to be tried again."""
        role = self.roles.get(key)
        if role is None or not role.get("aggregationRule"):
            return
        rules = aggregated(role, self.roles.list())
        if rules != (role.get("rules") or []):
            self.client.patch(
                "clusterroles", "", key, {"rules": rules}, type="merge", why="clusterrole-aggregation.rules", name=key
            )
