"""Sums over tracks, against pandas and scikit-learn on the same rows."""

import numpy as np
import pyarrow as pa
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
def found(table, card):
    batch = as_batch(table)
    parts = [batch.slice(0, 7), batch.slice(7, 200), batch.slice(207)]
    return sums.add_sums(item for part in parts for item in sums.batch_sums(part, card).items())


def as_batch(table):
    columns = [pa.array(table[name].astype(float), pa.float64(), from_pandas=True) for name in sums.NUMBERS]
    return pa.RecordBatch.from_arrays(columns, names=list(sums.NUMBERS))


def test_correlations_are_those_of_the_tracks_that_have_both(found, table):
    values = table[list(sums.NUMBERS)].astype(float)
    r, n = sums.correlation(found)
    known = values.notna().to_numpy().astype(int)
    assert np.array_equal(n, known.T @ known)
    wanted = values.corr(min_periods=3).to_numpy()
    for name in ("speechiness", "instrumentalness"):  # constant, and missing
        place = sums.NUMBERS.index(name)
        assert np.isnan(r[place]).all() and np.isnan(r[:, place]).all()
        wanted[place] = wanted[:, place] = np.nan
    np.testing.assert_allclose(r, wanted, atol=1e-9)


def test_moments_are_pandas_own(found, table):
    told = sums.moments(found)
    assert "instrumentalness" not in told
    for name, (count, mean, sd) in told.items():
        known = table[name].astype(float).dropna()
        assert (count, mean, sd) == (
            len(known),
            pytest.approx(known.mean()),
            pytest.approx(known.std(ddof=0), abs=1e-9),
        )


@pytest.mark.parametrize(("name", "within"), [("bpm", 0.1), ("energy", 0.001), ("duration_s", 0.5), ("loudness", 0.1)])
def test_quantiles_are_exact_to_a_bin(found, table, name, within):
    known = np.sort(table[name].astype(float).dropna())
    for share, value in zip((0.1, 0.5, 0.9), sums.quantiles(found, name, (0.1, 0.5, 0.9)), strict=True):
        # as numpy's, between the two neighbours of the rank, each known to its bin
        rank = share * (len(known) - 1)
        assert known[int(np.floor(rank))] - within <= value <= known[int(np.ceil(rank))] + within


def test_bins_begin_where_units_do(found, table):
    # 0.57 is a hair below 57 hundredths; whole decibels begin their own bins
    fine = found[sums.BINS, sums.NUMBERS.index("loudness")]
    occupied = sums.edges("loudness", len(fine))[:-1][fine > 0]
    assert occupied == pytest.approx(np.unique(table.loudness))
    assert sums._bin("energy", np.array([0.0, 0.57, 0.29, 1.0, 7.0]), 100).tolist() == [0, 57, 29, 99, 99]


def test_popularity_by_bins(found, table):
    counts, totals = found[sums.POPULAR, sums.NUMBERS.index("valence")].reshape(2, -1)
    both = table.dropna(subset="popularity")
    bins = np.minimum((both.valence.astype(float) * sums.N_COARSE).astype(int), sums.N_COARSE - 1)
    grouped = both.popularity.astype(float).groupby(bins).agg(["size", "sum"]).reindex(range(sums.N_COARSE)).fillna(0)
    assert counts.tolist() == grouped["size"].tolist()
    assert totals == pytest.approx(grouped["sum"].to_numpy())


def test_the_maps_axes_are_principal_components(found, table, card):
    points = scale_features(card, table[tracks.CLUSTERED].to_numpy(dtype=float))
    peer = PCA(2).fit(points)
    mean, components, shares = sums.principal_axes(found, len(card.features))
    assert mean == pytest.approx(points.mean(axis=0))
    assert shares == pytest.approx(peer.explained_variance_ratio_)
    for mine, other in zip(components, peer.components_, strict=True):
        assert mine == pytest.approx(other * np.sign(other[np.abs(other).argmax()]))


def test_sums_survive_being_carried(found):
    batch = sums.to_batch(found)
    back = {(kind, key): np.array(v) for kind, key, v in zip(*(c.to_pylist() for c in batch.columns), strict=True)}
    assert back.keys() == found.keys()
    assert all(np.array_equal(back[key], found[key]) for key in found)


def test_one_feature_makes_a_map_too(card):
    flat = {(sums.SPACE, 0): np.array([4.0, 2.0, 1.5])}
    mean, components, shares = sums.principal_axes(flat, 1)
    assert (mean.tolist(), components.tolist(), shares.tolist()) == ([0.5], [[1.0], [0.0]], [1.0, 0.0])
