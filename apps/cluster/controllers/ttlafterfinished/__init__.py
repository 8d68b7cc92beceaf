"""Finished Jobs and how long they stay."""
