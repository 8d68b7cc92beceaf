"""Figures: pure functions from a snapshot of a cluster to a drawing of it. See README.md."""
