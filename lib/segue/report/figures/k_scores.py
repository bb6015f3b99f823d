"""Figures of the choice of k: a score over the number of clusters, and the silhouette of each cluster."""

from collections.abc import Sequence

import plotly.graph_objects as go

from segue.report.figures.style import ACCENT, MUTED, cluster_colour, figure


def k_scores(ks: Sequence[int], values: Sequence[float], chosen_k: int, *, score_name: str) -> go.Figure:
    """Draw a score over the number of clusters, with the chosen number marked.

    Parameters
    ----------
    ks : numbers of clusters, ascending
    values : score of each, in its own unit: silhouettes in [-1, 1], inertia as squared distance in scaled units
    chosen_k : number of clusters of the model
    score_name : title of the axis, such as "Silhouette"

    Raises
    ------
    ValueError
        If ``chosen_k`` is not in ``ks``.
    """
    ks, values = list(ks), list(values)
    index = ks.index(chosen_k)
    line = go.Scatter(
        x=ks,
        y=values,
        mode="lines+markers",
        line={"color": MUTED, "width": 1.5},
        marker={"size": 6, "color": MUTED},
        hovertemplate=f"%{{x}} clusters: {score_name.lower()} %{{y:,.4~g}}<extra></extra>",
    )
    mark = go.Scatter(
        x=[chosen_k],
        y=[values[index]],
        mode="markers+text",
        marker={"size": 13, "color": ACCENT},
        text=[f" {chosen_k} clusters"],
        textposition="top right" if index < len(ks) / 2 else "top left",
        cliponaxis=False,
        hoverinfo="skip",
    )
    return figure(
        line,
        mark,
        height=260,
        margin={"l": 56, "r": 16, "t": 28, "b": 44},
        xaxis={"title": "Number of clusters", "showgrid": False, "dtick": 2 if len(ks) > 12 else None},
        yaxis={"title": score_name, "nticks": 5},
    )


def silhouettes(clusters: Sequence[int], values: Sequence[float], *, mean: float | None = None) -> go.Figure:
    """Draw the mean silhouette of each cluster as bars, and the mean of all tracks as a line.

    Parameters
    ----------
    clusters : cluster numbers, from 1
    values : mean silhouette of each, in [-1, 1]
    mean : mean silhouette of all tracks, in [-1, 1]; without it there is no line
    """
    bars = go.Bar(
        x=[str(cluster) for cluster in clusters],
        y=list(values),
        marker={"color": [cluster_colour(cluster) for cluster in clusters]},
        text=[f"{value:.2f}" for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="Cluster %{x}: silhouette %{y:.3f}<extra></extra>",
    )
    dotted = {"color": MUTED, "width": 1, "dash": "dot"}
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": mean, "y1": mean, "line": dotted}
    return figure(
        bars,
        height=240,
        bargap=0.4,
        shapes=[line] if mean is not None else [],
        margin={"l": 56, "r": 16, "t": 20, "b": 44},
        xaxis={"title": "Cluster", "type": "category", "showgrid": False},
        yaxis={"title": "Silhouette", "rangemode": "tozero", "nticks": 5},
    )
