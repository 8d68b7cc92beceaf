"""The name of a Pod's machine-to-be and its /etc/hosts.

Models      pkg/kubelet/kubelet_pods.go (GeneratePodHostNameAndDomain, managedHostsFileContent, nodeHostsFileContent)
Leaves out  nothing of its own
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_HOSTNAME = 63
HEADER = "# Kubernetes-managed hosts file.\n"
HOST_NETWORK_HEADER = "# Kubernetes-managed hosts file (host network).\n"
_LOCAL = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n"
)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class InvalidHostname(ValueError):
    """A name that no machine can have."""


def truncated(pod: str, hostname: str) -> str:
    """A hostname of at most 63 letters that ends in one that it may end in.

    >>> len(truncated("web", "a" * 70)), truncated("web", "a" * 62 + "-b")[-2:]
    (63, 'aa')
    """
    if len(hostname) <= MAX_HOSTNAME:
        return hostname
    out = hostname[:MAX_HOSTNAME].rstrip("-.")
    if not out:
        raise InvalidHostname(f'hostname for pod "{pod}" was invalid: "{hostname}"')
    return out


def hostname_and_domain(pod: Mapping[str, Any], cluster_domain: str = "cluster.local") -> tuple[str, str]:
    """What a Pod's containers see as their hostname, and its domain; "" without one.

    >>> hostname_and_domain({"metadata": {"name": "web-0", "namespace": "default"}, "spec": {"subdomain": "web"}})
    ('web-0', 'web.default.svc.cluster.local')
    """
    metadata, spec = pod["metadata"], pod["spec"]
    name = metadata["name"]
    override = spec.get("hostnameOverride")
    if override is not None:
        if not _SUBDOMAIN.fullmatch(override) or len(override) > 253:
            raise InvalidHostname(f'pod HostnameOverride "{override}" is not a valid DNS subdomain')
        return truncated(name, override), ""
    hostname = name
    if spec.get("hostname"):
        hostname = spec["hostname"]
        if not _LABEL.fullmatch(hostname) or len(hostname) > MAX_HOSTNAME:
            raise InvalidHostname(f'pod Hostname "{hostname}" is not a valid DNS label')
    hostname = truncated(name, hostname)
    subdomain = spec.get("subdomain")
    if not subdomain:
        return hostname, ""
    if not _LABEL.fullmatch(subdomain) or len(subdomain) > MAX_HOSTNAME:
        raise InvalidHostname(f'pod Subdomain "{subdomain}" is not a valid DNS label')
    return hostname, f"{subdomain}.{metadata.get('namespace', 'default')}.svc.{cluster_domain}"


def managed_file(ips: Iterable[str], hostname: str, domain: str, aliases: Sequence[Mapping[str, Any]]) -> str:
    """The /etc/hosts of a Pod with a network of its own."""
    name = f"{hostname}.{domain}\t{hostname}" if domain else hostname
    return HEADER + _LOCAL + "".join(f"{ip}\t{name}\n" for ip in ips) + _of_aliases(aliases)


def node_file(content: str, aliases: Sequence[Mapping[str, Any]]) -> str:
    """The /etc/hosts of a Pod on its machine's network: the machine's, and the Pod's aliases."""
    return HOST_NETWORK_HEADER + content + _of_aliases(aliases)


def _of_aliases(aliases: Sequence[Mapping[str, Any]]) -> str:
    if not aliases:
        return ""
    lines = [f"{alias['ip']}\t{chr(9).join(alias.get('hostnames') or ())}\n" for alias in aliases]
    return "\n# Entries added by HostAliases.\n" + "".join(lines)
