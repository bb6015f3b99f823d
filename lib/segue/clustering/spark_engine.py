"""Fit K-means with pyspark.ml, one k after the other: the engine ``spark-ml``.

The fits and the mean silhouette are pyspark.ml's. Inertia, the silhouettes of clusters, Davies-Bouldin,
Calinski-Harabasz and the agreement with genres are computed with numpy, from sums and counts per cluster.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from py4j.protocol import Py4JJavaError
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.ml.stat import Summarizer
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.core.grid_result import (
    STABILITY_MAX_POINTS,
    STABILITY_RESTARTS,
    ClusterSums,
    Fit,
    GridOptions,
    Matrix,
    Stability,
    feasible_ks,
    fit_from_sums,
)
from segue.core.metrics import agreement
from segue.core.spark_helpers import parallel_jobs, persisted, persisted_unless_cached, repartition_deterministically
from segue.errors import ClusteringError

log = logging.getLogger(__name__)

NAME = "spark-ml"
CONCURRENT_FITS = 4
"""Number of fits to run at once. A single fit is many short Spark jobs, and leaves most executors idle."""
PARALLEL_INIT_POINTS = 20
"""Minimum number of distinct points per centre for ``k-means||``, the initialisation of every second start."""


def fit(points: DataFrame, ks: Sequence[int], options: GridOptions, *, n_points: int | None = None) -> list[Fit]:
    """Fit K-means with pyspark.ml for every k, and score the best fit of every k on all points. Runs many Spark jobs.

    For each k, ``options.restarts`` fits start from different seeds; the fit with the lowest ``trainingCost`` is
    scored. ``ClusteringEvaluator`` computes the silhouette; the other scores are computed from sums per cluster.

    Parameters
    ----------
    points : DataFrame with columns ``track_id`` (string, unique), ``point`` (vector, shape (n_features,), scaled
        units, finite) and ``genre`` (string or null)
    ks : numbers of clusters, rising, each at least 2
    options : starts, iterations, tolerance and seed; with ``subsamples`` > 0 the stability of every k is measured too
    n_points : number of rows, if known; saves a Spark job

    Returns
    -------
    list of Fit
        One per k, in the order given. Centres have shape (k, n_features) and scaled units. A k is left out, with a
        warning, if it is above the number of distinct points, or if every start fails: ``k-means||`` draws too few
        centres, or a cluster is empty at the end.

    Raises
    ------
    ClusteringError
        If there are fewer distinct points than the smallest k, or if every k is left out.

    Notes
    -----
    Stability is measured on random halves of a sample: about 20,000 tracks, or ``options.sample_size`` if less, or all
    tracks if there are fewer. Sample and halves are drawn by hashes of ``track_id`` and the seed. K-means is fitted on
    each half, from at most four starts. Two halves are compared on their common tracks, by the adjusted Rand index
    of the labels from the two models. The stability is the mean over all pairs of halves. A pair without common tracks
    is left out (the engine ``fused`` counts it as 1).

    Stability is None if a half has fewer distinct points than k, if every start on a half fails, or if no two halves
    share a track.

    References
    ----------
    P. J. Rousseeuw (1987), "Silhouettes", J. Comput. Appl. Math. 20, 53-65.
    T. Lange et al. (2004), "Stability-based validation of clustering solutions", Neural Comput. 16, 1299-1323.
    """
    with persisted_unless_cached(points), ExitStack() as stack:
        n_points = points.count() if n_points is None else n_points
        distinct = stack.enter_context(persisted(_weighted(points, n_points)))
        n_distinct = distinct.count()
        feasible = feasible_ks(ks, n_distinct)
        subsamples = _subsamples(points, n_points, options, stack) if options.subsamples else None
        fits = []
        for number, k in enumerate(feasible, start=1):
            started = time.monotonic()
            if (model := _best_model(distinct, n_distinct, k, options)) is None:
                log.warning("k %d is left out: after every start, a cluster has no tracks", k)
                continue
            scores = _score(points, model, options)
            fits.append(replace(scores, stability=_stability(subsamples, k, options)) if subsamples else scores)
            log.info(
                "k %d (%d of %d): silhouette %.3f, inertia %.6g, best of %d starts, %.1f s",
                k, number, len(feasible), scores.silhouette, scores.inertia, options.restarts,
                time.monotonic() - started,
            )  # fmt: skip
    if not fits:
        raise ClusteringError(
            f"for every k from {feasible[0]} to {feasible[-1]}, after every start, a cluster has no tracks; expected a "
            "start without empty clusters; add tracks or features, or request fewer clusters with clustering.ks"
        )
    return fits


def _weighted(points: DataFrame, n_points: int) -> DataFrame:
    """Return the distinct points (vector ``point``), each with its number of copies (double ``weight``).

    K-means with these weights has the same optimum as on all points. Initial centres drawn from distinct points all
    differ; Spark's block solver fails if two centres are equal. Partitions and order of the rows are reproducible.
    """
    array = vector_to_array(F.col("point"))
    counted = points.groupBy(array.alias("array")).agg(F.count("*").cast("double").alias("weight"))
    return repartition_deterministically(counted, n_points, "array").select(
        array_to_vector(F.col("array")).alias("point"), "weight"
    )


def _best_model(distinct: DataFrame, n_distinct: int, k: int, options: GridOptions) -> KMeansModel | None:
    """Run all starts of one k, in parallel; return the KMeansModel with the lowest ``trainingCost``.

    ``trainingCost`` is the inertia before the last move of the centres. Starts without a model (see ``_fit_start``)
    are ignored; if no start has a model, the result is None. ``distinct`` is a result of ``_weighted`` with
    ``n_distinct`` rows.
    """
    calls = [partial(_fit_start, distinct, n_distinct, k, start, options) for start in range(options.restarts)]
    models = [model for model in _run_all(distinct.sparkSession, calls) if model is not None]
    return min(models, key=lambda model: model.summary.trainingCost, default=None)


def _fit_start(distinct: DataFrame, n_distinct: int, k: int, start: int, options: GridOptions) -> KMeansModel | None:
    """Fit K-means from one start. Returns None if a cluster is empty, or if ``k-means||`` finds too few centres.

    ``start`` is the number of the start, from 0, and determines the seed. Even starts initialise the centres by
    ``k-means||`` if ``n_distinct`` is at least ``PARALLEL_INIT_POINTS`` * k. All others draw random points.
    """
    # k-means|| suits separated clusters, random overlapping ones; of few points, only random reliably draws k centres
    use_parallel = start % 2 == 0 and n_distinct >= PARALLEL_INIT_POINTS * k
    kmeans = KMeans(
        featuresCol="point",
        predictionCol="label",
        weightCol="weight",
        k=k,
        seed=(options.seed * 1_000_003 + k * 1009 + start) % 2**63,
        initMode="k-means||" if use_parallel else "random",
        maxIter=options.max_iter,
        tol=options.tol,
        # "auto" uses the slower "row" for dense vectors; "block" takes a quarter of its time
        solver="block",
    )
    try:
        model = kmeans.fit(distinct)
    except Py4JJavaError as error:
        # k-means|| may draw fewer than k centres if the whole cost comes from few points; the block solver then fails
        if use_parallel and "ArrayIndexOutOfBounds" in str(error):
            return None
        raise
    return model if min(model.summary.clusterSizes) > 0 else None


def _score(points: DataFrame, model: KMeansModel, options: GridOptions) -> Fit:
    """Score a model on all points; return its centres and scores. Runs a few Spark jobs in parallel."""
    labeled = model.transform(points)
    evaluator = ClusteringEvaluator(featuresCol="point", predictionCol="label", metricName="silhouette")
    passes = (evaluator.evaluate, _cluster_sums, _genre_counts)
    silhouette, sums, counts = _run_all(points.sparkSession, [partial(run, labeled) for run in passes])
    fit = fit_from_sums(
        np.array(model.clusterCenters()),
        sums,
        agreement(counts),
        engine=NAME,
        restarts=options.restarts,
        iterations=model.summary.numIter,
    )
    # by rounding, the silhouette may exceed 1 if every point equals its centre
    return replace(fit, silhouette=min(max(silhouette, -1.0), 1.0))


def _cluster_sums(labeled: DataFrame) -> ClusterSums:
    """Compute size, mean, and three sums of each cluster, in the order of the labels. Runs two Spark jobs.

    The sums are those of the silhouettes, the distances to the cluster's mean, and the squares of these distances.
    ``labeled`` has the columns ``point`` (vector) and ``label`` (int from 0).
    """
    summary = Summarizer.metrics("count", "mean", "variance").summary(F.col("point")).alias("summary")
    summaries = [row.summary for row in labeled.groupBy("label").agg(summary).orderBy("label").collect()]
    sizes = np.array([cluster["count"] for cluster in summaries])
    means = np.array([cluster["mean"].toArray() for cluster in summaries])
    # Summarizer divides by n - 1; the mean squared distance to the mean divides by n
    spreads = np.array([cluster["variance"].toArray().sum() for cluster in summaries]) * (sizes - 1) / sizes

    names = ["silhouette", "distance", "square"]

    def score_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            labels = batch["label"].to_numpy()
            values = batch["array"].flatten().to_numpy().reshape(len(labels), -1)
            columns = (labels, *_point_scores(values, labels, sizes, means, spreads))
            yield pa.RecordBatch.from_arrays([pa.array(column) for column in columns], ["label", *names])

    scores = labeled.select("label", vector_to_array(F.col("point")).alias("array")).mapInArrow(
        score_batches, "label int, silhouette double, distance double, square double"
    )
    sums = scores.groupBy("label").agg(*[F.sum(name).alias(name) for name in names]).orderBy("label").toArrow()
    silhouettes, distances, squares = (sums[name].to_numpy() for name in names)
    return ClusterSums(sizes=sizes, means=means, silhouettes=silhouettes, distances=distances, squares=squares)


def _point_scores(
    values: Matrix, labels: NDArray[np.int32], sizes: NDArray[np.int64], means: Matrix, spreads: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return each point's silhouette, distance and squared distance to its cluster's mean: three arrays of shape (n,).

    The mean squared distance from a point x to the points of a cluster is |x - mean|^2 + spread. For the cluster of x
    itself, with s points, this sum is multiplied by s / (s - 1): the mean over the *other* points. A point alone in its
    cluster has silhouette 0, as in scikit-learn.

    Parameters
    ----------
    values : points, shape (n, n_features)
    labels : index of each point's cluster, shape (n,)
    sizes : number of points of each cluster, shape (k,)
    means : mean of each cluster's points, shape (k, n_features)
    spreads : mean squared distance of each cluster's points to their mean, shape (k,)
    """
    each = np.arange(len(labels))
    to_means = np.stack([((values - mean) ** 2).sum(axis=1) for mean in means], axis=1)
    squares = to_means[each, labels]
    mean_squares = to_means + spreads
    size = sizes[labels]
    inside = mean_squares[each, labels] * size / np.maximum(size - 1, 1)
    mean_squares[each, labels] = np.inf
    outside = mean_squares.min(axis=1)
    silhouettes = np.where(size > 1, (outside - inside) / np.maximum(outside, inside), 0.0)
    return silhouettes, np.sqrt(squares), squares


def _genre_counts(labeled: DataFrame) -> NDArray[np.int64]:
    """Count the tracks by cluster and genre; return an integer array of shape (n_clusters, n_genres).

    Tracks without a genre are not counted. A cluster has no row if none of its tracks has a genre.
    """
    rows = labeled.where("genre is not null").groupBy("label", "genre").count().collect()
    labels, clusters = np.unique([row["label"] for row in rows], return_inverse=True)
    names, genres = np.unique([row["genre"] for row in rows], return_inverse=True)
    counts = np.zeros((len(labels), len(names)), dtype=np.int64)
    counts[clusters, genres] = [row["count"] for row in rows]
    return counts


class _Subsamples(NamedTuple):
    """Random halves of a sample of the tracks."""

    sample: DataFrame
    """Columns ``point`` and ``half_0``, ``half_1``, … (boolean: the track is in this half)."""
    distinct: list[DataFrame]
    """For each half, a DataFrame of its distinct points (``point``), each with its number of copies (``weight``)."""
    n_distinct: list[int]
    """Number of distinct points of each half."""


def _subsamples(points: DataFrame, n_points: int, options: GridOptions, stack: ExitStack) -> _Subsamples:
    """Draw a sample of the tracks, and random halves of the sample. Runs a few Spark jobs per half.

    The DataFrames are persisted until ``stack`` is closed.
    """

    def hashed(*more: int) -> Column:
        return F.xxhash64("track_id", F.lit(options.seed), *map(F.lit, more))

    share = min(1.0, min(STABILITY_MAX_POINTS, options.sample_size) / n_points)
    in_sample = F.pmod(hashed(), F.lit(2**20)) < max(1, round(2**20 * share))
    in_half = [(F.pmod(hashed(half), F.lit(2)) == 0).alias(f"half_{half}") for half in range(options.subsamples)]
    sample = stack.enter_context(persisted(points.where(in_sample).select("point", *in_half)))
    frames = [sample.where(f"half_{half}") for half in range(options.subsamples)]
    distinct = [stack.enter_context(persisted(_weighted(frame, frame.count()))) for frame in frames]
    return _Subsamples(sample, distinct, [half.count() for half in distinct])


def _stability(subsamples: _Subsamples, k: int, options: GridOptions) -> Stability | None:
    """Measure the stability of one k: the agreement of K-means fits on random halves of the sample.

    K-means is fitted on each half. Two halves are compared on their common tracks, by the adjusted Rand index of the
    labels from the two models. The result has the mean and standard deviation over all pairs of halves with common
    tracks. The result is None if a half has fewer distinct points than k, if ``_best_model`` returns None for a half,
    or if no two halves share a track.
    """
    if k > min(subsamples.n_distinct):
        return None
    fewer_starts = replace(options, restarts=min(options.restarts, STABILITY_RESTARTS))
    labeled = subsamples.sample
    for half, (distinct, n_distinct) in enumerate(zip(subsamples.distinct, subsamples.n_distinct, strict=True)):
        if (model := _best_model(distinct, n_distinct, k, fewer_starts)) is None:
            return None
        labeled = model.setPredictionCol(f"label_{half}").transform(labeled)
    table = labeled.drop("point").toArrow()
    labels = [table[f"label_{half}"].to_numpy() for half in range(options.subsamples)]
    member = [table[f"half_{half}"].to_numpy() for half in range(options.subsamples)]
    indices = []
    for a, b in combinations(range(options.subsamples), 2):
        both = member[a] & member[b]
        counts = np.bincount(labels[a][both] * k + labels[b][both], minlength=k * k).reshape(k, k)
        # the index is None if the two halves share no track
        if (index := agreement(counts).ari) is not None:
            indices.append(index)
    return Stability(float(np.mean(indices)), float(np.std(indices)), options.subsamples) if indices else None


def _run_all(spark: SparkSession, calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call functions in parallel, up to ``CONCURRENT_FITS`` at once; return a list of their results, in order.

    The first error in a call cancels the Spark jobs of the others, and is raised.
    """
    with parallel_jobs(spark, CONCURRENT_FITS) as submit:
        futures = [submit(call) for call in calls]
        for future in as_completed(futures):
            future.result()
    return [future.result() for future in futures]
