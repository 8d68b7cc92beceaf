"""Security contexts of Pods and containers, and the annotations they replaced.

Models      pkg/apis/core/validation/validation.go (ValidateSecurityContext, validatePodSpecSecurityContext, seccomp,
            AppArmor, sysctls)
Leaves out  nothing: privileged containers are allowed, as kube-apiserver is run everywhere
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.cluster.api.schema.internal import written
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from apps.cluster.api.validation.paths import local_descending
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj

MAX_INT32 = (1 << 31) - 1
PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
SYSCTL = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
SYSCTL_RE = re.compile(SYSCTL, re.ASCII)
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
MATCH = "type in annotation and field must match"


def containers_of(spec: Obj) -> Iterator[tuple[str, Obj]]:
    """Every container of a PodSpec with its path below spec, in the order in which upstream visits them."""
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            yield f"{kind}[{index}]", container


def _id(errors: Errors, at: str, value: int | None) -> None:
    if value is not None and not 0 <= value <= MAX_INT32:
        invalid(errors, at, value, names.between(0, MAX_INT32))


def _seccomp(errors: Errors, at: str, profile: Obj | None) -> None:
    if profile is None:
        return
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        required(errors, f"{at}.type", "type is required when seccompProfile is set")
    elif kind not in PROFILE_TYPES:
        not_supported(errors, f"{at}.type", kind, PROFILE_TYPES)
    if kind == "Localhost":
        if local is None:
            required(errors, f"{at}.localhostProfile", "must be set when seccomp type is Localhost")
        else:
            local_descending(errors, f"{at}.localhostProfile", local)
    elif local is not None:
        shown = {"Type": kind, "LocalhostProfile": local}
        invalid(errors, f"{at}.localhostProfile", shown, "can only be set when seccomp type is Localhost")


def _apparmor(errors: Errors, at: str, profile: Obj | None) -> None:
    if profile is None:
        return
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    where = f"{at}.localhostProfile"
    if kind == "Localhost":
        if not local:
            required(errors, where, "must be set when AppArmor type is Localhost")
        elif local.strip() != local:
            invalid(errors, where, local, "must not be padded with whitespace")
        if local and len(local) > 4095:
            too_long(errors, where, 4095)
    elif kind in ("RuntimeDefault", "Unconfined"):
        if local is not None:
            invalid(errors, where, local, "can only be set when AppArmor type is Localhost")
    elif not kind:
        required(errors, f"{at}.type", "type is required when appArmorProfile is set")
    else:
        not_supported(errors, f"{at}.type", kind, PROFILE_TYPES)


def container_context(errors: Errors, at: str, context: Obj | None, host_users: bool) -> None:
    if not context:
        return
    _id(errors, f"{at}.runAsUser", context.get("runAsUser"))
    _id(errors, f"{at}.runAsGroup", context.get("runAsGroup"))
    mount = context.get("procMount")
    if mount is not None:
        if mount not in ("Default", "Unmasked"):
            not_supported(errors, f"{at}.procMount", mount, ("Default", "Unmasked"))
        if host_users and mount == "Unmasked":
            invalid(errors, f"{at}.procMount", mount, "`hostUsers` must be false to use `Unmasked`")
    _seccomp(errors, f"{at}.seccompProfile", context.get("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            invalid(errors, at, written("SecurityContext", context), detail)
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            invalid(errors, at, written("SecurityContext", context), detail)
    windows_options(errors, f"{at}.windowsOptions", context.get("windowsOptions"))
    _apparmor(errors, f"{at}.appArmorProfile", context.get("appArmorProfile"))


def windows_options(errors: Errors, at: str, options: Obj | None) -> None:
    """Who a container for Windows runs as, and with which credentials."""
    if options is None:
        return
    name, spec, user = (
        options.get(field) for field in ("gmsaCredentialSpecName", "gmsaCredentialSpec", "runAsUserName")
    )
    if name is not None:
        all_invalid(errors, f"{at}.gmsaCredentialSpecName", name, names.dns1123_subdomain(name))
    where = f"{at}.gmsaCredentialSpec"
    if spec == "":
        invalid(errors, where, spec, "gmsaCredentialSpec cannot be an empty string")
    elif spec is not None and len(spec.encode()) > 64 * 1024:
        invalid(errors, where, spec, "gmsaCredentialSpec size must be under 64 KiB")
    if user is not None:
        all_invalid(errors, f"{at}.runAsUserName", user, _user_problems(user))


NET_BIOS = re.compile(r'[^\\/:\*\?"<>|\.][^\\/:\*\?"<>|]{0,14}')
_WINDOWS_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
WINDOWS_DOMAIN = re.compile(rf"{_WINDOWS_LABEL}(?:\.{_WINDOWS_LABEL})*", re.ASCII)
NOT_IN_USER = re.compile(r'["/\\:;|=,+*?<>@\[\]]')


def _user_problems(name: str) -> Iterator[str]:
    """What is wrong with `DOMAIN\\user`."""
    if not name:
        yield "runAsUserName cannot be an empty string"
        return
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in name):
        yield "runAsUserName cannot contain control characters"
        return
    if name.count("\\") > 1:
        yield "runAsUserName cannot contain more than one backslash"
        return
    domain, backslash, user = name.rpartition("\\")
    if len(domain) >= 256:
        yield "runAsUserName's Domain length must be under 256 characters"
    if backslash and not (NET_BIOS.fullmatch(domain) or WINDOWS_DOMAIN.fullmatch(domain)):
        yield "runAsUserName's Domain doesn't match the NetBios nor the DNS format"
    if not user:
        yield "runAsUserName's User cannot be empty"
    elif len(user) > 104:
        yield "runAsUserName's User length must not be longer than 104 characters"
    if user and not user.strip(". "):
        yield "runAsUserName's User cannot contain only periods or spaces"
    if NOT_IN_USER.search(user):
        yield """runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]"""


def _is_host_process(context: Obj | None) -> bool | None:
    found: bool | None = ((context or EMPTY).get("windowsOptions") or EMPTY).get("hostProcess")
    return found


def host_process(errors: Errors, at: str, spec: Obj) -> None:
    """Containers of Windows that run on the machine itself: all of a Pod's or none."""
    whole = _is_host_process(spec.get("securityContext"))
    count = on_host = 0
    for where, container in containers_of(spec):
        own = _is_host_process(container.get("securityContext"))
        count += 1
        if whole is not None and own is not None and whole != own:
            shown = "true" if whole else "false"
            detail = f"pod hostProcess value must be identical if both are specified, was {shown}"
            invalid(errors, f"{at}.{where}.securityContext.windowsOptions.hostProcess", own, detail)
        on_host += bool(whole if own is None else own)
    if not on_host:
        return
    if on_host != count:
        detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        invalid(errors, at, "", detail)
    if not spec.get("hostNetwork"):
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        invalid(errors, f"{at}.hostNetwork", False, detail)


def sysctls(errors: Errors, at: str, spec: Obj, found: list[Obj]) -> None:
    seen: set[str] = set()
    for index, sysctl in enumerate(found):
        name, where = sysctl.get("name", ""), f"{at}[{index}].name"
        if not name:
            required(errors, where)
        elif len(name) > 253 or not SYSCTL_RE.match(name):
            invalid(errors, where, name, f"must have at most 253 characters and match regex {SYSCTL}")
        elif name in seen:
            duplicate(errors, where, name)
        dotted = name.replace("/", ".")
        if spec.get("hostNetwork") and dotted.startswith("net."):
            invalid(errors, where, name, "may not be specified when 'hostNetwork' is true")
        if spec.get("hostIPC") and dotted.startswith(("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")):
            invalid(errors, where, name, "may not be specified when 'hostIPC' is true")
        seen.add(name)


def _one_of(errors: Errors, at: str, value: str | None, valid: tuple[str, ...]) -> None:
    if value is not None and value not in valid:
        not_supported(errors, at, value, valid)


def pod_context(errors: Errors, at: str, spec: Obj) -> None:
    """`at` is the path of the spec."""
    context = spec.get("securityContext")
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        invalid(errors, f"{at}.securityContext.shareProcessNamespace", True, detail)
    if not context:
        return
    at = f"{at}.securityContext"
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        _id(errors, f"{at}.{name}", context.get(name))
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        _id(errors, f"{at}.supplementalGroups[{index}]", group)
    if context.get("sysctls"):
        sysctls(errors, f"{at}.sysctls", spec, context["sysctls"])
    _one_of(errors, f"{at}.fsGroupChangePolicy", context.get("fsGroupChangePolicy"), ("Always", "OnRootMismatch"))
    _seccomp(errors, f"{at}.seccompProfile", context.get("seccompProfile"))
    windows_options(errors, f"{at}.windowsOptions", context.get("windowsOptions"))
    _apparmor(errors, f"{at}.appArmorProfile", context.get("appArmorProfile"))
    _one_of(errors, f"{at}.supplementalGroupsPolicy", context.get("supplementalGroupsPolicy"), ("Merge", "Strict"))
    _one_of(errors, f"{at}.seLinuxChangePolicy", context.get("seLinuxChangePolicy"), ("MountOption", "Recursive"))


def _seccomp_text(errors: Errors, at: str, profile: str) -> None:
    if profile in ("runtime/default", "docker/default", "unconfined"):
        return
    if profile.startswith("localhost/"):
        local_descending(errors, at, profile.removeprefix("localhost/"))
    else:
        invalid(errors, at, profile, "must be a valid seccomp profile")


def legacy_annotations(errors: Errors, at: str, found: dict[str, str], spec: Obj) -> None:
    """The seccomp and AppArmor annotations."""
    if SECCOMP_POD in found:
        _seccomp_text(errors, f"{at}.{SECCOMP_POD}", found[SECCOMP_POD])
    for key in sorted(found):
        if key.startswith(SECCOMP_CONTAINER):
            _seccomp_text(errors, f"{at}.{key}", found[key])
    for key in sorted(found):
        if not key.startswith(APPARMOR):
            continue
        container, profile = key.removeprefix(APPARMOR), found[key]
        if all(one.get("name") != container for _, one in containers_of(spec)):
            invalid(errors, f"{at}[{key}]", container, "container not found")
        if profile not in ("", "runtime/default", "unconfined") and not profile.startswith("localhost/"):
            invalid(errors, f"{at}[{key}]", profile, f'invalid AppArmor profile name: "{profile}"')


def mismatch(profile: Obj, text: str) -> str:
    """Which field of a profile an annotation contradicts: "type", "localhostProfile" or ""."""
    kind = profile.get("type")
    if kind == "Unconfined" and text != "unconfined":
        return "type"
    if kind == "RuntimeDefault" and text not in ("runtime/default", "docker/default"):
        return "type"
    if kind == "Localhost":
        if not text.startswith("localhost/"):
            return "type"
        if text.removeprefix("localhost/") != profile.get("localhostProfile"):
            return "localhostProfile"
    return ""


def annotations_match(errors: Errors, at: str, found: dict[str, str], spec: Obj) -> None:
    """Annotation and field must say the same. `at` is the path of the spec."""
    pod = spec.get("securityContext") or {}
    profile = pod.get("seccompProfile")
    if profile is not None and SECCOMP_POD in found:
        field = mismatch(profile, found[SECCOMP_POD])
        if field:
            what = "seccomp " + ("type" if field == "type" else "profile")
            forbidden(errors, f"{at}.securityContext.seccompProfile.{field}", what + MATCH.removeprefix("type"))
    for prefix, name, word in (
        (SECCOMP_CONTAINER, "seccompProfile", "seccomp"),
        (APPARMOR, "appArmorProfile", "apparmor"),
    ):
        for where, container in containers_of(spec):
            text = found.get(prefix + container.get("name", ""))
            profile = (container.get("securityContext") or {}).get(name)
            if profile is None and word == "apparmor":
                profile = pod.get(name)
            if text is None or profile is None:
                continue
            field = mismatch(profile, text)
            if field:
                what = f"{word} " + ("type" if field == "type" else "profile")
                forbidden(errors, f"{at}.{where}.securityContext.{name}.{field}", what + MATCH.removeprefix("type"))
