"""The node IPAM controller."""
