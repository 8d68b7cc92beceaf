"""Admission: what the API server adds to an object, or refuses, before it is stored.

Models      plugin/pkg/admission, staging/src/k8s.io/apiserver/pkg/admission
Leaves out  what chain.py and the plugins, a module each, say

A request is authenticated, authorized, decoded and defaulted, changed by mutating plugins, validated against the kind's
schema, judged by validating plugins, and stored.
"""

from apps.cluster.apiserver.admission.attributes import CONNECT, CREATE, DELETE, UPDATE, Attributes, Plugin
from apps.cluster.apiserver.admission.namespace_lifecycle import IMMORTAL_NAMESPACES
from apps.cluster.apiserver.admission.nodes import topology_labels
from apps.cluster.apiserver.admission.service_account import MIRROR

__all__ = [
    "CONNECT",
    "CREATE",
    "DELETE",
    "IMMORTAL_NAMESPACES",
    "MIRROR",
    "UPDATE",
    "Attributes",
    "Plugin",
    "topology_labels",
]
