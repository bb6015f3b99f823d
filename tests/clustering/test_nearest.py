"""Nearest centres."""

import numpy as np
from pyspark.sql import functions as F
from sklearn.metrics import pairwise_distances

from segue.clustering import nearest


def test_squared_distances_are_scikit_learns():
    rng = np.random.default_rng(0)
    points, centres = rng.random((30, 4)), rng.random((7, 4))
    wanted = pairwise_distances(points, centres, metric="sqeuclidean")
    assert np.allclose(nearest.squared_distances(points, centres), wanted, atol=1e-15)


def test_labels_of_several_fits_and_ties_go_to_the_lowest(spark):
    frame = spark.createDataFrame([(i, [float(i)]) for i in range(5)], "i int, point array<double>")
    sets = [np.array([[0.0], [4.0]]), np.array([[9.0], [2.0], [2.0]])]
    rows = frame.repartition(3).select("i", nearest.labels(F.col("point"), sets).alias("labels")).orderBy("i").collect()
    # 2 lies as far from 0 as from 4
    assert [row.labels for row in rows] == [[0, 1], [0, 1], [0, 1], [1, 1], [1, 1]]
