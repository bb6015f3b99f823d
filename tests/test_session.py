"""Whether somebody watches a job."""

import io
import sys

import pytest

from segue import session


@pytest.mark.parametrize(("told", "wanted"), [("1", True), (None, False)])
def test_the_starter_tells_a_job_of_the_terminal_that_it_cannot_see(told, wanted, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.delenv("SEGUE_TERMINAL", raising=False)
    if told:
        monkeypatch.setenv("SEGUE_TERMINAL", told)
    assert session.is_watched() is wanted
