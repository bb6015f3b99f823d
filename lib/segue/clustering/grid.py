"""Every k: fitted and scored, with either engine behind one call."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from segue.clustering import nearest, spark_ml
from segue.clustering.scores import Score, fit_scores
from segue.clustering.spark_ml import Budget
from segue.errors import ClusteringError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fit:
    """The clusters of one k: where they are, how they were found, how good they are."""

    k: int
    centres: NDArray[np.float64]
    """Shape (k, n_features), scaled units."""
    inertia: float
    silhouette: float
    score: Score
    engine: str
    restarts: int
    iterations: int


def fit_grid(tracks: DataFrame, ks: Sequence[int], budget: Budget) -> list[Fit]:
    """Fit KMeans for every k and score each fit on all tracks.

    Parameters
    ----------
    tracks : cached, with columns ``point`` (vector, shape (n_features,), scaled units) and
        ``genre`` (string or null)
    ks : numbers of clusters, rising
    budget : how hard to look

    Returns
    -------
    list of Fit
        One per k, in the order given, without those above the number of distinct points (with a
        warning). ``silhouette`` lies in [-1, 1] and uses *squared* Euclidean distance, so it does not
        compare with scikit-learn's default.

    Raises
    ------
    ClusteringError
        If there are fewer distinct points than the smallest k: Spark would silently return fewer centres.

    References
    ----------
    P. J. Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis", J. Comput. Appl. Math. 20, 53-65.
    """
    distinct = tracks.select("point").distinct().limit(ks[-1]).count()
    possible = [k for k in ks if k <= distinct]
    if not possible:
        raise ClusteringError(
            f"{distinct} distinct {'track' if distinct == 1 else 'tracks'} by the chosen features, wanted at "
            f"least {ks[0]} for k = {ks[0]}; add tracks or features, or ask for fewer clusters with clustering.ks"
        )
    if len(possible) < len(ks):
        log.warning("only %d distinct tracks by the chosen features, so no k above %d", distinct, distinct)
    found = list(spark_ml.fit_candidates(tracks, possible, budget))
    if not found:
        raise ClusteringError(f"no start found k = {possible[0]} to {possible[-1]} clusters that all have tracks")
    labels = nearest.labels(F.col("point"), [candidate.centres for candidate in found])
    labeled = tracks.select(vector_to_array(F.col("point")).alias("point"), "genre").withColumn("labels", labels)
    labeled.persist(StorageLevel.MEMORY_AND_DISK)
    scores = fit_scores(labeled, [c.k for c in found], found[0].centres.shape[1])
    labeled.unpersist()
    # the engine's own figure belongs to the centres before their last move
    return [
        Fit(c.k, c.centres, s.inertia(c.centres), c.silhouette, s, spark_ml.NAME, budget.restarts, c.iterations)
        for c, s in zip(found, scores, strict=True)
    ]
