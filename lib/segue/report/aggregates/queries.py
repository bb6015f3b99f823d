"""Query labeled tracks for counts, rankings and samples. No result grows with the number of tracks.

In all functions ``labeled`` is a DataFrame with the columns of the table ``labeled_tracks``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segue import schema
from segue.clustering.model_card import ModelCard
from segue.report.aggregates import sums

_HASHES = 1 << 30
"""Number of different hash values in ``collect_sample``."""
_MIN_POINTS_PER_CLUSTER = 40
"""Minimum expected number of tracks of each cluster in a sample."""


def collect_sums(labeled: DataFrame, card: ModelCard) -> sums.Sums:
    """Compute the sums over all tracks for the statistics of the report. Runs one Spark job.

    Returns a dict from (kind, key) to an array: ("histogram", 0) gives the number of tracks in each bin of the first
    numeric column. The module ``sums`` lists all kinds and keys. ``card`` describes the model; some sums are over
    coordinates scaled by the model.
    """

    def add(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        total = sums.add_sums(item for batch in batches if len(batch) for item in sums.batch_sums(batch, card).items())
        if total:
            yield sums.to_batch(total)

    rows = labeled.select(*(F.col(name).cast("double") for name in sums.NUMBERS)).mapInArrow(add, sums.SCHEMA)
    return sums.add_sums(((row.kind, row.key), np.array(row["values"])) for row in rows.collect())


def collect_sizes(labeled: DataFrame) -> list[Row]:
    """Count the tracks of each cluster; return a list of Row, by cluster. Runs one Spark job.

    The fields of a Row are cluster, n_tracks, n_outliers and silhouette (mean over the cluster's tracks).
    """
    grouped = labeled.groupBy("cluster").agg(
        F.count("*").alias("n_tracks"),
        F.count_if("is_outlier").alias("n_outliers"),
        F.avg("silhouette").alias("silhouette"),
    )
    return sorted(grouped.collect(), key=lambda row: row.cluster)


def collect_ranking(tracks: DataFrame, column: str, limit: int) -> tuple[list[tuple[str, int]], int]:
    """Return the ``limit`` most frequent values of a column, and the number of distinct values. Runs one Spark job.

    The first result is a list of pairs (value, count), highest count first; equal counts are in the order of the
    values. Null and blank values are neither listed nor counted.
    """
    counted = tracks.where(F.length(F.trim(column)) > 0).groupBy(column).count()
    row = counted.agg(
        F.count("*").alias("distinct"),
        F.min_by(F.struct(column, "count"), F.struct(-F.col("count"), column), limit).alias("top"),
    ).collect()[0]
    return [(item[0], item[1]) for item in row["top"] or []], row["distinct"]


def collect_rankings_by_cluster(labeled: DataFrame, column: str, limit: int) -> dict[int, list[tuple[str, int]]]:
    """Return the ``limit`` most frequent values of a column in each cluster. Runs one Spark job.

    Returns a dict from cluster to a list of pairs (value, count), highest count first; equal counts are in the order of
    the values. Null and blank values are left out.
    """
    counted = labeled.where(F.length(F.trim(column)) > 0).groupBy("cluster", column).count()
    top = F.min_by(F.struct(column, "count"), F.struct(-F.col("count"), column), limit).alias("top")
    rows = counted.groupBy("cluster").agg(top).collect()
    return {row.cluster: [(item[0], item[1]) for item in row["top"]] for row in rows}


def collect_shares(labeled: DataFrame, genres: Sequence[str], k: int) -> sums.Floats:
    """Return the distribution of each genre's tracks over the clusters, as shares from 0 to 1. Runs one Spark job.

    Parameters
    ----------
    genres : names of genres
    k : number of clusters

    Returns
    -------
    array of shape (n_genres, k)
        Rows are in the order of ``genres``, columns in the order of the clusters, from cluster 1.
    """
    rows = labeled.where(F.col("genre").isin(list(genres))).groupBy("genre", "cluster").count().collect()
    counts = np.zeros((len(genres), k))
    index = {genre: i for i, genre in enumerate(genres)}
    for genre, cluster, count in rows:
        counts[index[genre], cluster - 1] = count
    shares: sums.Floats = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return shares


def collect_years(labeled: DataFrame) -> list[Row]:
    """Return the number of tracks and the mean of each feature by year of release. Runs one Spark job.

    Returns a list of Row, by ascending year. The fields are year, n_tracks and the features: a feature's field, such as
    bpm, has the mean over the tracks of the year. Tracks without a year are left out.
    """
    means = [F.avg(name).alias(name) for name in schema.FEATURE_NAMES]
    grouped = labeled.where(F.col("year").isNotNull()).groupBy("year").agg(F.count("*").alias("n_tracks"), *means)
    return sorted(grouped.collect(), key=lambda row: row.year)


def collect_sample(labeled: DataFrame, sizes: Mapping[int, int], n_points: int) -> pa.Table:
    """Draw a sample of about ``n_points`` tracks, or return all if there are at most ``n_points``. Runs one Spark job.

    The sample contains the same share of every cluster, but at least about ``_MIN_POINTS_PER_CLUSTER`` tracks of a
    cluster, or all its tracks if there are fewer. A hash of ``track_id`` selects the tracks, so the sample is the same
    for any partitions.

    Parameters
    ----------
    labeled : DataFrame of labeled tracks
    sizes : number of tracks of each cluster, by cluster number
    n_points : approximate size of the sample

    Returns
    -------
    pyarrow.Table
        The columns track_id, title, artist, cluster, the features and year, sorted by track_id.
    """
    n_tracks = sum(sizes.values())
    limits = [0] * max(sizes)
    for cluster, size in sizes.items():
        expected = max(n_points * size / n_tracks, _MIN_POINTS_PER_CLUSTER)
        limits[cluster - 1] = min(_HASHES, int(_HASHES * expected / size) + 1)
    chosen = labeled
    if n_tracks > n_points:
        limit = F.element_at(F.array(*map(F.lit, limits)), F.col("cluster"))
        chosen = labeled.where(F.pmod(F.xxhash64("track_id"), F.lit(_HASHES)) < limit)
    columns = ("track_id", "title", "artist", "cluster", *schema.FEATURE_NAMES, "year")
    return chosen.select(*columns).toArrow().sort_by("track_id")


def collect_popular(labeled: DataFrame, limit: int) -> list[str]:
    """Return the ids of the ``limit`` most popular tracks in a list, most popular first. Runs one Spark job.

    Equally popular tracks are in the order of their ids. Tracks without a popularity come last.
    """
    rows = labeled.orderBy(F.desc_nulls_last("popularity"), "track_id").limit(limit).select("track_id").collect()
    return [row.track_id for row in rows]


def collect_lists(labeled: DataFrame, similar: DataFrame, ids: Sequence[str]) -> list[Row]:
    """Return the similar tracks of each track in ``ids``, with the columns of both tracks. Runs one Spark job.

    Parameters
    ----------
    labeled : DataFrame of labeled tracks
    similar : DataFrame with the columns of the table ``similar_tracks``
    ids : ids of tracks; each track is the owner of its list of similar tracks

    Returns
    -------
    list of Row
        One for each entry of each list, sorted by the owner's id and the position in the list. The fields are owner and
        track (the similar track of the entry); rank (position in the list, from 0); and why (names of the shared
        features). Owner and track are structs of track_id, title, artist, cluster, the numeric columns and, if
        ``labeled`` has them, key and mode. Entries with a track missing in ``labeled`` are left out.
    """
    table = pa.table({"owner_id": pa.array(list(ids), pa.string())})
    requested = labeled.sparkSession.createDataFrame(table)
    lists = similar.join(F.broadcast(requested), F.col("track_id") == F.col("owner_id"))
    entries = lists.select("owner_id", F.posexplode("similar").alias("rank", "entry"))
    entries = entries.select("owner_id", "rank", F.col("entry.track_id").alias("neighbour_id"), F.col("entry.why"))
    keys = [name for name in ("key", "mode") if name in labeled.columns]
    columns = F.struct("track_id", "title", "artist", "cluster", *sums.NUMBERS, *keys)
    tracks = labeled.select(F.col("track_id").alias("id"), columns.alias("columns"))
    neighbours = tracks.join(F.broadcast(entries), F.col("id") == F.col("neighbour_id"))
    neighbours = neighbours.select("owner_id", "rank", "why", F.col("columns").alias("track"))
    joined = tracks.join(F.broadcast(neighbours), F.col("id") == F.col("owner_id"))
    rows = joined.select(F.col("columns").alias("owner"), "track", "rank", "why").collect()
    return sorted(rows, key=lambda row: (row.owner.track_id, row.rank))


def collect_rejections(rejected: DataFrame, limit: int) -> tuple[dict[str, int], list[tuple[str, int]]]:
    """Count rejected rows by kind, and invalid rows by reason. Runs one or two Spark jobs.

    Parameters
    ----------
    rejected : DataFrame with the columns of the table ``rejected_tracks``
    limit : number of reasons to return

    Returns
    -------
    dict from kind to number of rows
    list of pairs (reason, number of rows), most frequent first
        Reasons are counted without the value of the row: "bpm 0 outside [1, 300]" as "bpm outside [1, 300]".
    """
    kinds = {row[0]: row[1] for row in rejected.groupBy("kind").count().collect()}
    if not kinds.get("invalid"):
        return kinds, []
    reason = F.explode("reasons").alias("reason")
    reasons = rejected.where("kind = 'invalid'").select(reason)
    rule = F.regexp_replace("reason", r"(?s)^(\w+) .* (is not an? \w+|outside [\[(].*)$", "$1 $2")
    rule = F.regexp_replace(rule, r"(?s)^(\w+ missing) \(.*\)$", "$1")
    top, _ = collect_ranking(reasons.select(rule.alias("rule")), "rule", limit)
    return kinds, top
