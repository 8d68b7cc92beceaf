"""What kube-apiserver looks after by itself once it serves: its post-start hooks, one module each.

Models      k8s.io/apiserver/pkg/server/hooks.go and what pkg/controlplane hangs in it
Leaves out  nothing of its own
"""
