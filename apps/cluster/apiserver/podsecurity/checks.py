"""The checks of the Pod security standards, each over a Pod's metadata and spec.

Models      staging/src/k8s.io/pod-security-admission/policy (check_*.go)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

NOTHING: dict[str, Any] = {}
Map = Mapping[str, Any]
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
SYSCTLS = {
    0: (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
    ),
    27: ("net.ipv4.ip_local_reserved_ports",),
    29: (
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
    ),
    32: ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
}
VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
OTHER_VOLUMES = (
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
)


class Violation(NamedTuple):
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


Check = Callable[[Map, Map, int], Violation | None]  # metadata, spec, minor version


def containers(spec: Map) -> Iterator[Map]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _security(holder: Map) -> Map:
    return holder.get("securityContext") or NOTHING


def quoted(items: Iterable[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def few(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def _named(names: list[str], one: str = "container") -> str:
    return f"{few(len(names), one, one + 's')} {quoted(names)}"


def _setters(pod: bool, names: list[str]) -> str:
    """`pod and containers "a", "b"`: who set what must not be set."""
    return " and ".join([*(["pod"] if pod else []), *([_named(names)] if names else [])])


def _windows(spec: Map) -> bool:
    return bool((spec.get("os") or NOTHING).get("name") == "windows")


def _own_users(spec: Map, minor: int) -> bool:
    """In a user namespace of its own a Pod's root is nobody outside."""
    return minor >= 35 and spec.get("hostUsers") is False


# ---- baseline --------------------------------------------------------------------------------


def app_armor(meta: Map, spec: Map, minor: int) -> Violation | None:
    def bad(holder: Map) -> str:
        profile = _security(holder).get("appArmorProfile")
        kind = str((profile or NOTHING).get("type", ""))
        return kind if profile is not None and kind not in ("RuntimeDefault", "Localhost") else ""

    pod = bad(spec)
    names = [one["name"] for one in containers(spec) if bad(one)]
    values = sorted({value for value in (pod, *(bad(one) for one in containers(spec))) if value})
    annotations = sorted(
        f'{key}="{value}"'
        for key, value in (meta.get("annotations") or NOTHING).items()
        if key.startswith(APPARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    )
    setters = [part for part in (_setters(bool(pod), names),) if part]
    if annotations:
        setters.append(few(len(annotations), "annotation", "annotations"))
    if not setters:
        return None
    every = [*values, *annotations]
    return Violation(
        few(len(every), "forbidden AppArmor profile", "forbidden AppArmor profiles"),
        f"{' and '.join(setters)} must not set AppArmor profile type to {quoted(every)}",
    )


def capabilities_baseline(meta: Map, spec: Map, minor: int) -> Violation | None:
    names, extra = [], set()
    for one in containers(spec):
        added = (_security(one).get("capabilities") or NOTHING).get("add") or ()
        wrong = [name for name in added if name not in CAPABILITIES]
        if wrong:
            names.append(one["name"])
            extra.update(wrong)
    if not names:
        return None
    return Violation(
        "non-default capabilities",
        f"{_named(names)} must not include {quoted(sorted(extra))} in securityContext.capabilities.add",
    )


def host_namespaces(meta: Map, spec: Map, minor: int) -> Violation | None:
    found = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return Violation("host namespaces", ", ".join(found)) if found else None


def host_path_volumes(meta: Map, spec: Map, minor: int) -> Violation | None:
    names = [volume["name"] for volume in spec.get("volumes") or () if volume.get("hostPath") is not None]
    return Violation("hostPath volumes", _named(names, "volume")) if names else None


def host_ports(meta: Map, spec: Map, minor: int) -> Violation | None:
    names, ports = [], set()
    for one in containers(spec):
        own = [str(port["hostPort"]) for port in one.get("ports") or () if port.get("hostPort")]
        if own:
            names.append(one["name"])
            ports.update(own)
    if not names:
        return None
    uses = few(len(names), "uses", "use")
    return Violation(
        "hostPort", f"{_named(names)} {uses} {few(len(ports), 'hostPort', 'hostPorts')} {', '.join(sorted(ports))}"
    )


def host_probes(meta: Map, spec: Map, minor: int) -> Violation | None:
    names, hosts = set(), set()
    for one in containers(spec):
        lifecycle = one.get("lifecycle") or NOTHING
        for handler in (
            one.get("livenessProbe"),
            one.get("readinessProbe"),
            one.get("startupProbe"),
            lifecycle.get("postStart"),
            lifecycle.get("preStop"),
        ):
            for action in ("httpGet", "tcpSocket"):
                host = ((handler or NOTHING).get(action) or NOTHING).get("host")
                if host:
                    names.add(one["name"])
                    hosts.add(host)
    if not names:
        return None
    uses = few(len(names), "uses", "use")
    kind = few(len(hosts), "probe or lifecycle host", "probe or lifecycle hosts")
    return Violation("probe or lifecycle host", f"{_named(sorted(names))} {uses} {kind} {quoted(sorted(hosts))}")


def privileged(meta: Map, spec: Map, minor: int) -> Violation | None:
    names = [one["name"] for one in containers(spec) if _security(one).get("privileged")]
    return Violation("privileged", f"{_named(names)} must not set securityContext.privileged=true") if names else None


def proc_mount(meta: Map, spec: Map, minor: int) -> Violation | None:
    names, kinds = [], set()
    for one in containers(spec):
        kind = _security(one).get("procMount")
        if kind is not None and kind != "Default":
            names.append(one["name"])
            kinds.add(kind)
    if not names:
        return None
    return Violation("procMount", f"{_named(names)} must not set securityContext.procMount to {quoted(sorted(kinds))}")


def proc_mount_baseline(meta: Map, spec: Map, minor: int) -> Violation | None:
    return None if _own_users(spec, minor) else proc_mount(meta, spec, minor)


def seccomp_baseline(meta: Map, spec: Map, minor: int) -> Violation | None:
    if minor < 19:
        return _seccomp_annotations(meta, spec)
    pod, names, values = _bad_seccomp(spec)
    if not pod and not names:
        return None
    return Violation(
        "seccompProfile",
        f"{_setters(pod, names)} must not set securityContext.seccompProfile.type to {quoted(values)}",
    )


def _seccomp_annotations(meta: Map, spec: Map) -> Violation | None:
    annotations = meta.get("annotations") or NOTHING
    keys = [SECCOMP_POD, *(SECCOMP_CONTAINER + one["name"] for one in containers(spec))]
    wrong = sorted(
        {
            f'{key}="{annotations[key]}"'
            for key in keys
            if key in annotations
            and annotations[key] not in ("runtime/default", "docker/default")
            and not annotations[key].startswith("localhost/")
        }
    )
    if not wrong:
        return None
    return Violation("seccompProfile", f"forbidden {few(len(wrong), 'annotation', 'annotations')} {', '.join(wrong)}")


def _seccomp(holder: Map) -> str | None:
    profile = _security(holder).get("seccompProfile")
    return None if profile is None else str(profile.get("type", ""))


def _bad_seccomp(spec: Map) -> tuple[bool, list[str], list[str]]:
    allowed = (None, "Localhost", "RuntimeDefault")
    names = [one["name"] for one in containers(spec) if _seccomp(one) not in allowed]
    values = {kind for kind in (_seccomp(spec), *map(_seccomp, containers(spec))) if kind not in allowed}
    return _seccomp(spec) not in allowed, names, sorted(str(value) for value in values)


def se_linux(meta: Map, spec: Map, minor: int) -> Violation | None:
    types = {"", "container_t", "container_init_t", "container_kvm_t"}
    if minor >= 31:
        types.add("container_engine_t")
    wrong_types: set[str] = set()
    user = role = False
    setters: list[bool] = []
    names: list[str] = []
    for position, holder in enumerate((spec, *containers(spec))):
        options = _security(holder).get("seLinuxOptions")
        if options is None:
            continue
        kind = options.get("type") or ""
        bad = kind not in types or bool(options.get("user")) or bool(options.get("role"))
        if kind not in types:
            wrong_types.add(kind)
        user, role = user or bool(options.get("user")), role or bool(options.get("role"))
        if bad and position == 0:
            setters.append(True)
        elif bad:
            names.append(holder["name"])
    if not setters and not names:
        return None
    said = []
    if wrong_types:
        said.append(f"{few(len(wrong_types), 'type', 'types')} {quoted(sorted(wrong_types))}")
    if user:
        said.append("user may not be set")
    if role:
        said.append("role may not be set")
    return Violation(
        "seLinuxOptions",
        f"{_setters(bool(setters), names)} set forbidden securityContext.seLinuxOptions: {'; '.join(said)}",
    )


def sysctls(meta: Map, spec: Map, minor: int) -> Violation | None:
    allowed = {name for since, names in SYSCTLS.items() if minor >= since for name in names}
    wrong = [one["name"] for one in _security(spec).get("sysctls") or () if one["name"] not in allowed]
    return Violation("forbidden sysctls", ", ".join(wrong)) if wrong else None


def windows_host_process(meta: Map, spec: Map, minor: int) -> Violation | None:
    def asks(holder: Map) -> bool:
        return bool((_security(holder).get("windowsOptions") or NOTHING).get("hostProcess"))

    names = [one["name"] for one in containers(spec) if asks(one)]
    if not names and not asks(spec):
        return None
    return Violation(
        "hostProcess", f"{_setters(asks(spec), names)} must not set securityContext.windowsOptions.hostProcess=true"
    )


# ---- restricted ------------------------------------------------------------------------------


def privilege_escalation(meta: Map, spec: Map, minor: int) -> Violation | None:
    if minor >= 25 and _windows(spec):
        return None
    names = [one["name"] for one in containers(spec) if _security(one).get("allowPrivilegeEscalation") is not False]
    if not names:
        return None
    return Violation(
        "allowPrivilegeEscalation != false",
        f"{_named(names)} must set securityContext.allowPrivilegeEscalation=false",
    )


def capabilities_restricted(meta: Map, spec: Map, minor: int) -> Violation | None:
    if minor >= 25 and _windows(spec):
        return None
    keeping, adding, extra = [], [], set()
    for one in containers(spec):
        capabilities = _security(one).get("capabilities")
        if capabilities is None or "ALL" not in (capabilities.get("drop") or ()):
            keeping.append(one["name"])
        wrong = [name for name in (capabilities or NOTHING).get("add") or () if name != "NET_BIND_SERVICE"]
        if wrong:
            adding.append(one["name"])
            extra.update(wrong)
    said = []
    if keeping:
        said.append(f'{_named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        said.append(f"{_named(adding)} must not include {quoted(sorted(extra))} in securityContext.capabilities.add")
    return Violation("unrestricted capabilities", "; ".join(said)) if said else None


def restricted_volumes(meta: Map, spec: Map, minor: int) -> Violation | None:
    names, kinds = [], set()
    for volume in spec.get("volumes") or ():
        if any(volume.get(source) is not None for source in VOLUMES):
            continue
        names.append(volume["name"])
        kinds.add(next((source for source in OTHER_VOLUMES if volume.get(source) is not None), "unknown"))
    if not names:
        return None
    uses = few(len(names), "uses", "use")
    kind = few(len(kinds), "restricted volume type", "restricted volume types")
    return Violation("restricted volume types", f"{_named(names, 'volume')} {uses} {kind} {quoted(sorted(kinds))}")


def run_as_non_root(meta: Map, spec: Map, minor: int) -> Violation | None:
    if _own_users(spec, minor):
        return None
    reason = "runAsNonRoot != true"
    pod = _security(spec).get("runAsNonRoot")
    explicit = [one["name"] for one in containers(spec) if _security(one).get("runAsNonRoot") is False]
    if pod is False or explicit:
        return Violation(reason, f"{_setters(pod is False, explicit)} must not set securityContext.runAsNonRoot=false")
    silent = [one["name"] for one in containers(spec) if _security(one).get("runAsNonRoot") is None]
    if pod or not silent:
        return None
    return Violation(reason, f"pod or {_named(silent)} must set securityContext.runAsNonRoot=true")


def run_as_user(meta: Map, spec: Map, minor: int) -> Violation | None:
    if _own_users(spec, minor):
        return None
    pod = _security(spec).get("runAsUser") == 0
    names = [one["name"] for one in containers(spec) if _security(one).get("runAsUser") == 0]
    if not pod and not names:
        return None
    return Violation("runAsUser=0", f"{_setters(pod, names)} must not set runAsUser=0")


def seccomp_restricted(meta: Map, spec: Map, minor: int) -> Violation | None:
    if minor >= 25 and _windows(spec):
        return None
    pod, names, values = _bad_seccomp(spec)
    if pod or names:
        return Violation(
            "seccompProfile",
            f"{_setters(pod, names)} must not set securityContext.seccompProfile.type to {quoted(values)}",
        )
    silent = [one["name"] for one in containers(spec) if _seccomp(one) is None]
    if _seccomp(spec) is not None or not silent:
        return None
    return Violation(
        "seccompProfile",
        f'pod or {_named(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"',
    )
