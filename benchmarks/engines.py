"""Run segue's grid, pyspark.ml and scikit-learn over the same cached points and the same k, and time them."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from common import Matrix, progress
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.cluster import KMeans as LocalKMeans

from segue.kmeans_grid.estimator import KMeansGrid

SEGUE, BLOCK, DEFAULT, SKLEARN = "segue", "pyspark.ml block", "pyspark.ml default", "scikit-learn"
WARM_UP_ROWS = 2_000


class Task(NamedTuple):
    """The input of every engine."""

    points: DataFrame
    """Cached DataFrame with ``track_id``, ``genre`` and ``point`` (vector)."""
    rows: Matrix
    """The same points on the driver, shape (n_points, n_features)."""
    ks: Sequence[int]
    restarts: int


class Fit(NamedTuple):
    """The centres and scores of one k, fitted by one engine."""

    k: int
    centres: Matrix
    silhouette: float | None
    iterations: int
    seconds: float | None
    """Seconds for this k; None if the engine fits all k at once."""
    score_seconds: float | None = None
    """The part of ``seconds`` for the silhouette; None if not measured."""


def fit_segue(task: Task, seed: int) -> Iterator[Fit]:
    """Fit and score every k with KMeansGrid, which also computes the agreement with genres."""
    grid = KMeansGrid(
        featuresCol="point", idCol="track_id", classCol="genre", ks=task.ks, restarts=task.restarts, seed=seed
    )
    for score in grid.fit(task.points).scores:
        yield Fit(score.k, np.array(score.centres), score.silhouette, score.iterations, None)


def fit_spark_ml(task: Task, seed: int, solver: str) -> Iterator[Fit]:
    """Fit every k with pyspark.ml, from one start, and compute its silhouette. pyspark.ml has no restarts."""
    evaluator = ClusteringEvaluator(featuresCol="point")
    for k in task.ks:
        started = time.monotonic()
        model = KMeans(featuresCol="point", k=k, seed=seed, solver=solver).fit(task.points)
        fitted = time.monotonic()
        silhouette = evaluator.evaluate(model.transform(task.points))
        ended = time.monotonic()
        centres = np.array(model.clusterCenters())
        yield Fit(k, centres, silhouette, model.summary.numIter, ended - started, ended - fitted)


def fit_scikit_learn(task: Task, seed: int) -> Iterator[Fit]:
    """Fit every k with scikit-learn on all cores of the driver. Computes no silhouette, because it would be O(n^2)."""
    for k in task.ks:
        started = time.monotonic()
        model = LocalKMeans(k, n_init=task.restarts, random_state=seed).fit(task.rows)
        yield Fit(k, model.cluster_centers_, None, model.n_iter_, time.monotonic() - started)


ENGINES: dict[str, Callable[[Task, int], Iterator[Fit]]] = {
    SEGUE: fit_segue,
    BLOCK: lambda task, seed: fit_spark_ml(task, seed, "block"),
    # the default of KMeans()
    DEFAULT: lambda task, seed: fit_spark_ml(task, seed, "auto"),
    SKLEARN: fit_scikit_learn,
}


def run(engine: str, task: Task, seed: int) -> tuple[list[Fit], float]:
    """Run one engine; return one Fit per k, and the total seconds."""
    started = time.monotonic()
    fits = list(ENGINES[engine](task, seed))
    seconds = time.monotonic() - started
    progress(f"{engine}, seed {seed}: {seconds:.1f} s")
    return fits, seconds


def warm_up(task: Task, names: Sequence[str]) -> None:
    """Run the named engines once on a sample. So later timings exclude JIT compilation and the start of workers."""
    share = min(1.0, WARM_UP_ROWS / len(task.rows))
    sample = task.points.where(F.xxhash64("track_id") < F.lit(int((share - 0.5) * 2.0**64 * 0.999))).cache()
    started = time.monotonic()
    small = Task(sample, task.rows[:WARM_UP_ROWS], (2, 3), 1)
    for name in names:
        list(ENGINES[name](small, 0))
    # the grid handles so few points on the driver; a smaller sampleSize makes it start the workers too
    grid = KMeansGrid(featuresCol="point", idCol="track_id", classCol="genre", ks=[2, 3], restarts=1, sampleSize=300)
    grid.fit(sample)
    sample.unpersist()
    progress(f"warmed up {', '.join(names)} in {time.monotonic() - started:.1f} s")
