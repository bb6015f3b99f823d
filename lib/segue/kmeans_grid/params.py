"""Define the Params shared by KMeansGrid and KMeansGridModel, and read saved metadata with former names of Params."""

import warnings
from typing import Any

from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasFeaturesCol, HasMaxIter, HasPredictionCol, HasSeed, HasTol
from pyspark.ml.util import DefaultParamsReader
from pyspark.sql import SparkSession

_RENAMED = {"fewest": "minK"}
"""Renamed Params: from the name in version 0.1.0 to the current name. The old names are accepted until 0.3.0."""


class GridParams(HasFeaturesCol, HasPredictionCol, HasMaxIter, HasTol, HasSeed):
    """The Params of KMeansGrid and KMeansGridModel, with defaults and getters. ``KMeansGrid`` explains each Param."""

    idCol: Param[str] = Param(
        Params._dummy(), "idCol", "unique id of each row, by which the sample is drawn", TypeConverters.toString
    )
    classCol: Param[str] = Param(
        Params._dummy(), "classCol", "known class of each row, to compare clusters with", TypeConverters.toString
    )
    ks: Param[list[int]] = Param(Params._dummy(), "ks", "numbers of clusters to try (> 1)", TypeConverters.toListInt)
    restarts: Param[int] = Param(
        Params._dummy(), "restarts", "random starts for each k, of which the best is used (> 0)", TypeConverters.toInt
    )
    sampleSize: Param[int] = Param(
        Params._dummy(), "sampleSize", "number of rows to search starting centres on (> 0)", TypeConverters.toInt
    )
    minK: Param[int] = Param(
        Params._dummy(),
        "minK",
        "minimum k of bestModel; not used if every k in ks is smaller",
        TypeConverters.toInt,
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._setDefault(ks=list(range(2, 21)), restarts=10, maxIter=20, tol=1e-3, seed=0, sampleSize=50_000, minK=2)

    def getIdCol(self) -> str | None:
        """Return idCol, the name of the column with a unique id of each row; None if it is not set."""
        return self.getOrDefault(self.idCol) if self.isDefined(self.idCol) else None

    def getClassCol(self) -> str | None:
        """Return classCol, the name of the column with the known class of each row; None if it is not set."""
        return self.getOrDefault(self.classCol) if self.isDefined(self.classCol) else None

    def getKs(self) -> list[int]:
        """Return ks, the numbers of clusters to try."""
        return self.getOrDefault(self.ks)

    def getRestarts(self) -> int:
        """Return restarts, the number of random starts for each k."""
        return self.getOrDefault(self.restarts)

    def getSampleSize(self) -> int:
        """Return sampleSize, the number of rows on which starting centres are searched."""
        return self.getOrDefault(self.sampleSize)

    def getMinK(self) -> int:
        """Return minK, the minimum k of ``bestModel``."""
        return self.getOrDefault(self.minK)


def rename_deprecated(values: dict[str, Any], stacklevel: int = 4) -> dict[str, Any]:
    """Replace former names of Params by current names: ``{"fewest": 3, "seed": None} -> {"minK": 3}``.

    Issues a DeprecationWarning for each former name. If both names of a Param are given, the current one is used.
    Values of None are left out.

    Parameters
    ----------
    values : dict from current or former name of a Param to value; None if not given
    stacklevel : as for ``warnings.warn``; with 4, the warning points to the caller of a method with ``keyword_only``
    """
    given = {name: value for name, value in values.items() if value is not None}
    for old, new in _RENAMED.items():
        if old in given:
            message = f"{old} is called {new} since 0.2.0; the name {old} is removed in 0.3.0"
            warnings.warn(message, DeprecationWarning, stacklevel)
            given.setdefault(new, given.pop(old))
    return given


def load_metadata(path: str, spark: SparkSession) -> dict[str, Any]:
    """Load the metadata of the estimator or model saved at ``path``; return them as a dict. Runs one Spark job.

    In ``paramMap`` and ``defaultParamMap``, former names of Params are replaced by the current names.
    """
    metadata: dict[str, Any] = DefaultParamsReader.loadMetadata(path, spark)
    for params in (metadata["paramMap"], metadata["defaultParamMap"]):
        for old in _RENAMED.keys() & params.keys():
            params[_RENAMED[old]] = params.pop(old)
    return metadata
