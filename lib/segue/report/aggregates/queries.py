"""Counts, rankings and samples of labeled tracks. What comes to the driver does not grow with their number."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segue import schema
from segue.clustering.model_card import ModelCard
from segue.report.aggregates import sums

_HASHES = 1 << 30
_FEWEST_OF_A_CLUSTER = 40


def fit_sums(labeled: DataFrame, card: ModelCard) -> sums.Sums:
    """Return the sums over all tracks. Runs one Spark job, of which each task returns its sums alone."""

    def add(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = sums.add_sums(item for batch in batches if len(batch) for item in sums.batch_sums(batch, card).items())
        if found:
            yield sums.to_batch(found)

    rows = labeled.select(*(F.col(name).cast("double") for name in sums.NUMBERS)).mapInArrow(add, sums.SCHEMA)
    return sums.add_sums(((row.kind, row.key), np.array(row["values"])) for row in rows.collect())


def fit_sizes(labeled: DataFrame) -> list[Row]:
    """Return cluster, n_tracks, n_outliers and the mean silhouette, by cluster. Runs one Spark job."""
    grouped = labeled.groupBy("cluster").agg(
        F.count("*").alias("n_tracks"),
        F.count_if("is_outlier").alias("n_outliers"),
        F.avg("silhouette").alias("silhouette"),
    )
    return sorted(grouped.collect(), key=lambda row: row.cluster)


def fit_ranking(tracks: DataFrame, column: str, most: int) -> tuple[list[tuple[str, int]], int]:
    """Return the most frequent values of a column, of equals the first by name, and how many there are in all."""
    counted = tracks.where(F.length(F.trim(column)) > 0).groupBy(column).count()
    row = counted.agg(
        F.count("*").alias("distinct"),
        F.min_by(F.struct(column, "count"), F.struct(-F.col("count"), column), most).alias("top"),
    ).collect()[0]
    return [(item[0], item[1]) for item in row["top"] or []], row["distinct"]


def fit_rankings_by_cluster(labeled: DataFrame, column: str, most: int) -> dict[int, list[tuple[str, int]]]:
    """Return the most frequent values of a column in each cluster."""
    counted = labeled.where(F.length(F.trim(column)) > 0).groupBy("cluster", column).count()
    top = F.min_by(F.struct(column, "count"), F.struct(-F.col("count"), column), most).alias("top")
    rows = counted.groupBy("cluster").agg(top).collect()
    return {row.cluster: [(item[0], item[1]) for item in row["top"]] for row in rows}


def fit_shares(labeled: DataFrame, genres: Sequence[str], k: int) -> np.ndarray:
    """Return the share of each genre's tracks in each cluster, shape (n_genres, k)."""
    counted = labeled.where(F.col("genre").isin(list(genres))).groupBy("genre", "cluster").count().collect()
    found = np.zeros((len(genres), k))
    place = {genre: index for index, genre in enumerate(genres)}
    for genre, cluster, count in counted:
        found[place[genre], cluster - 1] = count
    return found / np.maximum(found.sum(axis=1, keepdims=True), 1.0)


def fit_years(labeled: DataFrame) -> list[Row]:
    """Return year, n_tracks and the mean of each feature, by year of release."""
    means = [F.avg(name).alias(name) for name in schema.FEATURE_NAMES]
    grouped = labeled.where(F.col("year").isNotNull()).groupBy("year").agg(F.count("*").alias("n_tracks"), *means)
    return sorted(grouped.collect(), key=lambda row: row.year)


def fit_sample(labeled: DataFrame, sizes: Mapping[int, int], most: int) -> pa.Table:
    """Return all tracks, or about ``most``, each cluster in proportion but not without some: which, a hash says.

    Columns: track_id, title, artist, cluster and the features; sorted by track_id.
    """
    n_tracks = sum(sizes.values())
    limits = [0] * max(sizes)
    for cluster, size in sizes.items():
        wanted = max(most * size / n_tracks, _FEWEST_OF_A_CLUSTER)
        limits[cluster - 1] = min(_HASHES, int(_HASHES * wanted / size) + 1)
    chosen = labeled
    if n_tracks > most:
        limit = F.element_at(F.array(*map(F.lit, limits)), F.col("cluster"))
        chosen = labeled.where(F.pmod(F.xxhash64("track_id"), F.lit(_HASHES)) < limit)
    found = chosen.select("track_id", "title", "artist", "cluster", *schema.FEATURE_NAMES).toArrow()
    return found.sort_by("track_id")


def fit_popular(labeled: DataFrame, most: int) -> list[str]:
    """Return the ids of the most popular tracks, of equals the first by id."""
    known = labeled.where(F.col("popularity").isNotNull())
    rows = known.orderBy(F.desc("popularity"), "track_id").limit(most).select("track_id").collect()
    return [row.track_id for row in rows]


def fit_lists(labeled: DataFrame, similar: DataFrame, ids: Sequence[str]) -> list[Row]:
    """Return what the lists of some tracks hold, in order, with the features of both.

    Columns: owner and track (structs of track_id, title, artist, cluster and the features), place, why.
    """
    table = pa.table({"owner_id": pa.array(list(ids), pa.string())})
    wanted = labeled.sparkSession.createDataFrame(table)
    lists = similar.join(F.broadcast(wanted), F.col("track_id") == F.col("owner_id"))
    entries = lists.select("owner_id", F.posexplode("similar").alias("place", "entry"))
    entries = entries.select("owner_id", "place", F.col("entry.track_id").alias("near_id"), F.col("entry.why"))
    shown = F.struct("track_id", "title", "artist", "cluster", *schema.FEATURE_NAMES)
    tracks = labeled.select(F.col("track_id").alias("key"), shown.alias("shown"))
    near = tracks.join(F.broadcast(entries), F.col("key") == F.col("near_id"))
    near = near.select("owner_id", "place", "why", F.col("shown").alias("track"))
    found = tracks.join(F.broadcast(near), F.col("key") == F.col("owner_id"))
    rows = found.select(F.col("shown").alias("owner"), "track", "place", "why").collect()
    return sorted(rows, key=lambda row: (row.owner.track_id, row.place))


def fit_rejections(rejected: DataFrame, most: int) -> tuple[dict[str, int], list[tuple[str, int]]]:
    """Return the rows of each kind, and the commonest reasons why rows are invalid, without the values they quote."""
    kinds = {row[0]: row[1] for row in rejected.groupBy("kind").count().collect()}
    if not kinds.get("invalid"):
        return kinds, []
    reason = F.explode("reasons").alias("reason")
    reasons = rejected.where("kind = 'invalid'").select(reason)
    rule = F.regexp_replace("reason", r"(?s)^(\w+) .* (is not an? \w+|outside [\[(].*)$", "$1 $2")
    top, _ = fit_ranking(reasons.select(rule.alias("rule")), "rule", most)
    return kinds, top
