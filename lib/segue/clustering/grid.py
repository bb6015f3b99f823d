"""Fit and score K-means for every k with either engine."""

from collections.abc import Sequence

from pyspark.sql import DataFrame

from segue.clustering import spark_engine
from segue.core.grid_result import Fit, GridOptions
from segue.kmeans_grid import engine as fused
from segue.kmeans_grid.lloyd import CheckpointStore


def fit_grid(
    points: DataFrame,
    ks: Sequence[int],
    options: GridOptions,
    *,
    engine: str = fused.NAME,
    n_points: int | None = None,
    bound: float | None = None,
    checkpoints: CheckpointStore | None = None,
) -> list[Fit]:
    """Fit K-means for every k and score each fit on all points. Runs Spark jobs.

    Parameters
    ----------
    points : columns ``track_id`` (string), ``point`` (vector, shape (n_features,), scaled units) and ``genre``
        (string or null)
    ks : numbers of clusters, ascending
    options : restarts, iterations, tolerance, seed and sample size
    engine : ``fused`` or ``spark-ml``
    n_points, bound : number of rows, and an upper bound of the absolute values in ``point``
        Where given, each saves a pass over the data; ``spark-ml`` ignores ``bound``.
    checkpoints : storage for intermediate states of the fused engine, from which an interrupted grid resumes

    Returns
    -------
    list of Fit
        One per k, in the order given. A k above the number of distinct points is left out with a warning.
        ``silhouette`` is in [-1, 1] and uses *squared* Euclidean distance, as ClusteringEvaluator does by default;
        scikit-learn's default is the unsquared distance.

    Raises
    ------
    ClusteringError
        If there are fewer distinct points than the smallest k: Spark would return fewer centres without an error.

    References
    ----------
    P. J. Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis", J. Comput. Appl. Math. 20, 53-65.
    """
    if engine == spark_engine.NAME:
        return spark_engine.fit(points, ks, options, n_points=n_points)
    return fused.fit(
        points,
        ks,
        options,
        id_column="track_id",
        class_column="genre",
        n_points=n_points,
        bound=bound,
        checkpoint=checkpoints,
    )
