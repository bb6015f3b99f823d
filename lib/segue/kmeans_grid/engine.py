"""Every k of a grid: found on a sample, moved and scored over all points in a few passes."""

import logging
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.core.grid_result import ClusterSums, Fit, GridOptions, feasible_ks, fit_from_sums
from segue.core.metrics import agreement
from segue.errors import ClusteringError
from segue.kmeans_grid import kernel, lloyd, sampling, search
from segue.kmeans_grid.blocks import Blocks
from segue.kmeans_grid.kernel import Points
from segue.kmeans_grid.lloyd import CheckpointStore, LloydState
from segue.kmeans_grid.points import LocalPoints, PointSet, load_points
from segue.kmeans_grid.scoring import CentreStats, ScoreSums
from segue.kmeans_grid.seeding import Start
from segue.kmeans_grid.stability import with_stability
from segue.kmeans_grid.worker_pool import WorkerPool

log = logging.getLogger(__name__)
NAME = "fused"
POINTS_PER_CENTRE = 100
"""The sample holds at least so many points for each centre of the largest k."""


def fit(
    points: DataFrame,
    ks: Sequence[int],
    budget: GridOptions,
    *,
    features: str = "point",
    id_column: str | None = None,
    class_column: str | None = None,
    n_points: int | None = None,
    bound: float | None = None,
    memory: CheckpointStore | None = None,
) -> list[Fit]:
    """Fit and score K-means for every k.

    Parameters
    ----------
    points : with ``features`` (vector, shape (n_features,)) and, where named, an id and a class of each point; read
        twice and a half, so cached if they are costly to make
    ks : numbers of clusters, rising
    budget : how hard to look
    n_points, bound : how many there are, and the largest size of any value, if known; each saves a pass
    memory : keeps the state of a grid over many points, so that an interrupted one goes on

    Returns
    -------
    list of Fit
        One per k, without those above the number of distinct points (with a warning).

    Raises
    ------
    ClusteringError
        If there are fewer distinct points than the smallest k, or a value is missing or not finite.
    """
    most = max(budget.sample, POINTS_PER_CENTRE * ks[-1])
    n_points = points.count() if n_points is None else n_points
    with WorkerPool() as hands:
        if n_points >= search.FIRST_POINTS:  # else they would take longer to come than to work
            hands.begin()
        data = load_points(
            points, features=features, class_column=class_column, most=most, n_points=n_points, bound=bound
        )
        if not isinstance(data, Blocks):
            return _fit_local(data, ks, budget, hands)
        try:
            return _fit_distributed(data, points, features, id_column, ks, most, budget, memory, hands)
        finally:
            data.release()


def _fit_local(data: LocalPoints, ks: Sequence[int], budget: GridOptions, hands: WorkerPool) -> list[Fit]:
    tried = feasible_ks(ks, len(np.unique(data.sample.rows, axis=0)))
    courses = [
        LloydState(start.centres, start.iterations) for start in _search(data.sample, tried, budget, data, hands)
    ]
    for course, total in zip(courses, data.totals([c.centres for c in courses]), strict=True):
        course.total = total
    fits = fit_scores(data, courses, engine=NAME, restarts=budget.restarts)
    return with_stability(fits, data.sample, budget, data.bits, hands)


def _fit_distributed(
    data: Blocks,
    points: DataFrame,
    features: str,
    id_column: str | None,
    ks: Sequence[int],
    most: int,
    budget: GridOptions,
    memory: CheckpointStore | None,
    hands: WorkerPool,
) -> list[Fit]:
    if len(data) > kernel.max_points(data.n_features):
        most_exact = kernel.max_points(data.n_features)
        log.warning("%d points: the sums of a cluster of more than %d are not exact", len(data), most_exact)
    stand_in, tried = _sample(points, features, data, id_column, ks, most)
    about = [len(data), data.exponent, most, budget.restarts, budget.seed]
    done, courses = _restored(tried, data, memory, about) or (
        0,
        [LloydState(start.centres) for start in _search(stand_in, tried, budget, data, hands)],
    )
    tol = float(np.ldexp(budget.tol, data.exponent))
    lloyd.run_lloyd(data, courses, stand_in, max_iter=budget.max_iter, tol=tol, memory=memory, about=about, done=done)
    fits = fit_scores(data, courses, engine=NAME, restarts=budget.restarts)
    return with_stability(fits, stand_in, budget, data.bits, hands)


def _sample(
    points: DataFrame, features: str, blocks: Blocks, id_column: str | None, ks: Sequence[int], most: int
) -> tuple[Points, list[int]]:
    """Return the points that stand for all, and the k that there are enough different points for."""
    point = vector_to_array(F.col(features))
    drawn = sampling.drawn(point, points, blocks, id_column, most)
    if len(np.unique(drawn.rows, axis=0)) >= ks[-1]:
        return drawn, list(ks)
    # most points are equal: all different ones, as often as they occur, tell more
    distinct, n = sampling.distinct(point, points, blocks, most)
    return distinct, feasible_ks(ks, n)


def _restored(
    ks: Sequence[int], data: PointSet, memory: CheckpointStore | None, about: Sequence[float]
) -> tuple[int, list[LloydState]] | None:
    text = memory.load() if memory else None
    kept = lloyd.restore_states(text, ks, data.n_features, about) if text else None
    if kept:
        log.info("going on after pass %d of an interrupted grid", kept[0])
    return kept


def _search(points: Points, ks: Sequence[int], budget: GridOptions, data: PointSet, hands: WorkerPool) -> list[Start]:
    begun = time.monotonic()
    found = search.search(points, ks, restarts=budget.restarts, seed=budget.seed, bits=data.bits, hands=hands)
    log.info(
        "k %s: %d restarts each, and their exchanges, on %d of %d points, %.1f s",
        lloyd.format_ranges(ks), budget.restarts, len(points), len(data), time.monotonic() - begun,
    )  # fmt: skip
    return found


def fit_scores(data: PointSet, courses: Sequence[LloydState], *, engine: str, restarts: int) -> list[Fit]:
    """Return the fits, scored in one more pass over all points, without those that have lost a cluster.

    Parameters
    ----------
    data : all points
    courses : one for each k, each with its ``total``
    engine, restarts : how the centres were found

    Raises
    ------
    ClusteringError
        If no k is left.
    """
    whole = []
    for course in courses:
        if course.total is not None and (course.total[:, -2] > 0).all():
            whole.append(course)
        else:
            log.warning("k %d: left out, since a cluster lost its points on the way", len(course.centres))
    if not whole:
        raise ClusteringError("no k was left whose clusters all have points")
    known = [CentreStats.of(course.centres, course.total) for course in whole]  # type: ignore[arg-type]
    return [
        fit_from_sums(
            np.ldexp(course.centres, -data.exponent),
            _sums(of, verdict, -data.exponent),
            agreement(_pairs(of, verdict, data.n_classes)),
            engine=engine,
            restarts=restarts,
            iterations=course.iterations,
        )
        for course, of, verdict in zip(whole, known, data.judged(known), strict=True)
    ]


def _sums(of: CentreStats, verdict: ScoreSums, back: int) -> ClusterSums:
    return ClusterSums(
        sizes=of.sizes.astype(np.int64),
        means=np.ldexp(of.means, back),
        silhouettes=verdict.sums[:, 0],
        distances=np.ldexp(verdict.sums[:, 1], back),
        squares=np.ldexp(verdict.sums[:, 2], 2 * back),
    )


def _pairs(of: CentreStats, verdict: ScoreSums, n_classes: int) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.zeros((len(of.sizes), n_classes), dtype=np.int64)
    counts.ravel()[verdict.pairs] = verdict.counts
    return counts
