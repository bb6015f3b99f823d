"""KMeansGrid: a pyspark.ml Estimator that fits and scores K-means for every k of a grid.

The package imports only ``segue.core`` and ``segue.errors`` from the rest of segue. Its modules:

* ``estimator``, with ``params``: the Estimator and its model.
* ``engine``: fits the grid. ``points`` loads the points to the driver; ``blocks`` packs many points on the executors.
* ``search``, with ``seeding`` and ``worker_pool``: finds starting centres on a sample, and measures stability.
* ``lloyd``: runs Lloyd's iterations over all points. ``scoring`` sums the scores, ``kernel`` has the arithmetic.
"""
