"""Define colours, the plotly template and the format of texts, common to all figures.

The first ten colours of clusters can be distinguished with colour vision deficiencies; they are from M. A. Petroff
(2021), "Accessible Color Sequences for Data Visualization", arXiv:2107.02270. The colours of further clusters are
colorcet's glasbey_category10 without its first ten.
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
"""Colours for values from negative (blue) to positive (red), nearly white at 0: ColorBrewer's RdBu."""
SEQUENTIAL = ("#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b")
"""Colours for values from low (light) to high (dark): ColorBrewer's Blues."""
ACCENT = "#3f90da"
"""Blue of bars and marks for data other than clusters."""
MUTED = "#767676"
"""Grey of secondary lines and texts, legible on white and on near black."""
_GRID = "rgba(138, 143, 152, 0.25)"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MAX_LABEL_LENGTH = 80
"""Maximum number of characters of a title or a name in a figure."""
_JOINERS = "\u200c\u200d"
"""Invisible characters preserved by ``one_line``: without them, Persian words and emoji sequences look wrong."""
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
        # by default plotly would derive a dark bar from the transparent background
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
    # by default plotly shows a button that uploads the figure with all its tracks
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "resetCameraLastSave3d"],
    # otherwise a track title with two dollar signs would be typeset as LaTeX
    "typesetMath": False,
}
"""Configuration of plotly.js on the page of the report."""


def cluster_colour(number: int) -> str:
    """Return the colour of the cluster ``number`` (from 1) as a text #rrggbb. From 257 on, colours repeat.

    >>> cluster_colour(1), cluster_colour(10)
    ('#3f90da', '#92dadd')
    """
    index = number - 1
    return _PETROFF[index] if index < len(_PETROFF) else _GLASBEY[(index - len(_PETROFF)) % len(_GLASBEY)]


def colour_scale(colours: Sequence[str]) -> list[list[Any]]:
    """Return a plotly colour scale of equally spaced colours: a list of pairs [position from 0 to 1, colour].

    >>> colour_scale(["#000000", "#ffffff"])
    [[0.0, '#000000'], [1.0, '#ffffff']]
    """
    return [[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)]


def figure(*traces: Any, height: int, **layout: Any) -> go.Figure:
    """Make a plotly Figure with the common template.

    Parameters
    ----------
    traces : plotly traces, such as go.Bar
    height : in pixels
    layout : further properties of the figure's layout
    """
    return go.Figure(list(traces), {"template": TEMPLATE, "height": height, **layout})


def one_line(text: str, max_length: int = 120) -> str:
    """Put a text on one line, without control characters, and cut it to ``max_length`` characters.

    >>> one_line("a\\tb " + "c" * 200, 8)
    'a b ccc…'
    """
    line = " ".join(printable(text, _JOINERS).split())
    return line if len(line) <= max_length else line[: max_length - 1].rstrip() + "…"


def plotly_text(text: str, max_length: int = MAX_LABEL_LENGTH) -> str:
    """Put a text on one line of at most ``max_length`` characters, and escape "&", "<" and ">" for plotly.

    >>> plotly_text("<b>x</b> & y")
    '&lt;b&gt;x&lt;/b&gt; &amp; y'
    """
    return one_line(text, max_length).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def isolated_text(text: str, max_length: int = MAX_LABEL_LENGTH) -> str:
    """Return the result of ``plotly_text`` between Unicode isolates, two invisible characters.

    Without these, a title in a right-to-left script would change the order of the surrounding text.
    """
    return f"\N{FIRST STRONG ISOLATE}{plotly_text(text, max_length)}\N{POP DIRECTIONAL ISOLATE}"
