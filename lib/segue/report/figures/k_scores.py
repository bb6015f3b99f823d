"""Why this many clusters, and how well each holds together; no Spark here."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from segue.report.figures.style import ACCENT, QUIET, cluster_colour, figure


def k_scores(ks: Sequence[int], values: Sequence[float], chosen: int, *, what: str) -> go.Figure:
    """Draw a score over the number of clusters, the chosen one marked.

    Parameters
    ----------
    ks : numbers of clusters, ascending
    values : the score of each
    chosen : which of them became the model
    what : the name of the score, such as "Silhouette"
    """
    ks, values = list(ks), list(values)
    place = ks.index(chosen)
    line = go.Scatter(
        x=ks,
        y=values,
        mode="lines+markers",
        line={"color": QUIET, "width": 1.5},
        marker={"size": 6, "color": QUIET},
        hovertemplate=f"%{{x}} clusters: {what.lower()} %{{y:,.4~g}}<extra></extra>",
    )
    mark = go.Scatter(
        x=[chosen],
        y=[values[place]],
        mode="markers+text",
        marker={"size": 13, "color": ACCENT},
        text=[f" {chosen} clusters"],
        textposition="top right" if place < len(ks) / 2 else "top left",
        cliponaxis=False,
        hoverinfo="skip",
    )
    return figure(
        line,
        mark,
        height=260,
        margin={"l": 56, "r": 16, "t": 28, "b": 44},
        xaxis={"title": "Number of clusters", "showgrid": False, "dtick": 2 if len(ks) > 12 else None},
        yaxis={"title": what, "nticks": 5},
    )


def silhouettes(numbers: Sequence[int], values: Sequence[float], *, mean: float | None = None) -> go.Figure:
    """Draw the mean silhouette of each cluster, in its colour, and that of all tracks as a line."""
    bars = go.Bar(
        x=[str(number) for number in numbers],
        y=list(values),
        marker={"color": [cluster_colour(number) for number in numbers]},
        text=[f"{value:.2f}" for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="Cluster %{x}: silhouette %{y:.3f}<extra></extra>",
    )
    line: list[dict[str, Any]] = []
    if mean is not None:
        line = [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": mean,
                "y1": mean,
                "line": {"color": QUIET, "width": 1, "dash": "dot"},
            }
        ]
    return figure(
        bars,
        height=240,
        bargap=0.4,
        shapes=line,
        margin={"l": 56, "r": 16, "t": 20, "b": 44},
        xaxis={"title": "Cluster", "type": "category", "showgrid": False},
        yaxis={"title": "Silhouette", "rangemode": "tozero", "nticks": 5},
    )
