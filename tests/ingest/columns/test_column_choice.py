"""Let values choose among the columns of a file, and leave out columns whose values are something else."""

import pytest

from segue.core import packaged
from segue.ingest.columns.column_matching import match_columns, match_headers
from segue.ingest.columns.sources import Source, load_sources

SOURCES = load_sources(packaged.conf() / "sources")
SPOTIFY_IDS = ["6f807x0ima9a1j3VPbc7VN", "0r7CVbZTWZgbTCYdfa2P31", "1z1Hg7Vb0AhHDiEmnDE79l"]


@pytest.mark.parametrize("names", [("tempo", "tempo"), ("TEMPO", "tempo"), ("Tempo", "bpm")])
@pytest.mark.parametrize("n_rows", [3, 60])
def test_values_choose_between_columns_of_one_name(names, n_rows):
    flags = [str(number % 2) for number in range(n_rows)]
    tempos = [f"{90 + number}.5" for number in range(n_rows)]
    for first, second, index in [(flags, tempos, 1), (tempos, flags, 0), (tempos, tempos, 0)]:
        layout = match_columns(names, list(zip(first, second, strict=True)), SOURCES)
        assert (layout.columns["bpm"].index, layout.ignored) == (index, (names[1 - index],))
        if names != ("Tempo", "bpm"):
            (choice,) = [text for text in layout.decisions if "and not column" in text]
            assert choice.startswith(f"column {index + 1} ({names[index]!r}) read as bpm")


@pytest.mark.parametrize(
    ("column", "header", "rows", "expected"),
    [
        ("track_id", ["id", "spotify_id"], [(f"0000-{n}", id_) for n, id_ in enumerate(SPOTIFY_IDS)], 1),
        ("track_id", ["spotify_id", "id"], [(id_, f"0000-{n}") for n, id_ in enumerate(SPOTIFY_IDS)], 0),
        ("track_id", ["song_id", "uri"], [("Song A1", "spotify:artist:x"), ("Song B1", "spotify:artist:y")], 0),
        ("track_id", ["song_id", "uri"], [(None, "spotify:track:x"), ("Song B1", "spotify:track:y")], 1),
        ("track_id", ["track_id", "mbid"], [("1", "a1"), ("2", "b2"), ("3", "c3")], 1),
        ("track_id", ["song_id", "track_id"], [("x", "a1"), ("x", "b2"), ("x", "c3")], 1),
        ("artist", ["id_artists", "artists"], [(f"['{id_}']", "['A']") for id_ in SPOTIFY_IDS], 1),
        ("title", ["track", "name"], [("1", "One"), ("2", "Two")], 1),
        ("title", ["song_name", "title"], [(None, "A"), (None, "B"), ("C", None)], 1),
        ("title", ["song_name", "title"], [("A", "playlist"), ("B", "playlist")], 0),
        ("bpm", ["tempo", "bpm"], [("Allegro", "120"), ("Adagio", "70")], 1),
        ("loudness", ["volume", "loudness"], [("0.5", "-7.1"), ("0.6", "-3.2"), ("0.9", "-1.2")], 1),
    ],
)  # fmt: skip
def test_values_choose_between_names_of_a_column(column, header, rows, expected):
    assert match_columns(header, rows, SOURCES).columns[column].index == expected


def test_misspelt_name_is_preferred_to_an_equal_one_whose_values_contradict_it():
    rows = [("Allegro", "120"), ("Adagio", "70")]
    assert match_columns(["tempo", "beats_per_minutes"], rows, SOURCES).columns["bpm"].index == 1


@pytest.mark.parametrize(
    ("header", "texts", "reason"),
    [
        ("id_artists", [f"['{text}']" for text in SPOTIFY_IDS], "ids, expected the artist in words"),
        ("artist", SPOTIFY_IDS, "ids"),
        ("performer", ["3f2504e0-4f89-11d3-9a0c-0305e82c3301"], "ids"),
        ("disco", ["0", "1"] * 15, "numbers"),
        ("uri", ["spotify:artist:4Z8W4fKeB5YxbusRsdQVPb"], "ids of something else"),
        ("year", ["album"] * 30, "years or dates"),
    ],
)
def test_column_that_holds_something_else_is_ignored(header, texts, reason):
    layout = match_columns([header, "title"], [[text, "a"] for text in texts], SOURCES)
    assert set(layout.columns) == {"title"}
    (decision,) = [text for text in layout.decisions if "ignored" in text]
    assert reason in decision


@pytest.mark.parametrize(
    ("header", "texts"),
    [("id_artists", ["Artist 1", "Artist 2"]), ("artist", ["1975"]), ("album", ["1989"]), ("title", ["505", "22"]),
     ("artist", [None, "A"]), ("artist", ["ABBA", SPOTIFY_IDS[0]])],
)  # fmt: skip
def test_column_of_names_is_read_though_some_look_like_something_else(header, texts):
    layout = match_columns([header, "bpm"], [[text, "100"] for text in texts], SOURCES)
    assert layout.columns.keys() - {"bpm"} == {"artist" if header == "id_artists" else header}


def test_unrecognised_texts_are_a_warning_where_title_artist_or_genre_is_lacking():
    header = ["artista", "Tonstück", "Machart", "tempo", "added_by", "note", "explicit"]
    rows = [
        ["A", "Lied", "Rock", "120", SPOTIFY_IDS[0], None, "True"],
        ["B", "Song", "Pop", "99", SPOTIFY_IDS[1], "", "False"],
    ]
    (warning,) = match_columns(header, rows, SOURCES).warnings
    assert warning.startswith("no column for title and genre, but columns of text that are not recognised: ")
    assert "'Tonstück', 'Machart';" in warning
    assert match_columns(["title", "artist", "genre", "mood"], [["a", "b", "c", "d"]], SOURCES).warnings == ()


def mine(**headers: tuple[str, str | None]) -> list[Source]:
    """Return the built-in sources and one that a user defined."""
    return [*SOURCES, Source("mine", dict(headers))]


def test_definition_of_a_user_precedes_built_in_ones():
    columns = match_headers(["title", "energy", "tema"], mine(tema=("title", None), energy=("energy", "tenths")))[1]
    assert columns["title"].header == "tema"
    assert columns["energy"].unit == "tenths"


def test_unit_that_a_user_declares_holds_whatever_the_values():
    header, rows = ["danceability", "Duration (mins)"], [[f"{1 + n / 25}", "200"] for n in range(40)]
    assert set(match_columns(header, rows, SOURCES).refusals) == {"danceability"}
    sources = mine(danceability=("danceability", "thirds"), durationmins=("duration_s", "min"))
    layout = match_columns(header, rows, sources)
    assert (layout.refusals, layout.warnings) == ({}, ())
    assert {name: column.unit for name, column in layout.columns.items()} == {
        "danceability": "thirds",
        "duration_s": "min",
    }


@pytest.mark.parametrize(("required", "refused"), [(["loudness"], True), ([], False)])
def test_misfit_is_refused_if_it_is_required_else_ignored_with_a_warning(required, refused):
    rows = [[f"0.{n + 10}", "a", "b", "c"] for n in range(30)]
    layout = match_columns(["loudness", "title", "artist", "genre"], rows, SOURCES, required=required)
    reason = "holds 0.1 to 0.39, which looks normalised to 0 to 1, expected dB, from -60 to 6"
    assert "loudness" not in layout.columns
    assert list(layout.refusals.values()) == ([f"column 'loudness' {reason}"] if refused else [])
    assert layout.warnings == (() if refused else (f"column 'loudness' is ignored: it {reason}",))


def test_equal_features_and_a_needed_one_of_zeros_are_warnings():
    header = ["title", "artist", "genre", "energy", "valence", "liveness", "instrumentalness"]
    rows = [["a", "b", "c", f"0.{n + 10}", f"0.{n + 10}", "0.0", "0"] for n in range(30)]
    assert match_columns(header, rows, SOURCES, required=["liveness"]).warnings == (
        "columns 'energy' and 'valence' are equal in every sampled row",
        "column 'liveness': liveness is 0 in every sampled row, so it distinguishes no tracks",
    )
    assert match_columns(header, rows[:19], SOURCES, required=["liveness"]).warnings == ()
    rows[5][4] = "0.99"
    assert match_columns(header, rows, SOURCES).warnings == ()


@pytest.mark.parametrize(
    ("keys", "is_key"),
    [
        ([str(number) for number in range(1, 61)], False),
        ([str(number % 12 + 1) for number in range(60)], False),
        ([str(number % 12) for number in range(60)] + ["99"], True),
        (["-1", "11", "0"], True),
        (["8B", "12A"], True),
    ],
)
def test_numbers_beyond_11_are_no_musical_keys(keys, is_key):
    layout = match_columns(("title", "key"), [(f"Song {key}", key) for key in keys], SOURCES)
    assert ("key" in layout.columns) == is_key
    assert any("'key' ignored: it holds numbers beyond 11" in text for text in layout.decisions) != is_key
