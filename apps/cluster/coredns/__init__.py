"""CoreDNS: what it answers out of Services and EndpointSlices, and how a Pod's resolver asks.

Models      coredns/coredns plugin/kubernetes as kubeadm's Corefile sets it up; resolv.conf(5) as the kubelet writes it
Leaves out  the names of the world outside, of which it knows none
"""

from apps.cluster.coredns.resolver import Lookup, ResolvConf, lookup, resolv_conf
from apps.cluster.coredns.zone import Answer, Record, Zone

__all__ = ["Answer", "Lookup", "Record", "ResolvConf", "Zone", "lookup", "resolv_conf"]
