"""Identify the files that an earlier run has read."""

import pytest

from segue.ingest.column_matching import Source
from segue.pipeline import file_ledger
from segue.settings import load


@pytest.mark.guard("detection-keeps-reading-hash")
def test_reading_hash_of_default_settings_is_that_of_version_0_2_0(monkeypatch):
    monkeypatch.setattr(file_ledger, "load_sources", lambda *_, **__: [Source("s", {"title": ("title", None)})])
    # computed with the code of version 0.2.0, where ingest.encoding is "utf-8" by default
    assert file_ledger._reading_hash(load()) == "d76df55bfa9ea9a8"
    other = load(overrides={"ingest": {"encoding": "cp1252"}})
    assert file_ledger._reading_hash(other) != "d76df55bfa9ea9a8"
