"""Draw figures of the catalogue: histograms, correlations, years, rankings and popularity."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from segue.report import feature_labels
from segue.report.figures.style import ACCENT, DIVERGING, colour_scale, figure, plotly_text

_MAX_TICK_LENGTH = 24
"""Maximum number of characters of a name in the labels of an axis."""
_YEAR_AXIS = {"tickformat": "d", "showgrid": False}


def distribution(name: str, edges: Sequence[float], counts: Sequence[int]) -> go.Figure:
    """Draw a histogram of one feature as a plotly Figure.

    Parameters
    ----------
    name : name of the feature
    edges : bin edges in the unit of the tables, ascending, one more than ``counts``
    counts : number of tracks in each bin
    """
    scale = feature_labels.display_factor(name)
    bins = list(pairwise(edges))
    bars = go.Bar(
        x=[scale * (low + high) / 2 for low, high in bins],
        y=list(counts),
        width=[scale * (high - low) for low, high in bins],
        marker={"color": ACCENT, "line": {"width": 0}},
        customdata=[
            f"{feature_labels.format_value(name, low)} to {feature_labels.format_value(name, high)}"
            for low, high in bins
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
    """Draw the lower triangle of a correlation matrix as a plotly Figure, negative values blue, positive values red.

    Parameters
    ----------
    names : names of the features
    r : Pearson's r, in [-1, 1], shape (n_features, n_features); cells with NaN are left blank
    """
    values = np.array(r, dtype=float)
    values[np.triu_indices(len(names))] = np.nan
    labels = [feature_labels.NAMES.get(name, name).capitalize() for name in names]
    lower = values[1:, :-1]
    heat = go.Heatmap(
        z=[[None if np.isnan(v) else round(float(v), 3) for v in row] for row in lower],
        x=labels[:-1],
        y=labels[1:],
        zmin=-1,
        zmax=1,
        colorscale=colour_scale(DIVERGING),
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
    """Draw the mean of a feature, or the number of tracks, by year of release as a plotly Figure.

    Parameters
    ----------
    name : name of the feature; "tracks" for the number of tracks
    years : calendar years
    values : the mean of the feature in each year, in the unit of the tables (None or NaN leaves a gap in the line); or
        the number of tracks of each year
    """
    if name == "tracks":
        bars = go.Bar(
            x=list(years),
            y=list(values),
            marker={"color": ACCENT, "line": {"width": 0}},
            hovertemplate="%{x}: %{y:,} tracks<extra></extra>",
        )
        return figure(bars, height=220, xaxis=_YEAR_AXIS, yaxis={"title": "Tracks", "tickformat": "~s"})
    scale = feature_labels.display_factor(name)
    means = [None if value is None or np.isnan(value) else value for value in values]  # pandas has NaN for None
    line = go.Scatter(
        x=list(years),
        y=[None if mean is None else mean * scale for mean in means],
        mode="lines",
        line={"color": ACCENT, "width": 2},
        customdata=["" if mean is None else feature_labels.format_value(name, mean) for mean in means],
        hovertemplate="%{x}: %{customdata}<extra></extra>",
    )
    return figure(line, height=220, xaxis=_YEAR_AXIS, yaxis={"title": feature_labels.label_with_unit(name)})


def ranking(names: Sequence[str], counts: Sequence[int], *, unit: str) -> go.Figure:
    """Draw names with their counts as horizontal bars, the first on top, as a plotly Figure.

    The plotly trace lists the bars in reverse order, because plotly draws from the bottom.

    Parameters
    ----------
    names : the names, such as genres, most frequent first
    counts : number of occurrences of each name
    unit : plural noun for the counted items, such as "tracks"

    >>> ranking(["rock", "pop"], [12, 7], unit="tracks").data[0].text
    ('7', '12')
    """
    names, counts = list(names), list(counts)
    order = range(len(names) - 1, -1, -1)
    bars = go.Bar(
        x=[counts[i] for i in order],
        # positions instead of names: two names shortened to the same text would share a bar
        y=list(range(len(names))),
        orientation="h",
        marker={"color": ACCENT},
        text=[f"{counts[i]:,}" for i in order],
        textposition="outside",
        cliponaxis=False,
        customdata=[plotly_text(names[i]) for i in order],
        hovertemplate=f"%{{customdata}}: %{{x:,}} {unit}<extra></extra>",
    )
    return figure(
        bars,
        height=40 + 26 * len(names),
        margin={"l": 8, "r": 56, "t": 4, "b": 4},
        xaxis={"visible": False},
        yaxis={
            "showgrid": False,
            "tickvals": list(range(len(names))),
            "ticktext": [plotly_text(names[i], _MAX_TICK_LENGTH) for i in order],
        },
    )


def popularity(name: str, bin_centres: Sequence[float], means: Sequence[float], counts: Sequence[int]) -> go.Figure:
    """Draw the mean popularity in each bin of one feature as a plotly Figure.

    Markers of bins with more tracks are larger.

    Parameters
    ----------
    name : name of the feature
    bin_centres : middle of each bin, in the unit of the tables, ascending
    means : mean popularity of each bin, 0 to 100
    counts : number of tracks in each bin
    """
    scale = feature_labels.display_factor(name)
    sizes = np.sqrt(np.array(counts, dtype=float) / max(counts, default=1))
    points = go.Scatter(
        x=[centre * scale for centre in bin_centres],
        y=list(means),
        mode="lines+markers",
        line={"color": ACCENT, "width": 1.5},
        marker={"size": (4 + 10 * sizes).tolist(), "color": ACCENT, "line": {"width": 0}},
        customdata=[
            [feature_labels.format_value(name, centre), f"{count:,}"]
            for centre, count in zip(bin_centres, counts, strict=True)
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
