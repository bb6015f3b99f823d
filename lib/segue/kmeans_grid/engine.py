"""Fit and score K-means for every k: find centres on a sample, then improve and score them in passes over all data."""

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
from segue.kmeans_grid import kernel, lloyd, search
from segue.kmeans_grid.blocks import Blocks
from segue.kmeans_grid.kernel import Points
from segue.kmeans_grid.lloyd import CheckpointStore, LloydState
from segue.kmeans_grid.points import LocalPoints, PointSet, distinct_points, draw_sample, load_points
from segue.kmeans_grid.scoring import CentreStats, ScoreSums
from segue.kmeans_grid.search import with_stability
from segue.kmeans_grid.seeding import Solution
from segue.kmeans_grid.worker_pool import WorkerPool

log = logging.getLogger(__name__)
NAME = "fused"
POINTS_PER_CENTRE = 100
"""Minimum number of sampled points per centre of the largest k."""


def fit(
    points: DataFrame,
    ks: Sequence[int],
    options: GridOptions,
    *,
    features: str = "point",
    id_column: str | None = None,
    class_column: str | None = None,
    n_points: int | None = None,
    bound: float | None = None,
    checkpoint: CheckpointStore | None = None,
) -> list[Fit]:
    """Fit and score K-means for every k, on the driver for few points, in Spark jobs for many.

    If there are at most S points, all are loaded into the driver's memory, with one or two Spark jobs. If there are
    more, the points stay on the executors, only a sample of about S points is loaded, and about ``max_iter`` + 8 Spark
    jobs run. S is ``options.sample_size`` or, if larger, 100 times the largest k.

    Parameters
    ----------
    points : DataFrame with the columns named by the parameters below
        Up to six Spark jobs read it: cache it if it is expensive to compute.
    ks : numbers of clusters, rising
    options : restarts, iterations, tolerance, seed, sample size, subsamples
    features : name of a vector column, shape (n_features,)
    id_column : name of a column with a unique id of each row, or None
        The sample is drawn by a hash of the id. Without ids, it is drawn by a hash of the vector, after a shuffle.
    class_column : name of a column with the known class of each row, such as its genre, or null; None for no classes
    n_points : number of rows, if known; saves a Spark job
    bound : upper bound of the absolute values of all coordinates, if known; saves a Spark job for more than S points
    checkpoint : stores the progress after each pass over the points; not used if there are at most S points
        An interrupted fit continues after the last stored pass.

    Returns
    -------
    list of Fit
        The centres and scores of each k, in the order of ``ks``. A k is left out, with a warning, if it is above the
        number of distinct points, or if one of its clusters is empty.

    Raises
    ------
    ClusteringError
        If there are fewer distinct points than the smallest k, a value is missing or not finite, or every k is left
        out.
    """
    sample_size = max(options.sample_size, POINTS_PER_CENTRE * ks[-1])
    n_points = points.count() if n_points is None else n_points
    with WorkerPool() as pool:
        if n_points >= search.FIRST_POINTS:  # with fewer points, starting processes would take longer than the search
            pool.start()
        data = load_points(
            points, features=features, class_column=class_column, max_local=sample_size, n_points=n_points, bound=bound
        )
        if not isinstance(data, Blocks):
            return _fit_local(data, ks, options, pool)
        try:
            sample, feasible = _sample(points, features, data, id_column, ks, sample_size)
            return _fit_blocks(data, sample, feasible, sample_size, options, checkpoint, pool)
        finally:
            data.release()


def _fit_local(data: LocalPoints, ks: Sequence[int], options: GridOptions, pool: WorkerPool) -> list[Fit]:
    """Fit and score each feasible k on points in the driver's memory.

    ``_search`` runs Lloyd's iterations on all points until they converge (at most ``search.MAX_ITERATIONS``), so none
    follow here.
    """
    feasible = feasible_ks(ks, len(np.unique(data.sample.rows, axis=0)))
    solutions = _search(data.sample, feasible, options, data, pool)
    states = [LloydState(solution.centres, solution.iterations) for solution in solutions]
    for state, sums in zip(states, data.centre_sums([s.centres for s in states]), strict=True):
        state.sums = sums
    fits = score_fits(data, states, engine=NAME, restarts=options.restarts)
    return with_stability(fits, data.sample, options, data.bits, pool)


def _fit_blocks(
    data: Blocks,
    sample: Points,
    ks: Sequence[int],
    sample_size: int,
    options: GridOptions,
    checkpoint: CheckpointStore | None,
    pool: WorkerPool,
) -> list[Fit]:
    """Fit and score every k on points on the executors. Runs at most ``max_iter`` + 2 Spark jobs.

    Starting centres are searched on ``sample``. Lloyd's iterations then run over all points. A stored checkpoint is
    used only if it was saved by a fit with the same ``ks``, number of features, number of points, exponent of the
    points, ``sample_size`` (the requested size of the sample), restarts and seed.
    """
    max_exact = kernel.max_points(data.n_features)
    if len(data) > max_exact:
        log.warning("%d points: sums over a cluster of more than %d points are not exact", len(data), max_exact)
    fingerprint = [len(data), data.exponent, sample_size, options.restarts, options.seed]
    restored = _restore(ks, data, checkpoint, fingerprint)
    passes, states = restored or (0, [LloydState(s.centres) for s in _search(sample, ks, options, data, pool)])
    tol = float(np.ldexp(options.tol, data.exponent))
    lloyd.run_lloyd(
        data,
        states,
        sample,
        max_iter=options.max_iter,
        tol=tol,
        checkpoint=checkpoint,
        fingerprint=fingerprint,
        passes=passes,
    )
    fits = score_fits(data, states, engine=NAME, restarts=options.restarts)
    return with_stability(fits, sample, options, data.bits, pool)


def _sample(
    points: DataFrame, features: str, blocks: Blocks, id_column: str | None, ks: Sequence[int], size: int
) -> tuple[Points, list[int]]:
    """Draw a sample of about ``size`` points; return the sample and the feasible ``ks``. Runs one to three Spark jobs.

    A k is feasible if the data have at least k distinct points. If the sample has fewer distinct points than the
    largest k, it is replaced by up to ``size`` distinct points, with two more jobs. ``points`` has the vector column
    ``features``; ``blocks`` are the same points, packed.
    """
    point = vector_to_array(F.col(features))
    sample = draw_sample(point, points, blocks, id_column, size)
    if len(np.unique(sample.rows, axis=0)) >= ks[-1]:
        return sample, list(ks)
    # most points are equal; on such a sample the largest k could not be fitted
    distinct, n_distinct = distinct_points(point, points, blocks, size)
    return distinct, feasible_ks(ks, n_distinct)


def _restore(
    ks: Sequence[int], data: PointSet, checkpoint: CheckpointStore | None, fingerprint: Sequence[float]
) -> tuple[int, list[LloydState]] | None:
    """Restore an interrupted fit from its checkpoint: the number of passes made, and the LloydState of each k.

    Returns None if there is no checkpoint, or if it is invalid or belongs to another fit. A checkpoint of the same fit
    has the same ``ks``, number of features and ``fingerprint``. A fingerprint is a list of numbers, such as the number
    of points and the seed.
    """
    text = checkpoint.load() if checkpoint else None
    restored = lloyd.restore_states(text, ks, data.n_features, fingerprint) if text else None
    if restored:
        log.info("continuing after pass %d of an interrupted grid", restored[0])
    return restored


def _search(
    points: Points, ks: Sequence[int], options: GridOptions, data: PointSet, pool: WorkerPool
) -> list[Solution]:
    """Search the best centres of every k on ``points``; return one Solution per k. Logs the seconds."""
    started = time.monotonic()
    solutions = search.search(points, ks, restarts=options.restarts, seed=options.seed, bits=data.bits, pool=pool)
    log.info(
        "k %s: starting centres by %d restarts each and exchanges of centres, on %d of %d points, %.1f s",
        lloyd.format_ranges(ks), options.restarts, len(points), len(data), time.monotonic() - started,
    )  # fmt: skip
    return solutions


def score_fits(data: PointSet, states: Sequence[LloydState], *, engine: str, restarts: int) -> list[Fit]:
    """Score the centres of every k on all points. Runs one Spark job for Blocks, none for LocalPoints.

    Parameters
    ----------
    data : all points, in the driver's memory (LocalPoints) or on the executors (Blocks)
    states : one LloydState per k after Lloyd's iterations, with its ``sums``
    engine, restarts : name of the engine and number of restarts, copied into each Fit

    Returns
    -------
    list of Fit
        One per k. A k with an empty cluster is left out, with a warning.

    Raises
    ------
    ClusteringError
        If every k is left out.
    """
    complete = []
    for state in states:
        if state.sums is not None and (state.sums[:, -2] > 0).all():
            complete.append(state)
        else:
            log.warning("k %d: left out, since a cluster has no points after the last iteration", len(state.centres))
    if not complete:
        raise ClusteringError(
            "no k is left whose clusters all have points; request fewer clusters or more restarts, with clustering.ks "
            "or clustering.restarts"
        )
    stats = [CentreStats.of(state.centres, state.sums) for state in complete]  # type: ignore[arg-type]
    return [
        fit_from_sums(
            np.ldexp(state.centres, -data.exponent),
            _cluster_sums(centre_stats, scores, -data.exponent),
            agreement(_pair_counts(centre_stats, scores, data.n_classes)),
            engine=engine,
            restarts=restarts,
            iterations=state.iterations,
        )
        for state, centre_stats, scores in zip(complete, stats, data.score_sums(stats), strict=True)
    ]


def _cluster_sums(centre_stats: CentreStats, scores: ScoreSums, exponent: int) -> ClusterSums:
    """Convert the sizes, means and sums of one k from scaled units to the units of the input.

    A scaled length times 2^``exponent`` is a length in the units of the input.
    """
    return ClusterSums(
        sizes=centre_stats.sizes.astype(np.int64),
        means=np.ldexp(centre_stats.means, exponent),
        silhouettes=scores.sums[:, 0],
        distances=np.ldexp(scores.sums[:, 1], exponent),
        squares=np.ldexp(scores.sums[:, 2], 2 * exponent),
    )


def _pair_counts(centre_stats: CentreStats, scores: ScoreSums, n_classes: int) -> NDArray[np.int64]:
    """Return the number of points by cluster and class, shape (k, n_classes)."""
    counts: NDArray[np.int64] = np.zeros((len(centre_stats.sizes), n_classes), dtype=np.int64)
    counts.ravel()[scores.pairs] = scores.counts
    return counts
