"""Sums over all points become the scores of every k."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segue.clustering.agreement import agreement
from segue.clustering.fit import Fit, Sums, scored
from segue.clustering.fused.data import Data
from segue.clustering.fused.judge import Known, Verdict
from segue.clustering.fused.passes import Course
from segue.errors import ClusteringError

log = logging.getLogger(__name__)


def fit_scores(data: Data, courses: Sequence[Course], *, engine: str, restarts: int) -> list[Fit]:
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
    known = [Known.of(course.centres, course.total) for course in whole]  # type: ignore[arg-type]
    return [
        scored(
            np.ldexp(course.centres, -data.exponent),
            _sums(of, verdict, -data.exponent),
            agreement(_pairs(of, verdict, data.n_classes)),
            engine=engine,
            restarts=restarts,
            iterations=course.iterations,
        )
        for course, of, verdict in zip(whole, known, data.judged(known), strict=True)
    ]


def _sums(of: Known, verdict: Verdict, back: int) -> Sums:
    return Sums(
        sizes=of.sizes.astype(np.int64),
        means=np.ldexp(of.means, back),
        silhouettes=verdict.sums[:, 0],
        distances=np.ldexp(verdict.sums[:, 1], back),
        squares=np.ldexp(verdict.sums[:, 2], 2 * back),
    )


def _pairs(of: Known, verdict: Verdict, n_classes: int) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.zeros((len(of.sizes), n_classes), dtype=np.int64)
    counts.ravel()[verdict.pairs] = verdict.counts
    return counts
