"""Provide code shared by several packages: K-means results and metrics, helpers for Spark, paths and text, versions."""
