"""What Pods use of CPU and memory: the load that a reader sets, and a metrics-server that measures it."""
