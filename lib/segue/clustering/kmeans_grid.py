"""The former module of ``KMeansGrid``: pipelines saved by 0.1.0 name it. Removed in 0.3.0."""

from segue.kmeans_grid.estimator import KMeansGrid, KMeansGridModel, KScore

__all__ = ["KMeansGrid", "KMeansGridModel", "KScore"]
