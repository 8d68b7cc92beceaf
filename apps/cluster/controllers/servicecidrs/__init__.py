"""The ServiceCIDR controller."""
