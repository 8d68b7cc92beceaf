"""Which apps there are: an app that is not built yet is left out rather than an error."""

from importlib.util import find_spec

NAMES = ("articles", "live", "kubeapi", "scenarios", "diagrams")


def has(name: str, module: str) -> bool:
    """Return whether `apps.<name>.<module>` can be imported, without importing it."""
    return find_spec(f"apps.{name}") is not None and find_spec(f"apps.{name}.{module}") is not None


BUILT = [name for name in NAMES if has(name, "apps")]
