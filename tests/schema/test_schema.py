"""What the tables are made of, against the contract."""

import pytest

from segue import schema
from segue.errors import SchemaError


def words(text: str) -> list[str]:
    return text.split()


TRACKS = words(
    "track_id title artist album genre genres year bpm loudness energy danceability liveness valence acousticness "
    "speechiness instrumentalness duration_s popularity source_file"
)
WRITTEN = {
    "tracks": TRACKS,
    "rejected_tracks": words("source_file row_hash occurrence kind raw reasons"),
    "k_scores": words(
        "model_version space k inertia silhouette davies_bouldin calinski_harabasz genre_nmi genre_ari genre_purity "
        "engine restarts iterations stability stability_sd chosen"
    ),
    "labeled_tracks": TRACKS
    + words(
        "model_version imputed cluster cluster_name cluster_description distance second_cluster silhouette is_outlier"
    ),
    "similar_tracks": words("track_id model_version tracks_version made_from similar"),
    "playlist_recommendations": words("playlist rank track_id title artist score distance because_of model_version"),
    "runs": words("run_id job started_at finished_at status settings versions input counts error"),
}


@pytest.mark.parametrize("table", [t for t in schema.TABLES if t.name in WRITTEN], ids=lambda t: t.name)
def test_columns_are_those_of_the_contract(table):
    assert sorted(table.names) == sorted(WRITTEN[table.name])


@pytest.mark.parametrize("table", schema.TABLES, ids=lambda t: t.name)
def test_table_is_whole(table):
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= {column.name for column in table.columns if column.required}
    assert all(column.comment for column in table.columns)
    given = {name for name in table.constraints if name.endswith("_given")}
    assert given == {f"{column.name}_given" for column in table.columns if column.required}
    assert len(table.constraints) == len(given) + len(table.rules)


def test_profiles_say_five_numbers_of_every_feature():
    suffixes = ("mean", "sd", "q1", "median", "q3")
    wanted = {f"{feature}_{suffix}" for feature in TRACKS[7:17] for suffix in suffixes}
    assert len(wanted) == 50
    assert wanted <= set(schema.CLUSTER_PROFILES.names)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("bpm", "[1, 300]"),
        ("loudness", "[-60, 6]"),
        ("energy", "[0, 1]"),
        ("instrumentalness", "[0, 1]"),
        ("duration_s", "(0, inf)"),
        ("popularity", "[0, 100]"),
    ],
)
def test_ranges_are_those_of_the_contract(name, wanted):
    (number,) = (n for n in schema.NUMBERS if n.name == name)
    assert number.range == wanted


def test_rules_are_sql():
    constraints = schema.TRACKS.constraints
    assert constraints["title_given"] == "title IS NOT NULL"
    assert constraints["bpm_in_range"] == "bpm IS NULL OR (bpm >= 1 AND bpm <= 300)"
    assert constraints["duration_s_in_range"] == "duration_s IS NULL OR (duration_s > 0 AND duration_s < double('inf'))"
    assert "album_given" not in constraints
    assert schema.FEATURES[0].rule("x") == "x >= 1 AND x <= 300"


def test_ddl_lists_names_and_types():
    assert schema.REJECTED_TRACKS.ddl == (
        "source_file string, row_hash string, occurrence int, kind string, raw string, reasons array<string>"
    )


def test_schema_error_tells_every_difference():
    error = SchemaError("tracks", missing=["bpm"], extra=["tempo", "key"], retyped=[])
    assert str(error) == "table 'tracks' does not match its schema: missing: bpm; not declared: tempo, key"
    assert isinstance(error, OSError)
