"""The hash of what decides how files are read: as long as it stays the same, no output reads its files again."""

import pytest

from segue.core import packaged
from segue.ingest.columns.sources import Source, load_sources
from segue.pipeline import file_ledger
from segue.settings import load, recipe

HASH_OF_0_2_0 = "7b3348f57967ced0"
"""What 0.2.0 stored in ``ingested_files.reading`` with its default settings and definitions."""


@pytest.mark.guard("detection-keeps-reading-hash")
def test_files_of_0_2_0_are_not_read_again(monkeypatch):
    assert file_ledger._reading_hash(load()) == HASH_OF_0_2_0
    sources = load_sources(packaged.conf() / "sources")
    for read_again in (False, True):
        added = [*sources, Source("new", {"titel": ("title", None)}, read_again=read_again)]
        monkeypatch.setattr(file_ledger, "load_sources", lambda *_, added=added, **__: added)
        assert (file_ledger._reading_hash(load()) == HASH_OF_0_2_0) == (not read_again)


def test_another_encoding_reads_files_again():
    assert file_ledger._reading_hash(load(overrides={"ingest": {"encoding": "utf-8"}})) == HASH_OF_0_2_0
    assert file_ledger._reading_hash(load(overrides={"ingest": {"encoding": "cp1252"}})) != HASH_OF_0_2_0


@pytest.mark.guard("added-settings-keep-reading-hash")
def test_settings_that_decide_instead_of_values_read_files_again_and_others_do_not():
    def reading_hash(**ingest):
        return file_ledger._reading_hash(load(overrides={"ingest": ingest}))

    assert reading_hash(strict=True, layouts="decide") == HASH_OF_0_2_0
    given = [reading_hash(decimal_sign="comma"), reading_hash(genre_separator=";"), reading_hash(header_line=2)]
    assert len({HASH_OF_0_2_0, *given}) == 4


@pytest.mark.parametrize("name", ["classic", "sound", "era", "guided"])
def test_a_recipe_reads_no_file_again(name):
    assert file_ledger._reading_hash(load(overrides=recipe(name))) == HASH_OF_0_2_0
