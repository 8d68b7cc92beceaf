"""ControllerRevisions: the rollout history of DaemonSets and StatefulSets."""
