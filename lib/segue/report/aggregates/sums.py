"""Sums over tracks that add up: correlations, spread, popularity, the map's axes from one look at each; no Spark here.

A batch of tracks becomes rows of (kind, key, values); rows of the same kind and key are added element by element,
whatever the partitions. Their number depends on the features alone.
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
"""The columns that are looked at."""
SCHEMA = "kind string, key bigint, values array<double>"
PAIRS, BINS, POPULAR, SPACE = "pairs", "bins", "popular", "space"
N_COARSE = 40
"""Bins for popularity."""
UNITS = {"bpm": 1.0, "loudness": 1.0, "duration_s": 5.0, "popularity": 1.0, "year": 1.0}
"""What a feature is told to: a bar of a histogram is some of these wide, so that rounded values fill them evenly."""
FINE = 10
"""Fine bins in a unit, of which quartiles are told."""
_EDGES = {"duration_s": (0.0, 1200.0), "year": (1900.0, 2100.0)}
_RANGES = {f.name: (f.low, f.high if f.high is not None else 0.0) for f in schema.NUMBERS} | _EDGES
_MIDDLES = np.array([sum(_RANGES[name]) / 2 for name in NUMBERS])
_WIDTHS = np.array([_RANGES[name][1] - _RANGES[name][0] for name in NUMBERS])
_ARROW = pa.schema([("kind", pa.string()), ("key", pa.int64()), ("values", pa.list_(pa.float64()))])


def n_fine(name: str) -> int:
    """Return the number of a feature's fine bins."""
    low, high = _RANGES[name]
    return round((high - low) / UNITS.get(name, 0.01) * FINE)


def edges(name: str, n_bins: int) -> Floats:
    """Return the edges of a feature's bins over its whole range; what lies beyond counts in the last bin."""
    low, high = _RANGES[name]
    return np.linspace(low, high, n_bins + 1)


def batch_sums(batch: pa.RecordBatch, card: ModelCard) -> Sums:
    """Return the sums of one batch, with the columns of ``NUMBERS``; null is missing."""
    rows = np.stack([_column(batch, name) for name in NUMBERS], axis=1)
    known = np.isfinite(rows)
    centred = np.where(known, (rows - _MIDDLES) / _WIDTHS, 0.0)
    there = known.astype(np.float64)
    found: Sums = {
        (PAIRS, 0): np.stack([there.T @ there, centred.T @ there, (centred**2).T @ there, centred.T @ centred]).ravel()
    }
    popularity = NUMBERS.index("popularity")
    for place, name in enumerate(NUMBERS):
        own = rows[known[:, place], place]
        fine = n_fine(name)
        found[BINS, place] = np.bincount(_bin(name, own, fine), minlength=fine).astype(np.float64)
        both = known[:, place] & known[:, popularity]
        coarse = _bin(name, rows[both, place], N_COARSE)
        counts = np.bincount(coarse, minlength=N_COARSE).astype(np.float64)
        totals = np.bincount(coarse, weights=rows[both, popularity], minlength=N_COARSE)
        found[POPULAR, place] = np.concatenate([counts, totals])
    points = scale_features(card, np.stack([rows[:, NUMBERS.index(name)] for name in card.features], axis=1))
    points = points[np.isfinite(points).all(axis=1)]
    found[SPACE, 0] = np.concatenate([[len(points)], points.sum(axis=0), (points.T @ points).ravel()])
    return found


def add_sums(parts: Iterable[tuple[tuple[str, int], Floats]]) -> Sums:
    """Return the sums of all parts."""
    total: Sums = {}
    for key, values in parts:
        total[key] = total[key] + values if key in total else values
    return total


def to_batch(sums: Sums) -> pa.RecordBatch:
    """Return sums as rows for Spark to carry."""
    keys = list(sums)
    columns = [[kind for kind, _ in keys], [key for _, key in keys], [sums[key].tolist() for key in keys]]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, type=field.type) for column, field in zip(columns, _ARROW, strict=True)], schema=_ARROW
    )


def correlation(sums: Sums) -> tuple[Floats, NDArray[np.int64]]:
    """Return Pearson's r of every pair over the tracks that have both, and how many these are, shape (n, n).

    r is NaN where fewer than three have both, or one is constant.
    """
    size = len(NUMBERS)
    n, first, square, product = sums[PAIRS, 0].reshape(4, size, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        # first[i, j]: the sum of i over the tracks that have j too
        covariance = product - first * first.T / n
        variance = square - first**2 / n
        constant = variance <= 1e-12 * np.maximum(n, 1)
        r = covariance / np.sqrt(variance * variance.T)
    r[(n < 3) | constant | constant.T] = np.nan
    return np.clip(r, -1.0, 1.0), n.astype(np.int64)


def moments(sums: Sums) -> dict[str, tuple[int, float, float]]:
    """Return count, mean and deviation (of all tracks, not of a sample) of each number, in the unit of the tables."""
    size = len(NUMBERS)
    n, first, square, _ = sums[PAIRS, 0].reshape(4, size, size)
    found = {}
    for place, name in enumerate(NUMBERS):
        count = n[place, place]
        if not count:
            continue
        mean = first[place, place] / count
        spread = max(square[place, place] / count - mean**2, 0.0) ** 0.5
        found[name] = (int(count), mean * _WIDTHS[place] + _MIDDLES[place], spread * _WIDTHS[place])
    return found


def quantiles(sums: Sums, name: str, shares: Sequence[float]) -> list[float]:
    """Return quantiles, as exact as the fine bins are narrow: a tenth of a unit."""
    return cluster_stats.histogram_quantiles(sums[BINS, NUMBERS.index(name)], *_RANGES[name], shares)


def principal_axes(sums: Sums, n_features: int) -> tuple[Floats, Floats, Floats]:
    """Return mean, the two principal components as rows, and their shares of the variance, of the scaled points.

    A component's largest weight is positive, so that a map is not turned over by chance.
    """
    values = sums[SPACE, 0]
    n, first = values[0], values[1 : 1 + n_features]
    product = values[1 + n_features :].reshape(n_features, n_features)
    mean = first / n
    spread, vectors = np.linalg.eigh(product / n - np.outer(mean, mean))
    order = np.argsort(spread)[::-1][:2]
    components = vectors[:, order].T
    if len(components) < 2:
        components = np.vstack([components, np.zeros_like(components[0])])
    largest = np.abs(components).argmax(axis=1)
    components = components * np.where(components[[0, 1], largest] < 0, -1.0, 1.0)[:, None]
    total = np.maximum(spread, 0.0).sum()
    shares = np.maximum(spread[order], 0.0) / total if total > 0 else np.zeros(len(order))
    return mean, components, np.append(shares, 0.0)[:2]


def _column(batch: pa.RecordBatch, name: str) -> Floats:
    column = batch.column(batch.schema.get_field_index(name)).cast(pa.float64())
    return column.to_numpy(zero_copy_only=False)


def _bin(name: str, values: Floats, n_bins: int) -> NDArray[np.int64]:
    low, high = _RANGES[name]
    # 0.57 is a hair below 57 hundredths
    place = np.floor((values - low) / (high - low) * n_bins + 1e-6)
    return np.clip(place, 0, n_bins - 1).astype(np.int64)
