"""Read published files, intact and damaged: every row becomes a track or a rejected row."""

import csv
import functools
from pathlib import Path

import pytest
from deltalake import DeltaTable

from segue.core import packaged
from segue.core.spark_helpers import persisted
from segue.ingest import merge
from segue.ingest.columns.sources import load_sources
from segue.ingest.input_files import list_input
from segue.ingest.reader import read_rows
from segue.ingest.text_files import TextOptions
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
    """Return the number of non-blank rows below the header, which does not depend on the delimiter."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return sum(bool(row) for row in csv.reader(stream)) - 1


def tables(root: Path):
    return [DeltaTable(str(root / name)).to_pandas() for name in ("tracks", "rejected_tracks")]


@pytest.fixture(scope="module")
def read_file(spark):
    """Return a function that reads a file, once, into its tracks and rejected rows as they would be stored."""
    sources = load_sources(packaged.conf() / "sources")

    @functools.cache
    def read(path: Path):
        files = list_input(spark, str(path))
        rows = read_rows(spark, files, sources, NEEDED, TextOptions(), missing_rejects=True)
        with persisted(merge.with_status(rows.frame)) as with_status:
            return merge.keep_tracks(with_status).toPandas(), merge.keep_rejected(with_status).toPandas()

    return read


@pytest.fixture(scope="module")
def intact(read_file, real_data):
    return read_file(real_data / "spotify_2000.csv")


def test_every_row_of_an_intact_file_is_a_track(intact, real_data):
    tracks, rejected = intact
    assert len(tracks) == rows_by_csv_module(real_data / "spotify_2000.csv") == 1994
    assert rejected.empty
    echoes = tracks[tracks.title == "Echoes"].iloc[0]
    assert echoes.duration_s == 1412.0
    assert echoes.energy == 0.32
    assert (echoes.artist, echoes.genre, echoes.year) == ("Pink Floyd", "album rock", 1971)


@pytest.mark.parametrize("name", DAMAGED)
def test_no_row_is_lost(name, read_file, real_data):
    path = real_data / "dirty_spotify_2000" / name
    tracks, rejected = read_file(path)
    assert len(tracks) + len(rejected) == rows_by_csv_module(path)
    assert tracks.track_id.is_unique


@pytest.mark.parametrize("name", ["renamed_underscore.csv", "trailing_semicolons.csv", "crlf_no_final_newline.csv"])
def test_damage_outside_the_values_changes_no_track(name, read_file, real_data, intact):
    tracks, rejected = read_file(real_data / "dirty_spotify_2000" / name)
    compared = [column for column in tracks if column != "source_file"]
    ordered = [frame.sort_values("track_id")[compared].reset_index(drop=True) for frame in (tracks, intact[0])]
    assert len(tracks) == 1994
    assert ordered[0].equals(ordered[1])
    assert set(rejected.kind) <= {"duplicate"}


def test_crlf_copy_repeats_one_row(read_file, real_data):
    _, rejected = read_file(real_data / "dirty_spotify_2000" / "crlf_no_final_newline.csv")
    assert rejected.kind.tolist() == ["duplicate"]
    assert rejected.reasons[0][0].startswith("duplicate of ")


@pytest.mark.parametrize(("name", "changed"), [("mojibake.csv", 86), ("semicolon_sep.csv", 1)])
def test_damaged_text_changes_no_feature(name, changed, read_file, real_data, intact):
    tracks, rejected = read_file(real_data / "dirty_spotify_2000" / name)
    assert rejected.empty
    assert len(set(tracks.track_id) - set(intact[0].track_id)) <= changed
    features = [sorted(map(tuple, frame[FEATURES].to_numpy().tolist())) for frame in (tracks, intact[0])]
    assert features[0] == features[1]


def test_first_rows_have_the_same_tracks(read_file, real_data, intact):
    tracks, rejected = read_file(real_data / "dirty_spotify_2000" / "first100rows.csv")
    assert len(tracks) == 100
    assert rejected.empty
    assert set(tracks.track_id) <= set(intact[0].track_id)


def test_letter_in_a_number_rejects_its_row(read_file, real_data, intact):
    tracks, rejected = read_file(real_data / "dirty_spotify_2000" / "typo_f_in_acousticness.csv")
    assert [list(reasons) for reasons in rejected.reasons] == [["acousticness 'f' is not a number"]]
    assert rejected.raw[0] == "10,Without Me,Eminem,detroit hip hop,2002,112,67,91,-3,24,66,290,f,7,82"
    assert set(intact[0].title) - set(tracks.title) == {"Without Me"}


def test_extra_field_rejects_its_row(read_file, real_data, intact):
    tracks, rejected = read_file(real_data / "dirty_spotify_2000" / "unquoted_thousands.csv")
    assert [list(reasons) for reasons in rejected.reasons] == [["16 fields, the header has 15"]] * 3
    assert len(set(intact[0].track_id) - set(tracks.track_id)) == 3


def test_dropped_columns_are_reported_with_the_setting(run_job, real_data, tmp_path, capsys):
    path = real_data / "dirty_spotify_2000" / "dropped_columns.csv"
    assert run_job(ingest.JOB, "--input", path, "--output", tmp_path) == 3
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: dropped_columns.csv: no column for liveness and acousticness")
    setting = "features.columns=bpm,loudness,valence,speechiness"
    assert setting in error
    assert [entry.name for entry in tmp_path.glob("[!.]*")] == ["runs"]
    assert run_job(ingest.JOB, "--input", path, "--output", tmp_path, "--set", setting) == 0
    tracks, rejected = tables(tmp_path)
    assert len(tracks) + len(rejected) == rows_by_csv_module(path)


@pytest.mark.parametrize(
    ("name", "n_rows", "n_ids"), [("spotify_songs.csv", 32_833, 28_356), ("tracks_114k.csv", 114_000, 89_741)]
)
def test_track_has_the_genres_of_all_rows_with_its_id(name, n_rows, n_ids, run_job, real_data, tmp_path):
    assert run_job(ingest.JOB, "--input", real_data / name, "--output", tmp_path) == 0
    tracks, rejected = tables(tmp_path)
    assert len(tracks) + len(rejected) == n_rows == rows_by_csv_module(real_data / name)
    invalid = rejected[rejected.kind == "invalid"]
    assert tracks.track_id.is_unique
    with (real_data / name).open(encoding="utf-8", newline="") as stream:
        published = list(csv.DictReader(stream))
    genre_column = "playlist_genre" if "playlist_genre" in published[0] else "track_genre"
    genres: dict[str, set[str]] = {}
    for row in published:
        genres.setdefault(row["track_id"], set()).add(row[genre_column])
    assert len(genres) == n_ids
    assert len(tracks) >= n_ids - len(invalid)
    assert all(list(row.genres) == sorted(genres[row.track_id]) for row in tracks.itertuples())
