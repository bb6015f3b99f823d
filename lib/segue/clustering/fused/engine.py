"""Every k of a grid: found on a sample, moved and scored over all points in a few passes."""

import logging
import time
from collections.abc import Sequence

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segue.clustering.fit import Budget, Fit
from segue.clustering.fused import kernel, passes, sample, search
from segue.clustering.fused.blocks import Blocks
from segue.clustering.fused.data import Data, gather
from segue.clustering.fused.hands import Hands
from segue.clustering.fused.kernel import Points
from segue.clustering.fused.local import LocalPoints
from segue.clustering.fused.passes import Course, Memory
from segue.clustering.fused.scoring import fit_scores
from segue.clustering.fused.stability import with_stability
from segue.clustering.fused.starts import Start
from segue.clustering.possible import possible

log = logging.getLogger(__name__)

NAME = "fused"
POINTS_PER_CENTRE = 100
"""The sample holds at least so many points for each centre of the largest k."""


def fit(
    points: DataFrame,
    ks: Sequence[int],
    budget: Budget,
    *,
    features: str = "point",
    id_column: str | None = None,
    class_column: str | None = None,
    n_points: int | None = None,
    bound: float | None = None,
    memory: Memory | None = None,
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
    with Hands() as hands:
        if n_points >= search.FIRST_POINTS:  # else they would take longer to come than to work
            hands.begin()
        data = gather(points, features=features, class_column=class_column, most=most, n_points=n_points, bound=bound)
        if not isinstance(data, Blocks):
            return _fit_few(data, ks, budget, hands)
        try:
            return _fit_many(data, points, features, id_column, ks, most, budget, memory, hands)
        finally:
            data.release()


def _fit_few(data: LocalPoints, ks: Sequence[int], budget: Budget, hands: Hands) -> list[Fit]:
    tried = possible(ks, len(np.unique(data.sample.rows, axis=0)))
    courses = [Course(start.centres, start.iterations) for start in _searched(data.sample, tried, budget, data, hands)]
    for course, total in zip(courses, data.totals([c.centres for c in courses]), strict=True):
        course.total = total
    fits = fit_scores(data, courses, engine=NAME, restarts=budget.restarts)
    return with_stability(fits, data.sample, budget, data.bits, hands)


def _fit_many(
    data: Blocks,
    points: DataFrame,
    features: str,
    id_column: str | None,
    ks: Sequence[int],
    most: int,
    budget: Budget,
    memory: Memory | None,
    hands: Hands,
) -> list[Fit]:
    if len(data) > kernel.most_points(data.n_features):
        most_exact = kernel.most_points(data.n_features)
        log.warning("%d points: the sums of a cluster of more than %d are not exact", len(data), most_exact)
    stand_in, tried = _sample(points, features, data, id_column, ks, most)
    about = [len(data), data.exponent, most, budget.restarts, budget.seed]
    done, courses = _kept(tried, data, memory, about) or (
        0,
        [Course(start.centres) for start in _searched(stand_in, tried, budget, data, hands)],
    )
    tol = float(np.ldexp(budget.tol, data.exponent))
    passes.run(data, courses, stand_in, max_iter=budget.max_iter, tol=tol, memory=memory, about=about, done=done)
    fits = fit_scores(data, courses, engine=NAME, restarts=budget.restarts)
    return with_stability(fits, stand_in, budget, data.bits, hands)


def _sample(
    points: DataFrame, features: str, blocks: Blocks, id_column: str | None, ks: Sequence[int], most: int
) -> tuple[Points, list[int]]:
    """Return the points that stand for all, and the k that there are enough different points for."""
    point = vector_to_array(F.col(features))
    drawn = sample.drawn(point, points, blocks, id_column, most)
    if len(np.unique(drawn.rows, axis=0)) >= ks[-1]:
        return drawn, list(ks)
    # most points are equal: all different ones, as often as they occur, tell more
    distinct, n = sample.distinct(point, points, blocks, most)
    return distinct, possible(ks, n)


def _kept(
    ks: Sequence[int], data: Data, memory: Memory | None, about: Sequence[float]
) -> tuple[int, list[Course]] | None:
    text = memory.load() if memory else None
    kept = passes.resumed(text, ks, data.n_features, about) if text else None
    if kept:
        log.info("going on after pass %d of an interrupted grid", kept[0])
    return kept


def _searched(points: Points, ks: Sequence[int], budget: Budget, data: Data, hands: Hands) -> list[Start]:
    begun = time.monotonic()
    found = search.search(points, ks, restarts=budget.restarts, seed=budget.seed, bits=data.bits, hands=hands)
    log.info(
        "k %s: %d restarts each, and their exchanges, on %d of %d points, %.1f s",
        passes.spans(ks), budget.restarts, len(points), len(data), time.monotonic() - begun,
    )  # fmt: skip
    return found
