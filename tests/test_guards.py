"""The list of guards is one of guards that are there, and of tests that are."""

import ast
from pathlib import Path

import pytest
from tests import guards

GUARDS = guards.read()


def test_each_is_told_apart():
    assert len({guard.what for guard in GUARDS}) == len(GUARDS)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.what)
def test_a_guard_can_be_taken_out_and_its_test_is_there(guard):
    text = guards.taken_out(guard, (guards.PROJECT / guard.file).read_text("utf-8"))
    if Path(guard.file).suffix == ".py":
        ast.parse(text)
    file, _, test = guard.test.partition("::")
    assert f"def {test}(" in (guards.PROJECT / file).read_text("utf-8") or not test
