"""Fit K-means for every k at once with ``KMeansGrid``, a pyspark.ml Estimator, on vectors of any kind.

python examples/kmeans_grid.py
"""

import numpy as np
import pandas as pd
from pyspark.ml import Pipeline
from pyspark.ml.feature import MinMaxScaler, VectorAssembler

import segue


def main() -> None:
    """Fit 300 points around three centres, and print the scores of every k."""
    spark = segue.spark_session("example")
    random = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 9.0]])
    points = centres[np.arange(300) % 3] + random.normal(0, 0.4, (300, 2))
    rows = spark.createDataFrame(pd.DataFrame(points, columns=["x", "y"]).reset_index(names="id"))

    stages = [
        VectorAssembler(inputCols=["x", "y"], outputCol="features"),
        MinMaxScaler(inputCol="features", outputCol="scaled"),
        segue.KMeansGrid(featuresCol="scaled", idCol="id", ks=range(2, 7), seed=0),
    ]
    model = Pipeline(stages=stages).fit(rows)
    grid = model.stages[-1]
    for score in grid.scores:
        print(f"k = {score.k}: silhouette {score.silhouette:.3f}, inertia {score.inertia:.3f}")
    model.transform(rows).groupBy("prediction").count().orderBy("prediction").show()


if __name__ == "__main__":
    main()
