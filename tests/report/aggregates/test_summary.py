"""The numbers of a report, against pandas on the same tracks."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Row
from tests.report.aggregates import tracks

from segue.report import numbers
from segue.report.aggregates import queries, summary
from segue.report.aggregates.summary import ReportTables, fit_report_numbers

SCORES = [
    Row(
        k=k,
        silhouette=s,
        inertia=10.0 / k,
        stability=None,
        chosen=k == 3,
        genre_nmi=0.2,
        genre_ari=0.1,
        genre_purity=0.5,
    )
    for k, s in ((2, 0.5), (3, 0.4), (4, 0.3))
]
NOW = "2026-01-01T00:00:00+00:00"
PROVENANCE = numbers.Provenance("m1", NOW, NOW, "silhouette", "fused", 10, "minmax: bpm", {}, {}, {})


@pytest.fixture(scope="module")
def table():
    return tracks.labeled()


@pytest.fixture(scope="module")
def frame(spark, table):
    return tracks.as_frame(spark, table).repartition(3).cache()


@pytest.fixture(scope="module")
def similar(spark, table):
    lists = [
        (one, [("t101", 0.1, True, ["bpm", "energy"]), ("t102", 0.2, False, ["valence"])]) for one in typical(table)
    ]
    entry = "struct<track_id: string, distance: double, same_cluster: boolean, why: array<string>>"
    return spark.createDataFrame(lists, f"track_id string, similar array<{entry}>")


def typical(table):
    return [table[table.cluster == cluster].track_id.iloc[0] for cluster in (1, 2, 3)]


@pytest.fixture(scope="module")
def rejected(spark):
    rows = [
        ("invalid", ["bpm 'a' is not a number", "year 'x is not a year' is not a year"]),
        ("invalid", ["bpm 'b is not a number' is not a number"]),
        ("invalid", ["bpm 712 outside [1, 300]"]),
        ("invalid", ["title missing"]),
        ("duplicate", ["duplicate of t1"]),
    ]
    return spark.createDataFrame(rows, "kind string, reasons array<string>")


@pytest.fixture(scope="module")
def found(frame, rejected, similar, table):
    card = tracks.card(table)
    return fit_report_numbers(
        ReportTables(frame, rejected, SCORES, similar), card, PROVENANCE, n_points=5000, n_searchable=3
    )


def test_tracks_are_counted(found, table):
    assert found.n_tracks == len(table)
    assert found.n_outliers == table.is_outlier.sum()
    assert found.silhouette == pytest.approx(table.silhouette.mean())
    assert [c.n_tracks for c in found.clusters] == table.cluster.value_counts().sort_index().tolist()
    assert found.chosen == 3 and [score.k for score in found.scores] == [2, 3, 4]


def test_clusters_are_compared_with_all_tracks(found, table):
    for cluster in found.clusters:
        group = table[table.cluster == cluster.number]
        wanted = (group.bpm.mean() - table.bpm.mean()) / table.bpm.std(ddof=0)
        assert cluster.deviations["bpm"] == pytest.approx(wanted, abs=1e-6)
        assert "instrumentalness" not in cluster.means
        assert "speechiness" not in cluster.deviations  # all tracks are alike in it
        top = group.artist.value_counts()
        wanted = sorted(top.items(), key=lambda item: (-item[1], item[0]))[:3]
        assert cluster.artists == wanted


def test_rankings_with_ties_by_name(found, table, frame):
    genres = table.genre.value_counts()
    assert found.genres == sorted(genres.items(), key=lambda item: (-item[1], item[0]))
    assert (found.n_genres, found.n_artists) == (3, 4)
    assert queries.fit_ranking(frame, "title", 2) == ([("Title 0", 1), ("Title 1", 1)], len(table))


def test_distributions_hold_every_track_once(found, table):
    by_name = {one.name: one for one in found.distributions}
    assert "instrumentalness" not in by_name
    for name, one in by_name.items():
        known = table[name].astype(float).dropna()
        assert sum(one.counts) + one.beyond == len(known)
        assert one.missing == len(table) - len(known)
        assert len(one.edges) == len(one.counts) + 1 <= summary._BARS + 2
        counts = np.histogram(known, one.edges)[0]
        if name == "loudness":  # whole decibels stand at the edges: numpy's last bar holds both of its ends
            counts[-1] -= (known == one.edges[-1]).sum()
        assert one.counts == counts.tolist()


def test_years_and_popularity(found, table):
    means = table.assign(bpm=table.bpm.astype(float)).groupby("year").bpm.mean()
    assert found.years.years == means.index.tolist()
    assert found.years.counts == table.year.value_counts().sort_index().tolist()
    assert found.years.means["bpm"] == pytest.approx(means.tolist())
    assert {one.name for one in found.popularity} <= set(table.columns)
    assert all(count >= 30 for one in found.popularity for count in one.counts)


def test_shares_of_genres(found, table):
    crossed = pd.crosstab(table.genre, table.cluster, normalize="index")
    assert found.agreement.genres == [name for name, _ in found.genres]
    assert found.agreement.shares == pytest.approx(crossed.loc[found.agreement.genres].to_numpy())
    assert (found.agreement.nmi, found.agreement.purity) == (0.2, 0.5)


def test_all_tracks_are_drawn_where_they_are_few(found, table):
    assert [one.track_id for one in found.points.tracks] == sorted(table.track_id)
    assert not found.points.is_sample
    assert np.isnan(found.points.values["energy"]).sum() == table.energy.isna().sum()
    assert np.isfinite(found.points.x).all()
    # a centre is drawn at the mean of its tracks
    own = np.array(found.points.cluster) == 1
    assert (found.points.x[own].mean(), found.points.y[own].mean()) == pytest.approx(found.map.centres[0])


def test_a_sample_is_in_proportion_and_the_same_each_time(frame, table):
    sizes = table.cluster.value_counts().to_dict()
    one = queries.fit_sample(frame, sizes, 200)
    assert one.equals(queries.fit_sample(frame.repartition(7), sizes, 200))
    assert 140 < len(one) < 260
    assert set(one.column("cluster").to_pylist()) == {1, 2, 3}


def test_lists_are_worded_and_in_order(found, table):
    assert [one.track.track_id for one in found.similar] == typical(table)
    for one in found.similar:
        assert [near.track.track_id for near in one.near] == ["t101", "t102"]
        assert all(near.why for near in one.near)


def test_reasons_lose_the_values_they_quote(found):
    assert found.rejections.kinds == {"invalid": 4, "duplicate": 1}
    assert found.rejections.reasons == [
        ("bpm is not a number", 2),
        ("bpm outside [1, 300]", 1),
        ("title missing", 1),
        ("year is not a year", 1),
    ]


def test_what_a_catalogue_lacks_is_left_out(spark, table):
    bare = table.assign(genre=None, year=None, popularity=None, artist="")
    scores = [Row(**row.asDict() | {"genre_nmi": None}) for row in SCORES]
    frames = ReportTables(tracks.as_frame(spark, bare), None, scores, None)
    found = fit_report_numbers(frames, tracks.card(table), PROVENANCE, n_points=100, n_searchable=3)
    assert (found.years, found.agreement) == (None, None)
    assert found.genres == found.artists == found.popularity == found.similar == []
    assert "year" not in found.correlations.names and "popularity" not in found.correlations.names


def test_a_typical_track_is_told_once_however_often_it_was_released():
    named = [numbers.TrackReference(*texts) for texts in (("a", "Song", "X"), ("b", "SONG", "X"), ("c", "Song", "Y"))]
    assert [track.track_id for track in summary._told_once(named)] == ["a", "c"]
