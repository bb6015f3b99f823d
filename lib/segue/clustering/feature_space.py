"""From columns to the space in which tracks are compared: unfitted standard stages of pyspark.ml."""

from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """Which features, and what is done to them before they are compared."""

    columns: tuple[str, ...]
    scaler: str = "minmax"
    impute: bool = False
    log: tuple[str, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The space in one line, as ``k_scores`` has it."""
        parts = [f"log1p({c})" if c in self.log else c for c in self.columns]
        weighted = [
            f"{self.weights[c]:g}*{part}" if c in self.weights else part
            for c, part in zip(self.columns, parts, strict=True)
        ]
        return f"{self.scaler}: {', '.join(weighted)}" + (" (median where missing)" if self.impute else "")

    @property
    def bound(self) -> float | None:
        """The largest size of a value of ``output``, where the scaler keeps one."""
        return max(1.0, *self.weights.values(), 0.0) if self.scaler == "minmax" else None

    @property
    def is_exact(self) -> bool:
        """Whether the stages learn the same bits whatever the order of tracks: a minimum does, a sum does not."""
        return self.scaler == "minmax" and not self.impute

    @property
    def output(self) -> str:
        """The vector column that the last stage writes."""
        return WEIGHTED if self.weights else SCALED


def preparation_stages(space: FeatureSpace) -> list[Estimator | Transformer]:
    """Return the stages that lead from the feature columns to ``space.output``, shape (n_features,).

    Every stage is one of pyspark.ml's own, so that the saved pipeline needs nothing of segue.
    """
    inputs = list(space.columns)
    found: list[Estimator | Transformer] = []
    if space.impute:
        filled = [f"{name}_filled" for name in inputs]
        found.append(Imputer(strategy="median", inputCols=inputs, outputCols=filled))
        inputs = filled
    if space.log:
        logged = [f"log1p(`{c}`) AS `{c}_log`" for c, n in zip(inputs, space.columns, strict=True) if n in space.log]
        found.append(SQLTransformer(statement=f"SELECT *, {', '.join(logged)} FROM __THIS__"))
        inputs = [f"{c}_log" if n in space.log else c for c, n in zip(inputs, space.columns, strict=True)]
    found.append(VectorAssembler(inputCols=inputs, outputCol=ASSEMBLED))
    found.append(_scaler(space.scaler))
    if space.weights:
        weights = Vectors.dense([space.weights.get(name, 1.0) for name in space.columns])
        found.append(ElementwiseProduct(scalingVec=weights, inputCol=SCALED, outputCol=WEIGHTED))
    return found


def _scaler(name: str) -> Estimator:
    if name == "standard":
        return StandardScaler(withMean=True, withStd=True, inputCol=ASSEMBLED, outputCol=SCALED)
    if name == "robust":
        return RobustScaler(withCentering=True, withScaling=True, inputCol=ASSEMBLED, outputCol=SCALED)
    return MinMaxScaler(inputCol=ASSEMBLED, outputCol=SCALED)
