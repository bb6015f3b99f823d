"""KMeansGrid: a pyspark.ml Estimator that fits and scores K-means for every k of a grid.

Imports ``segue.core`` and ``segue.errors`` only. Its modules, from the Estimator downwards: ``estimator`` (with
``params``), ``engine``, ``points`` (on the driver) or ``blocks`` (on the cluster), ``search`` (with ``worker_pool``),
``lloyd`` and ``scoring``, ``seeding``, and the arithmetic in ``kernel``.
"""
