"""Warnings about a Pod or a template of Pods.

Models      pkg/api/pod/warnings.go
Leaves out  nothing known; where Go walks a map, names go in order
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.cluster.apimachinery.quantity import parse
from apps.cluster.apiserver.warnings import addresses, claims, nodes
from apps.cluster.apiserver.warnings.paths import overlapping

NOTHING: dict[str, Any] = {}
NULL_SELECTOR = "a null labelSelector results in matching no pod"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_GONE = 'non-functional in v1.27+; use the "seccompProfile" field instead'
ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
VOLUMES = (
    ("photonPersistentDisk", "photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "gitRepo: deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "scaleIO: deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker: deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS: deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte: deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs: deprecated in v1.25, non-functional in v1.26+"),
    ("ephemeral", ""),
    ("cephfs", "cephfs: deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd: deprecated in v1.28, non-functional in v1.31+"),
)


def template(found: Mapping[str, Any] | None, path: str) -> Iterator[str]:
    """A PodTemplateSpec at a path such as "spec.template"."""
    if found is not None:
        yield from spec_and_meta(found.get("spec") or NOTHING, found.get("metadata") or NOTHING, f"{path}.")


def pod(found: Mapping[str, Any]) -> Iterator[str]:
    yield from spec_and_meta(found.get("spec") or NOTHING, found.get("metadata") or NOTHING, "")


def spec_and_meta(spec: Mapping[str, Any], meta: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """`prefix`: "" for a Pod, "spec.template." for a template."""
    annotations: Mapping[str, str] = meta.get("annotations") or NOTHING
    path = f"{prefix}spec"
    yield from _placement(spec, path)
    for key, told in ANNOTATIONS.items():
        if key in annotations:
            yield f"{prefix}metadata.annotations[{key}]: {told}"
    yield from _volumes(spec, path)
    yield from overlapping(spec.get("volumes") or ())
    yield from _lists(spec, path)
    yield from _whole_bytes(spec.get("overhead"), ("memory", "ephemeral-storage"), f"{path}.overhead")
    security = spec.get("securityContext") or NOTHING
    if security.get("seccompProfile") is None and SECCOMP_POD in annotations:
        yield f"{prefix}metadata.annotations[{SECCOMP_POD}]: {SECCOMP_GONE}"
    for container, place in containers(spec, path):
        yield from _container(container, place, annotations, prefix, security)
    yield from _ports(spec, path)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        said = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{path}.terminationGracePeriodSeconds: {said}"
    affinity = spec.get("affinity") or NOTHING
    for kind in ("podAffinity", "podAntiAffinity"):
        yield from _pod_affinity(affinity.get(kind) or NOTHING, f"{path}.affinity.{kind}")
    for position, server in enumerate((spec.get("dnsConfig") or NOTHING).get("nameservers") or ()):
        yield from addresses.ip(f"{path}.dnsConfig.nameservers[{position}]", server)
    for position, alias in enumerate(spec.get("hostAliases") or ()):
        yield from addresses.ip(f"{path}.hostAliases[{position}].ip", alias.get("ip", ""))


def containers(spec: Mapping[str, Any], path: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for position, container in enumerate(spec.get(field) or ()):
            yield container, f"{path}.{field}[{position}]"


def _placement(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    for key in sorted(spec.get("nodeSelector") or ()):
        if key in nodes.DEPRECATED:
            yield f"{path}.nodeSelector[{key}]: {nodes.DEPRECATED[key]}"
    affinity = (spec.get("affinity") or NOTHING).get("nodeAffinity") or NOTHING
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    terms = (affinity.get(required) or NOTHING).get("nodeSelectorTerms") or ()
    for position, term in enumerate(terms):
        place = f"{path}.affinity.nodeAffinity.{required}.nodeSelectorTerms[{position}]"
        yield from nodes.term(term, place, values=False)
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    for position, weighted in enumerate(affinity.get(preferred) or ()):
        place = f"{path}.affinity.nodeAffinity.{preferred}[{position}].preference"
        yield from nodes.term(weighted.get("preference") or NOTHING, place, values=True)
    for position, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        place = f"{path}.topologySpreadConstraints[{position}]"
        key = constraint.get("topologyKey", "")
        if key in nodes.DEPRECATED:
            yield f"{place}.topologyKey: {key} is {nodes.DEPRECATED[key]}"
        if constraint.get("labelSelector") is None:
            yield f"{place}.labelSelector: {NULL_SELECTOR}"


def _volumes(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    for position, volume in enumerate(spec.get("volumes") or ()):
        place = f"{path}.volumes[{position}]"
        for source, told in VOLUMES:
            if volume.get(source) is None:
                continue
            if told:
                yield f"{place}.{told}"
            else:
                claim = (volume[source].get("volumeClaimTemplate") or NOTHING).get("spec") or NOTHING
                yield from claims.claim_spec(claim, f"{place}.ephemeral.volumeClaimTemplate.spec")


def _lists(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    for field, name in (("hostAliases", "ip"), ("imagePullSecrets", "name")):
        seen: set[str] = set()
        for position, item in enumerate(spec.get(field) or ()):
            value = item.get(name, "")
            if value in seen:
                yield f'{path}.{field}[{position}].{name}: duplicate {name} "{value}"'
            seen.add(value)
    for position, item in enumerate(spec.get("imagePullSecrets") or ()):
        if not item.get("name"):
            yield f'{path}.imagePullSecrets[{position}].name: invalid empty name ""'


def _whole_bytes(listed: Mapping[str, Any] | None, names: tuple[str, ...], path: str) -> Iterator[str]:
    for name in names:
        text = (listed or NOTHING).get(name)
        if text is None:
            continue
        amount = parse(str(text))
        if amount.scaled(-3) % 1000:
            yield f'{path}[{name}]: fractional byte value "{amount.written()}" is invalid, must be an integer'


def _container(
    container: Mapping[str, Any],
    place: str,
    annotations: Mapping[str, str],
    prefix: str,
    pod_security: Mapping[str, Any],
) -> Iterator[str]:
    name = container.get("name", "")
    security = container.get("securityContext") or NOTHING
    if security.get("seccompProfile") is None and SECCOMP_CONTAINER + name in annotations:
        yield f"{prefix}metadata.annotations[{SECCOMP_CONTAINER}{name}]: {SECCOMP_GONE}"
    key = APPARMOR + name
    if prefix and security.get("appArmorProfile") is None and key in annotations:
        own = pod_security.get("appArmorProfile")
        if own is None or own != _profile(annotations[key]):
            said = 'deprecated since v1.30; use the "appArmorProfile" field instead'
            yield f"{prefix}metadata.annotations[{key}]: {said}"
    resources = container.get("resources") or NOTHING
    for amount in ("memory", "ephemeral-storage"):
        for kind in ("limits", "requests"):
            yield from _whole_bytes(resources.get(kind), (amount,), f"{place}.resources.{kind}")
    seen: set[str] = set()
    for position, variable in enumerate(container.get("env") or ()):
        called = variable.get("name", "")
        if called not in seen:
            seen.add(called)
            continue
        reference, value = f"$({called})", variable.get("value") or ""
        if variable.get("valueFrom") is not None or value == reference or reference not in value:
            yield (
                f'{place}.env[{position}]: hides previous definition of "{called}", which may be dropped when using '
                "apply"
            )


def _profile(annotation: str) -> dict[str, str] | None:
    """The field that an AppArmor annotation stands for."""
    if annotation == "unconfined":
        return {"type": "Unconfined"}
    if annotation == "runtime/default":
        return {"type": "RuntimeDefault"}
    if annotation.startswith("localhost/") and len(annotation) > len("localhost/"):
        return {"type": "Localhost", "localhostProfile": annotation[len("localhost/") :]}
    return None


def _ports(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    taken: dict[tuple[int, str], list[tuple[str, str, int]]] = {}
    for container, place in containers(spec, path):
        for position, port in enumerate(container.get("ports") or ()):
            here = f"{place}.ports[{position}]"
            host_ip, host_port = port.get("hostIP") or "", port.get("hostPort") or 0
            number, protocol = port.get("containerPort", 0), port.get("protocol", "")
            if host_ip and not host_port:
                printed = (
                    f"{{Name:{port.get('name', '')} HostPort:0 ContainerPort:{number} Protocol:{protocol} "
                    f"HostIP:{host_ip}}}"
                )
                yield f"{here}: hostIP set without hostPort: {printed}"
            others = taken.setdefault((number, protocol), [])
            for there, other_ip, other_port in others:
                if host_ip == other_ip and host_port == other_port:
                    yield f"{here}: duplicate port definition with {there}"
                elif not host_port or not other_port:
                    yield f"{here}: overlapping port definition with {there}"
                elif host_port == other_port and (not host_ip) is not (not other_ip):
                    yield f"{here}: dangerously ambiguous port definition with {there}"
            others.append((here, host_ip, host_port))
    names: dict[str, str] = {}
    for container, place in containers(spec, path):
        for position, port in enumerate(container.get("ports") or ()):
            name, here = port.get("name"), f"{place}.ports[{position}]"
            if not name:
                continue
            first = names.setdefault(name, here)
            if first != here:
                yield (
                    f'{here}: duplicate port name "{name}" with {first}, services and probes that select ports by name '
                    f"will use {first}"
                )


def _pod_affinity(affinity: Mapping[str, Any], path: str) -> Iterator[str]:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    for position, term in enumerate(affinity.get(required) or ()):
        if term.get("labelSelector") is None:
            yield f"{path}.{required}[{position}].labelSelector: {NULL_SELECTOR}"
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    for position, weighted in enumerate(affinity.get(preferred) or ()):
        if (weighted.get("podAffinityTerm") or NOTHING).get("labelSelector") is None:
            yield f"{path}.{preferred}[{position}].podAffinityTerm.labelSelector: {NULL_SELECTOR}"
