"""Match headers of published files, and headers that people misspelt, to canonical columns."""

from pathlib import Path

import pytest

from segue import schema
from segue.core import distribution
from segue.errors import SettingsError
from segue.ingest.column_matching import (
    COLUMNS,
    UNITS,
    Source,
    load_sources,
    match_columns,
    match_headers,
    normalise_header,
)

SOURCES = load_sources(distribution.conf() / "sources")
FEATURES = {"bpm", "loudness", "liveness", "valence", "acousticness", "speechiness"}
KAGGLE = (
    "Index,Title,Artist,Top Genre,Year,Beats Per Minute (BPM),Energy,Danceability,Loudness (dB),Liveness,Valence,"
    "Length (Duration),Acousticness,Speechiness,Popularity"
)
ABBREVIATED = (
    "title,artist,top genre,year released,added,bpm,nrgy,dnce,dB,live,val,dur,acous,spch,pop,top year,artist type"
)
API = (
    "id,name,album,album_id,artists,artist_ids,track_number,disc_number,explicit,danceability,energy,key,loudness,mode,"
    "speechiness,acousticness,instrumentalness,liveness,valence,tempo,duration_ms,time_signature,release_date"
)
SONGS = (
    "track_id,track_name,track_artist,track_popularity,track_album_id,track_album_name,track_album_release_date,"
    "playlist_name,playlist_id,playlist_genre,playlist_subgenre,danceability,energy,key,loudness,mode,speechiness,"
    "acousticness,instrumentalness,liveness,valence,tempo,duration_ms"
)
MOST_STREAMED = (
    "track_name,artist(s)_name,artist_count,released_year,released_month,in_spotify_playlists,streams,bpm,key,mode,"
    "danceability_%,valence_%,energy_%,acousticness_%,instrumentalness_%,liveness_%,speechiness_%"
)
EXPORTIFY = (
    "Track URI,Track Name,Album Name,Artist Name(s),Release Date,Duration (ms),Popularity,Explicit,Added By,Added At,"
    "Genres,Record Label,Danceability,Energy,Key,Loudness,Mode,Speechiness,Acousticness,Instrumentalness,Liveness,"
    "Valence,Tempo,Time Signature"
)


def headers_of(header: str) -> dict[str, str]:
    """Return the matched header of every column."""
    return {name: column.header for name, column in match_headers(header.split(","), SOURCES)[1].items()}


@pytest.mark.parametrize(
    ("header", "source", "expected", "absent"),
    [
        (KAGGLE, "kaggle-2000", {"bpm": "Beats Per Minute (BPM)", "duration_s": "Length (Duration)"}, {"track_id"}),
        (ABBREVIATED, "kaggle-2000", {"energy": "nrgy", "year": "year released", "loudness": "dB"}, {"track_id"}),
        (API, "spotify-api", {"track_id": "id", "title": "name", "artist": "artists", "album": "album"}, {"genre"}),
        (SONGS, "spotify-api", {"title": "track_name", "genre": "playlist_genre", "track_id": "track_id"}, set()),
        (
            MOST_STREAMED,
            "spotify-api",
            {"artist": "artist(s)_name", "year": "released_year"},
            {"popularity", "genre", "loudness"},
        ),
        (EXPORTIFY, "spotify-api", {"track_id": "Track URI", "artist": "Artist Name(s)", "bpm": "Tempo"}, set()),
    ],
    ids=["kaggle", "abbreviated", "api", "songs", "most streamed", "exportify"],
)
def test_headers_of_published_files(header, source, expected, absent):
    assert match_headers(header.split(","), SOURCES)[0] == source
    matched = headers_of(header)
    assert matched.items() >= expected.items()
    assert (FEATURES | {"title", "artist"}) - absent <= matched.keys()
    assert not absent & matched.keys()


def test_headers_of_musical_details():
    assert schema.DETAILS == ("key", "mode", "time_signature", "isrc", "explicit")
    assert headers_of(API).items() >= {name: name for name in ("key", "mode", "time_signature", "explicit")}.items()
    assert headers_of(EXPORTIFY)["time_signature"] == "Time Signature"
    assert headers_of("external_ids.isrc,Explicit Lyrics") == {
        "isrc": "external_ids.isrc",
        "explicit": "Explicit Lyrics",
    }


def test_units_that_a_header_declares():
    columns = match_headers(MOST_STREAMED.split(","), SOURCES)[1]
    in_percent = {name for name, column in columns.items() if column.unit == "percent"}
    assert in_percent == FEATURES - {"bpm", "loudness"} | {"energy", "danceability", "instrumentalness"}
    assert match_headers(["Duration (ms)"], SOURCES)[1]["duration_s"].unit == "ms"
    assert match_headers(["Length (Duration)"], SOURCES)[1]["duration_s"].unit == "s"


@pytest.mark.parametrize(
    ("header", "column"),
    [
        *((name, "danceability") for name in ("danceabilty", "Dancability", "DANCEABILITY", "danceablity")),
        *((name, "acousticness") for name in ("accousticness", "Acousticnes", "acoustiness", "Acoustic")),
        *((name, "valence") for name in ("Valance", "valnce", "VALENCE ", "Audio Valence")),
        *((name, "loudness") for name in ("LOUDNESS", "Loudnes", "loundess", "Loudness(dB)", "loudness_db")),
        *((name, "liveness") for name in ("Livness", "livenes", "Liveliness")),
        *((name, "speechiness") for name in ("Speechines", "speechness", "Speachiness")),
        *((name, "instrumentalness") for name in ("Instrumentallness", "instumentalness", "Instrumental")),
        *((name, "energy") for name in ("Engery", "enery", "ENERGY")),
        *((name, "bpm") for name in ("Tempo", "BPM", "beats.per.minute", "Tempo (BPM)", "tempo_bpm")),
        *((name, "duration_s") for name in ("Duration (ms)", "durationMs", "Duraton_ms", "duration_sec", "Length")),
        *((name, "artist") for name in ("artist(s)_name", "Artist(s)", "Artsit", "ARTISTS")),
        *((name, "title") for name in ("Track Name", "trackName", "Titel", "Song")),
        *((name, "year") for name in ("Release Date", "releaseYear", "Year_Released")),
        *((name, "genre") for name in ("Genre(s)", "track-genre", "Top_Genre", "genere", "music_genre")),
        *((name, "popularity") for name in ("Popularty", "Track Popularity")),
    ],
)
def test_misspelt_header_is_matched(header, column):
    columns = match_headers(["Unnamed: 0", header, "streams"], SOURCES)[1]
    assert {name: (match.index, match.header) for name, match in columns.items()} == {column: (1, header)}


@pytest.mark.parametrize(
    "header",
    ["artist_id", "artist_ids", "Artist_URI", "album_id", "playlist_id", "track_href", "preview_url",
     "streams", "target", "foreign_key", "track_number", "disc_number", "artist_count",
     "artist_popularity", "album_type", "popularity_rank"],
)  # fmt: skip
def test_header_with_another_meaning_is_not_matched(header):
    assert match_headers([header], SOURCES)[1] == {}


def test_exact_header_is_preferred_to_an_earlier_misspelt_one():
    assert headers_of("Valance,Valence,Tempoo,Tempo") == {"valence": "Valence", "bpm": "Tempo"}


def test_closer_spelling_is_preferred_to_an_earlier_one():
    assert headers_of("track_number,track_nmae")["title"] == "track_nmae"


def test_first_of_equal_headers_is_matched():
    layout = match_columns(["energy", "Energy"], [["0.5", "0.6"]], SOURCES)
    assert layout.columns["energy"].index == 0
    assert layout.ignored == ("Energy",)


def test_undefined_headers_are_listed_as_ignored():
    layout = match_columns(["", "title", "streams", "artist_id", " "], [["0", "a", "5", "x", ""]], SOURCES)
    assert set(layout.columns) == {"title"}
    assert layout.ignored == ("streams", "artist_id")


def test_misspelt_column_is_a_decision():
    layout = match_columns(["accousticness", "valence"], [["0.5", "0.5"]], SOURCES)
    assert "column 'accousticness' read as acousticness" in layout.decisions
    assert not any("'valence'" in decision for decision in layout.decisions)


@pytest.mark.parametrize(
    ("header", "ids", "is_id"),
    [
        ("id", ["6f807x0ima9a1j3VPbc7VN", "0r7CVbZTWZgbTCYdfa2P31"], True),
        ("id", ["17", "6f807x0ima9a1j3VPbc7VN"], True),
        ("id", ["0", "1", "2"], False),
        ("ID", [" 7", None, "9"], False),
        ("Index", ["1", "2"], False),
        ("", ["1", "2"], False),
        ("track_id", ["6f807x0ima9a1j3VPbc7VN"], True),
        ("uri", ["spotify:track:6f807x0ima9a1j3VPbc7VN"], True),
    ],
)
def test_row_numbers_are_not_read_as_track_ids(header, ids, is_id):
    layout = match_columns([header, "title"], [[text, "a"] for text in ids], SOURCES)
    assert ("track_id" in layout.columns) == is_id
    if header.lower() == "id" and not is_id:
        assert any("row numbers" in decision for decision in layout.decisions)


@pytest.mark.parametrize("id_header", ["track_id", "uri", "Track URI"])
def test_track_id_is_matched_beside_row_numbers(id_header):
    layout = match_columns(["id", id_header, "title"], [["1", "6f807x", "a"], ["2", "0r7CVb", "b"]], SOURCES)
    assert layout.columns["track_id"].header == id_header


def test_column_id_of_a_file_without_rows_is_read_as_track_ids():
    assert "track_id" in match_columns(["id", "energy"], [], SOURCES).columns


def test_undeclared_units_are_decisions():
    layout = match_columns(["Energy", "duration_ms", "Length"], [["71", "201000", "5"]], SOURCES)
    assert layout.columns["energy"].unit == "percent"
    assert layout.columns["duration_s"].unit == "ms"
    assert any(decision.startswith("energy read as 0 to 100") for decision in layout.decisions)


def test_no_source_or_no_header_matches_nothing():
    assert match_headers(["title"], []) == ("", {})
    assert match_headers([], [Source("x", {})]) == ("x", {})


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
    sources = load_sources(distribution.conf() / "sources")
    assert {source.name for source in sources if source.read_again} == {"chosic", "kaggle-2000", "spotify-api"}
    (details,) = (source for source in sources if source.name == "musical-details")
    assert {column for column, _ in details.headers.values()} == set(schema.DETAILS)
    for source in sources:
        if not source.read_again:
            continue
        columns = {column for column, _ in source.headers.values()}
        assert {"title", "artist", "bpm", "loudness", "liveness", "valence", "acousticness", "speechiness"} <= columns
        assert "" not in source.headers


def test_a_single_source_is_loaded_by_name():
    (source,) = load_sources(distribution.conf() / "sources", name="spotify-api")
    assert source.headers["durationms"] == ("duration_s", "ms")
    assert source.headers["energy%"] == ("energy", "percent")
    assert source.headers["energy"] == ("energy", None)


def test_unknown_name_is_a_fault_that_lists_the_sources():
    (fault,) = faults(distribution.conf() / "sources", name="deezer")
    expected = ", ".join(source.name for source in SOURCES)
    assert fault == f"ingest.source is 'deezer', expected auto or one of {expected}"


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
        ('name = "x"\nread_again = 0\n[headers]\n"a" = "title"\n', "read_again is 0, expected true or false"),
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
    write(tmp_path, 'name = "x"\n[headers]\n"a" = "tempo"\n"b" = "pitch"\n', "a.toml")
    write(tmp_path, "[", "b.toml")
    (tmp_path / "c.toml").write_bytes(b"name = '\xff'")
    assert [fault.split(":")[0][-6:] for fault in faults(tmp_path)] == ["a.toml", "a.toml", "b.toml", "c.toml"]


def test_columns_and_units_follow_the_schema():
    assert set(COLUMNS) == set(schema.TRACKS.names) - {"genres", "source_file"}
    assert set(UNITS) <= set(COLUMNS)
    assert all(UNITS[f.name][0] == "fraction" for f in schema.FEATURES if f.unit == "fraction")
