"""Small DataFrames of points, a grid that packs them into blocks, and a checkpoint in memory."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.kmeans_grid import engine


class Checkpoint:
    """A CheckpointStore in memory that raises InterruptedError after a number of saves."""

    def __init__(self, text=None, fails_after=None):
        self.text, self.saves, self.fails_after = text, 0, fails_after

    def load(self):
        return self.text

    def save(self, text):
        self.text, self.saves = text, self.saves + 1
        if self.saves == self.fails_after:
            raise InterruptedError


@pytest.fixture(scope="module", autouse=True)
def blocks_for_few_points() -> Iterator[None]:
    """Pack more points than ``sample_size`` into blocks, even if there are fewer than 100 for each centre."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "POINTS_PER_CENTRE", 1)
        yield


@pytest.fixture(scope="module")
def frame_of(spark: SparkSession) -> Callable[..., DataFrame]:
    """Return a function that makes a cached DataFrame with columns id, point and genre."""

    def frame(rows: np.ndarray, genres: list[str | None] | None = None, partitions: int = 2) -> DataFrame:
        rows = np.asarray(rows, dtype=float)
        table = pd.DataFrame({"id": [f"t{i:05}" for i in range(len(rows))], "array": list(rows)})
        table["genre"] = pd.Series(genres or [None] * len(rows), dtype=object)
        arrays = spark.createDataFrame(table, "id string, array array<double>, genre string")
        return (
            arrays.repartition(partitions).select("id", array_to_vector(F.col("array")).alias("point"), "genre").cache()
        )

    return frame
