"""segue: cluster a music catalogue by how its tracks sound, and recommend what to play next.

>>> import segue
>>> spark = segue.spark_session()  # doctest: +SKIP
>>> tracks, rejected = segue.read_tracks(spark, "catalogue.csv")  # doctest: +SKIP
>>> clusters = segue.fit_clusters(tracks, ks=range(2, 21))  # doctest: +SKIP
>>> similar = segue.similar_tracks(clusters.transform(tracks), clusters=clusters)  # doctest: +SKIP

Each name in ``segue.__all__`` is imported when it is first used, so that ``import segue`` alone imports neither Spark
nor pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from segue import errors, lookup, schema
    from segue.kmeans_grid.estimator import KMeansGrid, KMeansGridModel
    from segue.pipeline.api import Clusters, fit_clusters, learn_similarity, read_tracks, run_pipeline, similar_tracks
    from segue.runtime.session import spark_session
    from segue.settings.loading import recipe
    from segue.storage.store import Store

__all__ = [
    "Clusters",
    "KMeansGrid",
    "KMeansGridModel",
    "Store",
    "__version__",
    "errors",
    "fit_clusters",
    "learn_similarity",
    "lookup",
    "read_tracks",
    "recipe",
    "run_pipeline",
    "schema",
    "similar_tracks",
    "spark_session",
]

# the module of each name that is neither a module itself nor defined here
_MODULES = {
    "Clusters": "segue.pipeline.api",
    "KMeansGrid": "segue.kmeans_grid.estimator",
    "KMeansGridModel": "segue.kmeans_grid.estimator",
    "Store": "segue.storage.store",
    "fit_clusters": "segue.pipeline.api",
    "learn_similarity": "segue.pipeline.api",
    "read_tracks": "segue.pipeline.api",
    "recipe": "segue.settings.loading",
    "run_pipeline": "segue.pipeline.api",
    "similar_tracks": "segue.pipeline.api",
    "spark_session": "segue.runtime.session",
}


def __getattr__(name: str) -> Any:
    """Return the object ``segue.NAME``, and import its module if needed. Python calls this for undefined names."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if name in __all__:
        return import_module(f"segue.{name}")
    raise AttributeError(f"module 'segue' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the sorted names that ``dir(segue)`` lists, including those not yet imported."""
    return sorted({*globals(), *__all__})
