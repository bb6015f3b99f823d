"""Engine: pyspark.ml's KMeans and ClusteringEvaluator, one k after the other."""

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark import inheritable_thread_target
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

log = logging.getLogger(__name__)

NAME = "spark-ml"
AT_ONCE = 4
"""Fits that share the cluster: each is many short jobs, which leave it idle in between."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The best start for one k."""

    k: int
    centres: NDArray[np.float64]
    """Shape (k, n_features), scaled units."""
    inertia: float
    silhouette: float
    iterations: int


@dataclass(frozen=True, slots=True)
class Budget:
    """How hard to look: starts for each k, iterations at the most, when a start has converged, and the seed."""

    restarts: int
    max_iter: int
    tol: float
    seed: int


def fit_candidates(points: DataFrame, ks: Sequence[int], budget: Budget) -> Iterator[Candidate]:
    """Yield the best of several starts for every k, with its silhouette over all points.

    Parameters
    ----------
    points : cached, with column ``point`` (vector, shape (n_features,), scaled units)
        A seed alone does not fix KMeans: the same bits come out only for the same rows in the same
        partitions in the same order.
    ks : numbers of clusters, none above the number of distinct points
    budget : how hard to look
    """
    evaluator = ClusteringEvaluator(featuresCol="point", predictionCol="label", metricName="silhouette")
    in_session = inheritable_thread_target(points.sparkSession)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for k in ks:
            begun = time.monotonic()
            starts = [pool.submit(in_session(_fit), points, k, budget, start) for start in range(budget.restarts)]
            whole = [fit for start in starts if (fit := start.result())]
            best = min(whole, key=lambda fit: fit[1]) if whole else _fit_distinct(points, k, budget)
            if best is None:
                log.warning("k %d: left out, since every start lost a cluster on the way", k)
                continue
            model, inertia, iterations = best
            # rounding may carry a perfect silhouette past 1
            silhouette = min(max(evaluator.evaluate(model.transform(points)), -1.0), 1.0)
            log.info(
                "k %d: silhouette %.3f, inertia %.6g, best of %d starts, %.1f s",
                k, silhouette, inertia, budget.restarts, time.monotonic() - begun,
            )  # fmt: skip
            yield Candidate(k, np.array(model.clusterCenters()), inertia, silhouette, iterations)


def _kmeans(k: int, budget: Budget, start: int) -> KMeans:
    # "auto" never takes the block solver for dense vectors, which needs a quarter of the time
    return KMeans(
        featuresCol="point",
        predictionCol="label",
        k=k,
        seed=budget.seed * 1_000_003 + k * 1009 + start,
        initMode="random",
        maxIter=budget.max_iter,
        tol=budget.tol,
        solver="block",
    )


def _fit(points: DataFrame, k: int, budget: Budget, start: int) -> tuple[KMeansModel, float, int] | None:
    """Return model, inertia and iterations of one start; None where it ended with fewer than k clusters."""
    model = _kmeans(k, budget, start).fit(points)
    summary = model.summary
    if len(model.clusterCenters()) < k or min(summary.clusterSizes) == 0:
        return None
    return model, summary.trainingCost, summary.numIter


def _fit_distinct(points: DataFrame, k: int, budget: Budget) -> tuple[KMeansModel, float, int] | None:
    """Fit where points repeat so much that random starts fall on equal ones: on distinct points with weights."""
    distinct = points.groupBy("point").agg(F.count("*").cast("double").alias("weight")).orderBy("point").persist()
    try:
        fits = []
        for start in range(budget.restarts):
            model = _kmeans(k, budget, start).setWeightCol("weight").fit(distinct)
            sizes = model.summary.clusterSizes
            if len(model.clusterCenters()) == k and min(sizes) > 0:
                fits.append((model, model.summary.trainingCost, model.summary.numIter))
        return min(fits, key=lambda fit: fit[1], default=None)
    finally:
        distinct.unpersist()
