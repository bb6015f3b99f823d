"""Lists of whole catalogues, by every method, against the definition."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F
from tests.similarity import oracle
from tests.similarity.tracks import NINE, as_dicts, as_frame, coarse_tracks

from segue.similarity import neighbours
from segue.similarity.coordinates import SimilarityOptions, fit_scaling
from segue.similarity.neighbours import similar_lists
from segue.similarity.reasons import as_ranks, distinctive_features
from segue.similarity.rules import Rules


@pytest.fixture(scope="module")
def coarse():
    return coarse_tracks()


def found(tracks, options, tracks_a_cell=130):
    scaling = fit_scaling(tracks, options)
    with similar_lists(tracks, scaling, options, tracks_a_cell=tracks_a_cell) as rows:
        return scaling, {row.track_id: row.similar for row in rows.collect()}


def pairs(lists):
    return {name: [(n.track_id, n.distance) for n in similar] for name, similar in lists.items()}


@pytest.mark.parametrize("method", ["tree", "cells"])
@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({}, {}),
        ({"rules": Rules(10, 0), "other_releases": True}, {"per_artist": 0, "other_releases": True}),
        ({"rules": Rules(10, 1, 2)}, {"per_artist": 1, "years_apart": 2}),
        ({"same_genre": True}, {"same_genre": True}),
        (
            {"least_popularity": 40.0, "outliers": False},
            {"allowed": lambda t: not t["is_outlier"] and t["popularity"] is not None and t["popularity"] >= 40},
        ),
    ],
)
def test_ties_twins_and_rules_are_those_of_the_definition(method, options, limits, spark, coarse):
    tracks = as_frame(spark, coarse).repartition(3)
    scaling, lists = found(tracks, SimilarityOptions(NINE, "standard", method, **options))
    known = as_dicts(coarse, scaling.points(coarse[list(NINE)].to_numpy()))
    got = pairs(lists)
    assert got == {track["track_id"]: oracle.similar(track, known, **limits) for track in known}


def test_partitions_order_and_method_change_no_bit(spark, coarse):
    shuffled = as_frame(spark, coarse.sample(frac=1.0, random_state=5)).repartition(5)
    wanted = found(as_frame(spark, coarse).coalesce(1), SimilarityOptions(NINE, "quantile", "tree"))
    for method, cell in (("tree", 0), ("cells", 60), ("cells", 1000)):
        scaling, lists = found(shuffled, SimilarityOptions(NINE, "quantile", method), cell)
        assert lists == wanted[1]
        assert np.array_equal(scaling.knots, wanted[0].knots)


def test_a_list_says_why_and_whether_the_cluster_is_the_same(spark, coarse):
    scaling, lists = found(as_frame(spark, coarse), SimilarityOptions(NINE, "minmax", "tree"))
    ranks = dict(zip(coarse.track_id, as_ranks(scaling.ranks(coarse[list(NINE)].to_numpy())), strict=True))
    cluster = dict(zip(coarse.track_id, coarse.cluster, strict=True))
    for name, similar in list(lists.items())[:50]:
        for near in similar:
            told = distinctive_features(ranks[name], ranks[near.track_id])
            assert near.why == [NINE[i] for i in told if i >= 0]
            assert near.same_cluster == (cluster[name] == cluster[near.track_id])


def test_the_method_is_chosen_by_size(spark, coarse, monkeypatch):
    tracks = as_frame(spark, coarse)
    options = SimilarityOptions(NINE)
    scaling = fit_scaling(tracks, options)
    assert neighbours.chosen_method(tracks.count(), scaling, options) == "tree"
    monkeypatch.setattr(neighbours, "MAX_TREE_VALUES", 600 * 9 - 1)
    assert neighbours.chosen_method(tracks.count(), scaling, options) == "cells"
    assert neighbours.chosen_method(tracks.count(), scaling, SimilarityOptions(NINE, method="tree")) == "tree"


@pytest.mark.guard("unknown-artist-unlimited")
@pytest.mark.parametrize("method", ["tree", "cells"])
def test_tracks_of_nobody_known_limit_nothing_and_are_no_releases_of_one_recording(method, spark, coarse):
    few = coarse.head(60).assign(artist="", title="Untitled")
    scaling, lists = found(as_frame(spark, few), SimilarityOptions(NINE, "standard", method, Rules(10, 2)))
    known = as_dicts(few, scaling.points(few[list(NINE)].to_numpy()))
    anything_goes = {"per_artist": 0, "other_releases": True}
    assert pairs(lists) == {track["track_id"]: oracle.similar(track, known, **anything_goes) for track in known}


def test_one_track_has_no_neighbour(spark, coarse):
    for method in ("tree", "cells"):
        _, lists = found(as_frame(spark, coarse.head(1)), SimilarityOptions(NINE, "standard", method))
        assert list(lists.values()) == [[]]


@pytest.fixture(scope="module")
def published(real_data):
    table = pd.read_csv(real_data / "tracks_114k.csv").drop_duplicates("track_id").reset_index(drop=True)
    named = {"track_name": "title", "artists": "artist", "track_genre": "genre", "tempo": "bpm"}
    table = table.rename(columns=named).assign(duration_s=table.duration_ms / 1000, is_outlier=False, year=pd.NA)
    table = table.assign(cluster=1, popularity=table.popularity.astype(float)).fillna({"title": "", "artist": ""})
    return table[[*NINE, "track_id", "title", "artist", "genre", "year", "popularity", "is_outlier", "cluster"]]


@pytest.fixture(scope="module")
def among_all(spark, published, tmp_path_factory):
    """All published tracks, their scaling, and by the definition the lists of a thousand of them."""
    path = str(tmp_path_factory.mktemp("published") / "tracks.parquet")
    published.assign(year=published.year.astype("Int32"), cluster=published.cluster.astype("int32")).to_parquet(path)
    tracks = spark.read.parquet(path)
    scaling = fit_scaling(tracks, SimilarityOptions(NINE, "standard"))
    points = scaling.points(published[list(NINE)].to_numpy())
    known, wanted = as_dicts(published, points), {}
    for position in published.sample(1000, random_state=4).index:
        squares = np.zeros(len(points))
        for feature in range(len(NINE)):
            squares += (points[:, feature] - points[position, feature]) ** 2
        # the definition, on the nearest 400 and whatever lies as near as the last of them
        near = np.flatnonzero(squares <= np.partition(squares, 400)[400])
        wanted[known[position]["track_id"]] = oracle.similar(known[position], [known[i] for i in near])
    assert {len(similar) for similar in wanted.values()} == {10}
    return tracks, scaling, wanted


@pytest.mark.parametrize("method", ["tree", "cells"])
def test_a_thousand_published_tracks_among_all(method, among_all):
    tracks, scaling, wanted = among_all
    with similar_lists(tracks, scaling, SimilarityOptions(NINE, "standard", method), tracks_a_cell=12_000) as rows:
        found = rows.where(F.col("track_id").isin(list(wanted))).collect()
    assert pairs({row.track_id: row.similar for row in found}) == wanted
