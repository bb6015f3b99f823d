"""Keep the old import path of ``KMeansGrid``: pipelines saved by 0.1.0 name this module. To be removed in 0.3.0."""

from segue.kmeans_grid.estimator import KMeansGrid, KMeansGridModel, KScore

__all__ = ["KMeansGrid", "KMeansGridModel", "KScore"]
