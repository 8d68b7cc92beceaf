"""CertificateSigningRequest: what may be asked for, and who may write which part of the answer.

Models      pkg/apis/certificates/validation
Leaves out  of the request and of the certificate only the PEM armour is looked at, not the DER inside
"""

from __future__ import annotations

import base64
import binascii
import json
import re

from apps.cluster.api.validation.fields import (
    Errors,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    same,
)
from apps.cluster.api.validation.objectmeta import object_meta, object_meta_update
from apps.cluster.api.validation.signers import signer_name
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError, go_quoted

LEGACY = "kubernetes.io/legacy-unknown"
USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
KEPT = ("Approved", "Denied", "Failed")
STATUSES = ("False", "True", "Unknown")
BLOCK = re.compile(r"-----BEGIN ([^\n]*?)-----[ \t\r]*\n(.*?)-----END \1-----", re.S)
BOTH = "Approved and Denied conditions are mutually exclusive"


def _blocks(value: str) -> list[tuple[str, str]]:
    """Kinds and bodies of the PEM blocks in a base64 text."""
    try:
        text = base64.b64decode(value).decode("latin-1")
    except (binascii.Error, ValueError):
        return []
    return BLOCK.findall(text)


def _certificate_problem(value: str) -> str:
    found = _blocks(value) if value else []
    for kind, body in found:
        if kind != "CERTIFICATE":
            return f"only CERTIFICATE PEM blocks are allowed, found {go_quoted(kind)}"
        if ":" in body:
            return "no PEM block headers are permitted"
    return "must contain at least one CERTIFICATE PEM block" if value and not found else ""


def _conditions(obj: Obj) -> list[Obj]:
    return list((obj.get("status") or EMPTY).get("conditions") or ())


def _kinds(obj: Obj) -> list[str]:
    return [condition.get("type", "") for condition in _conditions(obj)]


def _judge_conditions(errors: Errors, obj: Obj, old: Obj | None) -> None:
    at = "status.conditions"
    before = [] if old is None else _kinds(old)
    may_repeat, may_be_empty = len(before) > len(set(before)), "" in before
    may_be_both = "Approved" in before and "Denied" in before
    seen: set[str] = set()
    for index, condition in enumerate(_conditions(obj)):
        kind, status = condition.get("type", ""), condition.get("status", "")
        if not kind and not may_be_empty:
            required(errors, f"{at}[{index}].type")
        allowed = ("True",) if kind in KEPT else STATUSES
        if not status:
            required(errors, f"{at}[{index}].status")
        elif status not in allowed:
            not_supported(errors, f"{at}[{index}].status", status, allowed)
        other = {"Approved": "Denied", "Denied": "Approved"}.get(kind)
        if other in seen and not may_be_both:
            invalid(errors, at, kind, BOTH)
        if kind in seen and not may_repeat:
            duplicate(errors, f"{at}[{index}].type", kind)
        seen.add(kind)


def _certificate(obj: Obj) -> str:
    return (obj.get("status") or EMPTY).get("certificate") or ""


def _judge(errors: Errors, obj: Obj, old: Obj | None) -> None:
    object_meta(errors, obj["metadata"], False, lambda name: ())
    spec, before = obj.get("spec") or EMPTY, (old or EMPTY).get("spec") or EMPTY
    request, usages, signer = spec.get("request") or "", spec.get("usages") or [], spec.get("signerName", "")
    found = _blocks(request)
    if not found or found[0][0] != "CERTIFICATE REQUEST":
        invalid(errors, "spec.request", request or None, "PEM block type must be CERTIFICATE REQUEST")
    if not usages:
        required(errors, "spec.usages")
    had = before.get("usages") or []
    if all(usage in USAGES for usage in had):
        for index, usage in enumerate(usages):
            if usage not in USAGES:
                not_supported(errors, f"spec.usages[{index}]", usage, USAGES)
    if len(set(had)) == len(had):
        for index, usage in enumerate(usages):
            if usage in usages[:index]:
                duplicate(errors, f"spec.usages[{index}]", usage)
    if signer == LEGACY and before.get("signerName") != LEGACY:
        invalid(errors, "spec.signerName", signer, "the legacy signerName is not allowed via this API version")
    else:
        signer_name(errors, "spec.signerName", signer)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        invalid(errors, "spec.expirationSeconds", seconds, detail)
    _judge_conditions(errors, obj, old)
    certificate = _certificate(obj)
    tolerated = old is not None and (certificate == _certificate(old) or _certificate_problem(_certificate(old)))
    problem = "" if tolerated else _certificate_problem(certificate)
    if problem:
        invalid(errors, "status.certificate", "<certificate data>", problem)


def request(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    _judge(errors, obj, None)
    return errors


def _update(new: Obj, old: Obj, *, sets_certificate: bool = False, approves: bool = False) -> list[FieldError]:
    errors: Errors = []
    _judge(errors, new, old)
    at = "status.conditions"
    lists = {kind: tuple([c for c in _conditions(o) if c.get("type") == kind] for o in (new, old)) for kind in KEPT}
    for kind, (after, before) in lists.items():
        if len(after) < len(before):
            forbidden(errors, at, f"updates may not remove a condition of type {json.dumps(kind)}")
    for kind in () if approves else KEPT[:2]:
        after, before = lists[kind]
        if len(after) > len(before):
            forbidden(errors, at, f"updates may not add a condition of type {json.dumps(kind)}")
        elif len(after) == len(before) and not same(after, before):
            forbidden(errors, at, f"updates may not modify a condition of type {json.dumps(kind)}")
    had = _certificate(old)
    if _certificate(new) != had:
        if not sets_certificate:
            forbidden(errors, "status.certificate", "updates may not set certificate content")
        elif had:
            forbidden(errors, "status.certificate", "updates may not modify existing certificate content")
    object_meta_update(errors, new["metadata"], old["metadata"])
    return errors


def request_update(new: Obj, old: Obj) -> list[FieldError]:
    return _update(new, old)


def request_status_update(new: Obj, old: Obj) -> list[FieldError]:
    return _update(new, old, sets_certificate=True)


def request_approval(new: Obj, old: Obj) -> list[FieldError]:
    return _update(new, old, approves=True)
