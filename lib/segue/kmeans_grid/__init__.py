"""``KMeansGrid``, a pyspark.ml Estimator that fits and scores K-means for every k, and its engine."""
