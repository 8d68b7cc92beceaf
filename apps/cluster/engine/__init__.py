"""The engine: virtual time, wakeups, seeded randomness, and the trace of everything that happened."""

from apps.cluster.engine.engine import Component, Engine, Record
from apps.cluster.engine.randomness import Randomness
from apps.cluster.engine.trace import Step, Trace

__all__ = ["Component", "Engine", "Randomness", "Record", "Step", "Trace"]
