"""Every k: fitted and scored, with either engine behind one call."""

from collections.abc import Sequence

from pyspark.sql import DataFrame

from segue.clustering import spark_engine
from segue.core.grid_result import Fit, GridOptions
from segue.kmeans_grid import engine as fused
from segue.kmeans_grid.lloyd import CheckpointStore


def fit_grid(
    tracks: DataFrame,
    ks: Sequence[int],
    budget: GridOptions,
    *,
    engine: str = fused.NAME,
    n_points: int | None = None,
    bound: float | None = None,
    memory: CheckpointStore | None = None,
) -> list[Fit]:
    """Fit KMeans for every k and score each fit on all tracks.

    Parameters
    ----------
    tracks : with columns ``track_id`` (string), ``point`` (vector, shape (n_features,), scaled units) and
        ``genre`` (string or null)
    ks : numbers of clusters, rising
    budget : how hard to look
    engine : ``fused`` or ``spark-ml``
    n_points, bound : rows, and the largest size of any value of ``point``, if known; each saves the fused engine a pass
    memory : where the fused engine keeps the state of a long grid

    Returns
    -------
    list of Fit
        One per k, in the order given, without those above the number of distinct points (with a
        warning). ``silhouette`` lies in [-1, 1] and uses *squared* Euclidean distance, so it does not
        compare with scikit-learn's default.

    Raises
    ------
    ClusteringError
        If there are fewer distinct points than the smallest k: Spark would silently return fewer centres.

    References
    ----------
    P. J. Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis", J. Comput. Appl. Math. 20, 53-65.
    """
    if engine == spark_engine.NAME:
        return spark_engine.fit(tracks, ks, budget)
    return fused.fit(
        tracks,
        ks,
        budget,
        id_column="track_id",
        class_column="genre",
        n_points=n_points,
        bound=bound,
        checkpoint=memory,
    )
