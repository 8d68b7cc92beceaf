"""The controllers of bootstrap tokens."""
