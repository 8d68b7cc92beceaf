"""The examples in the docstrings run."""

import doctest
import importlib
import pkgutil

import pytest

from apps import diagrams

MODULES = sorted(found.name for found in pkgutil.walk_packages(diagrams.__path__, "apps.diagrams."))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
