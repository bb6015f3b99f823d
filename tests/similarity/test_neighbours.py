"""Lists of all tracks of a catalogue, by every method, against the definition."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F
from tests.similarity import oracle
from tests.similarity.tracks import NINE, as_dicts, as_frame, coarse_tracks

from segue.similarity.neighbours import MAX_TREE_VALUES, choose_method, has_too_few_artists, similar_lists
from segue.similarity.reasons import as_ranks, distinctive_features
from segue.similarity.rules import Rules
from segue.similarity.scaling import SimilarityOptions, fit_scaling


@pytest.fixture(scope="module")
def coarse():
    return coarse_tracks()


def fit_lists(tracks, options, tracks_per_cell=130):
    scaling = fit_scaling(tracks, options)
    with similar_lists(tracks, scaling, options, tracks_per_cell=tracks_per_cell) as rows:
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
        ({"rules": Rules(10, 1, 5, True)}, {"per_artist": 1, "years_apart": 5, "harmonic": True}),
        ({"features": (*NINE, "year"), "log": {"bpm": 0.5}, "weights": {"year": 2.0, "energy": 0.5}}, {}),
        (
            {"min_popularity": 40.0, "outliers": False},
            {"is_candidate": lambda t: not t["is_outlier"] and t["popularity"] is not None and t["popularity"] >= 40},
        ),
    ],
)
def test_lists_equal_the_definition(method, options, limits, spark, coarse):
    tracks = as_frame(spark, coarse).repartition(3)
    scaling, lists = fit_lists(tracks, SimilarityOptions(**{"features": NINE, "method": method} | options))
    values = coarse[list(scaling.features)].to_numpy(dtype=float)
    rows = as_dicts(coarse, scaling.points(scaling.fill_missing(values)))
    assert pairs(lists) == {row["track_id"]: oracle.similar(row, rows, **limits) for row in rows}


def test_lists_do_not_depend_on_partitions_order_and_method(spark, coarse):
    shuffled = as_frame(spark, coarse.sample(frac=1.0, random_state=5)).repartition(5)
    expected = fit_lists(as_frame(spark, coarse).coalesce(1), SimilarityOptions(NINE, "quantile", "tree"))
    for method, tracks_per_cell in (("tree", 0), ("cells", 60), ("cells", 1000)):
        scaling, lists = fit_lists(shuffled, SimilarityOptions(NINE, "quantile", method), tracks_per_cell)
        assert lists == expected[1]
        assert np.array_equal(scaling.quantiles, expected[0].quantiles)


def test_neighbours_have_reasons_and_same_cluster(spark, coarse):
    scaling, lists = fit_lists(as_frame(spark, coarse), SimilarityOptions(NINE, "minmax", "tree"))
    ranks = dict(zip(coarse.track_id, as_ranks(scaling.ranks(coarse[list(NINE)].to_numpy())), strict=True))
    cluster = dict(zip(coarse.track_id, coarse.cluster, strict=True))
    for track_id, similar in list(lists.items())[:50]:
        for neighbour in similar:
            reasons = distinctive_features(ranks[track_id], ranks[neighbour.track_id])
            assert neighbour.why == [NINE[i] for i in reasons if i >= 0]
            assert neighbour.same_cluster == (cluster[track_id] == cluster[neighbour.track_id])


@pytest.mark.parametrize("method", ["tree", "cells"])
def test_the_key_is_the_last_reason_where_a_rule_uses_it(method, spark, coarse):
    has_key = dict(zip(coarse.track_id, coarse.key.notna() & coarse["mode"].notna(), strict=True))
    _, lists = fit_lists(as_frame(spark, coarse), SimilarityOptions(NINE, method=method, rules=Rules(harmonic=True)))
    for track_id, similar in lists.items():
        assert {neighbour.why[-1] == "key" for neighbour in similar} == {has_key[track_id]}
        assert not any("key" in neighbour.why[:-1] for neighbour in similar)


def test_missing_keys_are_logged(spark, coarse, caplog):
    caplog.set_level("INFO")
    options = SimilarityOptions(NINE, method="tree", rules=Rules(harmonic=True))
    n_unknown = (coarse.key.isna() | coarse["mode"].isna()).sum()
    fit_lists(as_frame(spark, coarse), options)
    assert f"{n_unknown} of 600 tracks have no key and mode" in caplog.text
    caplog.clear()
    _, lists = fit_lists(as_frame(spark, coarse).drop("key"), options)
    assert "no track has a key and a mode: recommend.harmonic has no effect" in caplog.text
    assert lists == fit_lists(as_frame(spark, coarse), SimilarityOptions(NINE, method="tree"))[1]


def test_auto_chooses_the_method_by_number_of_coordinates(spark, coarse):
    options = SimilarityOptions(NINE)
    scaling = fit_scaling(as_frame(spark, coarse), options)
    max_tracks = MAX_TREE_VALUES // len(NINE)
    assert choose_method(max_tracks, scaling, options) == "tree"
    assert choose_method(max_tracks + 1, scaling, options) == "cells"
    assert choose_method(max_tracks + 1, scaling, SimilarityOptions(NINE, method="tree")) == "tree"


@pytest.mark.guard("unknown-artist-unlimited")
@pytest.mark.parametrize("method", ["tree", "cells"])
def test_limits_do_not_apply_to_unknown_artists(method, spark, coarse):
    # half of the artists are unknown: with a limit on them, lists would hold more of the others
    unknown = coarse.tail(120).assign(title="Untitled", isrc=None)
    unknown["artist"] = unknown.artist.where(np.arange(120) % 2 == 0, None)
    scaling, lists = fit_lists(as_frame(spark, unknown), SimilarityOptions(NINE, "standard", method, Rules(10, 2)))
    rows = as_dicts(unknown, scaling.points(unknown[list(NINE)].to_numpy()))
    nameless = set(unknown.track_id[unknown.artist.isna()])
    assert max(len(nameless & {n.track_id for n in similar}) for similar in lists.values()) > 2
    assert pairs(lists) == {row["track_id"]: oracle.similar(row, rows) for row in rows}


@pytest.mark.parametrize("method", ["tree", "cells"])
@pytest.mark.parametrize(("options", "limits"), [({}, {}), ({"same_genre": True}, {"same_genre": True})])
def test_lists_are_filled_beyond_the_limit_on_artists_if_short(method, options, limits, spark, coarse):
    rare = coarse.artist.map(lambda name: name if int(name.split()[1]) < 2 else f"Artist {len(name) % 3}")
    few = coarse.tail(400).assign(artist=rare).drop(columns="isrc")
    scaling, lists = fit_lists(as_frame(spark, few), SimilarityOptions(NINE, "standard", method, **options), 60)
    rows = as_dicts(few, scaling.points(few[list(NINE)].to_numpy()))
    assert pairs(lists) == {row["track_id"]: oracle.similar(row, rows, **limits) for row in rows}
    assert {len(similar) for similar in lists.values()} >= {10}


def test_too_few_artists_are_detected_before_the_search(spark):
    # two by each of five artists, and one by nobody: ten others for each of the eleven tracks
    names = [f"Artist {n % 5}" for n in range(20)] + [None]
    tracks = spark.createDataFrame([(name,) for name in names], "artist string")
    assert has_too_few_artists(tracks, Rules(11, 2))
    assert not has_too_few_artists(tracks, Rules(10, 2))
    assert not has_too_few_artists(tracks, Rules(11, 0))


@pytest.mark.parametrize("method", ["tree", "cells"])
def test_lists_can_all_be_empty(method, spark, coarse):
    _, lists = fit_lists(as_frame(spark, coarse.head(1)), SimilarityOptions(NINE, "standard", method))
    assert list(lists.values()) == [[]]
    # several cells, whose lists are merged
    options = SimilarityOptions(NINE, "standard", method, Rules(years_apart=1))
    _, lists = fit_lists(as_frame(spark, coarse.tail(60).assign(year=None)), options, tracks_per_cell=20)
    assert list(lists.values()) == [[]] * 60


@pytest.fixture(scope="module")
def published(real_data):
    table = pd.read_csv(real_data / "tracks_114k.csv").drop_duplicates("track_id").reset_index(drop=True)
    names = {"track_name": "title", "artists": "artist", "track_genre": "genre", "tempo": "bpm"}
    table = table.rename(columns=names).assign(duration_s=table.duration_ms / 1000, is_outlier=False, year=pd.NA)
    table = table.assign(cluster=1, popularity=table.popularity.astype(float)).fillna({"title": "", "artist": ""})
    return table[[*NINE, "track_id", "title", "artist", "genre", "year", "popularity", "is_outlier", "cluster"]]


@pytest.fixture(scope="module")
def published_lists(spark, published, tmp_path_factory):
    """Return all published tracks, their scaling, and the lists that the definition gives for a thousand of them."""
    path = str(tmp_path_factory.mktemp("published") / "tracks.parquet")
    published.assign(year=published.year.astype("Int32"), cluster=published.cluster.astype("int32")).to_parquet(path)
    tracks = spark.read.parquet(path)
    scaling = fit_scaling(tracks, SimilarityOptions(NINE, "standard"))
    points = scaling.points(published[list(NINE)].to_numpy())
    rows, expected = as_dicts(published, points), {}
    for position in published.sample(1000, random_state=4).index:
        squares = np.zeros(len(points))
        for feature in range(len(NINE)):
            squares += (points[:, feature] - points[position, feature]) ** 2
        # the definition applied to the nearest 400 and ties with the last of them
        near = np.flatnonzero(squares <= np.partition(squares, 400)[400])
        expected[rows[position]["track_id"]] = oracle.similar(rows[position], [rows[i] for i in near])
    assert {len(similar) for similar in expected.values()} == {10}
    return tracks, scaling, expected


@pytest.mark.parametrize("method", ["tree", "cells"])
def test_lists_of_published_tracks_equal_the_definition(method, published_lists):
    tracks, scaling, expected = published_lists
    with similar_lists(tracks, scaling, SimilarityOptions(NINE, "standard", method), tracks_per_cell=12_000) as lists:
        rows = lists.where(F.col("track_id").isin(list(expected))).collect()
    assert pairs({row.track_id: row.similar for row in rows}) == expected
