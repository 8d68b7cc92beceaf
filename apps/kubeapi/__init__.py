"""The Kubernetes API of a stored scenario's cluster, over HTTP: for kubectl and client libraries."""
