"""What the catalogue holds: spread, correlations, years, genres, popularity; no Spark here."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from segue.report import feature_labels
from segue.report.figures.style import ACCENT, DIVERGING, figure, plain


def distribution(name: str, edges: Sequence[float], counts: Sequence[int]) -> go.Figure:
    """Draw how many tracks lie where.

    Parameters
    ----------
    name : the feature
    edges : of the bars, in the unit of the tables, one more than ``counts``
    counts : tracks in each bar
    """
    scale = feature_labels.display_factor(name)
    ends = [(low, high) for low, high in pairwise(edges)]
    bars = go.Bar(
        x=[scale * (low + high) / 2 for low, high in ends],
        y=list(counts),
        width=[scale * (high - low) for low, high in ends],
        marker={"color": ACCENT, "line": {"width": 0}},
        customdata=[
            f"{feature_labels.format_value(name, low)} to {feature_labels.format_value(name, high)}"
            for low, high in ends
        ],
        hovertemplate="%{customdata}: %{y:,} tracks<extra></extra>",
    )
    return figure(
        bars,
        height=170,
        bargap=0,
        margin={"l": 44, "r": 8, "t": 4, "b": 36},
        xaxis={"title": feature_labels.label_with_unit(name), "nticks": 6},
        yaxis={"nticks": 4, "tickformat": "~s"},
    )


def correlations(names: Sequence[str], r: ArrayLike) -> go.Figure:
    """Draw the correlation of every pair, blue where one falls as the other rises.

    Parameters
    ----------
    names : the features
    r : Pearson's r, shape (n, n); NaN is left blank
    """
    values = np.array(r, dtype=float)
    # the diagonal says nothing, and the upper half the same as the lower
    values[np.triu_indices(len(names))] = np.nan
    shown = [feature_labels.NAMES.get(name, name).capitalize() for name in names]
    lower = values[1:, :-1]
    heat = go.Heatmap(
        z=[[None if np.isnan(v) else round(float(v), 3) for v in row] for row in lower],
        x=shown[:-1],
        y=shown[1:],
        zmin=-1,
        zmax=1,
        colorscale=[[i / (len(DIVERGING) - 1), colour] for i, colour in enumerate(DIVERGING)],
        xgap=2,
        ygap=2,
        text=[["" if np.isnan(v) else feature_labels.format_signed(v) for v in row] for row in lower],
        texttemplate="%{text}",
        hovertemplate="%{y} and %{x}: r = %{text}<extra></extra>",
        hoverongaps=False,
        colorbar={"thickness": 10, "outlinewidth": 0, "tickvals": [-1, 0, 1], "len": 0.5, "y": 0.75},
    )
    return figure(
        heat,
        height=90 + 34 * len(names),
        xaxis={"showgrid": False, "tickangle": -40},
        yaxis={"showgrid": False, "autorange": "reversed"},
    )


def by_year(name: str, years: Sequence[int], values: Sequence[float | None]) -> go.Figure:
    """Draw the mean of a feature, or with ``name`` "tracks" their number, by year of release."""
    if name == "tracks":
        counted = go.Bar(
            x=list(years),
            y=list(values),
            marker={"color": ACCENT, "line": {"width": 0}},
            hovertemplate="%{x}: %{y:,} tracks<extra></extra>",
        )
        return figure(counted, height=220, xaxis=_WHOLE_YEARS, yaxis={"title": "Tracks", "tickformat": "~s"})
    scale = feature_labels.display_factor(name)
    known = [None if value is None or np.isnan(value) else value for value in values]  # pandas has NaN for None
    line = go.Scatter(
        x=list(years),
        y=[None if value is None else value * scale for value in known],
        mode="lines",
        line={"color": ACCENT, "width": 2},
        customdata=["" if value is None else feature_labels.format_value(name, value) for value in known],
        hovertemplate="%{x}: %{customdata}<extra></extra>",
    )
    return figure(line, height=220, xaxis=_WHOLE_YEARS, yaxis={"title": feature_labels.label_with_unit(name)})


_WHOLE_YEARS = {"tickformat": "d", "showgrid": False}


def ranking(names: Sequence[str], counts: Sequence[int], *, what: str) -> go.Figure:
    """Draw how often each of a few names comes, the most frequent on top.

    >>> ranking(["rock", "pop"], [12, 7], what="tracks").data[0].text
    ('7', '12')
    """
    names, counts = list(names), list(counts)
    order = range(len(names) - 1, -1, -1)
    bars = go.Bar(
        x=[counts[i] for i in order],
        # two names that are shortened alike must stay two bars
        y=list(range(len(names))),
        orientation="h",
        marker={"color": ACCENT},
        text=[f"{counts[i]:,}" for i in order],
        textposition="outside",
        cliponaxis=False,
        customdata=[plain(names[i]) for i in order],
        hovertemplate=f"%{{customdata}}: %{{x:,}} {what}<extra></extra>",
    )
    return figure(
        bars,
        height=40 + 26 * len(names),
        margin={"l": 8, "r": 56, "t": 4, "b": 4},
        xaxis={"visible": False},
        yaxis={
            "showgrid": False,
            "tickvals": list(range(len(names))),
            "ticktext": [plain(names[i], 24) for i in order],
        },
    )


def popularity(name: str, middles: Sequence[float], means: Sequence[float], counts: Sequence[int]) -> go.Figure:
    """Draw the mean popularity of tracks by one feature, each bin as large as it has tracks."""
    scale = feature_labels.display_factor(name)
    sizes = np.sqrt(np.array(counts, dtype=float) / max(counts, default=1))
    points = go.Scatter(
        x=[middle * scale for middle in middles],
        y=list(means),
        mode="lines+markers",
        line={"color": ACCENT, "width": 1.5},
        marker={"size": (4 + 10 * sizes).tolist(), "color": ACCENT, "line": {"width": 0}},
        customdata=[
            [feature_labels.format_value(name, middle), f"{count:,}"]
            for middle, count in zip(middles, counts, strict=True)
        ],
        hovertemplate="about %{customdata[0]}: popularity %{y:.0f} on average (%{customdata[1]} tracks)<extra></extra>",
    )
    return figure(
        points,
        height=190,
        margin={"l": 44, "r": 8, "t": 4, "b": 36},
        xaxis={"title": feature_labels.label_with_unit(name), "nticks": 6},
        yaxis={"rangemode": "tozero", "nticks": 5},
    )
