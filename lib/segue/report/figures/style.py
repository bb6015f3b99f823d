"""Colours, template and text rules that all figures share.

The first ten cluster colours are from M. A. Petroff (2021), "Accessible Color Sequences for Data Visualization",
arXiv:2107.02270, distinguishable with colour vision deficiencies; further ones are colorcet's glasbey_category10
without its first ten.
"""

from collections.abc import Sequence
from typing import Any

import colorcet
import plotly.graph_objects as go

from segue.core.text import printable

_PETROFF = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
_GLASBEY = tuple(colorcet.b_glasbey_category10[len(_PETROFF) :])
DIVERGING = ("#2166ac", "#67a9cf", "#f7f7f7", "#ef8a62", "#b2182b")
"""Colours from the lowest value (blue) over nearly white to the highest (red), ColorBrewer's RdBu."""
SEQUENTIAL = ("#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b")
"""Colours from the lowest value (light) to the highest (dark), ColorBrewer's Blues."""
ACCENT = "#3f90da"
MUTED = "#767676"
"""Grey of secondary lines and texts, legible on white and on near black."""
_GRID = "rgba(138, 143, 152, 0.25)"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MAX_LABEL_LENGTH = 80
"""Maximum number of characters of a title or a name in a figure."""
_JOINERS = "\u200c\u200d"
"""Zero-width joiners: invisible, but Persian words and emoji sequences need them."""
_AXIS = {"gridcolor": _GRID, "zeroline": False, "automargin": True, "title": {"standoff": 8, "font": {"size": 13}}}
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": _FONT, "size": 13, "color": MUTED},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": [ACCENT],
        "margin": {"l": 48, "r": 16, "t": 8, "b": 44},
        "hoverlabel": {"font": {"family": _FONT, "size": 13}, "align": "left"},
        "hovermode": "closest",
        # from the transparent background plotly would derive a dark bar
        "modebar": {
            "bgcolor": "rgba(0,0,0,0)",
            "color": MUTED,
            "activecolor": ACCENT,
            # in a notebook CONFIG does not apply, and plotly offers to upload the figure with all its tracks
            "remove": ["sendChartToCloud", "select2d", "lasso2d"],
        },
        "showlegend": False,
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "bargap": 0.06,
    }
)
CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "responsive": True,
    "displayModeBar": "hover",
    "scrollZoom": False,
    # plotly's default is a button that uploads the figure with all its tracks
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "resetCameraLastSave3d"],
    # otherwise a track title with two dollar signs would be typeset as LaTeX
    "typesetMath": False,
}
"""Configuration of plotly.js for the page."""


def cluster_colour(number: int) -> str:
    """Return the colour of a cluster, numbered from 1, as #rrggbb.

    >>> cluster_colour(1), cluster_colour(10)
    ('#3f90da', '#92dadd')
    """
    index = number - 1
    return _PETROFF[index] if index < len(_PETROFF) else _GLASBEY[(index - len(_PETROFF)) % len(_GLASBEY)]


def colour_scale(colours: Sequence[str]) -> list[list[Any]]:
    """Return a plotly colour scale: a list of pairs [position from 0 to 1, colour], with the colours equally spaced.

    >>> colour_scale(["#000000", "#ffffff"])
    [[0.0, '#000000'], [1.0, '#ffffff']]
    """
    return [[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)]


def figure(*traces: Any, height: int, **layout: Any) -> go.Figure:
    """Return a plotly Figure of ``traces`` with the template that all figures share.

    ``height`` is in pixels; ``layout`` are further properties of the figure's layout.
    """
    return go.Figure(list(traces), {"template": TEMPLATE, "height": height, **layout})


def one_line(text: str, max_length: int = 120) -> str:
    """Return a text on one line, without control characters, cut to ``max_length`` characters.

    >>> one_line("a\\tb " + "c" * 200, 8)
    'a b ccc…'
    """
    line = " ".join(printable(text, _JOINERS).split())
    return line if len(line) <= max_length else line[: max_length - 1].rstrip() + "…"


def plotly_text(text: str, max_length: int = MAX_LABEL_LENGTH) -> str:
    """Return a text on one line, cut to ``max_length``, with "&", "<" and ">" escaped for plotly.

    >>> plotly_text("<b>x</b> & y")
    '&lt;b&gt;x&lt;/b&gt; &amp; y'
    """
    return one_line(text, max_length).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def isolated_text(text: str, max_length: int = MAX_LABEL_LENGTH) -> str:
    """Shorten and escape a text for a plotly label, as ``plotly_text`` does, and put it between Unicode isolates.

    The isolates keep a right-to-left title from reordering the text around it. ``max_length`` is in characters.
    """
    return f"\N{FIRST STRONG ISOLATE}{plotly_text(text, max_length)}\N{POP DIRECTIONAL ISOLATE}"
