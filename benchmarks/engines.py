"""segue and its peers behind one shape: a grid of k over the same cached points, timed."""

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
WARM_ROWS = 2_000


class Task(NamedTuple):
    """What every engine is given."""

    points: DataFrame
    """Cached, with ``track_id``, ``genre`` and ``point``."""
    rows: Matrix
    """The same points on the driver."""
    ks: Sequence[int]
    restarts: int


class Found(NamedTuple):
    """The clusters of one k."""

    k: int
    centres: Matrix
    silhouette: float | None
    iterations: int
    seconds: float | None
    """None where all k were found at once."""
    score_seconds: float | None = None
    """The part of ``seconds`` that went into the silhouette."""


def segue(task: Task, seed: int) -> Iterator[Found]:
    """Fit and score every k at once: the model, the silhouettes and all other scores, agreement with genres too."""
    grid = KMeansGrid(
        featuresCol="point", idCol="track_id", classCol="genre", ks=task.ks, restarts=task.restarts, seed=seed
    )
    for score in grid.fit(task.points).scores:
        yield Found(score.k, np.array(score.centres), score.silhouette, score.iterations, None)


def spark_ml(task: Task, seed: int, solver: str) -> Iterator[Found]:
    """Fit every k with one start, which is all that pyspark.ml offers, and evaluate its silhouette."""
    evaluator = ClusteringEvaluator(featuresCol="point")
    for k in task.ks:
        begun = time.monotonic()
        model = KMeans(featuresCol="point", k=k, seed=seed, solver=solver).fit(task.points)
        fitted = time.monotonic()
        silhouette = evaluator.evaluate(model.transform(task.points))
        done = time.monotonic()
        centres = np.array(model.clusterCenters())
        yield Found(k, centres, silhouette, model.summary.numIter, done - begun, done - fitted)


def scikit_learn(task: Task, seed: int) -> Iterator[Found]:
    """Fit every k on the driver, on all rows, with all its threads; its silhouette would need all pairs of rows."""
    for k in task.ks:
        begun = time.monotonic()
        model = LocalKMeans(k, n_init=task.restarts, random_state=seed).fit(task.rows)
        yield Found(k, model.cluster_centers_, None, model.n_iter_, time.monotonic() - begun)


ENGINES: dict[str, Callable[[Task, int], Iterator[Found]]] = {
    SEGUE: segue,
    BLOCK: lambda task, seed: spark_ml(task, seed, "block"),
    # "auto" is what KMeans() has
    DEFAULT: lambda task, seed: spark_ml(task, seed, "auto"),
    SKLEARN: scikit_learn,
}


def run(engine: str, task: Task, seed: int) -> tuple[list[Found], float]:
    """Return the clusters of every k, and the seconds they took in all."""
    begun = time.monotonic()
    found = list(ENGINES[engine](task, seed))
    seconds = time.monotonic() - begun
    progress(f"{engine}, seed {seed}: {seconds:.1f} s")
    return found, seconds


def warm(task: Task, names: Sequence[str]) -> None:
    """Run the named engines once on a few points, so that compilers and workers are there before anything is timed."""
    share = min(1.0, WARM_ROWS / len(task.rows))
    few = task.points.where(F.xxhash64("track_id") < F.lit(int((share - 0.5) * 2.0**64 * 0.999))).cache()
    begun = time.monotonic()
    small = Task(few, task.rows[:WARM_ROWS], (2, 3), 1)
    for name in names:
        list(ENGINES[name](small, 0))
    # few points stay on the driver: a smaller sample sends them the way that many take
    KMeansGrid(featuresCol="point", idCol="track_id", classCol="genre", ks=[2, 3], restarts=1, sampleSize=300).fit(few)
    few.unpersist()
    progress(f"{', '.join(names)} are warm after {time.monotonic() - begun:.1f} s")
