"""The hashes in names: pod-template-hash, and the suffix of a ControllerRevision.

Models      pkg/controller/controller_utils.go (ComputeHash), pkg/controller/history/controller_history.go
            (HashControllerRevision, ControllerRevisionName), k8s.io/apimachinery/pkg/util/rand (SafeEncodeString)
Leaves out  nothing: these are the hashes of Kubernetes 1.36
"""

from __future__ import annotations

import json
import marshal
from typing import Any

from apps.cluster.api import schema
from apps.cluster.api.godump import dump
from apps.cluster.api.memo import IdentityMemo
from apps.cluster.apimachinery.meta import Obj

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_ENCODE = str.maketrans({digit: ALPHABET[ord(digit) % len(ALPHABET)] for digit in "0123456789"})
_OFFSET, _PRIME, _MASK = 2166136261, 16777619, 0xFFFFFFFF
_MAX_CONTENTS = 4096
MAX_REVISION_PREFIX = 223

_sums: IdentityMemo[int] = IdentityMemo()
_by_content: dict[bytes, int] = {}


def fnv32a(data: bytes, start: int = _OFFSET) -> int:
    """FNV-1a, 32 bits.

    >>> hex(fnv32a(b"a"))
    '0xe40c292c'
    """
    total, prime, mask = start, _PRIME, _MASK
    for byte in data:
        total = ((total ^ byte) * prime) & mask
    return total


def fnv32(data: bytes, start: int = _OFFSET) -> int:
    """FNV-1, 32 bits: multiplies first. Revisions use this one, templates the other.

    >>> hex(fnv32(b"a"))
    '0x50c5d7e'
    """
    total, prime, mask = start, _PRIME, _MASK
    for byte in data:
        total = ((total * prime) & mask) ^ byte
    return total


def safe_encode(text: str) -> str:
    """Digits in letters that spell no words.

    >>> safe_encode("2166136261")
    '65bb57b6b5'
    """
    return text.translate(_ENCODE)


def _template_sum(template: Obj) -> int:
    known = _sums.get(template)
    if known is not None:
        return known
    content = marshal.dumps(template, 2)
    total = _by_content.get(content)
    if total is None:
        if len(_by_content) >= _MAX_CONTENTS:
            _by_content.clear()
        total = fnv32a(dump(schema.struct("core", "PodTemplateSpec"), template).encode())
        _by_content[content] = total
    return _sums.put(template, total)


def pod_template_hash(template: Obj, collision_count: int | None = None) -> str:
    """The hash of a defaulted Pod template.

    `collision_count` is the Deployment's `status.collisionCount`; None and 0 give different hashes, as upstream.
    """
    total = _template_sum(template)
    if collision_count is not None:
        total = fnv32a((collision_count & _MASK).to_bytes(8, "little"), total)
    return safe_encode(str(total))


def go_json(data: Any) -> bytes:
    """JSON as Go's encoding/json writes a map: keys sorted, no spaces, <, > and & escaped."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for letter, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028")):
        text = text.replace(letter, escape)
    return text.encode()


def controller_revision_hash(data: bytes | Obj, collision_count: int | None = None) -> str:
    """The hash of a ControllerRevision's data: the bytes themselves, or an object to be written as JSON."""
    total = fnv32(data if isinstance(data, bytes) else go_json(data))
    if collision_count is not None:
        total = fnv32(str(collision_count).encode(), total)
    return safe_encode(str(total))


def controller_revision_name(prefix: str, hash_: str) -> str:
    """`web-5d4f8c7b9`; a long owner's name is cut."""
    return f"{prefix[:MAX_REVISION_PREFIX]}-{hash_}"
