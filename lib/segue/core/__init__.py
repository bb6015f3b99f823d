"""Provide code shared by several packages: K-means options, results and metrics, file systems, and helpers.

The helpers are for Spark, paths and text, the folder ``conf/`` and the versions of libraries.
"""
