"""Define the space in which tracks are compared, and the unfitted pyspark.ml stages that lead to it."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pyspark.ml import Transformer
from pyspark.ml.base import Estimator
from pyspark.ml.feature import (
    ElementwiseProduct,
    Imputer,
    MinMaxScaler,
    RobustScaler,
    SQLTransformer,
    StandardScaler,
    VectorAssembler,
)
from pyspark.ml.linalg import Vectors

ASSEMBLED, SCALED, WEIGHTED = "features", "features_scaled", "features_weighted"
Stage: TypeAlias = "Estimator[Any] | Transformer"


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """Features and their transformations: median imputation, log1p, scaler and weights, applied in this order."""

    columns: tuple[str, ...]
    """Names of the features."""
    scaler: str = "minmax"
    """``minmax``, ``standard`` or ``robust``."""
    impute: bool = False
    """Whether missing values are replaced by the feature's median."""
    log: tuple[str, ...] = ()
    """Features replaced by log1p of their value."""
    weights: dict[str, float] = field(default_factory=dict)
    """Factors of scaled features, 1 where there is none."""

    @property
    def name(self) -> str:
        """The space in one line, as the column ``space`` of ``k_scores`` stores it."""
        parts = [f"log1p({c})" if c in self.log else c for c in self.columns]
        weighted = [
            f"{self.weights[c]:g}*{part}" if c in self.weights else part
            for c, part in zip(self.columns, parts, strict=True)
        ]
        return f"{self.scaler}: {', '.join(weighted)}" + (" (median where missing)" if self.impute else "")

    @property
    def bound(self) -> float | None:
        """An upper bound of the absolute values of training tracks in ``output``; None where the scaler has none."""
        return max(1.0, *self.weights.values(), 0.0) if self.scaler == "minmax" else None

    @property
    def is_order_independent(self) -> bool:
        """Whether the stages fit to the same bits in any order of tracks: minimum and maximum do, a sum does not."""
        return self.scaler == "minmax" and not self.impute

    @property
    def output(self) -> str:
        """The vector column that the last stage writes."""
        return WEIGHTED if self.weights else SCALED


def preparation_stages(space: FeatureSpace) -> list[Stage]:
    """Return the unfitted stages from the feature columns to the vector column ``space.output``.

    All are classes of pyspark.ml, so a saved pipeline loads without segue. The vector has the shape (n_features,).
    """
    columns = list(space.columns)
    stages: list[Stage] = []
    if space.impute:
        imputed = [f"{name}_filled" for name in columns]
        stages.append(Imputer(strategy="median", inputCols=columns, outputCols=imputed))
        columns = imputed
    if space.log:
        logs = [f"log1p(`{c}`) AS `{c}_log`" for c, n in zip(columns, space.columns, strict=True) if n in space.log]
        stages.append(SQLTransformer(statement=f"SELECT *, {', '.join(logs)} FROM __THIS__"))
        columns = [f"{c}_log" if n in space.log else c for c, n in zip(columns, space.columns, strict=True)]
    stages.append(VectorAssembler(inputCols=columns, outputCol=ASSEMBLED))
    stages.append(_scaler(space.scaler))
    if space.weights:
        weights = Vectors.dense([space.weights.get(name, 1.0) for name in space.columns])
        stages.append(ElementwiseProduct(scalingVec=weights, inputCol=SCALED, outputCol=WEIGHTED))
    return stages


def _scaler(name: str) -> Stage:
    """Return the unfitted scaler of a name."""
    if name == "standard":
        return StandardScaler(withMean=True, withStd=True, inputCol=ASSEMBLED, outputCol=SCALED)
    if name == "robust":
        return RobustScaler(withCentering=True, withScaling=True, inputCol=ASSEMBLED, outputCol=SCALED)
    return MinMaxScaler(inputCol=ASSEMBLED, outputCol=SCALED)
