"""What a cluster sounds like, in numbers and in words, as it was trained."""

import math
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.clustering import descriptions
from segue.clustering.cluster_stats import fit_feature_stats

TOP_GENRES = 5
EXEMPLARS = 5
EXACT_UP_TO = 100_000
"""Tracks: beyond that quartiles are told from bins, since exact ones need every value in memory."""


def fit_profiles(placed: DataFrame, n_tracks: int) -> list[dict[str, Any]]:
    """Return one row per cluster as ``cluster_profiles`` has it, but for model_version. Runs Spark jobs.

    Parameters
    ----------
    placed : the columns of ``tracks`` with cluster, distance and silhouette, no cluster empty
    n_tracks : rows of ``placed``
    """
    rows = _fit_numbers(placed, n_tracks)
    told = descriptions.describe_clusters(_deviations(rows))
    genres = _fit_genres(placed)
    return [
        {
            "cluster": row["cluster"],
            "cluster_name": f"Cluster {row['cluster']}",
            "cluster_description": description,
            "n_tracks": row["n_tracks"],
            "share": row["n_tracks"] / n_tracks,
            "silhouette": row["silhouette"],
            **{name: value for feature in schema.FEATURES for name, value in _columns(feature.name, row)},
            "top_genres": genres.get(row["cluster"], []),
            "exemplars": [exemplar.asDict() for exemplar in row["exemplars"]],
        }
        for row, description in zip(rows, told, strict=True)
    ]


def _columns(name: str, row: dict[str, Any]) -> list[tuple[str, float | None]]:
    quartiles = row[f"{name}_quartiles"] or [None, None, None]
    # JSON knows no infinity, which the deviation of absurd durations may be
    values = [
        v if v is None or math.isfinite(v) else None for v in (row[f"{name}_mean"], row[f"{name}_sd"], *quartiles)
    ]
    return [(f"{name}_{suffix}", value) for suffix, value in zip(schema.STATISTICS, values, strict=True)]


def _fit_numbers(placed: DataFrame, n_tracks: int) -> list[dict[str, Any]]:
    """Return the statistics of each cluster, by cluster."""
    is_small = n_tracks <= EXACT_UP_TO
    exact = [statistic for name in schema.FEATURE_NAMES for statistic in _exact(name)] if is_small else []
    grouped = placed.groupBy("cluster").agg(
        F.count("*").alias("n_tracks"), F.avg("silhouette").alias("silhouette"), _exemplars(), *exact
    )
    rows = [row.asDict() for row in grouped.orderBy("cluster").collect()]
    if not is_small:
        found = fit_feature_stats(placed, schema.FEATURE_NAMES, rows[-1]["cluster"])
        for row in rows:
            for name in schema.FEATURE_NAMES:
                one = found.get((row["cluster"], name))
                values = (one.mean, one.sd, one.n, one.quartiles) if one else (None, None, 0, None)
                row |= {f"{name}_{what}": value for what, value in zip(_NUMBERS, values, strict=True)}
    return rows


_NUMBERS = ("mean", "sd", "n", "quartiles")


def _exact(name: str) -> list[Column]:
    found = (F.avg(name), F.stddev_pop(name), F.count(name), F.percentile(name, [0.25, 0.5, 0.75]))
    return [statistic.alias(f"{name}_{what}") for what, statistic in zip(_NUMBERS, found, strict=True)]


def _exemplars() -> Column:
    """Return the tracks nearest to the centre, nearest first; of equally near ones the smaller id."""
    exemplar = F.struct("track_id", "title", "artist", "distance")
    return F.min_by(exemplar, F.struct("distance", "track_id"), EXEMPLARS).alias("exemplars")


def _deviations(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Return how far each cluster's means lie from those of all tracks, in standard deviations of all tracks."""
    found: list[dict[str, float]] = [{} for _ in rows]
    for name in schema.FEATURE_NAMES:
        have = [(i, row[f"{name}_n"], row[f"{name}_mean"], row[f"{name}_sd"]) for i, row in enumerate(rows)]
        have = [item for item in have if item[1]]
        n = sum(count for _, count, _, _ in have)
        if not n:
            continue
        mean = sum(count * m for _, count, m, _ in have) / n
        variance = sum(count * (sd * sd + (m - mean) * (m - mean)) for _, count, m, sd in have) / n
        if 1e-18 < variance < math.inf:
            for index, _, m, _ in have:
                # rounded, lest the order of summation decide between words
                found[index][name] = round((m - mean) / variance**0.5, 9)
    return found


def _fit_genres(placed: DataFrame) -> dict[int, list[dict[str, Any]]]:
    """Return the commonest genres of each cluster, with the share among its tracks that have a genre, and the lift."""
    counted = placed.where("genre IS NOT NULL").groupBy("cluster", "genre").count().collect()
    overall: dict[str, int] = {}
    by_cluster: dict[int, dict[str, int]] = {}
    for cluster, genre, count in counted:
        overall[genre] = overall.get(genre, 0) + count
        by_cluster.setdefault(cluster, {})[genre] = count
    n = sum(overall.values())
    found = {}
    for cluster, genres in by_cluster.items():
        size = sum(genres.values())
        top = sorted(genres.items(), key=lambda item: (-item[1], item[0]))[:TOP_GENRES]
        found[cluster] = [
            {"genre": genre, "share": count / size, "lift": count / size / (overall[genre] / n)} for genre, count in top
        ]
    return found
