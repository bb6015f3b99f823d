"""Test profiles of clusters against pandas on the same rows."""

import numpy as np
import pandas as pd
import pytest

from segue import schema
from segue.clustering.profiles import MAX_EXEMPLARS, _kind, _top_values, fit_profiles


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 90
    tracks = pd.DataFrame({name: rng.random(n) for name in schema.FEATURE_NAMES})
    tracks["bpm"] = np.where(np.arange(n) < 60, 100.0, 180.0) + rng.random(n)
    tracks.loc[rng.choice(n, 20, replace=False), "energy"] = np.nan
    tracks["instrumentalness"] = np.nan
    tracks["cluster"] = np.where(np.arange(n) < 60, 1, 2)
    tracks["track_id"] = [f"t{i:02}" for i in range(n)]
    tracks["title"], tracks["artist"] = "T " + tracks.track_id, "A"
    tracks["genre"] = np.where(np.arange(n) % 3 == 0, "rock", np.where(np.arange(n) < 70, "pop", None))
    tracks["distance"] = np.round(rng.random(n), 1)
    tracks["silhouette"] = rng.random(n)
    return tracks


@pytest.fixture(scope="module")
def profiles(spark, table):
    columns = table.columns.tolist()
    rows = [tuple(None if pd.isna(v) else v for v in row) for row in table.itertuples(index=False)]
    kinds = {"cluster": "int", "track_id": "string", "title": "string", "artist": "string", "genre": "string"}
    ddl = ", ".join(f"{name} {kinds.get(name, 'double')}" for name in columns)
    rows = [tuple(v.item() if hasattr(v, "item") else v for v in row) for row in rows]
    return fit_profiles(spark.createDataFrame(rows, ddl).repartition(3), len(table))


def test_statistics_equal_those_of_pandas(profiles, table):
    for row, (cluster, group) in zip(profiles, table.groupby("cluster"), strict=True):
        assert (row["cluster"], row["cluster_name"]) == (cluster, f"Cluster {cluster}")
        assert row["n_tracks"] == len(group)
        assert row["share"] == len(group) / len(table)
        assert row["silhouette"] == pytest.approx(group.silhouette.mean(), abs=1e-9)
        for name in schema.FEATURE_NAMES:
            values = group[name].dropna()
            statistics = [row[f"{name}_{suffix}"] for suffix in schema.STATISTICS]
            if values.empty:
                assert statistics == [None] * 5
            else:
                expected = [values.mean(), values.std(ddof=0), *values.quantile([0.25, 0.5, 0.75])]
                assert statistics == pytest.approx(expected, abs=1e-9)


def test_description_begins_with_the_largest_deviation(profiles):
    # bpm is 100 for two thirds and 180 for one: -0.71 and 1.41 standard deviations from the mean
    assert [row["cluster_description"].split(", ")[0] for row in profiles] == ["slow", "up-tempo"]


@pytest.mark.parametrize(
    ("decades", "genres", "kind"),
    [
        # of 10 tracks, of which 20 in all: 4 are 40 %, and 4 of 5 in all are a lift of 1.6
        ([(1980, 4, 1)], [("rock", 10, 3)], "80s rock"),
        ([(1980, 3, 0)], [("rock", 4, 3)], ""),  # too small a share; too small a lift
        ([(2010, 9, 0)], [], "2010s"),
        ([(1920, 9, 0)], [("a" * 50, 9, 0)], "1920s " + "a" * 40),
    ],
)
def test_kind_is_a_decade_or_genre_that_is_concentrated_in_the_cluster(decades, genres, kind):
    def top(values, rest):
        here, there = 10 - sum(n for _, n, _ in values), 10 - sum(n for _, _, n in values)
        counts = [(c, value, n[c - 1]) for value, *n in values for c in (1, 2)]
        return _top_values([*counts, (1, rest, here), (2, rest, there)])[1]

    # what is left of the cluster is of many other values, of which none is frequent
    tops = [[t for t in top(values, rest) if t.value != rest] for values, rest in ((decades, 1700), (genres, "other"))]
    assert _kind(10, *tops) == kind


def test_genres_have_share_and_lift(profiles, table):
    with_genre = table.dropna(subset="genre")
    for row, (_, group) in zip(profiles, with_genre.groupby("cluster"), strict=True):
        shares = group.genre.value_counts(normalize=True)
        overall = with_genre.genre.value_counts(normalize=True)
        assert {g["genre"]: g["share"] for g in row["top_genres"]} == pytest.approx(shares.to_dict())
        lifts = {g["genre"]: g["lift"] for g in row["top_genres"]}
        assert lifts == pytest.approx((shares / overall).to_dict())
        assert [g["share"] for g in row["top_genres"]] == sorted((g["share"] for g in row["top_genres"]), reverse=True)


def test_exemplars_are_the_nearest_tracks_with_ties_by_id(profiles, table):
    for row, (_, group) in zip(profiles, table.groupby("cluster"), strict=True):
        expected = group.sort_values(["distance", "track_id"]).head(MAX_EXEMPLARS)
        assert [e["track_id"] for e in row["exemplars"]] == expected.track_id.tolist()
        assert [e["distance"] for e in row["exemplars"]] == expected.distance.tolist()
        assert row["exemplars"][0]["title"] == f"T {row['exemplars'][0]['track_id']}"
