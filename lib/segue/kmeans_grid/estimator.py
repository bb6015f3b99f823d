"""Define the pyspark.ml Estimator KMeansGrid and its model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark import keyword_only
from pyspark.ml import Estimator, Model
from pyspark.ml.clustering import KMeansModel
from pyspark.ml.param import Param
from pyspark.ml.util import (
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
from segue.core.spark_helpers import persisted_unless_cached
from segue.kmeans_grid import engine
from segue.kmeans_grid.params import GridParams, load_metadata, rename_deprecated


class KScore(NamedTuple):
    """Centres and scores of one k, in the units of ``featuresCol``."""

    k: int
    inertia: float
    """Sum of the squared distances of all rows to their nearest centre."""
    silhouette: float
    """Mean silhouette of all rows, by squared Euclidean distance, equal to ClusteringEvaluator's."""
    davies_bouldin: float
    calinski_harabasz: float
    nmi: float | None
    """Normalised mutual information of clusters and ``classCol``; None if no row has a class or classCol is not set."""
    ari: float | None
    """Adjusted Rand index of clusters and ``classCol``; None if ``nmi`` is None."""
    purity: float | None
    """Fraction of rows with the commonest class of their cluster, among rows with a class; None if ``nmi`` is None."""
    iterations: int
    """Number of Lloyd iterations from the starting centres to these centres."""
    sizes: list[int]
    """Number of rows of each cluster, shape (k,)."""
    centres: list[list[float]]
    """Centre of each cluster, shape (k, n_features)."""


class KMeansGrid(Estimator["KMeansGridModel"], GridParams, MLReadable["KMeansGrid"], DefaultParamsWritable):
    """Fits K-means for every k of a grid, with restarts, and scores every k on all rows. Each Spark job serves all k.

    Centres are reproducible: for the same rows, Params and version of numpy they have the same bits, whatever the
    partitions, the order of the rows and the machines. This holds for up to 2^29 rows in a cluster. Scores are
    reproducible to 1e-9.

    Reproducible centres need exact sums. Therefore values are rounded to multiples of U / 2^24. U is the smallest power
    of two not below any absolute value. For more features the multiples are coarser: U / 2^23 from 11 features on,
    U / 2^22 from 43 on, and so on (``kernel.fixed_point_bits``). If the sample holds all rows, only the search of
    centres uses rounded values, and scores use the original ones.

    Starting centres are searched on a sample of the rows. All later iterations, and all scores, use every row. The
    sample is drawn by a hash of ``idCol``. Without ``idCol`` it is drawn by a hash of the vector, after a shuffle.

    ``fit`` persists the rows while it runs, if the caller has not cached them. It runs up to about ``maxIter`` + 8
    Spark jobs over the data, or two if the sample holds all rows, and a few small jobs that make ``bestModel``.

    Parameters
    ----------
    featuresCol : vector column, shape (n_features,), without missing values
    predictionCol : column added by ``transform`` (int): the index of the nearest centre of ``bestModel``, from 0
    idCol : column with a unique id of each row; optional
    classCol : column with the known class of each row, such as a genre, or null; optional; needed for nmi, ari, purity
    ks : numbers of clusters
        A k is left out, with a warning, if it is above the number of distinct rows, or if one of its clusters is empty.
    restarts : number of random starts for each k; the best start is used
    maxIter : maximum number of iterations over all rows; not used if the sample holds all rows
    tol : tolerance, a distance; not used if the sample holds all rows
        A k has converged if no centre moves farther than ``tol`` in an iteration. It has also converged if an
        iteration lowers the inertia by less than the fraction tol / (20 U).
    seed : seed of every random draw, at least 0
    sampleSize : number of rows on which starting centres are searched; at least 100 * the largest k are used
    minK : minimum k of ``bestModel``, the model with the highest silhouette; ignored if every k is smaller
    fewest : name of ``minK`` in version 0.1.0; removed in 0.3.0

    Raises
    ------
    ValueError
        By ``fit``, if a Param is out of range. The message lists every fault.
    ClusteringError (a ValueError)
        By ``fit``, if there are fewer distinct rows than the smallest k, a value is missing or not finite, or every k
        is left out.

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
        minK: int = 2,
        fewest: int | None = None,  # removed in 0.3.0
    ) -> None:
        super().__init__()
        self.setParams(**rename_deprecated(self._input_kwargs))

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
        minK: int = 2,
        fewest: int | None = None,  # removed in 0.3.0
    ) -> "KMeansGrid":
        """Set the Params passed as keywords, and leave the others unchanged. Returns the estimator itself."""
        given = rename_deprecated(self._input_kwargs)
        if "ks" in given:
            given["ks"] = list(given["ks"])
        return self._set(**given)

    def setFeaturesCol(self, value: str) -> "KMeansGrid":
        """Set featuresCol, the vector column to cluster by."""
        return self._set(featuresCol=value)

    def setPredictionCol(self, value: str) -> "KMeansGrid":
        """Set predictionCol, the column added by ``transform``."""
        return self._set(predictionCol=value)

    def setIdCol(self, value: str) -> "KMeansGrid":
        """Set idCol, the column with a unique id of each row."""
        return self._set(idCol=value)

    def setClassCol(self, value: str) -> "KMeansGrid":
        """Set classCol, the column with the known class of each row."""
        return self._set(classCol=value)

    def setKs(self, value: Sequence[int]) -> "KMeansGrid":
        """Set ks, the numbers of clusters to try."""
        return self._set(ks=list(value))

    def setRestarts(self, value: int) -> "KMeansGrid":
        """Set restarts, the number of random starts for each k."""
        return self._set(restarts=value)

    def setMaxIter(self, value: int) -> "KMeansGrid":
        """Set maxIter, the maximum number of iterations over all rows."""
        return self._set(maxIter=value)

    def setTol(self, value: float) -> "KMeansGrid":
        """Set tol, a distance: a k has converged if no centre moves farther than ``tol`` in an iteration."""
        return self._set(tol=value)

    def setSeed(self, value: int) -> "KMeansGrid":
        """Set seed, the seed of every random draw."""
        return self._set(seed=value)

    def setSampleSize(self, value: int) -> "KMeansGrid":
        """Set sampleSize, the number of rows to search starting centres on; at least 100 * the largest k are used."""
        return self._set(sampleSize=value)

    def setMinK(self, value: int) -> "KMeansGrid":
        """Set minK, the minimum k of ``bestModel``."""
        return self._set(minK=value)

    def setFewest(self, value: int) -> "KMeansGrid":  # removed in 0.3.0
        """Set minK by its name in version 0.1.0. Issues a DeprecationWarning."""
        return self._set(**rename_deprecated({"fewest": value}, stacklevel=3))

    @classmethod
    def read(cls) -> "_GridReader":
        """Return an MLReader for KMeansGrid estimators saved by version 0.1.0 or later."""
        return _GridReader()

    def _fit(self, dataset: DataFrame) -> "KMeansGridModel":
        ks = self._validated_ks()
        names = [name for name in (self.getFeaturesCol(), self.getIdCol(), self.getClassCol()) if name]
        rows = dataset.select(*dict.fromkeys(names))
        with persisted_unless_cached(rows, source=dataset, level=StorageLevel.MEMORY_AND_DISK):
            fits = engine.fit(
                rows,
                ks,
                GridOptions(self.getRestarts(), self.getMaxIter(), self.getTol(), self.getSeed(), self.getSampleSize()),
                features=self.getFeaturesCol(),
                id_column=self.getIdCol(),
                class_column=self.getClassCol(),
            )
        candidates = [fit for fit in fits if fit.k >= self.getMinK()] or fits
        best = max(candidates, key=lambda fit: (fit.silhouette, -fit.k))
        model = kmeans_model_from_centres(
            dataset.sparkSession,
            best.centres,
            features_col=self.getFeaturesCol(),
            prediction_col=self.getPredictionCol(),
        )
        return self._copyValues(KMeansGridModel(model, [_score(fit) for fit in fits]))

    def _validated_ks(self) -> list[int]:
        """Return the distinct numbers in ``ks``, rising. Raises a ValueError that lists every Param out of range."""
        ks = sorted(set(self.getKs()))
        positive = {"restarts": self.getRestarts(), "sampleSize": self.getSampleSize(), "maxIter": self.getMaxIter()}
        faults = [f"{name} is {value}, expected at least 1" for name, value in positive.items() if value < 1]
        if not ks or ks[0] < 2:
            faults.append(f"ks is {self.getKs()}, expected numbers of at least 2")
        if not self.getTol() >= 0:
            faults.append(f"tol is {self.getTol()}, expected at least 0")
        if self.getSeed() < 0:
            faults.append(f"seed is {self.getSeed()}, expected at least 0")
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
    """A fitted KMeansGrid: centres and scores of every k, and the KMeansModel of the best k.

    ``transform`` labels rows with the best model.

    Attributes
    ----------
    bestModel : pyspark.ml.clustering.KMeansModel
        The model with the highest silhouette among k >= ``minK``, or among all k if every k is smaller.
    scores : list of KScore
        One for each k that was not left out, by rising k.
    """

    def __init__(self, bestModel: KMeansModel, scores: Sequence[KScore] = ()) -> None:
        super().__init__()
        self.bestModel = bestModel
        self.scores = list(scores)

    def clusterCenters(self, k: int | None = None) -> list[NDArray[np.float64]]:
        """Return the centres of one k, by default of ``bestModel``: a list of k arrays of shape (n_features,).

        Raises ValueError if this k was not fitted.
        """
        if k is None:
            return self.bestModel.clusterCenters()
        for score in self.scores:
            if score.k == k:
                return [np.array(centre) for centre in score.centres]
        raise ValueError(f"k = {k} was not fitted, expected one of {', '.join(str(score.k) for score in self.scores)}")

    def _transform(self, dataset: DataFrame) -> DataFrame:
        columns = {self.bestModel.featuresCol: self.getFeaturesCol()}
        columns[self.bestModel.predictionCol] = self.getPredictionCol()
        return self.bestModel.transform(dataset, columns)

    def copy(self, extra: dict[Param[Any], Any] | None = None) -> "KMeansGridModel":
        """Return a copy of the model with the values of ``extra`` (a dict from Param to value)."""
        return self._copyValues(KMeansGridModel(self.bestModel.copy(), self.scores), extra)

    def write(self) -> MLWriter:
        """Return the MLWriter of the model."""
        return _ModelWriter(self)

    @classmethod
    def read(cls) -> "_ModelReader":
        """Return an MLReader for KMeansGridModels saved by version 0.1.0 or later."""
        return _ModelReader()


class _GridReader(MLReader[KMeansGrid]):
    def load(self, path: str) -> KMeansGrid:
        metadata = load_metadata(path, self.sparkSession)
        grid = KMeansGrid()
        grid._resetUid(metadata["uid"])
        DefaultParamsReader.getAndSetParams(grid, metadata)
        return grid


class _ModelWriter(MLWriter):
    def __init__(self, model: KMeansGridModel) -> None:
        super().__init__()
        self._model = model

    def saveImpl(self, path: str) -> None:
        scores = [score._asdict() for score in self._model.scores]
        DefaultParamsWriter.saveMetadata(self._model, path, self.sparkSession, extraMetadata={"scores": scores})
        self._model.bestModel.write().session(self.sparkSession).save(f"{path}/bestModel")


class _ModelReader(MLReader[KMeansGridModel]):
    def load(self, path: str) -> KMeansGridModel:
        metadata = load_metadata(path, self.sparkSession)
        best = KMeansModel.read().session(self.sparkSession).load(f"{path}/bestModel")
        model = KMeansGridModel(best, [KScore(**score) for score in metadata["scores"]])
        model._resetUid(metadata["uid"])
        DefaultParamsReader.getAndSetParams(model, metadata)
        return model
