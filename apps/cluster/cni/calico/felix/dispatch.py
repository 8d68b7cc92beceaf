"""From an interface to its chain. Interfaces that begin alike share a chain below, so that none is far down.

Models      felix/rules/dispatch.go (buildSingleDispatchChainTree)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apps.cluster.cni.calico.felix.endpoints import Chains
from apps.cluster.cni.calico.felix.names import limited


def divided(
    interfaces: Iterable[str], root: str, option: str, prefix: str, *, last: Sequence[str] = (), infix: str = ""
) -> Chains:
    """The chain `root` and those below it. `option` looks at an interface; `last` ends every chain."""
    names = sorted(set(interfaces))
    common = _common(names)
    bins: dict[str, list[str]] = {}
    for name in names:
        bins.setdefault(name[: len(common) + 1], []).append(name)
    found: Chains = {}
    rules = []
    for start, those in bins.items():
        if len(those) == 1:
            rules.append(f"{option} {those[0]} --goto {limited(prefix, those[0])}")
            continue
        below = f"{root}{infix}-{start[len(common) :]}"
        rules.append(f"{option} {start}+ --goto {below}")
        found[below] = (*(f"{option} {name} --goto {limited(prefix, name)}" for name in those), *last)
    found[root] = (*rules, *last)
    return found


def _common(names: Sequence[str]) -> str:
    if not names:
        return ""
    first, last = names[0], names[-1]
    length = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None)
    return first[: len(first) if length is None else length]
