"""Claims: which node had which block, at any moment. A block is claimed and given up seldom, so each change is kept.

Models      the BlockAffinity resources of libcalico-go/lib/ipam
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any


class Claims:
    """An engine's record. `keep=False`: only what holds now, for clusters of thousands of nodes."""

    __slots__ = ("_log", "_now", "keep")

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self._log: list[
            tuple[int, str, str]
        ] = []  # once so many steps had happened, a block was this node's, "" nobody's
        self._now: dict[str, str] = {}

    def write(self, step: int, block: str, node: str) -> None:
        if self._now.get(block, "") == node:
            return
        self._put(self._now, block, node)
        if self.keep:
            self._log.append((step, block, node))

    def now(self) -> dict[str, str]:
        """Block -> node, in the order of the claims."""
        return dict(self._now)

    def at(self, position: int) -> dict[str, str]:
        """The same once `position` steps had happened."""
        if not self.keep or not self._log or self._log[-1][0] <= position:
            return dict(self._now)
        found: dict[str, str] = {}
        for step, block, node in self._log:
            if step > position:
                break
            self._put(found, block, node)
        return found

    @staticmethod
    def _put(claims: dict[str, str], block: str, node: str) -> None:
        if node:
            claims[block] = node
        else:
            claims.pop(block, None)

    # engine.Record

    def mark(self) -> Any:
        return len(self._log) if self.keep else self.save()

    def rewind(self, mark: Any) -> None:
        if not self.keep:
            self.load(mark)
            return
        self.load([list(entry) for entry in self._log[:mark]])

    def save(self) -> list[list[Any]]:
        if not self.keep:
            return [[0, block, node] for block, node in self._now.items()]
        return [list(entry) for entry in self._log]

    def load(self, data: list[list[Any]]) -> None:
        self._log, self._now = [], {}
        for step, block, node in data:
            self.write(step, block, node)
