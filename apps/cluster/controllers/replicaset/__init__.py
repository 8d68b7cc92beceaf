"""The ReplicaSet controller, which also runs ReplicationControllers."""
