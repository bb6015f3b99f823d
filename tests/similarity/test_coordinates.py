"""Coordinates against numpy and scikit-learn, and the treatment of missing values."""

import logging

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from segue.errors import InputError
from segue.similarity.scaling import SimilarityOptions, column_quantiles, fit_scaling, quantile_rank

FEATURES = ("bpm", "loudness", "duration_s")
SCALERS = {
    "minmax": MinMaxScaler(),
    "standard": StandardScaler(),
    "quantile": QuantileTransformer(n_quantiles=1001, subsample=None),
}


@pytest.fixture(scope="module")
def values():
    """Integers with ties, a normal distribution, and a skewed one with an outlier."""
    rng = np.random.default_rng(0)
    bpm, loudness = rng.integers(60, 200, 3000), rng.normal(-8, 3, 3000)
    return np.stack([bpm, loudness, np.r_[rng.gamma(4, 60, 2999), 30_000]], axis=1).astype(float)


@pytest.fixture(scope="module")
def tracks(spark, values):
    frame = pd.DataFrame(values, columns=list(FEATURES)).assign(track_id=[f"t{i}" for i in range(len(values))])
    return spark.createDataFrame(frame).repartition(3).cache()


@pytest.mark.parametrize("kind", list(SCALERS))
def test_coordinates_equal_those_of_scikit_learn(kind, tracks, values):
    scaling = fit_scaling(tracks, SimilarityOptions(FEATURES, kind))
    expected = SCALERS[kind].fit_transform(values)
    # QuantileTransformer maps minimum and maximum to 0 and 1, however many values tie there
    inner = (values > values.min(axis=0)) & (values < values.max(axis=0))
    compared = inner if kind == "quantile" else np.full(values.shape, True)
    assert np.allclose(scaling.points(values)[compared], expected[compared], atol=1e-9)


@pytest.mark.parametrize("kind", list(SCALERS))
def test_logarithms_ages_and_weights(kind, tracks, values):
    dated = tracks.withColumn("year", 2020 - F.floor(F.col("bpm") / 4))
    years = 2020 - values[:, 0] // 4
    all_values = np.column_stack([values, years])
    names = (*FEATURES, "year")
    options = SimilarityOptions(names, kind, log={"duration_s": 3.0}, weights={"bpm": 0.5, "year": 2.0})
    points = fit_scaling(dated, options).points(all_values)
    if kind == "quantile":
        # no rank changes, as the transforms are monotonous
        expected = fit_scaling(dated, SimilarityOptions(names, kind)).points(all_values)
    else:
        ages = np.sqrt(years.max() - years)
        expected = SCALERS[kind].fit_transform(np.column_stack([values[:, :2], np.log(values[:, 2] + 3.0), -ages]))
    assert np.allclose(points, expected * [0.5, 1.0, 1.0, 2.0], atol=1e-9)


def test_scaling_does_not_depend_on_partitions_and_order(tracks, values):
    options = SimilarityOptions(FEATURES, "standard", log={"bpm": 1.0})
    shuffled = tracks.repartition(7, F.rand(1)).sortWithinPartitions(F.rand(2))
    first, second = fit_scaling(tracks, options), fit_scaling(shuffled, options)
    for name in ("centre", "width", "quantiles"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert np.array_equal(first.points(values), second.points(values))


def test_missing_values_become_imputed_values_or_medians(tracks):
    names = ("bpm", "loudness")
    incomplete = tracks.withColumns({name: F.when(F.col("track_id") != "t0", F.col(name)) for name in names})
    scaling = fit_scaling(incomplete, SimilarityOptions(FEATURES, "minmax"), {"bpm": 111.5, "duration_s": 1.0})
    (median,) = incomplete.select(F.expr("percentile(loudness, 0.5)")).first()
    assert scaling.fill_missing(np.full((1, 3), np.nan))[0, :2].tolist() == [111.5, median]


def test_a_feature_without_values_is_omitted_with_a_warning(tracks, caplog):
    without_energy = tracks.withColumn("energy", F.lit(None).cast("double"))
    with caplog.at_level(logging.WARNING):
        scaling = fit_scaling(without_energy, SimilarityOptions((*FEATURES, "energy"), "minmax"))
    assert scaling.features == FEATURES
    assert "no track has a value for energy" in caplog.text
    with pytest.raises(InputError, match=r"no track has a value for energy; .* --set recommend\.features="):
        fit_scaling(without_energy, SimilarityOptions(("energy",), "minmax"))


def test_a_constant_feature_has_one_coordinate(tracks):
    constant = tracks.withColumn("bpm", F.lit(120.0))
    for kind in SCALERS:
        points = fit_scaling(constant, SimilarityOptions(("bpm",), kind)).points(np.array([[120.0], [120.0]]))
        assert points[0] == points[1]


def test_quantile_ranks_count_half_of_equal_values():
    quantiles = column_quantiles(np.array([[1.0], [2.0], [2.0], [2.0], [3.0]]), [0.0])[0]
    # of five values one is below 2, three are equal to it: interpolated, 0.5
    ranks = quantile_rank(np.array([0.0, 1.0, 2.0, 3.0, 9.0]), quantiles)
    assert ranks == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.0])
