"""Scores of every k from the same few passes: Davies-Bouldin, Calinski-Harabasz, agreement with genres."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.clustering.agreement import Agreement, agreement


@dataclass(frozen=True, slots=True)
class Score:
    """What is known of the clusters of one k, besides inertia and silhouette."""

    sizes: NDArray[np.int64]
    """Tracks in each cluster, shape (k,)."""
    means: NDArray[np.float64]
    """Mean of the points of each cluster, shape (k, n_features)."""
    within: float
    """Sum of squared distances of all points to the mean of their cluster."""
    davies_bouldin: float
    calinski_harabasz: float
    agreement: Agreement

    def inertia(self, centres: NDArray[np.float64]) -> float:
        """Return the sum of squared distances to given centres, shape (k, n_features), instead of the means."""
        return self.within + float(self.sizes @ ((self.means - centres) ** 2).sum(axis=1))


def fit_scores(labeled: DataFrame, ks: Sequence[int], n_features: int) -> list[Score]:
    """Return the scores of every k. Runs two Spark jobs, whatever the number of k.

    Parameters
    ----------
    labeled : columns ``point`` (array<double>, shape (n_features,)), ``genre`` (string or null)
        and ``labels`` (array<int>: for each of ``ks``, in order, the label from 0)
    ks : numbers of clusters
    n_features : length of ``point``

    References
    ----------
    D. L. Davies, D. W. Bouldin (1979), "A cluster separation measure", IEEE PAMI 1, 224-227.
    T. Caliński, J. Harabasz (1974), "A dendrite method for cluster analysis", Commun. Stat. 3, 1-27.
    Degenerate cases are as scikit-learn has them.
    """
    each = labeled.select("point", "genre", F.posexplode("labels").alias("fit", "label"))
    coordinates = [F.col("point")[i] for i in range(n_features)]
    grouped = each.groupBy("fit", "label", "genre").agg(
        F.count("*").alias("n"),
        *(F.sum(x).alias(f"s{i}") for i, x in enumerate(coordinates)),
    )
    rows = grouped.orderBy("fit", "label", "genre").collect()
    means = [_means([row for row in rows if row.fit == fit], k, n_features) for fit, k in enumerate(ks)]
    spread = _fit_spread(each, means)
    return [
        Score(
            means[fit].sizes,
            means[fit].centres,
            float(spread[fit].squares.sum()),
            _davies_bouldin(means[fit].centres, spread[fit].mean_distances),
            _calinski_harabasz(means[fit], float(spread[fit].squares.sum())),
            agreement(means[fit].genres),
        )
        for fit in range(len(ks))
    ]


@dataclass(frozen=True, slots=True)
class _Means:
    sizes: NDArray[np.int64]
    centres: NDArray[np.float64]
    genres: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Spread:
    mean_distances: NDArray[np.float64]
    squares: NDArray[np.float64]


def _means(rows: list, k: int, n_features: int) -> _Means:
    names = {name: i for i, name in enumerate(sorted({row.genre for row in rows if row.genre is not None}))}
    sizes, sums = np.zeros(k, dtype=np.int64), np.zeros((k, n_features))
    genres = np.zeros((k, len(names)), dtype=np.int64)
    for row in rows:
        sizes[row.label] += row.n
        sums[row.label] += [row[f"s{i}"] for i in range(n_features)]
        if row.genre is not None:
            genres[row.label, names[row.genre]] += row.n
    return _Means(sizes, sums / np.maximum(sizes, 1)[:, None], genres)


def _fit_spread(each: DataFrame, means: list[_Means]) -> list[_Spread]:
    """Return, for every fit and cluster, how far its points lie from their mean."""
    spark = each.sparkSession
    centres = [
        (fit, label, centre.tolist()) for fit, found in enumerate(means) for label, centre in enumerate(found.centres)
    ]
    lookup = spark.createDataFrame(centres, "fit int, label int, mean array<double>")
    gaps = F.zip_with("point", "mean", lambda x, m: (x - m) * (x - m))
    square = F.aggregate(gaps, F.lit(0.0), lambda total, gap: total + gap)
    rows = (
        each.join(F.broadcast(lookup), ["fit", "label"])
        .withColumn("square", square)
        .groupBy("fit", "label")
        .agg(F.avg(F.sqrt("square")).alias("distance"), F.sum("square").alias("squares"))
        .collect()
    )
    found = {(row.fit, row.label): row for row in rows}
    return [
        _Spread(
            np.array([found[fit, c].distance if (fit, c) in found else 0.0 for c in range(len(m.sizes))]),
            np.array([found[fit, c].squares if (fit, c) in found else 0.0 for c in range(len(m.sizes))]),
        )
        for fit, m in enumerate(means)
    ]


def _davies_bouldin(centres: NDArray[np.float64], distances: NDArray[np.float64]) -> float:
    between = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    if np.allclose(distances, 0) or np.allclose(between, 0):
        return 0.0
    between[between == 0] = np.inf
    return float(np.mean(np.max((distances[:, None] + distances[None]) / between, axis=1)))


def _calinski_harabasz(means: _Means, within: float) -> float:
    n, k = int(means.sizes.sum()), len(means.sizes)
    overall = means.sizes @ means.centres / n
    between = float(means.sizes @ ((means.centres - overall) ** 2).sum(axis=1))
    return 1.0 if within == 0 or n == k else between * (n - k) / (within * (k - 1))
