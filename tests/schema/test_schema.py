"""Test the declared tables, features and constraints against the documented contract."""

import doctest

import pytest

from segue import schema
from segue.errors import SchemaError
from segue.schema import features

TRACKS = (
    "track_id title artist album genre genres year bpm loudness energy danceability liveness valence acousticness "
    "speechiness instrumentalness duration_s popularity key mode time_signature isrc explicit source_file"
)
COLUMNS = {
    "tracks": TRACKS,
    "rejected_tracks": "source_file row_hash occurrence kind raw reasons",
    "k_scores": (
        "model_version space k inertia silhouette davies_bouldin calinski_harabasz genre_nmi genre_ari genre_purity "
        "engine restarts iterations stability stability_sd chosen"
    ),
    "labeled_tracks": f"{TRACKS} model_version imputed cluster cluster_name cluster_description distance "
    "second_cluster silhouette is_outlier",
    "similar_tracks": "track_id model_version tracks_version made_from similar",
    "playlist_recommendations": "playlist rank track_id title artist score distance because_of model_version",
    "learned_similarity": "version learned_at features scaling share_before share_before_low share_before_high share "
    "share_low share_high gain gain_low gain_high n_playlists n_tracks n_sampled settings",
    "runs": "run_id job started_at finished_at status settings versions input counts error",
}


@pytest.mark.parametrize("table", [t for t in schema.TABLES if t.name in COLUMNS], ids=lambda t: t.name)
def test_columns_are_the_documented_ones(table):
    assert sorted(table.names) == sorted(COLUMNS[table.name].split())


@pytest.mark.parametrize("table", schema.TABLES, ids=lambda t: t.name)
def test_table_is_consistent(table):
    required = {column.name for column in table.columns if column.required}
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= required
    assert all(column.comment for column in table.columns)
    not_null = {name for name in table.constraints if name.endswith("_given")}
    assert not_null == {f"{name}_given" for name in required}
    assert len(table.constraints) == len(not_null) + len(table.rules)


def test_profiles_have_five_statistics_of_every_feature():
    suffixes = ("mean", "sd", "q1", "median", "q3")
    expected = {f"{feature}_{suffix}" for feature in TRACKS.split()[7:17] for suffix in suffixes}
    assert len(expected) == 50
    assert expected <= set(schema.CLUSTER_PROFILES.names)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bpm", "[1, 300]"),
        ("loudness", "[-60, 6]"),
        ("energy", "[0, 1]"),
        ("instrumentalness", "[0, 1]"),
        ("duration_s", "(0, inf)"),
        ("popularity", "[0, 100]"),
    ],
)
def test_ranges_are_the_documented_ones(name, expected):
    (number,) = (n for n in schema.NUMBERS if n.name == name)
    assert number.range == expected


def test_constraints_are_sql_conditions():
    constraints = schema.TRACKS.constraints
    assert constraints["title_given"] == "title IS NOT NULL"
    assert constraints["bpm_in_range"] == "bpm IS NULL OR (bpm >= 1 AND bpm <= 300)"
    assert constraints["duration_s_in_range"] == "duration_s IS NULL OR (duration_s > 0 AND duration_s < double('inf'))"
    assert not {"album_given", "artist_given", "isrc_given"} & constraints.keys()
    assert constraints["key_in_range"] == "key IS NULL OR (key >= 0 AND key <= 11)"
    assert schema.FEATURES[0].rule("x") == "x >= 1 AND x <= 300"


def test_ddl_lists_names_and_types():
    assert schema.REJECTED_TRACKS.ddl == (
        "source_file string, row_hash string, occurrence int, kind string, raw string, reasons array<string>"
    )


def test_docstring_examples_are_correct():
    result = doctest.testmod(features)
    assert result.failed == 0
    assert result.attempted > 0


def test_schema_error_lists_every_difference():
    error = SchemaError("tracks", missing=["bpm"], extra=["tempo", "key"], retyped=[])
    assert str(error) == "table 'tracks' does not match its schema: missing: bpm; not declared: tempo, key"
    assert isinstance(error, OSError)
