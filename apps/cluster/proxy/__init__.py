"""kube-proxy: its Pod on every node; the rules it would write are not written yet.

Models      cmd/kube-proxy as kubeadm installs it: a DaemonSet of kube-system with its ConfigMap
Leaves out  iptables, nftables and IPVS rules; so a Service has an address and EndpointSlices, and no packet goes there
"""
