"""Turn feature values into coordinates, and labeled tracks into the rows that the search for neighbours reads."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from segue.errors import InputError
from segue.similarity import arrays
from segue.similarity.reasons import as_ranks
from segue.similarity.recordings import artist_keys, title_keys
from segue.similarity.releases import UNITS
from segue.similarity.rules import Floats, Rules

log = logging.getLogger(__name__)
MINMAX, STANDARD, QUANTILE = "minmax", "standard", "quantile"
N_QUANTILES = 1001
"""Number of quantiles per feature: at 0, 0.001, ..., 1. Ranks are interpolated between them."""
QUANTILE_SAMPLE_SIZE = 100_000
"""Approximate maximum number of tracks from which quantiles are computed."""
_KEY_FIELDS = "artist string, title string"
_ISRC = "^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$"


@dataclass(frozen=True, slots=True)
class Scaling:
    """A scaling of feature values to coordinates, with its parameters fitted to all tracks.

    ``minmax`` maps x to (x - minimum) / (maximum - minimum), ``standard`` to (x - mean) / standard deviation; both map
    a feature that has the same value in all tracks to 0. ``quantile`` maps x to the share of tracks with a value below
    x, plus half the share of tracks with the value x.
    """

    features: tuple[str, ...]
    kind: str
    """``minmax``, ``standard`` or ``quantile``."""
    fill: Floats
    """Replacement of missing values of each feature, shape (n_features,), in the features' units."""
    centre: Floats
    """Minimum (``minmax``) or mean (``standard``) of each feature, shape (n_features,); ``quantile`` ignores it."""
    width: Floats
    """Range (``minmax``) or standard deviation (``standard``), shape (n_features,); ``quantile`` ignores it."""
    quantiles: Floats
    """Quantiles of each feature at equal steps, ascending, shape (n_features, N_QUANTILES)."""

    def fill_missing(self, values: Floats) -> Floats:
        """Return ``values``, shape (n_tracks, n_features), with each NaN replaced by its feature's ``fill``."""
        return np.where(np.isnan(values), self.fill, values)

    def points(self, values: Floats) -> Floats:
        """Scale feature values without NaN to coordinates. Input and result have the shape (n_tracks, n_features)."""
        if self.kind == QUANTILE:
            return self.ranks(values)
        width = np.where(self.width > 0, self.width, 1.0)
        result: Floats = np.where(self.width > 0, (values - self.centre) / width, 0.0)
        return result

    def ranks(self, values: Floats) -> Floats:
        """Return each feature value's quantile rank among all tracks, 0 to 1.

        ``values`` has no NaN; it and the result have the shape (n_tracks, n_features).
        """
        columns = [quantile_rank(values[:, index], quantiles) for index, quantiles in enumerate(self.quantiles)]
        return np.stack(columns, axis=1)


def quantile_rank(values: Floats, quantiles: Floats) -> Floats:
    """Return the rank of each value in a distribution: the share below the value plus half of the share equal to it.

    Parameters
    ----------
    values : array of shape (n_values,)
    quantiles : array of shape (n_quantiles,)
        The distribution, as its quantiles at equal steps from 0 to 1, ascending. Between them the share is interpolated
        linearly.

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
        NaN is left out.
    fill : sequence of float
        One number per column, which is used for all of its quantiles if the column has only NaN.
    """
    steps = np.linspace(0.0, 1.0, N_QUANTILES)
    quantiles = []
    for column, value in zip(sample.T, fill, strict=True):
        present = column[~np.isnan(column)]
        quantiles.append(np.quantile(present, steps) if len(present) else np.full(N_QUANTILES, value))
    return np.stack(quantiles)


@dataclass(frozen=True, slots=True)
class SimilarityOptions:
    """Options of the search for similar tracks: features, scaling, search method, limits on the lists, and candidates.

    Candidates are the tracks that can be recommended.
    """

    features: tuple[str, ...]
    scaling: str = STANDARD
    method: str = "auto"
    """``tree``, ``cells`` or ``auto``, see ``segue.similarity.neighbours``."""
    rules: Rules = field(default_factory=Rules)
    other_releases: bool = False
    """Whether lists can hold several releases of one recording, and other releases of the track itself."""
    same_genre: bool = False
    """Whether neighbours must have the track's genre; tracks without a genre then have no neighbours."""
    min_popularity: float | None = None
    """Minimum popularity of candidates, which excludes those of unknown popularity; None: no minimum."""
    outliers: bool = True
    """Whether outliers of the clustering are candidates."""


def fit_scaling(tracks: DataFrame, options: SimilarityOptions, imputed: Mapping[str, float] | None = None) -> Scaling:
    """Fit the scaling of the features to all tracks, and return it as a Scaling. Runs two to four Spark jobs.

    Features without any value are logged, and left out of the scaling.

    Parameters
    ----------
    tracks : DataFrame with the features and ``track_id``
    options : SimilarityOptions
        ``features`` and ``scaling`` are used.
    imputed : mapping of str to float, optional
        Replacement of a missing value by feature, in the feature's unit: the value that the clustering model uses. For
        features that are not in the mapping, the replacement is their median.

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
    if len(features) < len(names):
        omitted = ", ".join(sorted(set(names) - set(features)))
        log.warning("no track has a value for %s: similarity is computed from the other features", omitted)
    incomplete = [name for name in features if row[f"count_{name}"] < row.rows]
    replacements = {name: value for name, value in (imputed or {}).items() if name in incomplete}
    medians = [F.median(name).alias(name) for name in incomplete if name not in replacements]
    if medians:
        replacements |= tracks.agg(*medians).collect()[0].asDict()
    fill = [float(replacements.get(name, row[f"low_{name}"])) for name in features]
    low = np.minimum([row[f"low_{name}"] for name in features], fill)
    high = np.maximum([row[f"high_{name}"] for name in features], fill)
    centre, width = low, high - low
    if options.scaling == STANDARD:
        filled = [F.coalesce(name, F.lit(value)).alias(name) for name, value in zip(features, fill, strict=True)]
        centre, width = _mean_and_deviation(tracks.select(*filled), features, low, high)
    elif options.scaling != MINMAX:
        centre, width = np.zeros(len(features)), np.ones(len(features))
    sample = hash_sample(tracks, row.rows, QUANTILE_SAMPLE_SIZE).select(*features).toArrow()
    quantiles = column_quantiles(arrays.column_matrix(sample.columns), fill)
    return Scaling(features, options.scaling, np.array(fill), centre, width, quantiles)


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

    ``low`` and ``high`` are the minimum and maximum of each feature. Values are averaged as decimals: a sum of doubles
    would depend on the order in which Spark adds partitions.
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


def prepare_tracks(tracks: DataFrame, scaling: Scaling, options: SimilarityOptions) -> DataFrame:
    """Return a DataFrame of the tracks with the columns that a search for neighbours reads. Runs no Spark job.

    Parameters
    ----------
    tracks : DataFrame with the columns of ``labeled_tracks``; isrc may be missing
    scaling : Scaling
        ``features`` is used.
    options : SimilarityOptions
        Determines the columns block, title, isrc and candidate.

    Returns
    -------
    DataFrame with columns
        * ``track_id``, ``cluster``, ``year`` (double).
        * ``block`` (string): the genre with ``same_genre``, else "". Only tracks of the same block can be neighbours; a
          track whose block is null has none.
        * ``artist``, ``title``, ``id``, ``isrc`` (bigint): hash codes, from which ``releases`` computes the codes of
          artist and recording. ``artist`` is null where unknown, ``isrc`` where missing or invalid. ``title`` is equal
          for titles of one artist that differ only in notes such as "Remastered".
        * ``candidate`` (boolean): whether the track can be recommended.
        * ``x0``, ``x1``, ... (double): values of ``scaling.features``, null where missing.
        * The features of ``releases.UNITS`` that are not in ``scaling.features``, by their names.
    """

    @arrow_udf(returnType=_KEY_FIELDS)  # type: ignore[call-overload, untyped-decorator]
    def parse_keys(titles: pa.Array, artists: pa.Array) -> pa.Array:
        names = artist_keys([artist or "" for artist in artists.to_pylist()])
        columns = [names, title_keys([title or "" for title in titles.to_pylist()])]
        return pa.StructArray.from_arrays([pa.array(column, pa.string()) for column in columns], ["artist", "title"])

    # parsing titles is slow: skipped where no rule uses the keys
    has_limits = bool(options.rules.per_artist) or not options.other_releases
    keys = parse_keys("title", "artist") if has_limits else F.lit(None).cast(f"struct<{_KEY_FIELDS}>")
    # each recording of an unknown artist gets an artist of its own, so that the limit per artist never excludes it
    # guard: unknown-artist-unlimited -> is_unknown = F.lit(False)
    is_unknown = F.col("keys.artist") == ""
    is_apart = F.lit(options.other_releases) | (F.col("keys.title") == "")
    title = F.when(is_apart, F.col("track_id")).otherwise(F.concat_ws("\n", "keys.artist", "keys.title"))
    isrc = F.regexp_replace(F.upper("isrc"), "[^A-Z0-9]", "") if "isrc" in tracks.columns else F.lit(None)
    values = _value_names(scaling)
    compared = [name for name in release_columns(tracks, scaling) if name in UNITS]
    return tracks.select(
        "track_id",
        (F.col("genre") if options.same_genre else F.lit("")).alias("block"),
        keys.alias("keys"),
        (F.lit(None) if options.other_releases else isrc).cast("string").alias("isrc"),
        F.col("year").cast("double"),
        "cluster",
        _is_candidate(options).alias("candidate"),
        *(F.col(feature).cast("double").alias(name) for feature, name in zip(scaling.features, values, strict=True)),
        *(F.col(name).cast("double") for name in compared),
    ).select(
        "track_id",
        "block",
        F.when(~is_unknown, _hash_code(F.col("keys.artist"))).alias("artist"),
        _hash_code(title).alias("title"),
        _hash_code(F.col("track_id")).alias("id"),
        F.when(F.col("isrc").rlike(_ISRC), _hash_code(F.col("isrc"))).alias("isrc"),
        "year",
        "cluster",
        "candidate",
        *values,
        *compared,
    )


def release_columns(tracks: DataFrame, scaling: Scaling) -> tuple[str, ...]:
    """Return the names of the columns of ``prepare_tracks`` that hold the features of ``releases.UNITS``.

    They are in the order of ``UNITS``. The name is "" for a feature that is not a column of ``tracks``.
    """
    names = dict(zip(scaling.features, _value_names(scaling), strict=True))
    return tuple(names.get(name, name if name in tracks.columns else "") for name in UNITS)


def with_points(rows: pa.Table | pa.RecordBatch, scaling: Scaling) -> pa.Table:
    """Replace the feature values of tracks by their coordinates and quantile ranks.

    Parameters
    ----------
    rows : pa.Table or pa.RecordBatch
        Rows of the DataFrame that ``prepare_tracks`` returns, or ``releases`` after it.
    scaling : Scaling

    Returns
    -------
    pa.Table
        Instead of x0, x1, ...: ``point`` (binary: n_features coordinates as float64) and ``ranks`` (binary: n_features
        ranks as uint16). The other columns are unchanged.
    """
    value_names = _value_names(scaling)
    values = scaling.fill_missing(arrays.column_matrix([rows.column(name) for name in value_names]))
    others = {name: rows.column(name) for name in rows.schema.names if name not in value_names}
    points = {
        "point": arrays.to_binary(scaling.points(values)),
        "ranks": arrays.to_binary(as_ranks(scaling.ranks(values))),
    }
    return pa.table(others | points)


def _value_names(scaling: Scaling) -> list[str]:
    return [f"x{index}" for index in range(len(scaling.features))]


def _is_candidate(options: SimilarityOptions) -> Column:
    condition = F.lit(True)
    if options.same_genre:
        condition &= F.col("genre").isNotNull()
    if options.min_popularity is not None:
        condition &= F.coalesce(F.col("popularity") >= options.min_popularity, F.lit(False))
    if not options.outliers:
        condition &= ~F.col("is_outlier")
    return condition


def _hash_code(key: Column) -> Column:
    # 63 bits: with 10^8 keys the probability of any collision is about 1 in 2000
    return F.xxhash64(key).bitwiseAND(F.lit(0x7FFFFFFFFFFFFFFF))
