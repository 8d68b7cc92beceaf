"""The data plane of a cluster: what kube-proxy, Felix and BIRD have made of each node's kernel, at any revision.

Models      kube-proxy, calico-node (Felix, BIRD, confd) as programs that run on nodes, stop, and fall behind; the
            kernels they program, the machines outside
Leaves out  what each module says
"""

from apps.cluster.dataplane.asks import BALANCER, CLIENT, Ask, Finding, Journey

__all__ = ["BALANCER", "CLIENT", "Ask", "Finding", "Journey"]
