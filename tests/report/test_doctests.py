"""The examples in the docstrings of the report run and are right."""

import doctest
import importlib
import pkgutil

import pytest

from segue import report

MODULES = [module.name for module in pkgutil.walk_packages(report.__path__, f"{report.__name__}.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_right(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    n_examples = sum(len(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name)))
    assert n_examples >= 10
