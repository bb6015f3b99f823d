"""Small frames of points, and a grid over them that cannot be held on the driver."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue.kmeans_grid import engine


@pytest.fixture(scope="module", autouse=True)
def blocks_for_few_points() -> Iterator[None]:
    """Let the budget's sample alone decide what goes to the driver, however few points there are for each centre."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "POINTS_PER_CENTRE", 1)
        yield


@pytest.fixture(scope="module")
def frame_of(spark: SparkSession) -> Callable[..., DataFrame]:
    """Return a cached frame with columns id, point and genre, its rows dealt out to some partitions."""

    def frame(rows: np.ndarray, genres: list[str | None] | None = None, partitions: int = 2) -> DataFrame:
        rows = np.asarray(rows, dtype=float)
        table = pd.DataFrame({"id": [f"t{i:05}" for i in range(len(rows))], "array": list(rows)})
        table["genre"] = pd.Series(genres or [None] * len(rows), dtype=object)
        given = spark.createDataFrame(table, "id string, array array<double>, genre string")
        return (
            given.repartition(partitions).select("id", array_to_vector(F.col("array")).alias("point"), "genre").cache()
        )

    return frame
