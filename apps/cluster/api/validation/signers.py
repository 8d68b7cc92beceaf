"""Names of signers and trust bundles, and domain-prefixed keys.

Models      pkg/apis/core/validation (ValidateSignerName, ValidateClusterTrustBundleName, ValidateUserAnnotations)
Leaves out  nothing
"""

from __future__ import annotations

import re

from apps.cluster.api.validation.fields import Errors, all_invalid, invalid, required, too_long
from apps.cluster.api.validation.objectmeta import ANNOTATIONS_MAX
from apps.cluster.apimachinery import names

HTTP_PATH = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+", re.ASCII)
PREFIXED = 'must be a domain-prefixed key (such as "acme.io/foo")'


def signer_name(errors: Errors, at: str, name: str) -> None:
    """`example.com/signer`."""
    if not name:
        required(errors, at)
        return
    segments = name.split("/")
    if len(segments) != 2:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        invalid(errors, at, name, detail)
        return
    domain, path = segments
    if len(domain) > names.SUBDOMAIN_MAX:
        too_long(errors, at, names.SUBDOMAIN_MAX)
    for label in domain.split("."):
        problems = names.dns1123_label(label)
        if problems:
            all_invalid(errors, at, domain, (f'validating label "{label}": {problem}' for problem in problems))
            break
    if "." not in domain:
        invalid(errors, at, domain, "should be a domain with at least two segments separated by dots")
    for label in path.split("."):
        problems = names.dns1123_subdomain(label)
        if problems:
            all_invalid(errors, at, path, (f'validating label "{label}": {problem}' for problem in problems))
            break
    most = names.SUBDOMAIN_MAX + names.SUBDOMAIN_MAX + names.LABEL_MAX + 2
    if len(name) > most:
        too_long(errors, at, most)


def bundle_name(name: str) -> tuple[str, ...]:
    """A ClusterTrustBundle's name: what stands before its last colon is its signer's."""
    signer, colon, _ = name.rpartition(":")
    if not colon:
        return names.dns1123_subdomain(name)
    prefix = signer.replace("/", ":") + ":"
    return names.dns1123_subdomain(name.removeprefix(prefix))


def prefixed_key(errors: Errors, at: str, key: str) -> None:
    """`acme.io/foo`."""
    if not key:
        required(errors, at)
        return
    problems = names.qualified_name(key)
    if problems:
        all_invalid(errors, at, key, problems)
    elif key.count("/") != 1:
        invalid(errors, at, key, PREFIXED)


def prefixed_path(errors: Errors, at: str, path: str) -> None:
    """`acme.io/foo/bar`."""
    if not path:
        required(errors, at)
        return
    host, _, rest = path.partition("/")
    if not host or not rest:
        invalid(errors, at, path, PREFIXED.replace("key", "path"))
        return
    all_invalid(errors, at, host, names.dns1123_subdomain(host))
    if not HTTP_PATH.fullmatch(rest):
        invalid(errors, at, rest, names.regex_error("Invalid path", HTTP_PATH.pattern))


def qualified_name(errors: Errors, at: str, name: str) -> None:
    """A domain of three parts or more: `dev.k8s.io`."""
    problems = names.dns1123_subdomain(name)
    if not name:
        required(errors, at)
    elif problems:
        invalid(errors, at, name, ",".join(problems))
    elif name.count(".") < 2:
        invalid(errors, at, name, "should be a domain with at least three segments separated by dots")


def qualified_domain_name(errors: Errors, at: str, name: str) -> None:
    """A domain of two labels or more, which may end with a dot: `k8s.io.`."""
    if not name:
        required(errors, at)
        return
    name = name.removesuffix(".")
    problems = names.dns1123_subdomain(name)
    if problems:
        invalid(errors, at, name, ",".join(problems))
    elif "." not in name:
        invalid(errors, at, name, "should be a domain with at least two segments separated by dots")
    else:
        for label in name.split("."):
            problems = names.dns1123_label(label)
            if problems:
                invalid(errors, at, label, ",".join(problems))
                return


def user_annotations(errors: Errors, at: str, found: dict[str, str] | None) -> None:
    if not found:
        return
    for key in sorted(found):
        prefixed_key(errors, at, key.lower())
    if sum(len(key.encode()) + len(value.encode()) for key, value in found.items()) > ANNOTATIONS_MAX:
        too_long(errors, at, ANNOTATIONS_MAX)
