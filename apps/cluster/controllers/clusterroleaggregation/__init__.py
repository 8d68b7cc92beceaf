"""The ClusterRole aggregation controller: roles made of other roles."""
