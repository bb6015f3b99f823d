"""The Params of ``KMeansGrid``."""

from typing import Any

from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasFeaturesCol, HasMaxIter, HasPredictionCol, HasSeed, HasTol


class GridParams(HasFeaturesCol, HasPredictionCol, HasMaxIter, HasTol, HasSeed):
    """What the estimator and its model share."""

    idCol: Param[str] = Param(
        Params._dummy(), "idCol", "unique id of each row, by which the sample is drawn", TypeConverters.toString
    )
    classCol: Param[str] = Param(
        Params._dummy(), "classCol", "known class of each row, to compare clusters with", TypeConverters.toString
    )
    ks: Param[list[int]] = Param(Params._dummy(), "ks", "numbers of clusters to try (> 1)", TypeConverters.toListInt)
    restarts: Param[int] = Param(
        Params._dummy(), "restarts", "starts for each k, the best of which counts (> 0)", TypeConverters.toInt
    )
    sampleSize: Param[int] = Param(
        Params._dummy(), "sampleSize", "rows that starts are searched on (> 0)", TypeConverters.toInt
    )
    fewest: Param[int] = Param(
        Params._dummy(), "fewest", "bestModel has at least so many clusters, where one of ks does", TypeConverters.toInt
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._setDefault(ks=list(range(2, 21)), restarts=10, maxIter=20, tol=1e-3, seed=0, sampleSize=50_000, fewest=2)

    def getIdCol(self) -> str | None:
        """Return the value of idCol, or None."""
        return self.getOrDefault(self.idCol) if self.isDefined(self.idCol) else None

    def getClassCol(self) -> str | None:
        """Return the value of classCol, or None."""
        return self.getOrDefault(self.classCol) if self.isDefined(self.classCol) else None

    def getKs(self) -> list[int]:
        """Return the value of ks."""
        return self.getOrDefault(self.ks)

    def getRestarts(self) -> int:
        """Return the value of restarts."""
        return self.getOrDefault(self.restarts)

    def getSampleSize(self) -> int:
        """Return the value of sampleSize."""
        return self.getOrDefault(self.sampleSize)

    def getFewest(self) -> int:
        """Return the value of fewest."""
        return self.getOrDefault(self.fewest)
