"""Detect whether a job writes to a terminal."""

import io
import sys

import pytest

from segue.runtime import session


@pytest.mark.parametrize(("value", "expected"), [("1", True), (None, False)])
def test_start_script_reports_the_terminal(value, expected, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.delenv("SEGUE_TERMINAL", raising=False)
    if value:
        monkeypatch.setenv("SEGUE_TERMINAL", value)
    assert session.has_terminal() is expected
