"""The space in which tracks are compared: a number per feature becomes a coordinate; no Spark here."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.functions import arrow_udf

from segue.errors import InputError
from segue.similarity import arrays
from segue.similarity.reasons import as_ranks
from segue.similarity.recordings import artist_keys, title_keys
from segue.similarity.rules import Rules

Matrix = NDArray[np.float64]
MINMAX, STANDARD, QUANTILE = "minmax", "standard", "quantile"
KNOTS = 1001
"""Points at which the distribution of a feature is kept: a rank is good to a thousandth."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """What was learned of all tracks, a value per feature each.

    A missing value becomes that of ``fill``. Then ``minmax`` makes x (x - lowest) / (highest - lowest), ``standard``
    (x - mean) / deviation, 0 where all tracks are alike, and ``quantile`` the share of tracks below x, half of those
    that are equal to x included (read off ``KNOTS`` quantiles, straight lines between them).
    """

    features: tuple[str, ...]
    kind: str
    fill: Matrix
    """Shape (n_features,), in the features' units."""
    centre: Matrix
    width: Matrix
    knots: Matrix
    """The quantiles of every feature, rising, shape (n_features, KNOTS)."""

    def filled(self, values: Matrix) -> Matrix:
        """Return the values, shape (n_tracks, n_features), with NaN replaced."""
        return np.where(np.isnan(values), self.fill, values)

    def points(self, values: Matrix) -> Matrix:
        """Return the coordinates of tracks that lack nothing, shape (n_tracks, n_features)."""
        if self.kind == QUANTILE:
            return self.ranks(values)
        found: Matrix = np.where(
            self.width > 0, (values - self.centre) / np.where(self.width > 0, self.width, 1.0), 0.0
        )
        return found

    def ranks(self, values: Matrix) -> Matrix:
        """Return the share of tracks below each value, half of those equal to it included, 0 to 1."""
        columns = [quantile_rank(values[:, index], knots) for index, knots in enumerate(self.knots)]
        return np.stack(columns, axis=1)


def quantile_rank(values: Matrix, knots: Matrix) -> Matrix:
    """Return where values stand among ``knots``, rising quantiles at equal steps, 0 to 1.

    >>> rank(np.array([1.0, 2.0, 9.0]), np.array([1.0, 2.0, 2.0, 2.0, 5.0]))
    array([0. , 0.5, 1. ])
    """
    steps = np.linspace(0.0, 1.0, len(knots))
    # numpy takes the last of equal knots; read from behind, the first
    above = np.interp(values, knots, steps)
    below = -np.interp(-values, -knots[::-1], -steps[::-1])
    return (above + below) / 2


def column_quantiles(sample: Matrix, fill: Sequence[float]) -> Matrix:
    """Return the quantiles of every column of a sample, NaN left out, shape (n_features, KNOTS)."""
    steps = np.linspace(0.0, 1.0, KNOTS)
    found = []
    for column, value in zip(sample.T, fill, strict=True):
        known = column[~np.isnan(column)]
        found.append(np.quantile(known, steps) if len(known) else np.full(KNOTS, value))
    return np.stack(found)


log = logging.getLogger(__name__)
SAMPLE = 100_000
"""Quantiles are those of about so many tracks: of all where there are no more, and else of those that a hash picks."""
_KEYS = "artist string, recording string"


@dataclass(frozen=True, slots=True)
class SimilarityOptions:
    """What makes two tracks comparable, and which may be recommended."""

    features: tuple[str, ...]
    scaling: str = STANDARD
    method: str = "auto"
    rules: Rules = field(default_factory=Rules)
    other_releases: bool = False
    """Whether another release of the same recording may be recommended."""
    same_genre: bool = False
    least_popularity: float | None = None
    """Less popular tracks, and those whose popularity is not known, are not recommended."""
    outliers: bool = True
    """Whether tracks that no cluster fits may be recommended."""


def fit_scaling(tracks: DataFrame, options: SimilarityOptions, imputed: Mapping[str, float] | None = None) -> Scaling:
    """Learn of all tracks what the coordinates need. A feature that no track has is left out, with a warning.

    Parameters
    ----------
    tracks : with the features
    options : which features, and what kind of scaling
    imputed : what a model fills in for features that a track lacks; for others it is the median

    Raises
    ------
    InputError
        If there is no track, or no feature left.
    """
    names = options.features
    measures = {"known": F.count, "low": F.min, "high": F.max}
    row = tracks.agg(
        F.count("*").alias("rows"),
        *(measure(name).alias(f"{what}_{name}") for what, measure in measures.items() for name in names),
    ).collect()[0]
    features = tuple(name for name in names if row[f"known_{name}"])
    if not features:
        raise InputError(f"no track has {', '.join(names)}; name other features with --set recommend.features=…")
    if len(features) < len(names):
        log.warning("no track has %s: neighbours are found without", ", ".join(sorted(set(names) - set(features))))
    lacking = [name for name in features if row[f"known_{name}"] < row.rows]
    fill = {name: value for name, value in (imputed or {}).items() if name in lacking}
    medians = [F.median(name).alias(name) for name in lacking if name not in fill]
    if medians:
        fill |= tracks.agg(*medians).collect()[0].asDict()
    filler = [float(fill.get(name, row[f"low_{name}"])) for name in features]
    low = np.minimum([row[f"low_{name}"] for name in features], filler)
    high = np.maximum([row[f"high_{name}"] for name in features], filler)
    centre, width = low, high - low
    if options.scaling == STANDARD:
        filled = [F.coalesce(name, F.lit(value)).alias(name) for name, value in zip(features, filler, strict=True)]
        centre, width = _moments(tracks.select(*filled), features, low, high)
    elif options.scaling != MINMAX:
        centre, width = np.zeros(len(features)), np.ones(len(features))
    sample = hash_sample(tracks, row.rows, SAMPLE).select(*features).toArrow()
    knots = column_quantiles(arrays.column_matrix(sample.columns), filler)
    return Scaling(features, options.scaling, np.array(filler), centre, width, knots)


def hash_sample(tracks: DataFrame, n_tracks: int, n_wanted: int) -> DataFrame:
    """Return all tracks, or about as many as are wanted, whichever a hash of the id picks."""
    share = -(-n_tracks // n_wanted)
    return tracks if share <= 1 else tracks.where(F.pmod(F.xxhash64("track_id"), F.lit(share)) == 0)


def _moments(
    values: DataFrame, features: tuple[str, ...], low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation, the same bits in whichever order the rows are added up: in decimal numbers."""

    def share(name: str, start: float, width: float) -> Column:
        return (F.col(name) - F.lit(float(start))) / F.lit(float(width) or 1.0)

    sums = []
    for name, start, end in zip(features, low, high, strict=True):
        part = share(name, start, end - start)
        sums += [F.avg(power.cast("decimal(18,16)")).cast("double") for power in (part, part * part)]
    row = np.array(values.agg(*sums).collect()[0], dtype=float)
    mean, square = row[0::2], row[1::2]
    return low + mean * (high - low), np.sqrt(np.maximum(square - mean**2, 0.0)) * (high - low)


def prepare_tracks(tracks: DataFrame, scaling: Scaling, options: SimilarityOptions) -> DataFrame:
    """Return what the search needs of every track, so that ``with_points`` has the rest.

    Columns: track_id, block (string: neighbours share it, null has none), artist and recording (codes, bigint), year
    (double), cluster, candidate (boolean), and the features' values, null where a track lacks one, as ``x0``, ``x1``, …
    """

    @arrow_udf(returnType=_KEYS)  # type: ignore[call-overload]
    def keys(titles: pa.Array, artists: pa.Array) -> pa.Array:
        whos = artist_keys([artist or "" for artist in artists.to_pylist()])
        whats = title_keys([title or "" for title in titles.to_pylist()])
        recordings = [f"{who}\n{what}" for who, what in zip(whos, whats, strict=True)]
        columns = [pa.array(whos, pa.string()), pa.array(recordings, pa.string())]
        return pa.StructArray.from_arrays(columns, names=["artist", "recording"])

    has_rules = bool(options.rules.per_artist) or not options.other_releases
    # tracks by nobody known have no artist in common, and need not be one recording
    # guard: unknown-artist-unlimited -> is_alone = F.lit(False)
    is_alone = F.col("keys.artist") == ""
    artist = F.when(is_alone, F.col("track_id")).otherwise(F.col("keys.artist"))
    recording = F.when(F.lit(options.other_releases) | is_alone, F.col("track_id")).otherwise(F.col("keys.recording"))
    return tracks.select(
        "track_id",
        (F.col("genre") if options.same_genre else F.lit("")).alias("block"),
        # titles take their time to be read, and nobody may want to know
        (keys("title", "artist") if has_rules else F.lit(None).cast("struct<artist: string, recording: string>")).alias(
            "keys"
        ),
        F.col("year").cast("double"),
        "cluster",
        _is_candidate(options).alias("candidate"),
        *(F.col(name).cast("double").alias(x) for name, x in zip(scaling.features, _values(scaling), strict=True)),
    ).select(
        "track_id",
        "block",
        _code(artist).alias("artist"),
        _code(recording).alias("recording"),
        "year",
        "cluster",
        "candidate",
        *_values(scaling),
    )


def with_points(rows: pa.Table | pa.RecordBatch, scaling: Scaling) -> pa.Table:
    """Return rows of ``prepare_tracks`` with point and ranks, float64 and uint16 per feature in binary, for the values.

    It takes less than carrying rows to a worker and back, so it is done where they are, in the driver too.
    """
    values = _values(scaling)
    filled = scaling.filled(arrays.column_matrix([rows.column(name) for name in values]))
    others = {name: rows.column(name) for name in rows.schema.names if name not in values}
    places = {
        "point": arrays.to_binary(scaling.points(filled)),
        "ranks": arrays.to_binary(as_ranks(scaling.ranks(filled))),
    }
    return pa.table(others | places)


def _values(scaling: Scaling) -> list[str]:
    return [f"x{index}" for index in range(len(scaling.features))]


def _is_candidate(options: SimilarityOptions) -> Column:
    wanted = F.lit(True)
    if options.same_genre:
        wanted &= F.col("genre").isNotNull()
    if options.least_popularity is not None:
        wanted &= F.coalesce(F.col("popularity") >= options.least_popularity, F.lit(False))
    if not options.outliers:
        wanted &= ~F.col("is_outlier")
    return wanted


def _code(key: Column) -> Column:
    # 63 bits: at a hundred million keys one in a thousand catalogues has two keys of one code
    return F.xxhash64(key).bitwiseAND(F.lit(0x7FFFFFFFFFFFFFFF))
