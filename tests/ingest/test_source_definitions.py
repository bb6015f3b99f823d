"""Load source definitions, and report the faults of their TOML files."""

from dataclasses import asdict
from pathlib import Path

import pytest

from segue import schema
from segue.core import resources
from segue.errors import SettingsError
from segue.ingest.source_definitions import COLUMNS, UNITS, Source, load_sources, normalise_header


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder


def faults(folder: Path, **options: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        load_sources(folder, **options)
    return raised.value.faults


@pytest.mark.parametrize(
    ("header", "normalised"),
    [
        ("Beats Per Minute (BPM)", "beatsperminutebpm"),
        ("  track_NAME\t", "trackname"),
        ("artist(s)_name", "artistsname"),
        ("energy_%", "energy%"),
        ("\ufeffTitle", "title"),
        ("\uff22\uff30\uff2d", "bpm"),
        ("Cafe\u0301", "caf\u00e9"),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
        ("--", ""),
    ],
)
def test_header_is_normalised(header, normalised):
    assert normalise_header(header) == normalised


def test_bundled_sources_define_the_default_features():
    sources = load_sources(resources.conf() / "sources")
    assert [source.name for source in sources] == ["chosic", "kaggle-2000", "spotify-api"]
    for source in sources:
        columns = {column for column, _ in source.headers.values()}
        assert {"title", "artist", "bpm", "loudness", "liveness", "valence", "acousticness", "speechiness"} <= columns
        assert "" not in source.headers


def test_a_single_source_is_loaded_by_name():
    (source,) = load_sources(resources.conf() / "sources", name="spotify-api")
    assert source.headers["durationms"] == ("duration_s", "ms")
    assert source.headers["energy%"] == ("energy", "percent")
    assert source.headers["energy"] == ("energy", None)


def test_unknown_name_is_a_fault_that_lists_the_sources():
    (fault,) = faults(resources.conf() / "sources", name="deezer")
    assert fault == "ingest.source is 'deezer', expected auto or one of chosic, kaggle-2000, spotify-api"


def test_a_source_is_defined_by_a_file(tmp_path):
    text = 'name = "label"\n[headers]\n"Künstler" = "artist"\n"Dauer" = { column = "duration_s", unit = "min" }\n'
    write(tmp_path, "not a source", "notes.txt")
    (source,) = load_sources(write(tmp_path, text))
    assert source.name == "label"
    assert source.headers == {"künstler": ("artist", None), "dauer": ("duration_s", "min")}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name = ", "not TOML"),
        ('[headers]\n"a" = "title"\n', "`name`"),
        ('name = "x"\n', "`headers`"),
        ('name = 5\n[headers]\n"a" = "title"\n', "`name`"),
        ('name = "x"\n[headers]\n"a" = "tempo"\n', "'a' is 'tempo', expected one of track_id, title"),
        ('name = "x"\n[headers]\n"a" = ["bpm"]\n', "expected one of track_id, title"),
        ('name = "x"\n[headers]\n"a" = { unit = "ms" }\n', "'a' is None"),
        ('name = "x"\n[headers]\n"a" = { column = "energy", unit = "ms" }\n', "'ms', expected one of fraction"),
        ('name = "x"\n[headers]\n"a" = { column = "bpm", unit = "hz" }\n', "has unit 'hz', expected none"),
        ('name = "x"\n[headers]\n"a" = { column = "bpm", unti = "ms" }\n', "keys unti, expected only column and unit"),
        ('name = "x"\n[headers]\n"#" = "track_id"\n', "no letter or digit"),
    ],
)
def test_every_fault_names_its_file(tmp_path, text, fault):
    (message,) = faults(write(tmp_path, text))
    assert message.startswith("conf/sources/mine.toml: ")
    assert fault in message


def test_faults_of_all_files_are_reported_together(tmp_path):
    write(tmp_path, 'name = "x"\n[headers]\n"a" = "tempo"\n"b" = "key"\n', "a.toml")
    write(tmp_path, "[", "b.toml")
    (tmp_path / "c.toml").write_bytes(b"name = '\xff'")
    assert [fault.split(":")[0][-6:] for fault in faults(tmp_path)] == ["a.toml", "a.toml", "b.toml", "c.toml"]


def test_columns_and_units_follow_the_schema():
    assert set(COLUMNS) == set(schema.TRACKS.names) - {"genres", "source_file"}
    assert set(UNITS) <= set(COLUMNS)
    assert all(UNITS[f.name][0] == "fraction" for f in schema.FEATURES if f.unit == "fraction")


def test_field_names_of_a_source_match_the_stored_hashes():
    assert asdict(Source("a", {"b": ("title", None)})) == {"name": "a", "headers": {"b": ("title", None)}}
