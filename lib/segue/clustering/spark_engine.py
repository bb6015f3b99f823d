"""Engine: pyspark.ml's KMeans and ClusteringEvaluator, one k after the other."""

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from py4j.protocol import Py4JJavaError
from pyspark import inheritable_thread_target
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from segue.core.grid_result import Fit, GridOptions, feasible_ks
from segue.core.spark_helpers import repartition_deterministically
from segue.errors import ClusteringError
from segue.kmeans_grid.engine import fit_scores
from segue.kmeans_grid.lloyd import LloydState
from segue.kmeans_grid.points import load_points
from segue.kmeans_grid.sampling import sample_points
from segue.kmeans_grid.stability import with_stability

log = logging.getLogger(__name__)
NAME = "spark-ml"
PARALLEL_FROM = 20
"""Distinct points per centre from which on k-means|| is tried."""
AT_ONCE = 4
"""Fits that share the cluster: each is many short jobs, which leave it idle in between."""


def fit(points: DataFrame, ks: Sequence[int], budget: GridOptions) -> list[Fit]:
    """Fit and score K-means for every k: the best of several starts, its silhouette from ClusteringEvaluator.

    Parameters
    ----------
    points : columns ``track_id``, ``point`` (vector, shape (n_features,), scaled units) and ``genre``
    ks : numbers of clusters
    budget : how hard to look

    Returns
    -------
    list of Fit
        One per k, without those that no start found (with a warning).

    Raises
    ------
    ClusteringError
        If there are fewer distinct points than the smallest k, or no k was found.
    """
    points = points.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        return _fit(points, ks, budget)
    finally:
        points.unpersist()


def _fit(points: DataFrame, ks: Sequence[int], budget: GridOptions) -> list[Fit]:
    weighted = _weighted(points).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        n_distinct = weighted.count()
        found = list(_fit_candidates(points, weighted, feasible_ks(ks, n_distinct), n_distinct, budget))
    finally:
        weighted.unpersist()
    if not found:
        raise ClusteringError(f"no start found k = {ks[0]} to {ks[-1]} clusters that all have tracks")
    data = load_points(points, features="point", class_column="genre", max_local=budget.sample_size)
    try:
        courses = [LloydState(np.ldexp(c.centres, data.exponent), c.iterations) for c in found]
        for course, total in zip(courses, data.centre_sums([c.centres for c in courses]), strict=True):
            course.sums = total
        fits = fit_scores(data, courses, engine=NAME, restarts=budget.restarts)
        fits = with_stability(
            fits,
            sample_points(vector_to_array(F.col("point")), points, data, "track_id", budget.sample_size),
            budget,
            data.bits,
        )
    finally:
        data.release()
    silhouettes = {c.k: c.silhouette for c in found}
    return [replace(fit, silhouette=silhouettes[fit.k]) for fit in fits]


class _Candidate(NamedTuple):
    """The best start for one k."""

    k: int
    centres: NDArray[np.float64]
    silhouette: float
    iterations: int


def _fit_candidates(
    points: DataFrame, weighted: DataFrame, ks: Sequence[int], n_distinct: int, budget: GridOptions
) -> Iterator[_Candidate]:
    evaluator = ClusteringEvaluator(featuresCol="point", predictionCol="label", metricName="silhouette")
    in_session = inheritable_thread_target(points.sparkSession)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for place, k in enumerate(ks, start=1):
            begun = time.monotonic()
            starts = [
                pool.submit(in_session(_fit_start), weighted, k, budget, start, _start_mode(k, start, n_distinct))
                for start in range(budget.restarts)
            ]
            whole = [fit for start in starts if (fit := start.result())]
            if not whole:
                log.warning("k %d: left out, since every start lost a cluster on the way", k)
                continue
            best = min(whole, key=lambda fit: fit.inertia)
            # rounding may carry a perfect silhouette past 1
            silhouette = min(max(evaluator.evaluate(best.model.transform(points)), -1.0), 1.0)
            log.info(
                "k %d (%d of %d): silhouette %.3f, inertia %.6g, best of %d starts, %.1f s",
                k, place, len(ks), silhouette, best.inertia, budget.restarts, time.monotonic() - begun,
            )  # fmt: skip
            yield _Candidate(k, np.array(best.model.clusterCenters()), silhouette, best.iterations)


def _weighted(points: DataFrame) -> DataFrame:
    """Return each distinct point once, with how often it occurs as ``weight``, in an order of their own.

    The clusters are the same, and no start can fall on two equal points: the block solver fails there.
    """
    array = vector_to_array(F.col("point"))
    counted = points.groupBy(array.alias("array")).agg(F.count("*").cast("double").alias("weight"))
    in_order = repartition_deterministically(counted, points.count(), "array")
    return in_order.select(array_to_vector(F.col("array")).alias("point"), "weight")


class _Start(NamedTuple):
    model: KMeansModel
    inertia: float
    iterations: int


def _start_mode(k: int, start: int, n_distinct: int) -> str:
    """Return how a start chooses its first centres.

    Starts take turns: ``k-means||`` finds clusters far apart, ``random`` often does better where all lie close.
    Among few points only ``random`` is sure to choose k of them.
    """
    return "k-means||" if start % 2 == 0 and n_distinct >= PARALLEL_FROM * k else "random"


def _fit_start(weighted: DataFrame, k: int, budget: GridOptions, start: int, mode: str) -> _Start | None:
    """Return the fit of one start, or None where it ended with fewer than k clusters."""
    kmeans = KMeans(
        featuresCol="point",
        predictionCol="label",
        weightCol="weight",
        k=k,
        seed=(budget.seed * 1_000_003 + k * 1009 + start) % 2**63,
        initMode=mode,
        maxIter=budget.max_iter,
        tol=budget.tol,
        # "auto" never takes the block solver for dense vectors, which needs a quarter of the time
        solver="block",
    )
    try:
        model = kmeans.fit(weighted)
    except Py4JJavaError as error:
        # where few points make up all the cost, k-means|| may choose fewer than k: the block solver cannot go on
        if mode == "random" or "ArrayIndexOutOfBounds" not in str(error):
            raise
        return None
    summary = model.summary
    if len(summary.clusterSizes) < k or min(summary.clusterSizes) == 0:
        return None
    return _Start(model, summary.trainingCost, summary.numIter)
