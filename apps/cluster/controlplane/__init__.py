"""The control plane as processes on machines that can fail: who runs where, who reaches whom, who leads.

Models      what kubeadm's static Pods, systemd, a load balancer before the API servers and leader election make of
            failures
Leaves out  nothing of its own: each module says what it leaves out
"""

from apps.cluster.controlplane.host import ControlPlane

__all__ = ["ControlPlane"]
