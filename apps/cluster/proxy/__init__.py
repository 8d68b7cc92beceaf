"""kube-proxy: its Pod on every node, and the rules that it makes out of Services and EndpointSlices.

Models      cmd/kube-proxy as kubeadm installs it: a DaemonSet of kube-system with its ConfigMap
Leaves out  that a machine's kernel has these rules: no node is given them yet, and no packet goes by them; IPVS mode
"""
