"""KMeansGrid: a pyspark.ml Estimator that fits and scores K-means for every k of a grid.

The package imports ``segue.core`` and ``segue.errors`` only. ``estimator`` (with ``params``) defines the Estimator;
``engine`` fits the grid; ``points`` and ``blocks`` hold the points, on the driver or on the cluster; ``search`` (with
``worker_pool``) and ``seeding`` find starting centres; ``lloyd`` iterates over all points; ``scoring`` sums the scores;
``kernel`` has the arithmetic.
"""
