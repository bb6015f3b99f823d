"""Query labeled tracks for counts, rankings and samples, whose sizes are independent of the number of tracks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segue import schema
from segue.clustering.model_card import ModelCard
from segue.report.aggregates import sums

_HASHES = 1 << 30
_MIN_POINTS_PER_CLUSTER = 40


def collect_sums(labeled: DataFrame, card: ModelCard) -> sums.Sums:
    """Return the sums over all tracks from which the report's statistics are computed. Runs one Spark job.

    The result is a dict from (kind, key) to an array, see the module ``sums``. The tasks of the job return partial
    sums.
    """

    def add(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        total = sums.add_sums(item for batch in batches if len(batch) for item in sums.batch_sums(batch, card).items())
        if total:
            yield sums.to_batch(total)

    rows = labeled.select(*(F.col(name).cast("double") for name in sums.NUMBERS)).mapInArrow(add, sums.SCHEMA)
    return sums.add_sums(((row.kind, row.key), np.array(row["values"])) for row in rows.collect())


def collect_sizes(labeled: DataFrame) -> list[Row]:
    """Return a list of Row, one per cluster in ascending order. Runs one Spark job.

    The fields are cluster, n_tracks, n_outliers and silhouette (the mean over the cluster's tracks).
    """
    grouped = labeled.groupBy("cluster").agg(
        F.count("*").alias("n_tracks"),
        F.count_if("is_outlier").alias("n_outliers"),
        F.avg("silhouette").alias("silhouette"),
    )
    return sorted(grouped.collect(), key=lambda row: row.cluster)


def collect_ranking(tracks: DataFrame, column: str, limit: int) -> tuple[list[tuple[str, int]], int]:
    """Return the ``limit`` most frequent values of a column, and the number of distinct values. Runs one Spark job.

    The first result is a list of pairs (value, count), highest count first, at equal count in order of the values. Null
    and blank values are left out.
    """
    counted = tracks.where(F.length(F.trim(column)) > 0).groupBy(column).count()
    row = counted.agg(
        F.count("*").alias("distinct"),
        F.min_by(F.struct(column, "count"), F.struct(-F.col("count"), column), limit).alias("top"),
    ).collect()[0]
    return [(item[0], item[1]) for item in row["top"] or []], row["distinct"]


def collect_rankings_by_cluster(labeled: DataFrame, column: str, limit: int) -> dict[int, list[tuple[str, int]]]:
    """Return a dict from cluster to its ``limit`` most frequent values of a column. Runs one Spark job.

    Each value of the dict is a list of pairs (value, count), highest count first, at equal count in order of the
    values. Null and blank values are left out.
    """
    counted = labeled.where(F.length(F.trim(column)) > 0).groupBy("cluster", column).count()
    top = F.min_by(F.struct(column, "count"), F.struct(-F.col("count"), column), limit).alias("top")
    rows = counted.groupBy("cluster").agg(top).collect()
    return {row.cluster: [(item[0], item[1]) for item in row["top"]] for row in rows}


def collect_shares(labeled: DataFrame, genres: Sequence[str], k: int) -> sums.Floats:
    """Return the share of each genre's tracks that is in each cluster, shape (n_genres, k). Runs one Spark job.

    Shares are from 0 to 1; rows are in the order of ``genres``.
    """
    rows = labeled.where(F.col("genre").isin(list(genres))).groupBy("genre", "cluster").count().collect()
    counts = np.zeros((len(genres), k))
    index = {genre: i for i, genre in enumerate(genres)}
    for genre, cluster, count in rows:
        counts[index[genre], cluster - 1] = count
    shares: sums.Floats = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return shares


def collect_years(labeled: DataFrame) -> list[Row]:
    """Return a list of Row, one per year of release in ascending order. Runs one Spark job.

    The fields are year, n_tracks, and for each feature, under its name, the mean over the year's tracks.
    """
    means = [F.avg(name).alias(name) for name in schema.FEATURE_NAMES]
    grouped = labeled.where(F.col("year").isNotNull()).groupBy("year").agg(F.count("*").alias("n_tracks"), *means)
    return sorted(grouped.collect(), key=lambda row: row.year)


def collect_sample(labeled: DataFrame, sizes: Mapping[int, int], n_points: int) -> pa.Table:
    """Return a sample of about ``n_points`` tracks, or all tracks if they are not more. Runs one Spark job.

    The sample has the same share of each cluster's tracks, but at least about ``_MIN_POINTS_PER_CLUSTER`` tracks of a
    cluster. A hash of ``track_id`` selects the tracks, so the sample is the same for any partitioning.

    Parameters
    ----------
    labeled : DataFrame of labeled tracks
    sizes : number of tracks of each cluster, by cluster number
    n_points : approximate size of the sample

    Returns
    -------
    pa.Table with the columns track_id, title, artist, cluster, the features and year, sorted by track_id.
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
    """Return a list of the ids of the ``limit`` most popular tracks, most popular first. Runs one Spark job.

    Equally popular tracks are in order of their ids.
    """
    rated = labeled.where(F.col("popularity").isNotNull())
    rows = rated.orderBy(F.desc("popularity"), "track_id").limit(limit).select("track_id").collect()
    return [row.track_id for row in rows]


def collect_lists(labeled: DataFrame, similar: DataFrame, ids: Sequence[str]) -> list[Row]:
    """Return a list of Row, one per entry in the lists of similar tracks of the tracks in ``ids``. Runs one Spark job.

    Parameters
    ----------
    labeled : DataFrame of labeled tracks
    similar : DataFrame of the table ``similar_tracks``, with lists of these tracks
    ids : ids of the owners: the tracks whose lists are returned

    Returns
    -------
    Rows with the fields owner and track (the similar track), both structs of track_id, title, artist, cluster and the
    numbers that reasons can name; rank (position in the list, from 0); and why (names of the shared features). They are
    sorted by owner's track_id and rank. Entries of tracks that ``labeled`` does not have are left out.
    """
    table = pa.table({"owner_id": pa.array(list(ids), pa.string())})
    requested = labeled.sparkSession.createDataFrame(table)
    lists = similar.join(F.broadcast(requested), F.col("track_id") == F.col("owner_id"))
    entries = lists.select("owner_id", F.posexplode("similar").alias("rank", "entry"))
    entries = entries.select("owner_id", "rank", F.col("entry.track_id").alias("neighbour_id"), F.col("entry.why"))
    columns = F.struct("track_id", "title", "artist", "cluster", *sums.NUMBERS)
    tracks = labeled.select(F.col("track_id").alias("key"), columns.alias("columns"))
    neighbours = tracks.join(F.broadcast(entries), F.col("key") == F.col("neighbour_id"))
    neighbours = neighbours.select("owner_id", "rank", "why", F.col("columns").alias("track"))
    joined = tracks.join(F.broadcast(neighbours), F.col("key") == F.col("owner_id"))
    rows = joined.select(F.col("columns").alias("owner"), "track", "rank", "why").collect()
    return sorted(rows, key=lambda row: (row.owner.track_id, row.rank))


def collect_rejections(rejected: DataFrame, limit: int) -> tuple[dict[str, int], list[tuple[str, int]]]:
    """Return how many rows are rejected, by ``kind``, and the ``limit`` most frequent reasons of invalid rows.

    The first is a dict from kind to count, the second a list of pairs (reason, count), highest count first. A reason is
    counted without the value that it quotes: "bpm 0 outside [1, 300]" as "bpm outside [1, 300]". Runs one Spark job,
    and another if there are invalid rows.
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
