"""How to draw: what a page, a file or a socket asks of a figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from apps.cluster.engine.trace import Step
from apps.diagrams.places import Places

WIDTHS = {"full": 1344, "wide": 1112, "medium": 744, "narrow": 358}


def focus_link(ref: str) -> str:
    """The href of an object in a page that shows one scenario."""
    return f"?focus={ref}"


@dataclass(frozen=True, slots=True)
class Question:
    """The packet that a reader asks for, and the hop of its way that they look at.

    `source` and `target` are refs, `client`, `balancer`, or for a target a name or an address as it was typed. `packet`
    counts connections, `size` is in bytes, `hop` counts from 1; 0 is what goes without saying.
    """

    source: str = ""
    target: str = ""
    port: int = 0
    protocol: str = "tcp"
    packet: int = 0
    size: int = 0
    hop: int = 0
    many: bool = False  # a thousand of them are sent, and counted

    def query(self, **changed: object) -> str:
        """What comes behind the `?` of an address.

        >>> Question("client", "services/default/web", 80, hop=2).query(hop=3)
        'view=packet&src=client&dst=services/default/web&port=80&hop=3'
        """
        one = replace(self, **changed)  # type: ignore[arg-type]
        values = {
            "view": "packet",
            "src": one.source,
            "dst": one.target,
            "port": one.port,
            "proto": "" if one.protocol == "tcp" else one.protocol,
            "packet": one.packet,
            "size": one.size,
            "hop": one.hop,
            "many": int(one.many),
        }
        return urlencode({name: value for name, value in values.items() if value}, safe="/:")


@dataclass(frozen=True, slots=True)
class Options:
    """Everything a figure depends on besides the snapshot, the view and the language.

    width   full, wide, medium or narrow; `WIDTHS` has the pixels
    focus   ref of the object the reader chose
    step    the step that acts; None = the snapshot's own
    still   draw no acting step
    places  where things stand; None = decided by the snapshot alone
    link    ref -> href; None = a figure without links
    part_link  name of a part (kubelet, etcd, kube-apiserver …) -> href, for a figure that is a map of articles
    prefix  put before every id, for a page that holds two figures
    packet  what the packet view is asked; None = it suggests a packet
    """

    width: str = "wide"
    focus: str = ""
    step: Step | None = None
    still: bool = False
    places: Places | None = None
    link: Callable[[str], str] | None = focus_link
    part_link: Callable[[str], str] | None = None
    prefix: str = ""
    packet: Question | None = None
