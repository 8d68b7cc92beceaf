"""How to draw: what a page, a file or a socket asks of a figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.cluster.engine.trace import Step
from apps.diagrams.places import Places

WIDTHS = {"full": 1344, "wide": 1112, "medium": 744, "narrow": 358}


def focus_link(ref: str) -> str:
    """The href of an object in a page that shows one scenario."""
    return f"?focus={ref}"


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
    """

    width: str = "wide"
    focus: str = ""
    step: Step | None = None
    still: bool = False
    places: Places | None = None
    link: Callable[[str], str] | None = focus_link
    part_link: Callable[[str], str] | None = None
    prefix: str = ""
