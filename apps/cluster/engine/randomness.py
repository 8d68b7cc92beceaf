"""The one seeded source of chance: names, uids, ties. Nothing else in the model may draw lots.

Models      k8s.io/apimachinery/pkg/util/rand (the alphabet and length of generated names)
Leaves out  real entropy: uids have the form of a version 4 UUID and come from the seed
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, TypeVar

T = TypeVar("T")

# No vowels and no 0, 1 or 3, so that a generated name never spells a word.
ALPHANUMS = "bcdfghjklmnpqrstvwxz2456789"


# What of a version 4 UUID is drawn, and what is not.
_FREE = 0xFFFFFFFF_FFFF_0FFF_3FFF_FFFFFFFFFFFF
_VERSION = 0x00000000_0000_4000_8000_000000000000


def _uuid(number: int) -> str:
    text = f"{number & _FREE | _VERSION:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Randomness:
    """Draws that depend on the seed and on how many were drawn before, on nothing else."""

    __slots__ = ("_bits", "_random", "_seed")

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (chance that can be repeated is the point)
        self._bits = self._random.getrandbits
        self._seed = seed

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1.

        >>> Randomness(1).below(1)
        0
        """
        return self._random.randrange(n)

    def choice(self, options: Sequence[T]) -> T:
        """One of the options, each as likely as the others."""
        return options[self._random.randrange(len(options))]

    def shuffle(self, items: Sequence[T]) -> list[T]:
        """A new list with the items in another order."""
        out = list(items)
        self._random.shuffle(out)
        return out

    def suffix(self, length: int = 5) -> str:
        """The random end of a generated name, as rand.String gives it."""
        bits = self._bits
        out = ""
        while len(out) < length:
            # Eight bits a letter; the alphabet's bias of 256 over 27 is upstream's kind of negligible.
            out += ALPHANUMS[bits(16) % 27]
        return out

    def uuid(self) -> str:
        """A version 4 UUID in its usual text form."""
        return _uuid(self._bits(128))

    def uuid_of(self, what: str) -> str:
        """One for what is written beside the story: it follows from the seed and the words, and draws nothing."""
        return _uuid(int(sha256(f"{self._seed} {what}".encode()).hexdigest()[:32], 16))

    def save(self) -> list[Any]:
        """The state as plain data."""
        version, internal, gauss = self._random.getstate()
        return [version, list(internal), gauss]

    def load(self, state: Sequence[Any]) -> None:
        version, internal, gauss = state
        self._random.setstate((version, tuple(internal), gauss))
