"""A Pod's resolver: the resolv.conf that the kubelet gives it, and the questions that become of one name.

Models      pkg/kubelet/network/dns/dns.go (GetPodDNS), resolv.conf(5) and glibc's res_search: ndots, search domains
Leaves out  asking A and AAAA at once over one socket, retries, timeouts; musl, which asks otherwise
"""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.cluster.coredns.zone import DOMAIN, Answer, Zone

Obj = dict[str, Any]

NDOTS = 5  # what the kubelet writes; without the option a resolver takes 1
SEARCHES, SEARCH_CHARS = 32, 2048  # more is left out


class ResolvConf(NamedTuple):
    """/etc/resolv.conf in a container."""

    nameservers: tuple[str, ...]
    searches: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()

    @property
    def ndots(self) -> int:
        return next((int(value) for name, value in self.options if name == "ndots" and value.isdigit()), 1)

    def __str__(self) -> str:
        lines = [f"nameserver {address}" for address in self.nameservers]
        if self.searches:
            lines.insert(0, f"search {' '.join(self.searches)}")
        if self.options:
            lines.append("options " + " ".join(f"{name}:{value}" if value else name for name, value in self.options))
        return "\n".join(lines) + "\n"


class Question(NamedTuple):
    name: str
    answer: Answer


class Lookup(NamedTuple):
    """All that was asked for one name, in order; the last one is what the program gets."""

    questions: tuple[Question, ...]

    @property
    def addresses(self) -> list[str]:
        last = self.questions[-1].answer if self.questions else None
        return [record.data for record in last.records if record.type in ("A", "AAAA")] if last else []

    @property
    def found(self) -> bool:
        return bool(self.addresses)


def resolv_conf(pod: Obj, *, dns: str, host: ResolvConf, domain: str = DOMAIN) -> ResolvConf:
    """What a Pod's policy makes of the cluster's DNS address and the machine's own file."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        policy = "Default"
    if policy in ("ClusterFirst", "ClusterFirstWithHostNet"):
        namespace = pod["metadata"]["namespace"]
        searches = (f"{namespace}.svc.{domain}", f"svc.{domain}", domain, *host.searches)
        found = ResolvConf((dns,), tuple(dict.fromkeys(searches)), (("ndots", str(NDOTS)),))
    elif policy == "None":
        found = ResolvConf((), ())
    else:
        found = host
    config = spec.get("dnsConfig") or {}
    options = dict(found.options)
    options.update({option["name"]: str(option.get("value") or "") for option in config.get("options") or ()})
    searches = tuple(dict.fromkeys((*found.searches, *(config.get("searches") or ()))))
    while len(searches) > SEARCHES or len(" ".join(searches)) > SEARCH_CHARS:
        searches = searches[:-1]
    nameservers = tuple(dict.fromkeys((*found.nameservers, *(config.get("nameservers") or ()))))[:3]
    return ResolvConf(nameservers, searches, tuple(options.items()))


def candidates(name: str, conf: ResolvConf) -> list[str]:
    """The names that are tried for one, in order: one with fewer dots than ndots first under every search domain.

    >>> candidates("web", ResolvConf((), ("default.svc.cluster.local", "svc.cluster.local"), (("ndots", "5"),)))
    ['web.default.svc.cluster.local', 'web.svc.cluster.local', 'web']
    >>> candidates("a.b.c.d.e.f", ResolvConf((), ("x",), (("ndots", "5"),)))
    ['a.b.c.d.e.f', 'a.b.c.d.e.f.x']
    >>> candidates("web.default.svc.cluster.local.", ResolvConf((), ("x",)))
    ['web.default.svc.cluster.local']
    """
    if name.endswith("."):
        return [name.rstrip(".")]
    under = [f"{name}.{domain.rstrip('.')}" for domain in conf.searches]
    return [name, *under] if name.count(".") >= conf.ndots else [*under, name]


def lookup(zone: Zone, name: str, conf: ResolvConf, type_: str = "A") -> Lookup:
    """Ask until a name has what is wanted, or none is left. Names outside the cluster are taken for unknown there."""
    asked: list[Question] = []
    for candidate in candidates(name, conf):
        answer = zone.ask(candidate, type_)
        asked.append(Question(candidate, answer))
        if answer.records:
            break
    return Lookup(tuple(asked))
