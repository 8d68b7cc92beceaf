"""The node lifecycle controller and the taint eviction controller: what happens when a node falls silent."""
