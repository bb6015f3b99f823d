"""Published files, clean and as people damaged them: every row accounted for, and the same tracks."""

import csv
from pathlib import Path

import pytest
from deltalake import DeltaTable

from segue.core import resources
from segue.ingest import merge
from segue.ingest.input_files import list_input
from segue.ingest.reader import TextOptions, read_rows
from segue.ingest.source_definitions import load_sources
from segue.pipeline import ingest

DAMAGED = [
    "crlf_no_final_newline.csv",
    "first100rows.csv",
    "mojibake.csv",
    "renamed_underscore.csv",
    "semicolon_sep.csv",
    "trailing_semicolons.csv",
    "typo_f_in_acousticness.csv",
    "unquoted_thousands.csv",
]
NEEDED = ("bpm", "loudness", "liveness", "valence", "acousticness", "speechiness")
FEATURES = ["bpm", "loudness", "energy", "danceability", "liveness", "valence", "acousticness", "speechiness"]


def rows_by_csv_module(path: Path) -> int:
    """Count the rows below the header, blank lines left out; the delimiter counts no rows."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return sum(bool(row) for row in csv.reader(stream)) - 1


def tables(root: Path):
    return [DeltaTable(str(root / name)).to_pandas() for name in ("tracks", "rejected_tracks")]


@pytest.fixture(scope="module")
def cleaned(spark):
    """Read and clean a file once, and return its tracks and rejected tracks as they would be stored."""
    sources, done = load_sources(resources.conf() / "sources"), {}

    def get(path: Path):
        if path not in done:
            listed = list_input(spark, str(path))
            rows = read_rows(spark, listed, sources, NEEDED, TextOptions(), missing_rejects=True)
            standing = merge.with_status(rows.frame).persist()
            done[path] = [keep(standing).toPandas() for keep in (merge.keep_tracks, merge.keep_rejected)]
            standing.unpersist()
        return done[path]

    return get


@pytest.fixture(scope="module")
def clean(cleaned, real_data):
    return cleaned(real_data / "spotify_2000.csv")


def test_clean_file_gives_every_row_as_a_track(clean, real_data):
    tracks, rejected = clean
    assert len(tracks) == rows_by_csv_module(real_data / "spotify_2000.csv") == 1994
    assert rejected.empty
    echoes = tracks[tracks.title == "Echoes"].iloc[0]
    assert echoes.duration_s == 1412.0
    assert echoes.energy == 0.32
    assert (echoes.artist, echoes.genre, echoes.year) == ("Pink Floyd", "album rock", 1971)


@pytest.mark.parametrize("name", DAMAGED)
def test_no_row_is_lost(name, cleaned, real_data):
    path = real_data / "dirty_spotify_2000" / name
    tracks, rejected = cleaned(path)
    assert len(tracks) + len(rejected) == rows_by_csv_module(path)
    assert tracks.track_id.is_unique


@pytest.mark.parametrize("name", ["renamed_underscore.csv", "trailing_semicolons.csv", "crlf_no_final_newline.csv"])
def test_damage_that_destroyed_nothing_changes_no_track(name, cleaned, real_data, clean):
    tracks, rejected = cleaned(real_data / "dirty_spotify_2000" / name)
    compared = [column for column in tracks if column != "source_file"]
    ordered = [frame.sort_values("track_id")[compared].reset_index(drop=True) for frame in (tracks, clean[0])]
    assert len(tracks) == 1994
    assert ordered[0].equals(ordered[1])
    assert set(rejected.kind) <= {"duplicate"}


def test_crlf_copy_repeats_one_row(cleaned, real_data):
    _, rejected = cleaned(real_data / "dirty_spotify_2000" / "crlf_no_final_newline.csv")
    assert rejected.kind.tolist() == ["duplicate"]
    assert rejected.reasons[0][0].startswith("duplicate of ")


@pytest.mark.parametrize(("name", "changed"), [("mojibake.csv", 86), ("semicolon_sep.csv", 1)])
def test_damaged_text_leaves_the_features_alone(name, changed, cleaned, real_data, clean):
    tracks, rejected = cleaned(real_data / "dirty_spotify_2000" / name)
    assert rejected.empty
    assert len(set(tracks.track_id) - set(clean[0].track_id)) <= changed
    features = [sorted(map(tuple, frame[FEATURES].to_numpy().tolist())) for frame in (tracks, clean[0])]
    assert features[0] == features[1]


def test_first_hundred_rows_are_tracks_of_the_whole(cleaned, real_data, clean):
    tracks, rejected = cleaned(real_data / "dirty_spotify_2000" / "first100rows.csv")
    assert len(tracks) == 100
    assert rejected.empty
    assert set(tracks.track_id) <= set(clean[0].track_id)


def test_a_letter_in_a_number_rejects_its_row_and_is_quoted(cleaned, real_data, clean):
    tracks, rejected = cleaned(real_data / "dirty_spotify_2000" / "typo_f_in_acousticness.csv")
    assert [list(reasons) for reasons in rejected.reasons] == [["acousticness 'f' is not a number"]]
    assert rejected.raw[0] == "10,Without Me,Eminem,detroit hip hop,2002,112,67,91,-3,24,66,290,f,7,82"
    assert set(clean[0].title) - set(tracks.title) == {"Without Me"}


def test_a_field_too_many_rejects_its_row(cleaned, real_data, clean):
    tracks, rejected = cleaned(real_data / "dirty_spotify_2000" / "unquoted_thousands.csv")
    assert [list(reasons) for reasons in rejected.reasons] == [["16 fields, the header has 15"]] * 3
    assert len(set(clean[0].track_id) - set(tracks.track_id)) == 3


def test_dropped_columns_are_named_with_the_way_out(run_job, real_data, tmp_path, capsys):
    path = real_data / "dirty_spotify_2000" / "dropped_columns.csv"
    assert run_job(ingest.JOB, "--input", path, "--output", tmp_path) == 3
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: dropped_columns.csv: no column for liveness and acousticness")
    way_out = "features.columns=bpm,loudness,valence,speechiness"
    assert way_out in error
    assert [entry.name for entry in tmp_path.glob("[!.]*")] == ["runs"]
    assert run_job(ingest.JOB, "--input", path, "--output", tmp_path, "--set", way_out) == 0
    tracks, rejected = tables(tmp_path)
    assert len(tracks) + len(rejected) == rows_by_csv_module(path)


@pytest.mark.parametrize(
    ("name", "rows", "ids"), [("spotify_songs.csv", 32_833, 28_356), ("tracks_114k.csv", 114_000, 89_741)]
)
def test_one_row_per_id_with_all_its_genres(name, rows, ids, run_job, real_data, tmp_path):
    assert run_job(ingest.JOB, "--input", real_data / name, "--output", tmp_path) == 0
    tracks, rejected = tables(tmp_path)
    assert len(tracks) + len(rejected) == rows == rows_by_csv_module(real_data / name)
    invalid = rejected[rejected.kind == "invalid"]
    assert tracks.track_id.is_unique
    with (real_data / name).open(encoding="utf-8", newline="") as stream:
        published = list(csv.DictReader(stream))
    genre = "playlist_genre" if "playlist_genre" in published[0] else "track_genre"
    wanted: dict[str, set[str]] = {}
    for row in published:
        wanted.setdefault(row["track_id"], set()).add(row[genre])
    assert len(wanted) == ids
    assert len(tracks) >= ids - len(invalid)
    assert all(list(row.genres) == sorted(wanted[row.track_id]) for row in tracks.itertuples())
