"""Keep ``KMeansGrid`` importable from its module of 0.1.0, which pipelines saved by 0.1.0 name. Removed in 0.3.0."""

from segue.kmeans_grid.estimator import KMeansGrid, KMeansGridModel, KScore

__all__ = ["KMeansGrid", "KMeansGridModel", "KScore"]
