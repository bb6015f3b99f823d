"""The numbers of a report equal those that pandas computes from the same tracks."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Row
from tests.report.aggregates import tracks

from segue.report import numbers
from segue.report.aggregates import queries, summary, sums
from segue.report.aggregates.summary import ReportTables, collect_report_numbers

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
        (owner, [("t101", 0.1, True, ["bpm", "energy"]), ("t102", 0.2, False, ["valence", "key"])])
        for owner in exemplars(table)
    ]
    entry = "struct<track_id: string, distance: double, same_cluster: boolean, why: array<string>>"
    return spark.createDataFrame(lists, f"track_id string, similar array<{entry}>")


def exemplars(table):
    return [table[table.cluster == cluster].track_id.iloc[0] for cluster in (1, 2, 3)]


@pytest.fixture(scope="module")
def rejected(spark):
    rows = [
        ("invalid", ["bpm 'a' is not a number", "year 'x is not a year' is not a year"]),
        ("invalid", ["bpm 'b is not a number' is not a number"]),
        ("invalid", ["bpm 712 outside [1, 300]"]),
        ("invalid", ["title missing", "energy missing (NaN (x))", "energy missing"]),
        ("duplicate", ["duplicate of t1"]),
    ]
    return spark.createDataFrame(rows, "kind string, reasons array<string>")


@pytest.fixture(scope="module")
def report(frame, rejected, similar, table):
    card = tracks.card(table)
    return collect_report_numbers(
        ReportTables(frame, rejected, SCORES, similar), card, PROVENANCE, n_points=5000, n_searchable=3
    )


def test_counts_and_silhouette(report, table):
    assert report.n_tracks == len(table)
    assert report.n_outliers == table.is_outlier.sum()
    assert report.silhouette == pytest.approx(table.silhouette.mean())
    assert [c.n_tracks for c in report.clusters] == table.cluster.value_counts().sort_index().tolist()
    assert report.k == 3 and [score.k for score in report.k_scores] == [2, 3, 4]


def test_deviations_of_clusters(report, table):
    for cluster in report.clusters:
        group = table[table.cluster == cluster.number]
        expected = (group.bpm.mean() - table.bpm.mean()) / table.bpm.std(ddof=0)
        assert cluster.deviations["bpm"] == pytest.approx(expected, abs=1e-6)
        assert "instrumentalness" not in cluster.means
        assert "speechiness" not in cluster.deviations  # constant
        top = group.artist.value_counts()
        expected = sorted(top.items(), key=lambda item: (-item[1], item[0]))[:3]
        assert cluster.artists == expected


def test_rankings_with_ties_by_name(report, table, frame):
    genres = table.genre.value_counts()
    assert report.genres == sorted(genres.items(), key=lambda item: (-item[1], item[0]))
    assert (report.n_genres, report.n_artists) == (3, 4)
    assert queries.collect_ranking(frame, "title", 2) == ([("Title 0", 1), ("Title 1", 1)], len(table))


def test_distributions_count_every_track_once(report, table):
    by_name = {histogram.name: histogram for histogram in report.distributions}
    assert "instrumentalness" not in by_name
    for name, histogram in by_name.items():
        values = table[name].astype(float).dropna()
        assert sum(histogram.counts) + histogram.n_outside == len(values)
        assert histogram.n_missing == len(table) - len(values)
        assert len(histogram.edges) == len(histogram.counts) + 1 <= summary._MAX_BARS + 2
        counts = np.histogram(values, histogram.edges)[0]
        if name == "loudness":  # whole decibels lie on edges, and numpy's last bin includes both of its edges
            counts[-1] -= (values == histogram.edges[-1]).sum()
        assert histogram.counts == counts.tolist()


def test_tracks_longer_than_the_histogram_are_outside(table):
    # more than the tail that no bar covers, so that the last bar ends at 1,200 s
    durations = table.assign(duration_s=np.where(np.arange(len(table)) < 30, 1500.0, table.duration_s))
    totals = sums.batch_sums(tracks.as_batch(durations), tracks.card(table))
    histogram = summary._distribution(totals, "duration_s", len(table))
    assert histogram.edges[-1] == 1200.0
    assert histogram.counts[-1] == 0
    assert (histogram.n_outside, histogram.n_missing) == (30 + (table.duration_s[30:] < histogram.edges[0]).sum(), 0)


def test_years_and_popularity(report, table):
    means = table.assign(bpm=table.bpm.astype(float)).groupby("year").bpm.mean()
    assert report.years.years == means.index.tolist()
    assert report.years.counts == table.year.value_counts().sort_index().tolist()
    assert report.years.means["bpm"] == pytest.approx(means.tolist())
    assert {item.name for item in report.popularity} <= set(table.columns)
    assert all(count >= 30 for item in report.popularity for count in item.counts)


def test_shares_of_genres(report, table):
    crossed = pd.crosstab(table.genre, table.cluster, normalize="index")
    assert report.agreement.genres == [name for name, _ in report.genres]
    assert report.agreement.shares == pytest.approx(crossed.loc[report.agreement.genres].to_numpy())
    assert (report.agreement.nmi, report.agreement.purity) == (0.2, 0.5)


def test_a_small_catalogue_is_drawn_completely(report, table):
    assert [track.track_id for track in report.points.tracks] == sorted(table.track_id)
    assert not report.points.is_sample
    assert np.isnan(report.points.values["energy"]).sum() == table.energy.isna().sum()
    assert np.isfinite(report.points.x).all()
    # a centre is the mean of its tracks
    in_first = np.array(report.points.cluster) == 1
    assert (report.points.x[in_first].mean(), report.points.y[in_first].mean()) == pytest.approx(
        report.projection.centres[0]
    )


def test_a_sample_is_proportional_and_reproducible(frame, table):
    sizes = table.cluster.value_counts().to_dict()
    sample = queries.collect_sample(frame, sizes, 200)
    assert sample.equals(queries.collect_sample(frame.repartition(7), sizes, 200))
    assert 140 < len(sample) < 260
    assert set(sample.column("cluster").to_pylist()) == {1, 2, 3}


def test_lists_are_in_order_with_reasons(report, table):
    assert [entry.track.track_id for entry in report.similar_tracks] == exemplars(table)
    for entry in report.similar_tracks:
        assert [neighbour.track.track_id for neighbour in entry.neighbours] == ["t101", "t102"]
        without_key, with_key = (neighbour.reason for neighbour in entry.neighbours)
        assert without_key and "minor" not in without_key
        assert with_key.endswith(", both in A minor (8A)")


def test_reasons_are_grouped_without_their_values(report):
    assert report.rejections.kinds == {"invalid": 4, "duplicate": 1}
    assert report.rejections.reasons == [
        ("bpm is not a number", 2),
        ("energy missing", 2),
        ("bpm outside [1, 300]", 1),
        ("title missing", 1),
        ("year is not a year", 1),
    ]


def test_missing_columns_leave_numbers_empty(spark, table):
    minimal = table.assign(genre=None, year=None, popularity=None, artist="")
    scores = [Row(**row.asDict() | {"genre_nmi": None}) for row in SCORES]
    frames = ReportTables(tracks.as_frame(spark, minimal), None, scores, None)
    report = collect_report_numbers(frames, tracks.card(table), PROVENANCE, n_points=100, n_searchable=3)
    assert (report.years, report.agreement) == (None, None)
    assert report.genres == report.artists == report.popularity == report.similar_tracks == []
    assert "year" not in report.correlations.names and "popularity" not in report.correlations.names


def test_releases_of_one_exemplar_are_listed_once():
    releases = [
        numbers.TrackReference(*texts) for texts in (("a", "Song", "X"), ("b", "SONG", "X"), ("c", "Song", "Y"))
    ]
    assert [track.track_id for track in summary._distinct(releases)] == ["a", "c"]
