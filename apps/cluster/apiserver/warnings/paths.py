"""Warnings about volumes whose files would land on one another.

Models      pkg/api/pod/warnings.go (warningsForOverlappingVirtualPaths)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

NOTHING: dict[str, Any] = {}


class Placed(NamedTuple):
    path: str
    source: str

    def __str__(self) -> str:
        return f'"{self.path}" ({self.source})' if self.source else f'"{self.path}"'


def overlapping(volumes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for volume in volumes:
        name = volume.get("name", "")
        for source, called in (("configMap", "name"), ("secret", "secretName"), ("downwardAPI", "")):
            found = volume.get(source) or NOTHING
            if found.get("items"):
                kind = source[0].upper() + source[1:]
                said = f'{kind} "{found.get(called, "")}"' if called else kind
                for told in _collisions(Placed(item.get("path", ""), "") for item in found["items"]):
                    yield f'volume "{name}" ({said}): overlapping paths: {told}'
        if volume.get("projected") is not None:
            yield from _projected(name, volume["projected"])


def _projected(name: str, projected: Mapping[str, Any]) -> Iterator[str]:
    placed: list[Placed] = []
    for source in projected.get("sources") or ():
        if not source:
            yield f'volume "{name}" (Projected) has no sources provided'
            continue
        placed.extend(_sources(source))
    for told in _collisions(iter(placed)):
        yield f'volume "{name}" (Projected): overlapping paths: {told}'


def _sources(source: Mapping[str, Any]) -> Iterator[Placed]:
    for kind, called in (("configMap", "ConfigMap"), ("secret", "Secret")):
        found = source.get(kind)
        if found is not None:
            for item in found.get("items") or ():
                yield Placed(item.get("path", ""), f'{called} "{found.get("name", "")}"')
    for item in (source.get("downwardAPI") or NOTHING).get("items") or ():
        yield Placed(item.get("path", ""), "DownwardAPI")
    if source.get("serviceAccountToken") is not None:
        yield Placed(source["serviceAccountToken"].get("path", ""), "ServiceAccountToken")
    bundle = source.get("clusterTrustBundle")
    if bundle is not None:
        named = bundle.get("name") or bundle.get("signerName", "")
        yield Placed(bundle.get("path", ""), f'ClusterTrustBundle "{named}"')
    certificate = source.get("podCertificate") or NOTHING
    for field, called in (
        ("certificateChainPath", "chain"),
        ("keyPath", "key"),
        ("credentialBundlePath", "credential bundle"),
    ):
        if certificate.get(field):
            yield Placed(certificate[field], f"PodCertificate {called}")


def _collisions(placed: Iterator[Placed]) -> Iterator[str]:
    before: list[Placed] = []
    for one in placed:
        here = Placed(one.path.rstrip("/"), one.source)
        if here.path:
            for other in before:
                if other.path and (
                    other == here
                    or f"{other.path}/".startswith(f"{here.path}/")
                    or f"{here.path}/".startswith(f"{other.path}/")
                ):
                    yield f"{here} with {other}"
        before.append(here)
