"""Test the examples in docstrings of ``segue.clustering``."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["cluster_stats", "descriptions"])
def test_docstring_examples_are_correct(module):
    result = doctest.testmod(importlib.import_module(f"segue.clustering.{module}"))
    assert result.failed == 0
    assert result.attempted > 0
