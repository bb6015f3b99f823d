"""Provide what several packages share: K-means results and metrics, helpers for Spark, paths and text, versions."""
