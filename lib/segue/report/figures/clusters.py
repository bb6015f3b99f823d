"""Draw figures of the clusters: map, 3-D scatter, profiles, genre heat map, scores by k, silhouettes by cluster."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from segue.report import feature_labels
from segue.report.figures.style import (
    ACCENT,
    MUTED,
    SEQUENTIAL,
    cluster_colour,
    colour_scale,
    figure,
    isolated_text,
    plotly_text,
)

_MAX_TICK_LENGTH = 24
"""Maximum number of characters of a genre in the labels of an axis."""


def cluster_map(
    x: ArrayLike,
    y: ArrayLike,
    cluster: ArrayLike,
    titles: Sequence[str],
    artists: Sequence[str | None],
    *,
    centres: Sequence[tuple[float, float]] = (),
    explained_variance_ratio: tuple[float, float] | None = None,
) -> go.Figure:
    """Draw a map of the tracks as a plotly Figure, with a colour for each cluster, and its number at its centre.

    Parameters
    ----------
    x, y : coordinates without unit, shape (n_tracks,), such as the first two principal components
    cluster : cluster numbers, from 1, shape (n_tracks,)
    titles, artists : texts for the hover label, shape (n_tracks,); an artist may be None
    centres : (x, y) of the centre of each cluster, cluster 1 first; if empty, no numbers are drawn
    explained_variance_ratio : share of the variance along x and along y, 0 to 1, for the titles of the axes
    """
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    titles, artist_names = list(titles), [artist or "" for artist in artists]
    traces = [
        go.Scatter(
            x=np.round(xs[rows], 4).tolist(),
            y=np.round(ys[rows], 4).tolist(),
            mode="markers",
            name=f"Cluster {number}",
            meta={"cluster": number},
            marker={"size": 4, "opacity": 0.55, "color": cluster_colour(number), "line": {"width": 0}},
            text=_hover_texts(titles, artist_names, rows),
            hovertemplate=f"%{{text}}<extra>{number}</extra>",
        )
        for number, rows in _rows_by_cluster(cluster)
    ]
    labels = [
        {
            "x": centre[0],
            "y": centre[1],
            "text": f"<b>{number}</b>",
            "showarrow": False,
            "font": {"size": 13, "color": "#111"},
            "bgcolor": "rgba(255,255,255,0.85)",
            "bordercolor": cluster_colour(number),
            "borderwidth": 2,
            "borderpad": 2,
        }
        for number, centre in enumerate(centres, 1)
    ]
    shares = ["", ""]
    if explained_variance_ratio is not None:
        shares = [f", {share:.0%} of the variance".replace("%", " %") for share in explained_variance_ratio]
    axis = {"showticklabels": False, "showgrid": False, "constrain": "domain"}
    return figure(
        *traces,
        height=480,
        annotations=labels,
        xaxis={"title": f"First direction{shares[0]}", **axis},
        yaxis={"title": f"Second direction{shares[1]}", "scaleanchor": "x", **axis},
    )


def scatter_3d(
    values: Mapping[str, ArrayLike],
    cluster: ArrayLike,
    titles: Sequence[str],
    artists: Sequence[str | None],
    *,
    axes: tuple[str, str, str] = ("bpm", "energy", "danceability"),
) -> go.Figure:
    """Draw a 3-D scatter plot of tracks along three features as a plotly Figure, with a colour for each cluster.

    Parameters
    ----------
    values : mapping from feature to its values, in the unit of the tables, each of shape (n_tracks,)
    cluster : cluster numbers, from 1, shape (n_tracks,)
    titles, artists : texts for the hover label, shape (n_tracks,); an artist may be None
    axes : features along x, y and z, keys of ``values``
    """
    titles, artist_names = list(titles), [artist or "" for artist in artists]
    scaled = {
        axis: np.round(np.asarray(values[name], dtype=float) * feature_labels.display_factor(name), 2)
        for axis, name in zip("xyz", axes, strict=True)
    }
    traces = [
        go.Scatter3d(
            **{axis: column[rows].tolist() for axis, column in scaled.items()},
            mode="markers",
            name=f"Cluster {number}",
            meta={"cluster": number},
            marker={"size": 2.5, "opacity": 0.75, "color": cluster_colour(number), "line": {"width": 0}},
            text=_hover_texts(titles, artist_names, rows),
            hovertemplate=f"%{{text}}<extra>{number}</extra>",
        )
        for number, rows in _rows_by_cluster(cluster)
    ]
    scene = {
        f"{axis}axis": {
            "title": {"text": feature_labels.label_with_unit(name), "font": {"size": 13}},
            "gridcolor": "rgba(138, 143, 152, 0.4)",
            "showbackground": False,
            "zeroline": False,
        }
        for axis, name in zip("xyz", axes, strict=True)
    }
    scene["camera"] = {"eye": {"x": 1.55, "y": 1.55, "z": 0.7}, "center": {"x": 0, "y": 0, "z": -0.15}}
    return figure(*traces, height=520, margin={"l": 0, "r": 0, "t": 0, "b": 0}, scene=scene)


def profile(names: Sequence[str], deviations: Sequence[float], *, cluster: int = 1) -> go.Figure:
    """Draw how the means of one cluster differ from those of all tracks: a plotly Figure of horizontal bars.

    Parameters
    ----------
    names : names of the features, the first on top
    deviations : for each feature, mean of the cluster minus mean of all tracks, in standard deviations of all tracks
    cluster : number of the cluster, from 1, which determines the colour
    """
    names, deviations = list(names), list(deviations)
    order = range(len(names) - 1, -1, -1)
    bars = go.Bar(
        x=[round(deviations[i], 3) for i in order],
        y=[feature_labels.NAMES.get(names[i], names[i]).capitalize() for i in order],
        orientation="h",
        marker={"color": cluster_colour(cluster)},
        hovertemplate="%{y}: %{x:+.2f} standard deviations<extra></extra>",
    )
    title = "Standard deviations from the mean of the catalogue"
    return figure(
        bars,
        height=60 + 26 * len(names),
        xaxis={"title": title, "zeroline": True, "zerolinecolor": MUTED},
        yaxis={"showgrid": False},
    )


def genre_heatmap(genres: Sequence[str], clusters: Sequence[int], shares: ArrayLike) -> go.Figure:
    """Draw a heat map as a plotly Figure: for each genre, the percentage of its tracks in each cluster.

    Parameters
    ----------
    genres : names of genres, the first on top
    clusters : numbers of the clusters, from 1
    shares : tracks of a genre in a cluster, divided by all tracks of the genre, 0 to 1, shape (n_genres, n_clusters)
    """
    percent = np.round(100 * np.asarray(shares, dtype=float), 1)
    heat = go.Heatmap(
        z=percent.tolist(),
        x=[str(cluster) for cluster in clusters],
        # positions instead of names: two names shortened to the same text would share a row
        y=list(range(len(genres))),
        zmin=0,
        zmax=float(max(percent.max(initial=0.0), 1.0)),
        colorscale=colour_scale(SEQUENTIAL),
        xgap=1,
        ygap=1,
        customdata=[[plotly_text(genre)] * len(clusters) for genre in genres],
        hovertemplate="%{customdata}: %{z:.0f} % of its tracks are in cluster %{x}<extra></extra>",
        colorbar={"thickness": 10, "outlinewidth": 0, "ticksuffix": " %", "nticks": 4},
    )
    return figure(
        heat,
        height=90 + 24 * len(genres),
        xaxis={"title": "Cluster", "type": "category", "showgrid": False},
        yaxis={
            "autorange": "reversed",
            "showgrid": False,
            "tickvals": list(range(len(genres))),
            "ticktext": [plotly_text(genre, _MAX_TICK_LENGTH) for genre in genres],
        },
    )


def _hover_texts(titles: Sequence[str], artists: Sequence[str], rows: Sequence[int]) -> list[str]:
    """Return the hover text of each track at the positions ``rows``: the title and, on a second line, the artist."""
    return [
        isolated_text(titles[i]) + (f"<br>{isolated_text(artists[i])}" if plotly_text(artists[i]) else "") for i in rows
    ]


def _rows_by_cluster(cluster: ArrayLike) -> list[tuple[int, list[int]]]:
    """Return pairs (cluster number, positions of its tracks), by rising number. ``cluster`` has a number per track."""
    numbers = np.asarray(cluster)
    return [(int(number), np.flatnonzero(numbers == number).tolist()) for number in np.unique(numbers)]


def k_scores(ks: Sequence[int], values: Sequence[float], chosen_k: int, *, score_name: str) -> go.Figure:
    """Draw a score by number of clusters as a plotly Figure, with the chosen number marked.

    Parameters
    ----------
    ks : numbers of clusters, ascending
    values : score of each k: silhouettes in [-1, 1], or inertias as squared distances in scaled units
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
    """Draw the mean silhouettes of clusters as bars, and the mean of all tracks as a line, in a plotly Figure.

    Parameters
    ----------
    clusters : numbers of the clusters, from 1
    values : mean silhouette of each cluster, in [-1, 1]
    mean : mean silhouette of all tracks, in [-1, 1]; if None, there is no line
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
