"""The TTL controller."""
