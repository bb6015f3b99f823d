"""Figures from plain numbers: each a function that returns a ``plotly.graph_objects.Figure``; no Spark here.

Where a sequence is asked for, an array or a column of pandas serves too, whatever its index.

>>> from segue.report import figures
>>> figures.ranking(["rock", "pop"], [12, 7], what="tracks").data[0].x
(7, 12)
"""

from segue.report.figures.clusters import cluster_map, genre_heatmap, profile, scatter_3d
from segue.report.figures.distributions import by_year, correlations, distribution, popularity, ranking
from segue.report.figures.k_scores import k_scores, silhouettes

__all__ = [
    "by_year",
    "cluster_map",
    "correlations",
    "distribution",
    "genre_heatmap",
    "k_scores",
    "popularity",
    "profile",
    "ranking",
    "scatter_3d",
    "silhouettes",
]
