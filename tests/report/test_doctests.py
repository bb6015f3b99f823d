"""The examples in the report's docstrings."""

import doctest
import importlib
import pkgutil

import pytest

from segue import report

MODULES = [found.name for found in pkgutil.walk_packages(report.__path__, f"{report.__name__}.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_there_are_some():
    finder = doctest.DocTestFinder(exclude_empty=True)
    tried = sum(len(one.examples) for name in MODULES for one in finder.find(importlib.import_module(name)))
    assert tried >= 10
