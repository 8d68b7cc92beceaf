"""The ServiceAccount controller."""
