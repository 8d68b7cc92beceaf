"""The simulated Kubernetes: plain Python, no web. `cluster.Cluster` is the way in."""
