"""Certificates and requests for them, in their own form: DER in PEM.

Models      RFC 2986, RFC 5280, as Go's crypto/x509 reads and writes them
Leaves out  keys that work: what stands for a public key and for a signature is drawn from the names

>>> subject(request("system:node:a", ("system:nodes",)))
('system:node:a', ('system:nodes',))
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256

_ORGANIZATION, _COMMON_NAME = bytes.fromhex("55040a"), bytes.fromhex("550403")
_EC_KEY, _P256 = bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d030107")
_ECDSA_SHA256 = bytes.fromhex("2a8648ce3d040302")
_SEQUENCE, _SET, _INTEGER, _BITS, _OID, _UTF8, _TIME, _TIME_LONG = 0x30, 0x31, 2, 3, 6, 12, 23, 24


def _tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def _name(common_name: str, organizations: Sequence[str]) -> bytes:
    pairs = [*((_ORGANIZATION, one) for one in organizations), (_COMMON_NAME, common_name)]
    return _tlv(
        _SEQUENCE,
        *(_tlv(_SET, _tlv(_SEQUENCE, _tlv(_OID, oid), _tlv(_UTF8, text.encode()))) for oid, text in pairs),
    )


def _key(seed: bytes) -> bytes:
    point = b"\x04" + sha256(b"x" + seed).digest() + sha256(b"y" + seed).digest()
    return _tlv(_SEQUENCE, _tlv(_SEQUENCE, _tlv(_OID, _EC_KEY), _tlv(_OID, _P256)), _tlv(_BITS, b"\0", point))


def _signed(body: bytes) -> bytes:
    r, s = (_tlv(_INTEGER, b"\1" + sha256(salt + body).digest()[1:]) for salt in (b"r", b"s"))
    algorithm = _tlv(_SEQUENCE, _tlv(_OID, _ECDSA_SHA256))
    return _tlv(_SEQUENCE, body, algorithm, _tlv(_BITS, b"\0", _tlv(_SEQUENCE, r, s)))


def _pem(label: str, der: bytes) -> str:
    text = b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def request(common_name: str, organizations: Sequence[str]) -> str:
    """A certificate request in PEM."""
    name = _name(common_name, organizations)
    return _pem("CERTIFICATE REQUEST", _signed(_tlv(_SEQUENCE, _tlv(_INTEGER, b"\0"), name, _key(name), b"\xa0\0")))


def certificate(
    common_name: str, organizations: Sequence[str], not_before: str, not_after: str, issuer: str = "kubernetes"
) -> str:
    """A certificate in PEM; its times are like `2026-11-23T00:00:00Z`."""
    name = _name(common_name, organizations)
    serial = b"\1" + sha256(name + not_before.encode()).digest()[:15]
    body = _tlv(
        _SEQUENCE,
        _tlv(0xA0, _tlv(_INTEGER, b"\2")),
        _tlv(_INTEGER, serial),
        _tlv(_SEQUENCE, _tlv(_OID, _ECDSA_SHA256)),
        _name(issuer, ()),
        _tlv(_SEQUENCE, _instant(not_before), _instant(not_after)),
        name,
        _key(name),
    )
    return _pem("CERTIFICATE", _signed(body))


def _instant(text: str) -> bytes:
    digits = "".join(one for one in text if one.isdigit())
    if digits < "2050":
        return _tlv(_TIME, f"{digits[2:]}Z".encode())
    return _tlv(_TIME_LONG, f"{digits}Z".encode())


def subject(pem: str) -> tuple[str, tuple[str, ...]]:
    """The common name and the organizations of a request.

    Raises:
        ValueError: the text is no request.
    """
    lines = [line.strip() for line in pem.strip().splitlines()]
    if len(lines) < 3 or not lines[0].startswith("-----BEGIN ") or "CERTIFICATE REQUEST" not in lines[0]:
        raise ValueError("PEM block type must be CERTIFICATE REQUEST")
    try:
        outer = next(_read(b64decode("".join(lines[1:-1]), validate=True)))[1]
        info = next(_read(outer))[1]
        parts = list(_read(info))
        found = [tuple(_read(pair)) for _, one in _read(parts[1][1]) for _, pair in _read(one)]
        names = [(oid[1], text[1].decode()) for oid, text in found]
    except (IndexError, StopIteration, ValueError, UnicodeDecodeError):
        raise ValueError("the certificate request is malformed") from None
    organizations = tuple(text for oid, text in names if oid == _ORGANIZATION)
    return next((text for oid, text in names if oid == _COMMON_NAME), ""), organizations


def _read(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The values that follow one another."""
    place = 0
    while place < len(data):
        tag, size = data[place], data[place + 1]
        place += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[place : place + count], "big")
            place += count
        if place + size > len(data):
            raise ValueError("truncated")
        yield tag, data[place : place + size]
        place += size
