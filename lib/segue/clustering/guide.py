"""Learn Fisher's discriminants of the genres from sums computed by Spark, for the setting ``features.guide``.

Discriminants are learned three times: from all tracks, and from each of two halves of the tracks. Tracks with the same
first artist are in the same half. The discriminants learned from one half are used to measure the agreement of clusters
with genres on the other half.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.ml import Pipeline
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue.clustering.cluster_stats import collect_per_partition, list_matrix
from segue.clustering.discriminants import ClassSums, Discriminants, learn
from segue.clustering.feature_space import FeatureSpace, preparation_stages, scaler_parameters
from segue.errors import ClusteringError

log = logging.getLogger(__name__)

MIN_CLASS_TRACKS, MAX_CLASSES = 20, 200
"""Limits for the genres to separate: minimum number of tracks of each genre, and maximum number of genres.

If there are more genres, the most frequent are used.
"""
_QUARTERS = 4


@dataclass(frozen=True, slots=True)
class GuidedSpaces:
    """A guided feature space, with discriminants learned from all tracks and from each half of the tracks.

    Attributes
    ----------
    space : the space with discriminants learned from all tracks
    by_half : two spaces, with discriminants learned from half 0 and from half 1 of ``artist_half``
        Empty if the genres of a half cannot be separated, for example because there are too few.
    """

    space: FeatureSpace
    by_half: tuple[FeatureSpace, ...]


def artist_half() -> Column:
    """Return an int Column with the track's half, 0 or 1, for two-fold cross-validation.

    The half depends on a hash of the first artist. So tracks with the same first artist are in the same half.
    """
    return F.floor(_artist_quarter() / 2).cast("int")


def _artist_quarter() -> Column:
    """Return an int Column, 0 to 3, from a hash of the first artist, or of ``track_id`` if there is none.

    The first artist of "Queen;David Bowie" is "queen".
    """
    artist = F.lower(F.trim(F.split_part(F.col("artist"), F.lit(";"), F.lit(1))))
    return F.pmod(F.xxhash64(F.coalesce(F.nullif(artist, F.lit("")), F.col("track_id"))), F.lit(_QUARTERS)).cast("int")


def fit_guide(tracks: DataFrame, space: FeatureSpace) -> GuidedSpaces:
    """Learn the discriminants of a guided space from all tracks and from each half. Runs about four Spark jobs.

    The number of discriminants and the shrinkage are chosen by two-fold cross-validation. The folds are the two halves
    of the tracks, or the two quarters of a half. No two quarters share a first artist.

    Parameters
    ----------
    tracks : DataFrame with ``track_id``, ``artist``, ``genre`` and the features, partitioned deterministically
    space : features and transformations, with ``guide`` set

    Raises
    ------
    ClusteringError
        If fewer than two genres have ``MIN_CLASS_TRACKS`` tracks, or if the features do not separate the genres.
    """
    classes = _fit_classes(tracks)
    plain = replace(space, guide=None, scaler="standard")
    preparation = Pipeline(stages=preparation_stages(plain)).fit(tracks)
    scaler = scaler_parameters(preparation)
    mean, deviation = np.array(scaler["mean"]), np.array(scaler["deviation"])
    points = preparation.transform(tracks).select(
        _artist_quarter().alias("quarter"), "genre", vector_to_array(F.col(plain.output)).alias("point")
    )
    quarters = _fit_class_sums(points, classes, len(mean))

    def learned_from(first: ClassSums, second: ClassSums) -> Discriminants:
        return learn((first, second), classes, mean, deviation)

    try:
        discriminants = learned_from(quarters[0] + quarters[1], quarters[2] + quarters[3])
    except ValueError as error:
        raise ClusteringError(f"features.guide is 'genre', but its tracks cannot be separated: {error}") from error
    try:
        parts = (learned_from(*quarters[:2]), learned_from(*quarters[2:]))
    except ValueError:
        log.warning("features.guide: too few artists to measure the agreement with genres on tracks by other artists")
        parts = None
    _log(discriminants)
    by_half = tuple(replace(space, discriminants=part) for part in parts or ())
    return GuidedSpaces(replace(space, discriminants=discriminants), by_half)


def _log(learned: Discriminants) -> None:
    log.info(
        "features.guide: supervised by genre: %d discriminants of %d features, learned from %d tracks of %d genres, "
        "shrinkage %g; tracks of no or other genres are labeled like all others",
        len(learned.names), len(learned.mean), learned.n_tracks, len(learned.classes), learned.shrinkage,
    )  # fmt: skip


def _fit_classes(tracks: DataFrame) -> list[str]:
    """Return the genres to separate, at most ``MAX_CLASSES``, the most frequent first. Runs one Spark job.

    Raises ClusteringError if fewer than two genres have ``MIN_CLASS_TRACKS`` tracks.
    """
    counted = tracks.where(F.col("genre").isNotNull()).groupBy("genre").agg(F.count("*").alias("n"))
    rows = counted.orderBy(F.desc("n"), "genre").limit(MAX_CLASSES).collect()
    classes = [row.genre for row in rows if row.n >= MIN_CLASS_TRACKS]
    if len(classes) < 2:
        common = (
            f"the most frequent genre is {rows[0].genre!r} ({rows[0].n} tracks)" if rows else "no track has a genre"
        )
        raise ClusteringError(
            f"features.guide is 'genre', but {common}; expected at least two genres of {MIN_CLASS_TRACKS} tracks each: "
            "ingest tracks with genres, or use --set features.guide=none"
        )
    return classes


def _fit_class_sums(points: DataFrame, classes: list[str], n_features: int) -> list[ClassSums]:
    """Sum the points of each genre in each quarter of the tracks. Runs one Spark job.

    The driver adds the sums in the order of the partitions. So the result has the same bits in every run.

    Parameters
    ----------
    points : DataFrame with ``quarter`` (int, 0 to 3), ``genre`` and ``point`` (array<double>)
    classes : genres; points of other genres are ignored
    n_features : length of a point

    Returns
    -------
    list of four ClassSums
        One per quarter.
    """
    n_classes = len(classes)
    split = n_classes * (n_features + 1)

    def add(batches: Iterable[pa.RecordBatch]) -> np.ndarray:
        total = np.zeros((_QUARTERS, split + n_features**2))
        for batch in batches:
            genres = batch.column(1)
            codes = pc.index_in(genres, value_set=pa.array(classes, type=genres.type)).fill_null(-1)
            codes, rows = codes.to_numpy(zero_copy_only=False), list_matrix(batch.column(2))
            quarters = batch.column(0).to_numpy()
            for quarter in range(_QUARTERS):
                chosen = (quarters == quarter) & (codes >= 0)
                part, labels = rows[chosen], codes[chosen]
                columns = [np.bincount(labels, weights, minlength=n_classes) for weights in (None, *part.T)]
                total[quarter, :split] += np.stack(columns, axis=1).ravel()
                # not part.T @ part, whose last bits depend on the processor
                total[quarter, split:] += np.concatenate([(part * column[:, None]).sum(axis=0) for column in part.T])
        return total

    total = np.zeros((_QUARTERS, split + n_features**2))
    for values in collect_per_partition(points, add):
        total += values.reshape(total.shape)
    by_class = total[:, :split].reshape(_QUARTERS, n_classes, n_features + 1)
    products = total[:, split:].reshape(_QUARTERS, n_features, n_features)
    return [ClassSums(rows[:, 0], rows[:, 1:], product) for rows, product in zip(by_class, products, strict=True)]
