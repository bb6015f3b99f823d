"""Prepare the feature space, choose one k, describe the model, label tracks and profile clusters.

Fits K-means for every k with pyspark.ml (``spark_engine``); the default engine is the package ``kmeans_grid``.
"""
