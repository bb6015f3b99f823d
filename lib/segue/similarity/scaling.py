"""Scale feature values to coordinates and quantile ranks; fit the parameters of the scaling to a catalogue."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue.errors import InputError
from segue.similarity import arrays
from segue.similarity.rules import Floats, Rules

log = logging.getLogger(__name__)
MINMAX, STANDARD, QUANTILE = "minmax", "standard", "quantile"
LOG, AGE = "log", "age"
N_QUANTILES = 1001
"""Number of quantiles per feature: at 0, 0.001, ..., 1. Ranks are interpolated between quantiles."""
QUANTILE_SAMPLE_SIZE = 100_000
"""Approximate maximum number of tracks in the sample for quantiles."""


@dataclass(frozen=True, slots=True)
class Transform:
    """A function applied to the values x of a feature before scaling: identity (""), ``log`` or ``age``.

    ``log`` is ln(x + parameter). ``age``, for years, is -sqrt(parameter - x), where the parameter is the latest year:
    the longer ago two years are, the less their difference counts.
    """

    kind: str = ""
    parameter: float = 0.0

    def apply(self, values: Floats) -> Floats:
        """Return the transformed values, an array of the same shape."""
        if self.kind == LOG:
            return np.log(values + self.parameter)
        return -np.sqrt(np.maximum(self.parameter - values, 0.0)) if self.kind == AGE else values

    def column(self, values: Column) -> Column:
        """Apply this Transform to a Spark column without nulls, as ``apply`` does to an array."""
        if self.kind == LOG:
            return F.log(values + F.lit(self.parameter))
        return -F.sqrt(F.greatest(F.lit(self.parameter) - values, F.lit(0.0))) if self.kind == AGE else values


@dataclass(frozen=True, slots=True)
class Scaling:
    """A scaling of feature values to coordinates, with its parameters fitted to a catalogue.

    Values are transformed, scaled, and multiplied by the weights of the features.

    ``minmax`` maps x to (x - minimum) / (maximum - minimum), ``standard`` to (x - mean) / standard deviation; both map
    a constant feature to 0. ``quantile`` maps x to the share of tracks with a value below x, plus half the share with
    the value x.
    """

    features: tuple[str, ...]
    kind: str
    """``minmax``, ``standard`` or ``quantile``."""
    fill: Floats
    """Value that replaces missing values of each feature, shape (n_features,), in the features' units."""
    centre: Floats
    """Minimum (``minmax``) or mean (``standard``) of each feature after its Transform, shape (n_features,).

    ``quantile`` ignores it.
    """
    width: Floats
    """Range (``minmax``) or standard deviation (``standard``) of each feature after its Transform, shape (n_features,).

    ``quantile`` ignores it.
    """
    quantiles: Floats
    """Quantiles 0, 0.001, ..., 1 of each feature before its Transform, shape (n_features, N_QUANTILES)."""
    transforms: tuple[Transform, ...]
    """One Transform per feature, applied before scaling; ``quantile`` ignores it."""
    weights: Floats
    """Factor of each coordinate, shape (n_features,)."""

    def fill_missing(self, values: Floats) -> Floats:
        """Return ``values``, shape (n_tracks, n_features), with each NaN replaced by its feature's ``fill``."""
        return np.where(np.isnan(values), self.fill, values)

    def points(self, values: Floats) -> Floats:
        """Scale feature values without NaN to coordinates. Input and result have the shape (n_tracks, n_features)."""
        if self.kind == QUANTILE:
            return self.ranks(values) * self.weights
        columns = [transform.apply(values[:, index]) for index, transform in enumerate(self.transforms)]
        width = np.where(self.width > 0, self.width, 1.0)
        result: Floats = np.where(self.width > 0, (np.stack(columns, axis=1) - self.centre) / width, 0.0)
        return result * self.weights

    def ranks(self, values: Floats) -> Floats:
        """Return each feature value's quantile rank among all tracks, 0 to 1.

        ``values`` contains no NaN. Input and result have the shape (n_tracks, n_features).
        """
        columns = [quantile_rank(values[:, index], quantiles) for index, quantiles in enumerate(self.quantiles)]
        return np.stack(columns, axis=1)


def quantile_rank(values: Floats, quantiles: Floats) -> Floats:
    """Return the rank of each value in a distribution: the share below the value plus half of the share equal to it.

    Parameters
    ----------
    values : array of shape (n_values,)
    quantiles : array of shape (n_quantiles,)
        Quantiles of the distribution at equal steps from 0 to 1, ascending. Between two quantiles, the rank is
        interpolated linearly.

    Returns
    -------
    array of shape (n_values,), each value in [0, 1]

    >>> quantile_rank(np.array([1.0, 2.0, 9.0]), np.array([1.0, 2.0, 2.0, 2.0, 5.0]))
    array([0. , 0.5, 1. ])
    """
    steps = np.linspace(0.0, 1.0, len(quantiles))
    # where quantiles are equal, np.interp returns their last step; on negated, reversed quantiles their first
    last = np.interp(values, quantiles, steps)
    first = -np.interp(-values, -quantiles[::-1], -steps[::-1])
    ranks: Floats = (last + first) / 2
    return ranks


def column_quantiles(sample: Floats, fill: Sequence[float]) -> Floats:
    """Return the quantiles of every column at ``N_QUANTILES`` equal steps from 0 to 1, shape (n_columns, N_QUANTILES).

    Parameters
    ----------
    sample : array of shape (n_rows, n_columns)
        Values of one feature per column; NaN is ignored.
    fill : sequence of float
        One number per column. If a column has only NaN, all its quantiles are this number.
    """
    steps = np.linspace(0.0, 1.0, N_QUANTILES)
    quantiles = []
    for column, value in zip(sample.T, fill, strict=True):
        present = column[~np.isnan(column)]
        quantiles.append(np.quantile(present, steps) if len(present) else np.full(N_QUANTILES, value))
    return np.stack(quantiles)


@dataclass(frozen=True, slots=True)
class SimilarityOptions:
    """Options of the search for similar tracks: features, scaling, method, limits, and tracks to be recommended."""

    features: tuple[str, ...]
    """Names of the columns to compare tracks by: audio features, ``year`` and ``popularity``."""
    scaling: str = STANDARD
    """``minmax``, ``standard`` or ``quantile``, see ``Scaling``."""
    method: str = "auto"
    """``tree``, ``cells`` or ``auto``, see ``segue.similarity.neighbours``."""
    rules: Rules = field(default_factory=Rules)
    """Limits on each list."""
    other_releases: bool = False
    """Whether lists can hold several releases of one recording, and other releases of the track itself."""
    same_genre: bool = False
    """Whether neighbours must have the track's genre; tracks without a genre then have no neighbours."""
    min_popularity: float | None = None
    """Minimum popularity of recommended tracks, 0 to 100; excludes tracks of unknown popularity. None: no minimum."""
    outliers: bool = True
    """Whether outliers of the clustering can be recommended."""
    log: Mapping[str, float] = field(default_factory=dict)
    """Features to scale by logarithm, with the number added first: {"duration_s": 1.0} means ln(duration_s + 1)."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Factors of the scaled features; 1 for features not listed."""


def fit_scaling(tracks: DataFrame, options: SimilarityOptions, imputed: Mapping[str, float] | None = None) -> Scaling:
    """Fit a Scaling of the features. Runs two to four Spark jobs.

    Quantiles are fitted to a sample of at most about 100,000 tracks, everything else to all tracks.

    Features without any value are left out of the Scaling, with a warning in the log.

    Parameters
    ----------
    tracks : DataFrame with the features and ``track_id``
    options : SimilarityOptions
        ``features``, ``scaling``, ``log`` and ``weights`` are used.
    imputed : mapping of str to float, optional
        Replacements of missing values, by feature and in its unit, such as those of the clustering model. Missing
        values of other features are replaced by the median.

    Raises
    ------
    InputError
        If there are no tracks, or none of the features has a value.
    """
    names = options.features
    measures = {"count": F.count, "low": F.min, "high": F.max}
    row = tracks.agg(
        F.count("*").alias("rows"),
        *(measure(name).alias(f"{what}_{name}") for what, measure in measures.items() for name in names),
    ).collect()[0]
    features = tuple(name for name in names if row[f"count_{name}"])
    if not features:
        raise InputError(
            f"no track has a value for {', '.join(names)}; "
            "expected at least one such feature: select others with --set recommend.features=…"
        )
    if omitted := sorted(set(names) - set(features)):
        log.warning("no track has a value for %s: similarity is computed from the other features", ", ".join(omitted))
    incomplete = [name for name in features if row[f"count_{name}"] < row.rows]
    replacements = {name: value for name, value in (imputed or {}).items() if name in incomplete}
    medians = [F.median(name).alias(name) for name in incomplete if name not in replacements]
    if medians:
        replacements |= tracks.agg(*medians).collect()[0].asDict()
    fill = [float(replacements.get(name, row[f"low_{name}"])) for name in features]
    if incomplete:
        absent = [
            f"{row.rows - row[f'count_{n}']} tracks have no {n}, which counts as {replacements[n]:g}"
            for n in incomplete
        ]
        log.info("similarity: %s", "; ".join(absent))
    low = np.minimum([row[f"low_{name}"] for name in features], fill)
    high = np.maximum([row[f"high_{name}"] for name in features], fill)
    transforms = tuple(_transform(name, options, end) for name, end in zip(features, high, strict=True))
    low, high = (np.array([t.apply(x) for t, x in zip(transforms, ends, strict=True)]) for ends in (low, high))
    centre, width = low, high - low
    if options.scaling == STANDARD:
        filled = [
            transform.column(F.coalesce(F.col(name).cast("double"), F.lit(value))).alias(name)
            for name, value, transform in zip(features, fill, transforms, strict=True)
        ]
        centre, width = _mean_and_deviation(tracks.select(*filled), features, low, high)
    elif options.scaling != MINMAX:
        centre, width = np.zeros(len(features)), np.ones(len(features))
    sample = hash_sample(tracks, row.rows, QUANTILE_SAMPLE_SIZE).select(*features).toArrow()
    quantiles = column_quantiles(arrays.column_matrix(sample.columns), fill)
    weights = np.array([options.weights.get(name, 1.0) for name in features])
    return Scaling(features, options.scaling, np.array(fill), centre, width, quantiles, transforms, weights)


def _transform(name: str, options: SimilarityOptions, latest: float) -> Transform:
    """Return the Transform of a feature: ``log`` if it is in ``options.log``, ``age`` for the year, else identity.

    ``latest`` is the maximum of the feature; for the year, this is the latest year.
    """
    if name in options.log:
        return Transform(LOG, float(options.log[name]))
    return Transform(AGE, float(latest)) if name == "year" else Transform()


def hash_sample(tracks: DataFrame, n_tracks: int, max_size: int) -> DataFrame:
    """Return a DataFrame with at most about ``max_size`` of the ``n_tracks`` tracks.

    A hash of ``track_id`` selects the tracks, so the sample is the same for any partitioning.
    """
    divisor = -(-n_tracks // max_size)
    return tracks if divisor <= 1 else tracks.where(F.pmod(F.xxhash64("track_id"), F.lit(divisor)) == 0)


def _mean_and_deviation(
    values: DataFrame, features: tuple[str, ...], low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each feature, two arrays of shape (n_features,). Runs one Spark job.

    Averages (x - ``low``) / (``high`` - ``low``) as decimals, where ``low`` and ``high`` are each feature's minimum and
    maximum: a sum of doubles would depend on the order in which Spark adds partitions.
    """

    def share_of_range(name: str, start: float, width: float) -> Column:
        return (F.col(name) - F.lit(float(start))) / F.lit(float(width) or 1.0)

    averages = []
    for name, start, end in zip(features, low, high, strict=True):
        share = share_of_range(name, start, end - start)
        averages += [F.avg(power.cast("decimal(18,16)")).cast("double") for power in (share, share * share)]
    row = np.array(values.agg(*averages).collect()[0], dtype=float)
    mean, mean_square = row[0::2], row[1::2]
    return low + mean * (high - low), np.sqrt(np.maximum(mean_square - mean**2, 0.0)) * (high - low)
