"""Headers as published files and people write them, and what they are taken for."""

import pytest

from segue.core import resources
from segue.ingest.column_matching import match_columns, match_headers
from segue.ingest.source_definitions import Source, load_sources

SOURCES = load_sources(resources.conf() / "sources")
SIX = {"bpm", "loudness", "liveness", "valence", "acousticness", "speechiness"}
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
    return {column: found.header for column, found in match_headers(header.split(","), SOURCES)[1].items()}


@pytest.mark.parametrize(
    ("header", "source", "some", "absent"),
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
def test_published_files(header, source, some, absent):
    assert match_headers(header.split(","), SOURCES)[0] == source
    found = headers_of(header)
    assert found.items() >= some.items()
    assert (SIX | {"title", "artist"}) - absent <= found.keys()
    assert not absent & found.keys()


def test_units_that_a_header_declares():
    found = match_headers(MOST_STREAMED.split(","), SOURCES)[1]
    assert {c for c, f in found.items() if f.unit == "percent"} == (SIX - {"bpm", "loudness"}) | {
        "energy", "danceability", "instrumentalness"
    }  # fmt: skip
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
def test_spellings_that_people_make(header, column):
    found = match_headers(["Unnamed: 0", header, "key"], SOURCES)[1]
    assert {name: (place.index, place.header) for name, place in found.items()} == {column: (1, header)}


@pytest.mark.parametrize(
    "header",
    ["artist_id", "artist_ids", "Artist_URI", "album_id", "playlist_id", "track_href", "preview_url", "key", "mode",
     "explicit", "streams", "target", "time_signature", "track_number", "disc_number", "artist_count",
     "artist_popularity", "album_type", "popularity_rank"],
)  # fmt: skip
def test_other_columns_are_taken_for_nothing(header):
    assert match_headers([header], SOURCES)[1] == {}


def test_exact_header_goes_before_a_misspelt_one_that_stands_first():
    found = headers_of("Valance,Valence,Tempoo,Tempo")
    assert found == {"valence": "Valence", "bpm": "Tempo"}


def test_closer_spelling_goes_before_one_that_stands_first():
    assert headers_of("track_number,track_nmae")["title"] == "track_nmae"


def test_first_of_equal_headers_counts():
    layout = match_columns(["energy", "Energy"], [["0.5", "0.6"]], SOURCES)
    assert layout.columns["energy"].index == 0
    assert layout.ignored == ("Energy",)


def test_columns_that_no_source_knows_are_ignored_by_name():
    layout = match_columns(["", "title", "key", "artist_id", " "], [["0", "a", "5", "x", ""]], SOURCES)
    assert set(layout.columns) == {"title"}
    assert layout.ignored == ("key", "artist_id")


def test_misspelt_column_is_told():
    layout = match_columns(["accousticness", "valence"], [["0.5", "0.5"]], SOURCES)
    assert "column 'accousticness' taken for acousticness" in layout.decisions
    assert not any("'valence'" in told for told in layout.decisions)


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
def test_a_row_number_is_no_id(header, ids, is_id):
    layout = match_columns([header, "title"], [[text, "a"] for text in ids], SOURCES)
    assert ("track_id" in layout.columns) == is_id
    if header.lower() == "id" and not is_id:
        assert any("row numbers" in told for told in layout.decisions)


@pytest.mark.parametrize("real", ["track_id", "uri", "Track URI"])
def test_row_number_beside_a_real_id_does_not_hide_it(real):
    layout = match_columns(["id", real, "title"], [["1", "6f807x", "a"], ["2", "0r7CVb", "b"]], SOURCES)
    assert layout.columns["track_id"].header == real


def test_undeclared_units_are_decided_and_told():
    layout = match_columns(["Energy", "duration_ms", "Length"], [["71", "201000", "5"]], SOURCES)
    assert layout.columns["energy"].unit == "percent"
    assert layout.columns["duration_s"].unit == "ms"
    assert any(told.startswith("energy read as 0 to 100") for told in layout.decisions)


def test_without_sources_nothing_is_known():
    assert match_headers(["title"], []) == ("", {})
    assert match_headers([], [Source("x", {})]) == ("x", {})
