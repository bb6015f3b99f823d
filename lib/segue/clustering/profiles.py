"""Compute the profile of every cluster: statistics of its features, description, genres and most typical tracks."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segue import schema
from segue.clustering import descriptions
from segue.clustering.cluster_stats import fit_feature_stats

MAX_GENRES = 5
_MIN_SHARE, _MIN_LIFT = 0.4, 1.5
"""Limits for a genre or decade in a description: minimum share of the cluster's tracks, and minimum ``_Top.lift``."""
_MAX_KIND = 40
"""Maximum number of characters of a genre in a description."""
MAX_EXEMPLARS = 5
MAX_EXACT_TRACKS = 100_000
"""Maximum number of tracks for exact quartiles; with more tracks, quartiles are estimated from histograms.

Exact quartiles need all values in memory.
"""
_STATISTICS = ("mean", "sd", "n", "quartiles")


def fit_profiles(labeled: DataFrame, n_tracks: int, *, max_exact: int = MAX_EXACT_TRACKS) -> list[dict[str, Any]]:
    """Compute the rows of the table ``cluster_profiles``. Runs two Spark jobs, or four above ``max_exact`` tracks.

    Parameters
    ----------
    labeled : DataFrame with the columns of ``tracks``, ``cluster`` (int from 1), ``distance`` and ``silhouette``, no
        cluster empty
    n_tracks : number of rows in ``labeled``
    max_exact : maximum number of tracks for exact quartiles; with more, quartiles are estimated from histograms

    Returns
    -------
    list of dict
        One dict per cluster, cluster 1 first, from column to value, without the column ``model_version``.
    """
    rows = _fit_statistics(labeled, exact=n_tracks <= max_exact)
    genres, decades = _fit_counts(labeled)
    kinds = [_kind(row["n_tracks"], decades.get(row["cluster"]), genres.get(row["cluster"])) for row in rows]
    phrases = descriptions.describe_clusters(_deviations(rows), kinds)
    return [
        {
            "cluster": row["cluster"],
            "cluster_name": f"Cluster {row['cluster']}",
            "cluster_description": phrase,
            "n_tracks": row["n_tracks"],
            "share": row["n_tracks"] / n_tracks,
            "silhouette": row["silhouette"],
            **{name: value for feature in schema.FEATURES for name, value in _feature_columns(feature.name, row)},
            "top_genres": [
                {"genre": top.value, "share": top.share, "lift": top.lift} for top in genres.get(row["cluster"], [])
            ],
            "exemplars": [exemplar.asDict() for exemplar in row["exemplars"]],
        }
        for row, phrase in zip(rows, phrases, strict=True)
    ]


def _feature_columns(name: str, row: dict[str, Any]) -> list[tuple[str, float | None]]:
    """Return the columns of ``cluster_profiles`` for one feature, as pairs such as ``("bpm_mean", 120.5)``.

    ``row`` has the statistics of one cluster, from ``_fit_statistics``. Missing and infinite values become None.
    """
    quartiles = row[f"{name}_quartiles"] or [None, None, None]
    # JSON has no infinity, which the standard deviation of very large durations may be
    values = [
        v if v is None or math.isfinite(v) else None for v in (row[f"{name}_mean"], row[f"{name}_sd"], *quartiles)
    ]
    return [(f"{name}_{suffix}", value) for suffix, value in zip(schema.STATISTICS, values, strict=True)]


def _fit_statistics(labeled: DataFrame, *, exact: bool) -> list[dict[str, Any]]:
    """Compute the statistics of each cluster. Runs one Spark job if ``exact``, else three.

    Returns one dict per cluster, cluster 1 first: ``{"cluster": 1, "n_tracks": 950, "silhouette": 0.41, "exemplars":
    […], "bpm_mean": 120.5, "bpm_sd": …, "bpm_n": …, "bpm_quartiles": […], …}``. Exemplars are the tracks nearest to the
    centre. Without ``exact``, quartiles are estimated from histograms.
    """
    statistics = [column for name in schema.FEATURE_NAMES for column in _exact_statistics(name)] if exact else []
    grouped = labeled.groupBy("cluster").agg(
        F.count("*").alias("n_tracks"), F.avg("silhouette").alias("silhouette"), _exemplars(), *statistics
    )
    rows = [row.asDict() for row in grouped.orderBy("cluster").collect()]
    if not exact:
        stats = fit_feature_stats(labeled, schema.FEATURE_NAMES, rows[-1]["cluster"])
        for row in rows:
            for name in schema.FEATURE_NAMES:
                feature = stats.get((row["cluster"], name))
                values = (feature.mean, feature.sd, feature.n, feature.quartiles) if feature else (None, None, 0, None)
                row |= {f"{name}_{statistic}": value for statistic, value in zip(_STATISTICS, values, strict=True)}
    return rows


def _exact_statistics(name: str) -> list[Column]:
    """Return aggregate Columns for one feature: for ``bpm``, ``bpm_mean``, ``bpm_sd``, ``bpm_n``, ``bpm_quartiles``."""
    columns = (F.avg(name), F.stddev_pop(name), F.count(name), F.percentile(name, [0.25, 0.5, 0.75]))
    return [column.alias(f"{name}_{statistic}") for statistic, column in zip(_STATISTICS, columns, strict=True)]


def _exemplars() -> Column:
    """Return an aggregate Column: an array of structs with the ``MAX_EXEMPLARS`` tracks nearest to the centre.

    The nearest track comes first; of equally near tracks, the track with the lower id.
    """
    exemplar = F.struct("track_id", "title", "artist", "distance")
    return F.min_by(exemplar, F.struct("distance", "track_id"), MAX_EXEMPLARS).alias("exemplars")


def _deviations(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Compute the deviations of each cluster from all tracks: ``[{"bpm": 0.8, "energy": -1.2}, …]``.

    A deviation is the cluster's mean minus the mean of all tracks, in standard deviations of all tracks. A feature is
    left out if it is constant, if its standard deviation is not finite, or if no track of the cluster has a value.
    ``rows`` has the statistics of each cluster, from ``_fit_statistics``.
    """
    deviations: list[dict[str, float]] = [{} for _ in rows]
    for name in schema.FEATURE_NAMES:
        moments = [
            (index, row[f"{name}_n"], row[f"{name}_mean"], row[f"{name}_sd"])
            for index, row in enumerate(rows)
            if row[f"{name}_n"]
        ]
        n = sum(count for _, count, _, _ in moments)
        if not n:
            continue
        overall = sum(count * mean for _, count, mean, _ in moments) / n
        variance = sum(count * (sd * sd + (mean - overall) * (mean - overall)) for _, count, mean, sd in moments) / n
        if 1e-18 < variance < math.inf:
            for index, _, mean, _ in moments:
                # rounded, so that a description does not depend on the order of summation
                deviations[index][name] = round((mean - overall) / variance**0.5, 9)
    return deviations


def _fit_counts(labeled: DataFrame) -> tuple[dict[int, list["_Top"]], dict[int, list["_Top"]]]:
    """Find the most frequent genres and decades of each cluster. Runs one Spark job.

    Returns two dicts from cluster to a list of _Top: one dict for genres, one for decades. A decade is given by its
    first year, such as 1980.
    """
    decade = (F.floor(F.col("year") / 10) * 10).cast("int") if "year" in labeled.columns else F.lit(None).cast("int")
    # genres and decades are counted separately: pairs of both would be ten times as many rows for the driver
    counted = labeled.select("cluster", "genre", decade.alias("decade")).groupingSets(
        [["cluster", "genre"], ["cluster", "decade"]], "cluster", "genre", "decade"
    )
    rows = counted.agg(F.count("*").alias("n")).where("genre IS NOT NULL OR decade IS NOT NULL").collect()
    genres = _top_values((row.cluster, row.genre, row.n) for row in rows if row.genre is not None)
    decades = _top_values((row.cluster, row.decade, row.n) for row in rows if row.decade is not None)
    return genres, decades


class _Top(NamedTuple):
    """One of the most frequent genres (or decades) of a cluster."""

    value: Any
    n_tracks: int
    """Number of the cluster's tracks with this value."""
    share: float
    """Fraction of the cluster's tracks with this value. Tracks without a genre (or decade) are not counted."""
    lift: float
    """``share`` divided by the value's share in all clusters together: 2 if it is twice as frequent in the cluster."""


def _top_values(counts: Iterable[tuple[int, Any, int]]) -> dict[int, list[_Top]]:
    """Select the most frequent values of each cluster, at most ``MAX_GENRES``, the most frequent first.

    ``counts`` yields (cluster, value, number of tracks), such as ``(1, "rock", 320)``. Returns a dict from cluster to a
    list of _Top.
    """
    by_cluster: dict[int, Counter[Any]] = {}
    overall: Counter[Any] = Counter()
    for cluster, value, n_tracks in counts:
        by_cluster.setdefault(cluster, Counter())[value] += n_tracks
        overall[value] += n_tracks
    n_all = overall.total()
    return {
        cluster: [
            _Top(value, n, n / counter.total(), n / counter.total() / (overall[value] / n_all))
            for value, n in sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:MAX_GENRES]
        ]
        for cluster, counter in by_cluster.items()
    }


def _kind(n_tracks: int, decades: Sequence[_Top] | None, genres: Sequence[_Top] | None) -> str:
    """Return the decade and genre typical of a cluster: "80s rock", "80s", "rock" or, if there is none, "".

    Only the most frequent decade and the most frequent genre can be typical. Typical means: ``lift`` is at least
    ``_MIN_LIFT``, and at least the fraction ``_MIN_SHARE`` of all the cluster's tracks has the value.

    Parameters
    ----------
    n_tracks : number of the cluster's tracks
    decades, genres : the cluster's most frequent values, the most frequent first; None if no track has one
    """
    kinds = [(decades, _decade_text), (genres, lambda genre: genre[:_MAX_KIND])]
    return " ".join(
        describe(tops[0].value)
        for tops, describe in kinds
        if tops
        and tops[0].lift >= _MIN_LIFT
        and tops[0].share >= _MIN_SHARE
        and tops[0].n_tracks >= _MIN_SHARE * n_tracks
    )


def _decade_text(decade: int) -> str:
    """Return the name of a decade, given by its first year: ``1980 -> "80s"``, ``2010 -> "2010s"``.

    Decades before 1930 and from 2000 on have four digits, because two digits would be ambiguous.
    """
    return f"{decade % 100}s" if 1930 <= decade < 2000 else f"{decade}s"
