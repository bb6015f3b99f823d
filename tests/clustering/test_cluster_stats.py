"""Quantiles from counts in bins, by hand."""

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from segue.clustering import cluster_stats, profiles
from segue.clustering.cluster_stats import N_BINS, fit_feature_stats, histogram_quantiles


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        # four values at 1, 3, 5 and 7 of 0 to 8, as if evenly spread: ranks 1.25, 2 and 2.75
        ([2, 2], [2.5, 4.0, 5.5]),
        # the same ranks, all in the last of four bins, 6 to 8
        ([0, 0, 0, 4], [6.625, 7.0, 7.375]),
        # one value stands in the middle of its bin
        ([0, 1, 0, 0], [3.0, 3.0, 3.0]),
    ],
)
def test_values_lie_evenly_within_their_bins(counts, wanted):
    assert histogram_quantiles(np.array(counts, dtype=float), 0.0, 8.0, (0.25, 0.5, 0.75)) == wanted


def test_squared_distances_are_scikit_learns():
    rng = np.random.default_rng(0)
    points, centres = rng.random((30, 4)), rng.random((7, 4))
    wanted = pairwise_distances(points, centres, metric="sqeuclidean")
    assert np.allclose(cluster_stats.squared_distances(points, centres), wanted, atol=1e-15)


def test_quartiles_are_as_exact_as_a_bin_is_wide(spark):
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.gamma(2.0, 30.0, 4000), [77.0] * 500, rng.random(1000)])
    own = np.concatenate([np.ones(4000), np.full(500, 2), np.full(1000, 3)]).astype(int)
    table = [(int(c), None if i % 7 == 0 else float(v)) for i, (c, v) in enumerate(zip(own, values, strict=True))]
    frame = spark.createDataFrame(table, "cluster int, bpm double").repartition(5)
    known = {c: np.array([v for k, v in table if k == c and v is not None]) for c in (1, 2, 3)}
    found = fit_feature_stats(frame, ["bpm"], 4)
    assert sorted(found) == [(1, "bpm"), (2, "bpm"), (3, "bpm")]
    assert (found[2, "bpm"].quartiles, found[2, "bpm"].sd) == ([77.0] * 3, 0.0)
    for cluster in (1, 3):
        part = known[cluster]
        width = (part.max() - part.min()) / N_BINS
        # numpy's value lies between two neighbours in rank, which may be a little apart
        ranks = np.sort(part)[[round(q * (len(part) - 1)) for q in (0.25, 0.5, 0.75)]]
        one = found[cluster, "bpm"]
        assert one.quartiles == pytest.approx(np.quantile(part, [0.25, 0.5, 0.75]), abs=8 * width)
        assert np.abs(one.quartiles - ranks).max() < 8 * width
        assert (one.n, one.mean, one.sd) == (len(part), pytest.approx(part.mean()), pytest.approx(part.std()))


def test_profiles_of_many_tracks_take_them(spark, monkeypatch):
    rows = [(1 + i % 2, f"t{i:03}", float(i), 0.1, 0.2, "x", "y", None) for i in range(200)]
    names = "cluster int, track_id string, bpm double, distance double, silhouette double"
    frame = spark.createDataFrame(rows, f"{names}, title string, artist string, genre string")
    others = [n for n in profiles.schema.FEATURE_NAMES if n != "bpm"]
    frame = frame.selectExpr("*", *(f"cast(null as double) AS {name}" for name in others))
    exact = profiles.fit_profiles(frame, len(rows))
    monkeypatch.setattr(profiles, "EXACT_UP_TO", 100)
    binned = profiles.fit_profiles(frame, len(rows))
    for one, other in zip(exact, binned, strict=True):
        for name in ("bpm_q1", "bpm_median", "bpm_q3"):
            assert other.pop(name) == pytest.approx(one.pop(name), abs=1.5)
        assert one == other
