"""Nearest centres."""

import numpy as np
from chispa import assert_column_equality
from pyspark.sql import functions as F
from sklearn.metrics import pairwise_distances

from segue.clustering import nearest


def test_squared_distances_are_scikit_learns():
    rng = np.random.default_rng(0)
    points, centres = rng.random((30, 4)), rng.random((7, 4))
    wanted = pairwise_distances(points, centres, metric="sqeuclidean")
    assert np.allclose(nearest.squared_distances(points, centres), wanted, atol=1e-15)


def test_labels_of_several_fits_and_ties_go_to_the_lowest(spark):
    # 2 lies as far from 0 as from 4
    wanted = [[0, 1], [0, 1], [0, 1], [1, 1], [1, 1]]
    rows = [([float(i)], labels) for i, labels in enumerate(wanted)]
    frame = spark.createDataFrame(rows, "point array<double>, wanted array<int>").repartition(3)
    sets = [np.array([[0.0], [4.0]]), np.array([[9.0], [2.0], [2.0]])]
    assert_column_equality(frame.withColumn("found", nearest.labels(F.col("point"), sets)), "found", "wanted")
