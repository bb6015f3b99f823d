"""Where the clusters lie, what sets them apart, and which genres they hold; no Spark here."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from segue.report import feature_labels
from segue.report.figures.style import QUIET, SEQUENTIAL, cluster_colour, figure, isolated, plain


def _tracks(titles: Sequence[str], artists: Sequence[str], places: Sequence[int]) -> list[str]:
    return [isolated(titles[i]) + (f"<br>{isolated(artists[i])}" if plain(artists[i]) else "") for i in places]


def _members(cluster: ArrayLike) -> list[tuple[int, list[int]]]:
    numbers = np.asarray(cluster)
    return [(int(number), np.flatnonzero(numbers == number).tolist()) for number in np.unique(numbers)]


def cluster_map(
    x: ArrayLike,
    y: ArrayLike,
    cluster: ArrayLike,
    titles: Sequence[str],
    artists: Sequence[str],
    *,
    centres: Sequence[tuple[float, float]] = (),
    explained: tuple[float, float] | None = None,
) -> go.Figure:
    """Draw tracks in two dimensions, a trace for each cluster, its number at its centre.

    Parameters
    ----------
    x, y : shape (n_tracks,), such as the two first principal components
    cluster : numbers from 1, shape (n_tracks,)
    titles, artists : shown on hover
    centres : of cluster 1, 2, …
    explained : share of the variance along x and along y
    """
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    titles, artists = list(titles), list(artists)
    traces = [
        go.Scatter(
            x=np.round(xs[places], 4).tolist(),
            y=np.round(ys[places], 4).tolist(),
            mode="markers",
            name=f"Cluster {number}",
            meta={"cluster": number},
            marker={"size": 4, "opacity": 0.55, "color": cluster_colour(number), "line": {"width": 0}},
            text=_tracks(titles, artists, places),
            hovertemplate=f"%{{text}}<extra>{number}</extra>",
        )
        for number, places in _members(cluster)
    ]
    marks = [
        {
            "x": place[0],
            "y": place[1],
            "text": f"<b>{number}</b>",
            "showarrow": False,
            "font": {"size": 13, "color": "#111"},
            "bgcolor": "rgba(255,255,255,0.85)",
            "bordercolor": cluster_colour(number),
            "borderwidth": 2,
            "borderpad": 2,
        }
        for number, place in enumerate(centres, 1)
    ]
    ends = ("First", "Second")
    shares = [f", {share:.0%} of the variance" for share in explained] if explained is not None else ["", ""]
    titled = [f"{end} direction{share}".replace("%", " %") for end, share in zip(ends, shares, strict=True)]
    return figure(
        *traces,
        height=480,
        annotations=marks,
        xaxis={"title": titled[0], "showticklabels": False, "showgrid": False, "constrain": "domain"},
        yaxis={
            "title": titled[1],
            "showticklabels": False,
            "showgrid": False,
            "scaleanchor": "x",
            "constrain": "domain",
        },
    )


def scatter_3d(
    values: Mapping[str, ArrayLike],
    cluster: ArrayLike,
    titles: Sequence[str],
    artists: Sequence[str],
    *,
    axes: tuple[str, str, str] = ("bpm", "energy", "danceability"),
) -> go.Figure:
    """Draw tracks along three features, a trace for each cluster.

    Parameters
    ----------
    values : features in the unit of the tables, each of shape (n_tracks,)
    cluster : numbers from 1, shape (n_tracks,)
    titles, artists : shown on hover
    axes : which features, along x, y and z
    """
    titles, artists = list(titles), list(artists)
    scaled = [np.round(np.asarray(values[name], dtype=float) * feature_labels.display_factor(name), 2) for name in axes]
    traces = [
        go.Scatter3d(
            **{axis: scaled[place][places].tolist() for place, axis in enumerate("xyz")},
            mode="markers",
            name=f"Cluster {number}",
            meta={"cluster": number},
            marker={"size": 2.5, "opacity": 0.75, "color": cluster_colour(number), "line": {"width": 0}},
            text=_tracks(titles, artists, places),
            hovertemplate=f"%{{text}}<extra>{number}</extra>",
        )
        for number, places in _members(cluster)
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
    """Draw how far a cluster's means lie from those of all tracks, in standard deviations of all tracks."""
    names, deviations = list(names), list(deviations)
    order = range(len(names) - 1, -1, -1)
    bars = go.Bar(
        x=[round(deviations[i], 3) for i in order],
        y=[feature_labels.NAMES.get(names[i], names[i]).capitalize() for i in order],
        orientation="h",
        marker={"color": cluster_colour(cluster)},
        hovertemplate="%{y}: %{x:+.2f} standard deviations<extra></extra>",
    )
    return figure(
        bars,
        height=60 + 26 * len(names),
        xaxis={
            "title": "Standard deviations from the middle of the catalogue",
            "zeroline": True,
            "zerolinecolor": QUIET,
        },
        yaxis={"showgrid": False},
    )


def genre_heatmap(genres: Sequence[str], numbers: Sequence[int], shares: ArrayLike) -> go.Figure:
    """Draw which share of a genre's tracks each cluster holds.

    Parameters
    ----------
    genres : the most frequent first
    numbers : of the clusters
    shares : shape (n_genres, n_clusters), 0 to 1
    """
    percent = np.round(100 * np.asarray(shares, dtype=float), 1)
    heat = go.Heatmap(
        z=percent.tolist(),
        x=[str(number) for number in numbers],
        # two names that are shortened alike must stay two rows
        y=list(range(len(genres))),
        zmin=0,
        zmax=float(max(percent.max(initial=0.0), 1.0)),
        colorscale=[[i / (len(SEQUENTIAL) - 1), colour] for i, colour in enumerate(SEQUENTIAL)],
        xgap=1,
        ygap=1,
        customdata=[[plain(genre)] * len(numbers) for genre in genres],
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
            "ticktext": [plain(genre, 24) for genre in genres],
        },
    )
