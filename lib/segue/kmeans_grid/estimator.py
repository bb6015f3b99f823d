"""The Params of ``KMeansGrid``."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark import keyword_only
from pyspark.ml import Estimator, Model
from pyspark.ml.clustering import KMeansModel
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasFeaturesCol, HasMaxIter, HasPredictionCol, HasSeed, HasTol
from pyspark.ml.util import (
    DefaultParamsReadable,
    DefaultParamsReader,
    DefaultParamsWritable,
    DefaultParamsWriter,
    MLReadable,
    MLReader,
    MLWritable,
    MLWriter,
)
from pyspark.sql import DataFrame
from pyspark.storagelevel import StorageLevel

from segue.core.centres_model import kmeans_model_from_centres
from segue.core.grid_result import Fit, GridOptions
from segue.kmeans_grid import engine


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


class KScore(NamedTuple):
    """How good the clusters of one k are, and where they are."""

    k: int
    inertia: float
    """Sum of squared distances to the nearest centre."""
    silhouette: float
    """Mean over all rows, squared Euclidean distance, as ClusteringEvaluator has it."""
    davies_bouldin: float
    calinski_harabasz: float
    nmi: float | None
    """Agreement with ``classCol``, and so the next two; None without classes."""
    ari: float | None
    purity: float | None
    iterations: int
    sizes: list[int]
    centres: list[list[float]]


class KMeansGrid(Estimator["KMeansGridModel"], GridParams, DefaultParamsReadable, DefaultParamsWritable):
    """K-means for every k of a grid, with restarts, exact scores for each, in a few passes over the data.

    The centres are the same bits for the same rows, Params and versions of numpy, whatever the number of partitions,
    the order of rows and the machines, for up to 2^29 rows a cluster; scores agree to 1e-9. Values are rounded to
    multiples of 2^-24 of the smallest power of two that holds them all (2^-23 from 11 features on, 2^-22 from 43 on).
    Rows beyond ``sampleSize`` count in every pass and every score; only the starts are searched on a sample, drawn by
    ``idCol``, or by a hash of the vector where there is none, which reads all rows once more.

    Cache the rows before: they are read two or three times.

    Parameters
    ----------
    featuresCol : vector column, shape (n_features,), no value missing
    predictionCol : what ``transform`` adds: the index of the nearest centre of ``bestModel``, from 0
    idCol, classCol : see their Params; optional
    ks : numbers of clusters; those above the number of distinct rows are left out, with a warning
    restarts, maxIter, tol, seed, sampleSize : how hard to look; converged when no centre moves farther than ``tol``
    fewest : least k of ``bestModel``

    Raises
    ------
    ClusteringError (a ValueError)
        By ``fit``, if there are fewer distinct rows than the smallest of ks, or a value is missing or not finite.

    Examples
    --------
    >>> grid = KMeansGrid(featuresCol="scaled", idCol="id", ks=range(2, 21), seed=7)
    >>> grid.getKs()[-1]
    20
    """

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        featuresCol: str = "features",
        predictionCol: str = "prediction",
        idCol: str | None = None,
        classCol: str | None = None,
        ks: Sequence[int] = tuple(range(2, 21)),
        restarts: int = 10,
        maxIter: int = 20,
        tol: float = 1e-3,
        seed: int = 0,
        sampleSize: int = 50_000,
        fewest: int = 2,
    ) -> None:
        super().__init__()
        self.setParams(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        featuresCol: str = "features",
        predictionCol: str = "prediction",
        idCol: str | None = None,
        classCol: str | None = None,
        ks: Sequence[int] = tuple(range(2, 21)),
        restarts: int = 10,
        maxIter: int = 20,
        tol: float = 1e-3,
        seed: int = 0,
        sampleSize: int = 50_000,
        fewest: int = 2,
    ) -> "KMeansGrid":
        """Set Params; those not given stay as they are."""
        given = {name: value for name, value in self._input_kwargs.items() if value is not None}
        if "ks" in given:
            given["ks"] = list(given["ks"])
        return self._set(**given)

    def setFeaturesCol(self, value: str) -> "KMeansGrid":
        """Set featuresCol."""
        return self._set(featuresCol=value)

    def setPredictionCol(self, value: str) -> "KMeansGrid":
        """Set predictionCol."""
        return self._set(predictionCol=value)

    def setIdCol(self, value: str) -> "KMeansGrid":
        """Set idCol."""
        return self._set(idCol=value)

    def setClassCol(self, value: str) -> "KMeansGrid":
        """Set classCol."""
        return self._set(classCol=value)

    def setKs(self, value: Sequence[int]) -> "KMeansGrid":
        """Set ks."""
        return self._set(ks=list(value))

    def setRestarts(self, value: int) -> "KMeansGrid":
        """Set restarts."""
        return self._set(restarts=value)

    def setMaxIter(self, value: int) -> "KMeansGrid":
        """Set maxIter."""
        return self._set(maxIter=value)

    def setTol(self, value: float) -> "KMeansGrid":
        """Set tol."""
        return self._set(tol=value)

    def setSeed(self, value: int) -> "KMeansGrid":
        """Set seed."""
        return self._set(seed=value)

    def setSampleSize(self, value: int) -> "KMeansGrid":
        """Set sampleSize."""
        return self._set(sampleSize=value)

    def setFewest(self, value: int) -> "KMeansGrid":
        """Set fewest."""
        return self._set(fewest=value)

    def _fit(self, dataset: DataFrame) -> "KMeansGridModel":
        ks = self._checked_ks()
        wanted = [name for name in (self.getFeaturesCol(), self.getIdCol(), self.getClassCol()) if name]
        rows = dataset.select(*dict.fromkeys(wanted))
        cached = dataset.storageLevel != StorageLevel.NONE
        if not cached:
            rows.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            fits = engine.fit(
                rows,
                ks,
                GridOptions(
                    self.getRestarts(), self.getMaxIter(), self.getTol(), self.getSeed(), sample=self.getSampleSize()
                ),
                features=self.getFeaturesCol(),
                id_column=self.getIdCol(),
                class_column=self.getClassCol(),
            )
        finally:
            if not cached:
                rows.unpersist()
        many = [fit for fit in fits if fit.k >= self.getFewest()] or fits
        best = max(many, key=lambda fit: (fit.silhouette, -fit.k))
        means = kmeans_model_from_centres(
            dataset.sparkSession,
            best.centres,
            features_col=self.getFeaturesCol(),
            prediction_col=self.getPredictionCol(),
        )
        return self._copyValues(KMeansGridModel(means, [_score(fit) for fit in fits]))

    def _checked_ks(self) -> list[int]:
        ks = sorted(set(self.getKs()))
        low = {"restarts": self.getRestarts(), "sampleSize": self.getSampleSize(), "maxIter": self.getMaxIter()}
        faults = [f"{name} is {value}, wanted at least 1" for name, value in low.items() if value < 1]
        if not ks or ks[0] < 2:
            faults.append(f"ks is {self.getKs()}, wanted numbers of at least 2")
        if not self.getTol() >= 0:
            faults.append(f"tol is {self.getTol()}, wanted at least 0")
        if self.getSeed() < 0:
            faults.append(f"seed is {self.getSeed()}, wanted at least 0")
        if faults:
            raise ValueError("; ".join(faults))
        return ks


def _score(fit: Fit) -> KScore:
    return KScore(
        fit.k,
        fit.inertia,
        fit.silhouette,
        fit.davies_bouldin,
        fit.calinski_harabasz,
        *fit.agreement,
        fit.iterations,
        fit.sizes.tolist(),
        fit.centres.tolist(),
    )


class KMeansGridModel(Model, GridParams, MLReadable["KMeansGridModel"], MLWritable):
    """A fitted grid: ``bestModel`` (a pyspark.ml KMeansModel) and ``scores`` (a KScore for every k, by rising k)."""

    def __init__(self, bestModel: KMeansModel, scores: Sequence[KScore] = ()) -> None:
        super().__init__()
        self.bestModel = bestModel
        self.scores = list(scores)

    def clusterCenters(self, k: int | None = None) -> list[NDArray[np.float64]]:
        """Return the centres of ``bestModel``, or of another k of the grid."""
        if k is None:
            return self.bestModel.clusterCenters()
        found = [score for score in self.scores if score.k == k]
        if not found:
            raise ValueError(f"k = {k} was not fitted, only {', '.join(str(score.k) for score in self.scores)}")
        return [np.array(centre) for centre in found[0].centres]

    def _transform(self, dataset: DataFrame) -> DataFrame:
        columns = {self.bestModel.featuresCol: self.getFeaturesCol()}
        columns[self.bestModel.predictionCol] = self.getPredictionCol()
        return self.bestModel.transform(dataset, columns)

    def copy(self, extra: dict[Param[Any], Any] | None = None) -> "KMeansGridModel":
        """Return a copy with the same centres and scores."""
        return self._copyValues(KMeansGridModel(self.bestModel.copy(), self.scores), extra)

    def write(self) -> MLWriter:
        """Return what saves the model."""
        return _Writer(self)

    @classmethod
    def read(cls) -> "_Reader":
        """Return what loads a saved model."""
        return _Reader()


class _Writer(MLWriter):
    def __init__(self, model: KMeansGridModel) -> None:
        super().__init__()
        self._model = model

    def saveImpl(self, path: str) -> None:
        scores = [score._asdict() for score in self._model.scores]
        DefaultParamsWriter.saveMetadata(self._model, path, self.sparkSession, extraMetadata={"scores": scores})
        self._model.bestModel.write().session(self.sparkSession).save(f"{path}/bestModel")


class _Reader(MLReader[KMeansGridModel]):
    def load(self, path: str) -> KMeansGridModel:
        metadata = DefaultParamsReader.loadMetadata(path, self.sparkSession)
        best = KMeansModel.read().session(self.sparkSession).load(f"{path}/bestModel")
        found = KMeansGridModel(best, [KScore(**score) for score in metadata["scores"]])
        DefaultParamsReader.getAndSetParams(found._resetUid(metadata["uid"]), metadata)
        return found
