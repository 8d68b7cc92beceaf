"""Calico: its Pod on every node and an address for every Pod; routes, tunnels and policy are not programmed yet.

Models      the calico-node DaemonSet and calico-kube-controllers; a block of addresses a node
Leaves out  BIRD, Felix, confd and their routes; IP-in-IP and VXLAN tunnels; NetworkPolicy; pools and affinities of IPAM
"""
