"""KMeansGrid: a pyspark.ml Estimator that fits and scores K-means for every k of a grid.

Needs ``segue.core`` and ``segue.errors`` besides itself. From the Estimator downwards: ``estimator`` (with ``params``),
``engine``, ``points`` (on the driver) or ``blocks`` (on the cluster), ``search``, ``lloyd`` and ``scoring``,
``seeding``, and the arithmetic in ``kernel``.
"""
