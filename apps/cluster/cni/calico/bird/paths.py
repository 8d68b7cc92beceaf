"""One route on its way from node to node: what BIRD's filters for a peer let through, and what becomes of it.

Models      bird.cfg's import and export filters as BIRD runs them (filter/filter.c), BGPFilters among them, and the
            rules of BGP itself: proto/bgp/attrs.c (bgp_import_control, bgp_create_attrs, bgp_update_attrs)
Leaves out  routes that peers outside the cluster announce; MED and origin, which no filter of Calico's sets
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from ipaddress import ip_interface
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.bird.configuration import affinities, communities
from apps.cluster.cni.calico.bird.datastore import Datastore, as_number
from apps.cluster.cni.calico.bird.filters import LARGEST, OVERRIDING, normal_priority
from apps.cluster.cni.calico.bird.pools import programs
from apps.cluster.cni.calico.bird.services import ranges, service_routes
from apps.cluster.cni.calico.bird.sessions import Session
from apps.cluster.network.addresses import Prefix, prefix

LEARNT_PREFERENCE = 100  # of BGP in BIRD; a static route's is 200
DEFAULT_LOCAL_PREF = 100  # of what comes without one, from another AS


class Path(NamedTuple):
    """A route as one node has it. `next_hop` is "" for the node's own; `over` is the session it was learnt over."""

    to: str
    origin: str  # the node that announced it first
    next_hop: str = ""
    as_path: tuple[str, ...] = ()
    local_pref: int = 0
    communities: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    preference: int = OVERRIDING
    interface: str = ""  # of a route to a workload
    over: Session | None = None

    @property
    def rank(self) -> tuple[int, int, int, bool]:
        """Greater is better; BIRD takes all paths of the greatest together."""
        external = self.over is not None and not self.over.internal
        return self.preference, self.local_pref, -len(self.as_path), external


def covers(outer: str | Prefix, inner: str) -> bool:
    """Whether a network is within another, BIRD's `net ~ outer`."""
    wide, narrow = prefix(outer) if isinstance(outer, str) else outer, prefix(inner)
    return wide.family == narrow.family and wide.length <= narrow.length and narrow.number & wide.mask == wide.number


class Policy:
    """What one node does with paths."""

    def __init__(self, store: Datastore, node: str, family: int) -> None:
        self.store, self.node, self.family = store, node, family
        self.address = store.nodes[node].address(family)
        self.normal = normal_priority(store, family)
        self.blocks = [cidr for cidr, state in affinities(store, node, family) if state in ("", "confirmed")]
        self.services = service_routes(store, node, family)
        self.reflects = bool(store.nodes[node].cluster_id)
        self.advertised = communities(store, node, family)
        pools = [pool for pool in store.pools if (":" in pool["cidr"]) == (family == 6)]
        self.disabled = [pool["cidr"] for pool in pools if pool.get("disableBGPExport")]
        self.enabled = [pool["cidr"] for pool in pools if not pool.get("disableBGPExport")]
        self._updates: dict[tuple[Session, Path], Path | None] = {}

    def own(self, workloads: Iterable[str] = ()) -> list[Path]:
        """What the node has to tell: its blocks, its Services, and addresses of its workloads."""
        single = "/128" if self.family == 6 else "/32"
        static = [cidr for cidr, _state in affinities(self.store, self.node, self.family) if not cidr.endswith(single)]
        found = [Path(cidr, self.node) for cidr in dict.fromkeys((*static, *self.services.announced))]
        found += [Path(f"{address}{single}", self.node, interface="cali") for address in workloads]
        return found

    def update(self, paths: Iterable[Path], session: Session) -> Iterator[Path]:
        """All that a peer gets of some paths. Sessions of one sort get the same of the node's own."""
        sort = session._replace(peer="", name="", address="", passive=False)
        for path in paths:
            if path.over is not None:
                sent = self.exported(path, session)
            else:
                if (sort, path) not in self._updates:
                    self._updates[sort, path] = self.exported(path, session)
                sent = self._updates[sort, path]
            if sent is not None:
                yield sent

    def exported(self, path: Path, session: Session) -> Path | None:
        """The path as a peer gets it, None if it does not."""
        if path.over is not None and not self._forwards(path, path.over, session):
            return None
        metric = LARGEST - path.local_pref if path.over is not None else self.normal
        path = path._replace(local_pref=LARGEST - metric)
        verdict, path = self._filtered(path, session, "export")
        if verdict == "Reject" or (not verdict and not self._told(path, metric, session)):
            return None
        if not verdict:
            more = [value for cidr, values in self.advertised if covers(cidr, path.to) for value in values]
            path = path._replace(communities=tuple(sorted({*path.communities, *more})))
        return self._announced(path, session)

    def _forwards(self, path: Path, came: Session, session: Session) -> bool:
        """Within an AS only a route reflector hands on what it has learnt."""
        if came.name == session.name or (session.cluster_id and session.cluster_id in path.clusters):
            return False
        return not (came.internal and session.internal) or came.client or session.client

    def _told(self, path: Path, metric: int, session: Session) -> bool:
        """calico_export_to_bgp_peers."""
        if any(covers(cidr, path.to) for cidr in self.disabled):
            return False
        tunnels = ("*.cali", "*.calico", *(() if programs(self.store).ipip else ("tunl0",)))
        if session.internal and any(fnmatchcase(path.interface, name) for name in tunnels):
            return False
        for block in self.blocks:
            if covers(block, path.to):
                return path.to == block or metric < self.normal
        accepted = [*self.services.announced, *self.enabled]
        if self.reflects:
            accepted += [*ranges(self.store, "serviceLoadBalancerIPs"), *ranges(self.store, "serviceExternalIPs")]
        return any(covers(cidr, path.to) for cidr in accepted)

    def _announced(self, path: Path, session: Session) -> Path:
        came = path.over
        kept = came is not None and session.next_hop != "self" and (session.internal or session.next_hop == "keep")
        path = path._replace(next_hop=path.next_hop if kept else self.address, interface="", over=None)
        if not session.internal:
            return path._replace(as_path=(session.asn, *path.as_path), local_pref=DEFAULT_LOCAL_PREF, clusters=())
        if came is not None and came.internal:
            return path._replace(clusters=(session.cluster_id or came.cluster_id, *path.clusters))
        return path

    def imported(self, path: Path, session: Session) -> Path | None:
        """What a peer has sent, as this node keeps it; None if it does not. `session` is this node's side."""
        if session.internal and (
            path.origin == self.node or (session.cluster_id and session.cluster_id in path.clusters)
        ):
            return None
        if path.as_path.count(session.asn) > session.allow_local_as:
            return None
        verdict, path = self._filtered(path._replace(over=session), session, "import")
        if verdict == "Reject":
            return None
        better = path.local_pref > LARGEST - self.normal and not verdict
        return path._replace(preference=OVERRIDING if better else LEARNT_PREFERENCE)

    def _filtered(self, path: Path, session: Session, way: str) -> tuple[str, Path]:
        """Through the BGPFilters of a session: Accept, Reject, or "" when none of their rules decides."""
        for name in session.filters:
            for rule in self.store.filters.get(name, {}).get(f"{way}V{self.family}") or ():
                kind = rule.get("peerType")
                if kind and (kind == "iBGP") != session.internal:
                    continue
                if matches(rule, path):
                    return rule["action"], operated(rule, path)
        return "", path


def matches(rule: Obj, path: Path) -> bool:
    """Whether all that a rule of a BGPFilter asks holds of a path."""
    if rule.get("cidr") and not _network(rule, path.to):
        return False
    if rule.get("source") and path.over is None:
        return False
    if rule.get("interface") and not (path.interface and fnmatchcase(path.interface, rule["interface"])):
        return False
    if rule.get("communities") and rule["communities"]["values"][0] not in path.communities:
        return False
    ahead = tuple(as_number(one) for one in rule.get("asPathPrefix") or ())
    if path.as_path[: len(ahead)] != ahead:
        return False
    return rule.get("priority") is None or path.local_pref == LARGEST - int(rule["priority"])


def _network(rule: Obj, to: str) -> bool:
    given = ip_interface(rule["cidr"])
    operator = str(rule["matchOperator"])
    if operator in ("Equal", "NotEqual"):
        return (str(given.network) == to) == (operator == "Equal")
    lengths, within = rule.get("prefixLength"), covers(str(given.network), to)
    if lengths is not None:
        least, most = lengths.get("min"), lengths.get("max")
        length = prefix(to).length
        within = within and (least is None or length >= least) and (most is None or length <= most)
    return bool(within) == (operator == "In")


def operated(rule: Obj, path: Path) -> Path:
    """What the operations of a rule that matched make of a path."""
    for operation in rule.get("operations") or ():
        if operation.get("addCommunity"):
            value = operation["addCommunity"]["value"]
            path = path._replace(communities=tuple(sorted({*path.communities, value})))
        elif operation.get("prependASPath"):
            ahead = tuple(as_number(number) for number in operation["prependASPath"]["prefix"])
            path = path._replace(as_path=(*ahead, *path.as_path))
        elif operation.get("setPriority"):
            path = path._replace(local_pref=LARGEST - operation["setPriority"]["value"])
    return path
