"""The controllers of kube-controller-manager, one package each."""
