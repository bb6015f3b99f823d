"""Re-export ``KMeansGrid`` from its module in 0.1.0: pipelines saved by 0.1.0 name this module. Removed in 0.3.0."""

from segue.kmeans_grid.estimator import KMeansGrid, KMeansGridModel, KScore

__all__ = ["KMeansGrid", "KMeansGridModel", "KScore"]
