"""Short ids and secret tokens: how they are made, kept and compared.

An id names a scenario and is enough to look at it. A key is what its editor holds; only the SHA-256 of
a key is stored, so a copy of the database lets nobody edit. A key has 160 bits of chance, which needs no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

# No 0/O, 1/l/I, no u/v pair that handwriting confuses: an id survives being read aloud or copied from a slide.
ALPHABET = "23456789abcdefghjkmnpqrstwxyz"
ID_LENGTH = 10  # 29 ** 10 = 4.2e14 ids
KEY_LENGTH = 33  # 29 ** 33 > 2 ** 160


def new_id() -> str:
    """A scenario's id, ten characters of an alphabet without look-alikes."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))


def new_key() -> str:
    """A secret token that lets its holder edit (or, for a view token, read over the Kubernetes API)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(KEY_LENGTH))


def digest(token: str) -> str:
    """What is stored of a token: SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def matches(token: str, stored: str) -> bool:
    """Whether `token` is the one whose digest was stored; takes the same time for every wrong token."""
    return bool(token) and bool(stored) and hmac.compare_digest(digest(token), stored)
