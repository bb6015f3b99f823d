"""Load definitions of sources, and normalise headers."""

from pathlib import Path

import pytest

from segue import schema
from segue.core import packaged
from segue.errors import SettingsError
from segue.ingest.columns.sources import COLUMNS, Source, fold_accents, load_sources, normalise_header, reading_rules
from segue.ingest.columns.units import UNITS
from segue.pipeline import file_ledger
from segue.settings import Settings

SOURCES = load_sources(packaged.conf() / "sources")
LANGUAGES = {"dutch", "french", "german", "italian", "polish", "portuguese", "spanish"}


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


def test_accents_are_folded_when_headers_are_compared_but_not_in_a_definition():
    assert [fold_accents(normalise_header(name)) for name in ("Głośność", "Länge", "AÑO", "e\u0301nergie")] == [
        "glosnosc",
        "lange",
        "ano",
        "energie",
    ]
    source = Source("a", {"künstler": ("artist", None)})
    assert (list(source.headers), list(source.by_name)) == (["künstler"], ["kunstler"])


def test_built_in_sources_define_the_default_features():
    formats = [source for source in SOURCES if not source.exact]
    assert [source.name for source in formats] == ["chosic", "kaggle-2000", "spotify-api"]
    for source in formats:
        columns = {column for column, _ in source.headers.values()}
        assert {"title", "artist", "bpm", "loudness", "liveness", "valence", "acousticness", "speechiness"} <= columns
        assert "" not in source.headers


def test_every_language_names_every_column_and_none_of_them_in_two_ways():
    added = [source for source in SOURCES if not source.read_again]
    assert {source.name for source in added} == LANGUAGES | {"musical-details", "published"}
    texts_and_features = {"track_id", *schema.TEXTS, "year", *schema.FEATURE_NAMES, "popularity"}
    columns: dict[str, set[str]] = {}
    for source in SOURCES:
        assert source.built_in
        assert source.read_again != source.exact
        if source.name in LANGUAGES:
            assert texts_and_features <= {column for column, _ in source.headers.values()}
        for name, (column, _) in source.by_name.items():
            columns.setdefault(name, set()).add(column)
    assert {name for name, meanings in columns.items() if len(meanings) > 1} == set()


@pytest.mark.guard("added-names-keep-the-hash")
def test_added_names_make_no_known_file_be_read_again():
    # the value before these definitions were added, which is stored in the tables of users
    assert file_ledger._reading_hash(Settings()) == "7b3348f57967ced0"


def test_a_source_that_is_not_read_again_counts_where_the_setting_names_it():
    sources = [Source("a", {"b": ("title", None)}), Source("c", {"d": ("bpm", None)}, read_again=False)]
    first = {"name": "a", "headers": {"b": ("title", None)}}
    assert reading_rules(sources, name="auto") == [first]
    assert reading_rules(sources[1:], name="c") == [{"name": "c", "headers": {"d": ("bpm", None)}}]


def test_a_single_source_is_loaded_by_name():
    (source,) = load_sources(packaged.conf() / "sources", name="spotify-api")
    assert source.headers["durationms"] == ("duration_s", "ms")
    assert source.headers["energy%"] == ("energy", "percent")
    assert source.headers["energy"] == ("energy", None)


def test_unknown_name_is_a_fault_that_lists_the_sources():
    (fault,) = faults(packaged.conf() / "sources", name="deezer")
    names = ", ".join(sorted(LANGUAGES | {"chosic", "kaggle-2000", "musical-details", "published", "spotify-api"}))
    assert fault == f"ingest.source is 'deezer', expected auto or one of {names}"


def test_a_source_is_defined_by_a_file(tmp_path):
    text = 'name = "label"\n[headers]\n"Künstler" = "artist"\n"Dauer" = { column = "duration_s", unit = "min" }\n'
    write(tmp_path, "not a source", "notes.txt")
    (source,) = load_sources(write(tmp_path, text))
    assert source.name == "label"
    assert source.headers == {"künstler": ("artist", None), "dauer": ("duration_s", "min")}
    assert (source.built_in, source.exact, source.read_again) == (False, False, True)


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
        ('name = "x"\nexact = "yes"\n[headers]\n', "exact is 'yes', expected true or false"),
    ],
)
def test_every_fault_names_its_file(tmp_path, text, fault):
    (message,) = faults(write(tmp_path, text))
    assert message.startswith("conf/sources/mine.toml: ")
    assert fault in message


def test_faults_of_all_files_are_reported_together(tmp_path):
    write(tmp_path, 'name = "x"\n[headers]\n"a" = "tempo"\n"b" = "pitch"\n', "a.toml")
    write(tmp_path, "[", "b.toml")
    (tmp_path / "c.toml").write_bytes(b"name = '\xff'")
    assert [fault.split(":")[0][-6:] for fault in faults(tmp_path)] == ["a.toml", "a.toml", "b.toml", "c.toml"]


def test_columns_and_units_follow_the_schema():
    assert set(COLUMNS) == set(schema.TRACKS.names) - {"genres", "source_file"}
    assert set(UNITS) <= set(COLUMNS)
    assert all(UNITS[f.name][0] == "fraction" for f in schema.FEATURES if f.unit == "fraction")
