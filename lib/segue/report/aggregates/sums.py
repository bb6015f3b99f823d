"""Compute sums over tracks, and from them correlations, moments, quantiles and principal components.

``Sums`` is a dict from (kind, key) to an array: the sums over some tracks. Kinds and keys are listed below; a key is an
integer. ``batch_sums`` computes the sums of an Arrow batch; ``add_sums`` adds the sums of several batches. Apart from
rounding, the total does not depend on the partitions. Its size does not depend on the number of tracks.

The sums are over the n numeric columns in ``NUMBERS``. Each column has a range (``_RANGES``), which is divided into
bins.

Kinds
-----
PAIRWISE_MOMENTS (key 0) : shape (4, n, n), flattened
    For every pair (i, j) of columns: the number of tracks with both values, and over these tracks the sums of x_i, of
    x_i^2 and of x_i x_j. Here x is (value - middle of the range) / width of the range.
HISTOGRAM (key: index in ``NUMBERS``) : shape (n_fine + 2,)
    Number of tracks below the column's range, in each of ``n_fine`` equal bins of the range, and above the range.
POPULARITY_BY_BIN (key: index in ``NUMBERS``) : shape (2, N_COARSE), flattened
    For each of ``N_COARSE`` equal bins of the column's range: the number of tracks with a popularity, and the sum of
    their popularity. Values outside the range count in the first or the last bin.
SCATTER_MATRIX (key 0) : shape (1 + m + m * m,)
    Over the tracks with all m scaled coordinates (features or discriminants) of the model: the number of tracks, the
    sums of the coordinates, and the sums of their products.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segue import schema
from segue.clustering import cluster_stats
from segue.clustering.model_card import ModelCard, scale_features

Floats = NDArray[np.float64]
Sums = dict[tuple[str, int], Floats]
NUMBERS = (*schema.FEATURE_NAMES, "popularity", "year")
"""The numeric columns of the tracks, over which sums are computed."""
SCHEMA = "kind string, key bigint, values array<double>"
"""Spark schema of a DataFrame with the content of ``Sums``: a row for each (kind, key)."""
PAIRWISE_MOMENTS, HISTOGRAM = "pairwise_moments", "histogram"
POPULARITY_BY_BIN, SCATTER_MATRIX = "popularity_by_bin", "scatter_matrix"
N_COARSE = 40
"""Number of bins of every column for POPULARITY_BY_BIN."""
STEP = {"bpm": 1.0, "loudness": 1.0, "duration_s": 5.0, "popularity": 1.0, "year": 1.0}
"""Step to which datasets usually round a column, in the column's unit; 0.01 for columns not listed (fractions).

A bar of a histogram is a whole number of steps wide: otherwise some bars would cover more rounded values than others.
"""
BINS_PER_STEP = 10
"""Number of bins per ``STEP`` in HISTOGRAM. Quantiles are exact to the width of one bin."""
_EDGES = {"duration_s": (0.0, 1200.0), "year": (1900.0, 2100.0)}
_RANGES = {f.name: (f.low, f.high if f.high is not None else 0.0) for f in schema.NUMBERS} | _EDGES
"""Range (low, high) of each numeric column in its unit: from ``_EDGES``, else from the schema."""
_MIDDLES = np.array([sum(_RANGES[name]) / 2 for name in NUMBERS])
_WIDTHS = np.array([_RANGES[name][1] - _RANGES[name][0] for name in NUMBERS])
_ARROW = pa.schema([("kind", pa.string()), ("key", pa.int64()), ("values", pa.list_(pa.float64()))])


def n_fine(name: str) -> int:
    """Return the number of bins of a column's range in HISTOGRAM."""
    low, high = _RANGES[name]
    return round((high - low) / STEP.get(name, 0.01) * BINS_PER_STEP)


def edges(name: str, n_bins: int) -> Floats:
    """Return the edges of ``n_bins`` equal bins of a column's range (``_RANGES``), an array of shape (n_bins + 1,)."""
    low, high = _RANGES[name]
    return np.linspace(low, high, n_bins + 1)


def batch_sums(batch: pa.RecordBatch, card: ModelCard) -> Sums:
    """Compute the sums over the tracks of an Arrow batch: a dict from (kind, key) to an array. O(n_rows n_columns^2).

    The module's docstring lists kinds and keys.

    Parameters
    ----------
    batch : RecordBatch with the columns ``NUMBERS``, null where a track has no value
    card : the model; its features and scaling are used for SCATTER_MATRIX
    """
    rows = np.stack([_column(batch, name) for name in NUMBERS], axis=1)
    is_finite = np.isfinite(rows)
    centred = np.where(is_finite, (rows - _MIDDLES) / _WIDTHS, 0.0)
    ones = is_finite.astype(np.float64)
    totals: Sums = {
        (PAIRWISE_MOMENTS, 0): np.stack(
            [ones.T @ ones, centred.T @ ones, (centred**2).T @ ones, centred.T @ centred]
        ).ravel()
    }
    popularity = NUMBERS.index("popularity")
    for index, name in enumerate(NUMBERS):
        values = rows[is_finite[:, index], index]
        totals[HISTOGRAM, index] = _histogram(name, values)
        both = is_finite[:, index] & is_finite[:, popularity]
        coarse = _bin(name, rows[both, index], N_COARSE)
        counts = np.bincount(coarse, minlength=N_COARSE).astype(np.float64)
        popularities = np.bincount(coarse, weights=rows[both, popularity], minlength=N_COARSE)
        totals[POPULARITY_BY_BIN, index] = np.concatenate([counts, popularities])
    points = scale_features(card, np.stack([rows[:, NUMBERS.index(name)] for name in card.features], axis=1))
    points = points[np.isfinite(points).all(axis=1)]
    totals[SCATTER_MATRIX, 0] = np.concatenate([[len(points)], points.sum(axis=0), (points.T @ points).ravel()])
    return totals


def add_sums(parts: Iterable[tuple[tuple[str, int], Floats]]) -> Sums:
    """Add arrays with the same (kind, key), element by element. Return a dict from (kind, key) to the total.

    ``parts`` are pairs ((kind, key), array), the items of several ``Sums``.
    """
    total: Sums = {}
    for key, values in parts:
        total[key] = total[key] + values if key in total else values
    return total


def to_batch(sums: Sums) -> pa.RecordBatch:
    """Convert sums to a pyarrow RecordBatch with the columns kind, key and values, one row per (kind, key)."""
    keys = list(sums)
    columns = [[kind for kind, _ in keys], [key for _, key in keys], [sums[key].tolist() for key in keys]]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, type=field.type) for column, field in zip(columns, _ARROW, strict=True)], schema=_ARROW
    )


def correlation(sums: Sums) -> tuple[Floats, NDArray[np.int64]]:
    """Return Pearson's r of every pair of numeric columns, and the number of tracks with both values.

    Returns
    -------
    r : array of shape (n, n) in the order of ``NUMBERS``, in [-1, 1]
        NaN if fewer than three tracks have both values, or if one of the columns is constant over these tracks.
    n_tracks : array of int, shape (n, n)
    """
    size = len(NUMBERS)
    n, first, square, product = sums[PAIRWISE_MOMENTS, 0].reshape(4, size, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        # first[i, j] is the sum of column i over the tracks that also have a value in column j
        covariance = product - first * first.T / n
        variance = square - first**2 / n
        constant = variance <= 1e-12 * np.maximum(n, 1)
        r = covariance / np.sqrt(variance * variance.T)
    r[(n < 3) | constant | constant.T] = np.nan
    return np.clip(r, -1.0, 1.0), n.astype(np.int64)


def moments(sums: Sums) -> dict[str, tuple[int, float, float]]:
    """Return the number of values, the mean and the standard deviation of each numeric column, over all tracks.

    Returns a dict from column to these three numbers, in the unit of the tables. The standard deviation is the
    population's (divided by n). Columns without any value are left out.
    """
    size = len(NUMBERS)
    n, first, square, _ = sums[PAIRWISE_MOMENTS, 0].reshape(4, size, size)
    result = {}
    for index, name in enumerate(NUMBERS):
        count = n[index, index]
        if not count:
            continue
        mean = first[index, index] / count
        deviation = max(square[index, index] / count - mean**2, 0.0) ** 0.5
        result[name] = (int(count), mean * _WIDTHS[index] + _MIDDLES[index], deviation * _WIDTHS[index])
    return result


def quantiles(sums: Sums, name: str, shares: Sequence[float]) -> list[float]:
    """Estimate quantiles of a numeric column from its histogram, exact to the width of one bin.

    A value outside the column's range, such as a duration above 1,200 s, counts in the first or the last bin.

    Parameters
    ----------
    sums : the sums over all tracks
    name : name of a column with at least one value
    shares : which quantiles to estimate, each in [0, 1]: 0.5 is the median

    Returns
    -------
    list of float
        One quantile per share, in the unit of the tables.
    """
    histogram = sums[HISTOGRAM, NUMBERS.index(name)]
    counts = histogram[1:-1].copy()
    counts[[0, -1]] += histogram[[0, -1]]
    return cluster_stats.histogram_quantiles(counts, *_RANGES[name], shares)


def principal_axes(sums: Sums, n_features: int) -> tuple[Floats, Floats, Floats]:
    """Return the mean and the first two principal components of the model's scaled coordinates over all tracks.

    The arbitrary sign of a component is chosen to make the weight with the largest absolute value positive.

    Parameters
    ----------
    sums : the sums over all tracks; SCATTER_MATRIX is used
    n_features : number of coordinates of the model: its features or, in a guided model, its discriminants

    Returns
    -------
    mean : shape (n_features,)
    components : unit vectors as rows, shape (2, n_features); the second is zero if there is only one feature
    shares : share of the total variance along each component, 0 to 1, shape (2,)
    """
    values = sums[SCATTER_MATRIX, 0]
    n, first = values[0], values[1 : 1 + n_features]
    product = values[1 + n_features :].reshape(n_features, n_features)
    mean = first / n
    variances, vectors = np.linalg.eigh(product / n - np.outer(mean, mean))
    order = np.argsort(variances)[::-1][:2]
    components = vectors[:, order].T
    if len(components) < 2:
        components = np.vstack([components, np.zeros_like(components[0])])
    largest = np.abs(components).argmax(axis=1)
    components = components * np.where(components[[0, 1], largest] < 0, -1.0, 1.0)[:, None]
    total = np.maximum(variances, 0.0).sum()
    shares = np.maximum(variances[order], 0.0) / total if total > 0 else np.zeros(len(order))
    return mean, components, np.append(shares, 0.0)[:2]


def _column(batch: pa.RecordBatch, name: str) -> Floats:
    """Return a column of an Arrow batch as an array of shape (n_rows,), NaN where it is null."""
    column = batch.column(batch.schema.get_field_index(name)).cast(pa.float64())
    values: Floats = column.to_numpy(zero_copy_only=False)
    return values


def _histogram(name: str, values: Floats) -> Floats:
    """Return the counts of HISTOGRAM for values of the column ``name``: an array of shape (n_fine + 2,)."""
    low, high = _RANGES[name]
    bins = 1 + _bin(name, values, n_fine(name))
    bins[values < low], bins[values > high] = 0, n_fine(name) + 1
    return np.bincount(bins, minlength=n_fine(name) + 2).astype(np.float64)


def _bin(name: str, values: Floats, n_bins: int) -> NDArray[np.int64]:
    """Return the bin index, from 0, of each value of a column, an array of the shape of ``values``.

    Parameters
    ----------
    name : name of the column
    values : shape (n_values,); a value outside the column's range (``_RANGES``) counts in the first or the last bin
    n_bins : number of equal bins into which the range is divided
    """
    low, high = _RANGES[name]
    # + 1e-6: a value on an edge may be slightly below it in binary, such as 0.57 with 100 bins, since 0.57 * 100 < 57
    index = np.floor((values - low) / (high - low) * n_bins + 1e-6)
    return np.clip(index, 0, n_bins - 1).astype(np.int64)
