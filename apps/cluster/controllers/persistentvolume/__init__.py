"""Volumes and claims: binding, provisioning, protection."""
