"""The Pod garbage collector: Pods that no kubelet will ever remove."""
