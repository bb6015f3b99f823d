"""Draw figures from plain numbers: each function takes numbers and returns a ``plotly.graph_objects.Figure``.

A sequence may be a list, an array, or a pandas column with any index. Values of features are given in the unit of the
tables, and shown in the unit of ``feature_labels.display_unit``: fractions in %, seconds as minutes.

>>> from segue.report import figures
>>> figures.by_year("tracks", [1999, 2000], [12, 7]).data[0].y
(12, 7)
"""

from segue.report.figures.clusters import cluster_map, genre_heatmap, k_scores, profile, scatter_3d, silhouettes
from segue.report.figures.distributions import by_year, correlations, distribution, popularity, ranking

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
