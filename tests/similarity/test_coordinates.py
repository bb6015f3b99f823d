"""Coordinates against numpy and scikit-learn, and what is done about gaps."""

import logging

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from segue.errors import InputError
from segue.similarity.coordinates import SimilarityOptions, column_quantiles, fit_scaling, quantile_rank

FEATURES = ("bpm", "loudness", "duration_s")
SCALERS = {
    "minmax": MinMaxScaler(),
    "standard": StandardScaler(),
    "quantile": QuantileTransformer(n_quantiles=1001, subsample=None),
}


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(0)
    # whole numbers tie, and one length is far off
    bpm, loudness = rng.integers(60, 200, 3000), rng.normal(-8, 3, 3000)
    return np.stack([bpm, loudness, np.r_[rng.gamma(4, 60, 2999), 30_000]], axis=1).astype(float)


@pytest.fixture(scope="module")
def tracks(spark, values):
    frame = pd.DataFrame(values, columns=list(FEATURES)).assign(track_id=[f"t{i}" for i in range(len(values))])
    return spark.createDataFrame(frame).repartition(3).cache()


@pytest.mark.parametrize("kind", list(SCALERS))
def test_coordinates_are_scikit_learns(kind, tracks, values):
    scaling = fit_scaling(tracks, SimilarityOptions(FEATURES, kind))
    wanted = SCALERS[kind].fit_transform(values)
    # at the ends scikit-learn says 0 and 1, however many tracks tie there
    inner = (values > values.min(axis=0)) & (values < values.max(axis=0))
    compared = inner if kind == "quantile" else np.full(values.shape, True)
    assert np.allclose(scaling.points(values)[compared], wanted[compared], atol=1e-9)


def test_partitions_and_order_change_no_bit(tracks, values):
    one = fit_scaling(tracks, SimilarityOptions(FEATURES, "standard"))
    other = fit_scaling(
        tracks.repartition(7, F.rand(1)).sortWithinPartitions(F.rand(2)), SimilarityOptions(FEATURES, "standard")
    )
    for name in ("centre", "width", "knots"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert np.array_equal(one.points(values), other.points(values))


def test_gaps_are_filled_with_the_models_value_or_the_median(tracks):
    gaps = tracks.withColumns({name: F.when(F.col("track_id") != "t0", F.col(name)) for name in ("bpm", "loudness")})
    scaling = fit_scaling(gaps, SimilarityOptions(FEATURES, "minmax"), {"bpm": 111.5, "duration_s": 1.0})
    (median,) = gaps.select(F.expr("percentile(loudness, 0.5)")).first()
    assert scaling.filled(np.full((1, 3), np.nan))[0, :2].tolist() == [111.5, median]


def test_a_feature_that_no_track_has_is_left_out_and_told(tracks, caplog):
    nobody = tracks.withColumn("energy", F.lit(None).cast("double"))
    with caplog.at_level(logging.WARNING):
        scaling = fit_scaling(nobody, SimilarityOptions((*FEATURES, "energy"), "minmax"))
    assert scaling.features == FEATURES
    assert "no track has energy" in caplog.text
    with pytest.raises(InputError, match="no track has energy; name other features"):
        fit_scaling(nobody, SimilarityOptions(("energy",), "minmax"))


def test_a_constant_feature_tells_nobody_apart(tracks):
    same = tracks.withColumn("bpm", F.lit(120.0))
    for kind in SCALERS:
        points = fit_scaling(same, SimilarityOptions(("bpm",), kind)).points(np.array([[120.0], [120.0]]))
        assert points[0] == points[1]


def test_ranks_count_half_of_the_equals():
    knots = column_quantiles(np.array([[1.0], [2.0], [2.0], [2.0], [3.0]]), [0.0])[0]
    # of five tracks one lies below 2, three are equal to it: read off straight lines between quantiles, in the middle
    assert quantile_rank(np.array([0.0, 1.0, 2.0, 3.0, 9.0]), knots) == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.0])
