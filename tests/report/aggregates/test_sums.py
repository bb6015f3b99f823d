"""Additive sums give what pandas and scikit-learn compute from the same rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from tests.report.aggregates import tracks

from segue.clustering.model_card import scale_features
from segue.report.aggregates import sums


@pytest.fixture(scope="module")
def table():
    return tracks.labeled()


@pytest.fixture(scope="module")
def card(table):
    return tracks.card(table)


@pytest.fixture(scope="module")
def totals(table, card):
    batch = tracks.as_batch(table)
    parts = [batch.slice(0, 7), batch.slice(7, 200), batch.slice(207)]
    return sums.add_sums(item for part in parts for item in sums.batch_sums(part, card).items())


def test_correlations_over_the_tracks_that_have_both(totals, table):
    values = table[list(sums.NUMBERS)].astype(float)
    r, n = sums.correlation(totals)
    has_value = values.notna().to_numpy().astype(int)
    assert np.array_equal(n, has_value.T @ has_value)
    expected = values.corr(min_periods=3).to_numpy()
    for name in ("speechiness", "instrumentalness"):  # constant, and missing
        index = sums.NUMBERS.index(name)
        assert np.isnan(r[index]).all() and np.isnan(r[:, index]).all()
        expected[index] = expected[:, index] = np.nan
    np.testing.assert_allclose(r, expected, atol=1e-9)


def test_moments_equal_those_of_pandas(totals, table):
    moments = sums.moments(totals)
    assert "instrumentalness" not in moments
    for name, (count, mean, sd) in moments.items():
        values = table[name].astype(float).dropna()
        assert (count, mean, sd) == (
            len(values),
            pytest.approx(values.mean()),
            pytest.approx(values.std(ddof=0), abs=1e-9),
        )


@pytest.mark.parametrize(("name", "within"), [("bpm", 0.1), ("energy", 0.001), ("duration_s", 0.5), ("loudness", 0.1)])
def test_quantiles_are_exact_to_a_bin(totals, table, name, within):
    values = np.sort(table[name].astype(float).dropna())
    for share, value in zip((0.1, 0.5, 0.9), sums.quantiles(totals, name, (0.1, 0.5, 0.9)), strict=True):
        # between the two values next to the rank, as in numpy, each rounded to its bin
        rank = share * (len(values) - 1)
        assert values[int(np.floor(rank))] - within <= value <= values[int(np.ceil(rank))] + within


def test_bins_begin_at_multiples_of_the_step(totals, table):
    # 0.57 * 100 is slightly below 57 in binary; whole decibels begin a bin
    fine = totals[sums.HISTOGRAM, sums.NUMBERS.index("loudness")][1:-1]
    occupied = sums.edges("loudness", len(fine))[:-1][fine > 0]
    assert occupied == pytest.approx(np.unique(table.loudness))
    assert sums._bin("energy", np.array([0.0, 0.57, 0.29, 1.0, 7.0]), 100).tolist() == [0, 57, 29, 99, 99]


def test_values_outside_the_range_are_counted_apart(card):
    durations = [30.0, 1200.0, 1200.5, 5000.0]
    row = {**dict.fromkeys(sums.NUMBERS), "bpm": 120.0, "energy": 0.5, "acousticness": 0.5}
    batch = tracks.as_batch(pd.DataFrame([row | {"duration_s": value} for value in durations]))
    totals = sums.batch_sums(batch, card)
    below, *counts, above = totals[sums.HISTOGRAM, sums.NUMBERS.index("duration_s")]
    assert (below, sum(counts), counts[-1], above) == (0, 2, 1, 2)
    # as quantiles they count as the end of the range
    assert sums.quantiles(totals, "duration_s", [0.0, 1.0]) == pytest.approx([30.0, 1200.0], abs=0.5)


def test_popularity_by_bins(totals, table):
    counts, popularities = totals[sums.POPULARITY_BY_BIN, sums.NUMBERS.index("valence")].reshape(2, -1)
    both = table.dropna(subset="popularity")
    bins = np.minimum((both.valence.astype(float) * sums.N_COARSE).astype(int), sums.N_COARSE - 1)
    grouped = both.popularity.astype(float).groupby(bins).agg(["size", "sum"]).reindex(range(sums.N_COARSE)).fillna(0)
    assert counts.tolist() == grouped["size"].tolist()
    assert popularities == pytest.approx(grouped["sum"].to_numpy())


def test_principal_axes_equal_those_of_scikit_learn(totals, table, card):
    points = scale_features(card, table[tracks.CLUSTERED].to_numpy(dtype=float))
    expected = PCA(2).fit(points)
    mean, components, shares = sums.principal_axes(totals, len(card.features))
    assert mean == pytest.approx(points.mean(axis=0))
    assert shares == pytest.approx(expected.explained_variance_ratio_)
    for component, other in zip(components, expected.components_, strict=True):
        assert component == pytest.approx(other * np.sign(other[np.abs(other).argmax()]))


def test_sums_are_the_same_after_arrow(totals):
    batch = sums.to_batch(totals)
    read = {(kind, key): np.array(v) for kind, key, v in zip(*(c.to_pylist() for c in batch.columns), strict=True)}
    assert read.keys() == totals.keys()
    assert all(np.array_equal(read[key], totals[key]) for key in totals)


def test_one_feature_has_a_second_axis_of_zeros(card):
    flat = {(sums.SCATTER_MATRIX, 0): np.array([4.0, 2.0, 1.5])}
    mean, components, shares = sums.principal_axes(flat, 1)
    assert (mean.tolist(), components.tolist(), shares.tolist()) == ([0.5], [[1.0], [0.0]], [1.0, 0.0])
