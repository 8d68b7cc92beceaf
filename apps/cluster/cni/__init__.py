"""Calico: its Pod on every node, an address for every Pod; what it makes of each kernel is in `dataplane`.

Models      the calico-node DaemonSet and calico-kube-controllers; a block of addresses a node
Leaves out  nothing but what its modules say
"""
