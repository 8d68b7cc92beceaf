"""Ownership (to come)."""
from apps.diagrams.graph import Graph
def build(snapshot, lang, options) -> Graph:
    raise NotImplementedError
