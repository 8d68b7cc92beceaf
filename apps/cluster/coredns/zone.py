"""The zone cluster.local: every name that a Service, an endpoint or a Pod's address has, and what is answered for it.

Models      plugin/kubernetes: kubernetes.go (findServices, findPods, endpointHostname), parse.go, reverse.go;
            plugin/backend_lookup.go (A, AAAA, SRV, CNAME, PTR; weights); the specification in kubernetes/dns
Leaves out  multicluster and zonal names; NS and SOA records
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple

Obj = dict[str, Any]

DOMAIN = "cluster.local"
TTL = 30  # kubeadm's Corefile
NOERROR, NXDOMAIN = "NOERROR", "NXDOMAIN"
SERVICE_NAME = "kubernetes.io/service-name"
CHAINS = 8  # names that lead to names; a loop ends here


class Record(NamedTuple):
    """One line of an answer, as dig prints it: name, TTL in seconds, type, data."""

    name: str
    ttl: int
    type: str
    data: str

    def __str__(self) -> str:
        return f"{self.name}.\t{self.ttl}\tIN\t{self.type}\t{self.data}"


class Answer(NamedTuple):
    """`rcode` NOERROR without records: the name exists, and has nothing of that type. `extra`: addresses that go along
    with SRV records. `outside`: the name that has to be asked elsewhere, "" for none."""

    rcode: str
    records: tuple[Record, ...] = ()
    extra: tuple[Record, ...] = ()
    outside: str = ""


class _Target(NamedTuple):
    """What a name stands for: an address under a canonical name, or another name."""

    name: str
    host: str
    port: int
    alias: bool = False


class _Unknown(Exception):
    """NXDOMAIN."""


class Zone:
    """Answers out of what the API server has: Services and EndpointSlices by key, names of Namespaces."""

    def __init__(
        self,
        services: Mapping[str, Obj],
        slices: Iterable[Obj],
        namespaces: Iterable[str],
        domain: str = DOMAIN,
    ) -> None:
        self.domain = domain
        self.services = services
        self.namespaces = frozenset(namespaces)
        self._slices: dict[str, list[Obj]] = {}
        for slice_ in slices:
            metadata = slice_["metadata"]
            owner = (metadata.get("labels") or {}).get(SERVICE_NAME)
            if owner:
                self._slices.setdefault(f"{metadata['namespace']}/{owner}", []).append(slice_)

    def ask(self, name: str, type_: str = "A") -> Answer:
        """The answer to one question. `name` without or with its last dot; case does not matter."""
        asked = name.rstrip(".").lower()
        if type_ == "PTR" or asked.endswith((".in-addr.arpa", ".ip6.arpa")):
            return self._reverse(asked, type_)
        if asked != self.domain and not asked.endswith(f".{self.domain}"):
            return Answer(NOERROR, outside=asked)
        if asked == f"dns-version.{self.domain}":
            return Answer(NOERROR, (Record(asked, 28800, "TXT", '"1.1.0"'),) if type_ == "TXT" else ())
        try:
            targets = self._targets(asked)
        except _Unknown:
            return Answer(NXDOMAIN)
        if type_ == "SRV":
            return self._srv(asked, targets)
        return self._addresses(asked, type_, targets)

    # ---- from a name to what it stands for -----------------------------------------------------

    def _targets(self, asked: str) -> list[_Target]:
        """Raises: _Unknown"""
        base = asked.removesuffix(self.domain).rstrip(".")
        labels = base.split(".") if base else []
        if not labels or base in ("svc", "pod"):
            return []
        if labels[-1] not in ("svc", "pod") or len(labels) > 5:
            raise _Unknown
        kind, rest = labels[-1], labels[:-1]
        namespace = rest.pop()
        if namespace not in self.namespaces:
            raise _Unknown
        if not rest:
            return []
        name = rest.pop()
        if kind == "pod":
            return [self._pod(asked, name)] if not rest else self._nothing()
        endpoint = rest[0] if len(rest) == 1 else ""
        port, protocol = (rest[0].removeprefix("_"), rest[1].removeprefix("_")) if len(rest) == 2 else ("", "")
        return self._service(namespace, name, endpoint, port, protocol)

    def _nothing(self) -> list[_Target]:
        raise _Unknown

    def _pod(self, asked: str, name: str) -> _Target:
        """`pods insecure`: the name of any address is that address, whether a Pod has it or not."""
        four = name.count("-") == 3 and "--" not in name
        text = name.replace("-", "." if four else ":")
        try:
            return _Target(asked, str(ip_address(text)), 0)
        except ValueError:
            raise _Unknown from None

    def _service(self, namespace: str, name: str, endpoint: str, port: str, protocol: str) -> list[_Target]:
        service = self.services.get(f"{namespace}/{name}")
        if service is None:
            raise _Unknown
        spec = service.get("spec") or {}
        canonical = f"{name}.{namespace}.svc.{self.domain}"
        if spec.get("type") == "ExternalName":
            if endpoint:
                raise _Unknown
            return [_Target(canonical, str(spec["externalName"]).rstrip("."), 0, alias=True)]

        def fits(one: Obj) -> bool:
            named = not port or (one.get("name") or "").lower() == port
            return named and (not protocol or (one.get("protocol") or "TCP").lower() == protocol)

        found: list[_Target] = []
        if spec.get("clusterIP") == "None" or endpoint:
            for slice_ in self._slices.get(f"{namespace}/{name}", ()):
                for entry in slice_.get("endpoints") or ():
                    if not ready(entry):
                        continue
                    for address in entry.get("addresses") or ():
                        label = hostname(entry, address)
                        if endpoint and endpoint != label:
                            continue
                        # An endpoint without ports is known all the same.
                        found += [
                            _Target(f"{label}.{canonical}", address, int(one.get("port") or 0))
                            for one in slice_.get("ports") or [{"port": 0}]
                            if fits(one)
                        ]
        else:
            addresses = spec.get("clusterIPs") or [spec.get("clusterIP") or ""]
            found = [
                _Target(canonical, address, int(one["port"]))
                for one in spec.get("ports") or ()
                if fits(one)
                for address in addresses
                if address
            ]
        if not found:
            raise _Unknown
        return found

    # ---- from there to records -----------------------------------------------------------------

    def _addresses(self, asked: str, type_: str, targets: list[_Target], depth: int = 0) -> Answer:
        records: list[Record] = []
        outside = ""
        seen: set[str] = set()
        for target in targets:
            if target.alias:
                if type_ not in ("A", "AAAA", "CNAME"):
                    continue
                records.append(Record(asked, TTL, "CNAME", f"{target.host}."))
                if type_ != "CNAME" and depth < CHAINS:
                    further = self._follow(target.host, type_, depth + 1)
                    records += further.records
                    outside = further.outside
            elif type_ == family(target.host) and target.host not in seen:
                seen.add(target.host)  # a Service with several ports has its address once
                records.append(Record(asked, TTL, type_, target.host))
        return Answer(NOERROR, tuple(records), outside=outside)

    def _follow(self, name: str, type_: str, depth: int) -> Answer:
        asked = name.lower()
        if not asked.endswith(f".{self.domain}"):
            return Answer(NOERROR, outside=name)
        try:
            return self._addresses(asked, type_, self._targets(asked), depth)
        except _Unknown:
            return Answer(NOERROR)

    def _srv(self, asked: str, targets: list[_Target]) -> Answer:
        found = [target for target in targets if not target.alias]
        weight = max(1, 100 // len({(one.host, one.port) for one in found})) if found else 100
        records: dict[tuple[str, int], Record] = {}
        extra: dict[tuple[str, str], Record] = {}
        for target in found:
            data = f"0 {weight} {target.port} {target.name}."
            records.setdefault((target.name, target.port), Record(asked, TTL, "SRV", data))
            extra.setdefault((target.name, target.host), Record(target.name, TTL, family(target.host), target.host))
        return Answer(NOERROR, tuple(records.values()), tuple(extra.values()))

    def _reverse(self, asked: str, type_: str) -> Answer:
        address = unreversed(asked)
        if not address:
            return Answer(NOERROR, outside=asked)
        for key, service in self.services.items():
            spec = service.get("spec") or {}
            if address in (spec.get("clusterIPs") or [spec.get("clusterIP")]):
                namespace, _slash, name = key.partition("/")
                return self._pointers(asked, type_, [f"{name}.{namespace}.svc.{self.domain}"])
        names = [
            f"{hostname(entry, address)}.{key.partition('/')[2]}.{key.partition('/')[0]}.svc.{self.domain}"
            for key, slices in self._slices.items()
            for slice_ in slices
            for entry in slice_.get("endpoints") or ()
            if address in (entry.get("addresses") or ()) and ready(entry)
        ]
        if names:
            return self._pointers(asked, type_, names)
        return Answer(NOERROR, outside=asked)  # fallthrough in-addr.arpa: somebody else may know

    def _pointers(self, asked: str, type_: str, names: list[str]) -> Answer:
        if type_ != "PTR":
            return Answer(NOERROR)
        return Answer(NOERROR, tuple(Record(asked, TTL, "PTR", f"{name}.") for name in dict.fromkeys(names)))


def ready(entry: Obj) -> bool:
    """Whether an endpoint has a name: publishNotReadyAddresses has made it ready in the slice already."""
    return (entry.get("conditions") or {}).get("ready") is not False


def hostname(entry: Obj, address: str) -> str:
    """An endpoint's own label: the Pod's hostname where it has one, else its address with dashes.

    >>> hostname({"hostname": "db-0"}, "192.168.1.2"), hostname({}, "192.168.1.2")
    ('db-0', '192-168-1-2')
    """
    return entry.get("hostname") or address.replace(".", "-").replace(":", "-")


def family(address: str) -> str:
    return "AAAA" if ":" in address else "A"


def unreversed(name: str) -> str:
    """The address that a name below in-addr.arpa or ip6.arpa stands for, "" for none.

    >>> unreversed("10.0.96.10.in-addr.arpa")
    '10.96.0.10'
    """
    try:
        if name.endswith(".in-addr.arpa"):
            return str(ip_address(".".join(reversed(name.removesuffix(".in-addr.arpa").split(".")))))
        nibbles = "".join(reversed(name.removesuffix(".ip6.arpa").split(".")))
        return str(ip_address(":".join(nibbles[at : at + 4] for at in range(0, 32, 4))))
    except ValueError:
        return ""
