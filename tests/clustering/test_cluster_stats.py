"""Test quantiles of histograms by hand, and statistics of features against numpy."""

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from segue import schema
from segue.clustering.cluster_stats import N_BINS, fit_feature_stats, histogram_quantiles, squared_distances
from segue.clustering.profiles import fit_profiles

QUARTILE_SHARES = (0.25, 0.5, 0.75)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # four values, evenly spaced in [0, 8] at 1, 3, 5 and 7: ranks 1.25, 2 and 2.75
        ([2, 2], [2.5, 4.0, 5.5]),
        # the same ranks, all in the last of four bins, [6, 8]
        ([0, 0, 0, 4], [6.625, 7.0, 7.375]),
        # one value is in the middle of its bin
        ([0, 1, 0, 0], [3.0, 3.0, 3.0]),
    ],
)
def test_values_are_evenly_spaced_within_their_bins(counts, expected):
    assert histogram_quantiles(np.array(counts, dtype=float), 0.0, 8.0, QUARTILE_SHARES) == expected


def test_squared_distances_equal_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    points, centres = rng.random((30, 4)), rng.random((7, 4))
    expected = pairwise_distances(points, centres, metric="sqeuclidean")
    assert np.allclose(squared_distances(points, centres), expected, atol=1e-15)


def test_quartiles_are_exact_to_a_few_bins(spark):
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.gamma(2.0, 30.0, 4000), [77.0] * 500, rng.random(1000)])
    clusters = np.repeat([1, 2, 3], [4000, 500, 1000]).tolist()
    rows = [(c, None if i % 7 == 0 else float(v)) for i, (c, v) in enumerate(zip(clusters, values, strict=True))]
    frame = spark.createDataFrame(rows, "cluster int, bpm double").repartition(5)
    stats = fit_feature_stats(frame, ["bpm"], 4)
    assert sorted(stats) == [(1, "bpm"), (2, "bpm"), (3, "bpm")]
    assert (stats[2, "bpm"].quartiles, stats[2, "bpm"].sd) == ([77.0] * 3, 0.0)
    for cluster in (1, 3):
        present = np.array([v for c, v in rows if c == cluster and v is not None])
        tolerance = 8 * (present.max() - present.min()) / N_BINS
        # numpy interpolates between two values of adjacent ranks, which may be several bins apart
        ranked = np.sort(present)[[round(share * (len(present) - 1)) for share in QUARTILE_SHARES]]
        bpm = stats[cluster, "bpm"]
        assert bpm.quartiles == pytest.approx(np.quantile(present, QUARTILE_SHARES), abs=tolerance)
        assert np.abs(bpm.quartiles - ranked).max() < tolerance
        assert (bpm.n, bpm.mean, bpm.sd) == (len(present), pytest.approx(present.mean()), pytest.approx(present.std()))


def test_profiles_of_many_tracks_use_histograms(spark):
    rows = [(1 + i % 2, f"t{i:03}", float(i), 0.1, 0.2, "x", "y", None) for i in range(200)]
    ddl = "cluster int, track_id string, bpm double, distance double, silhouette double"
    frame = spark.createDataFrame(rows, f"{ddl}, title string, artist string, genre string")
    others = [name for name in schema.FEATURE_NAMES if name != "bpm"]
    frame = frame.selectExpr("*", *(f"cast(null as double) AS {name}" for name in others))
    exact = fit_profiles(frame, len(rows))
    binned = fit_profiles(frame, len(rows), max_exact=100)
    assert [row["bpm_q1"] for row in binned] != [row["bpm_q1"] for row in exact]
    for exact_row, binned_row in zip(exact, binned, strict=True):
        for name in ("bpm_q1", "bpm_median", "bpm_q3"):
            assert binned_row.pop(name) == pytest.approx(exact_row.pop(name), abs=1.5)
        assert binned_row == exact_row
