"""One colour per cluster, the same wherever it stands; no Spark here.

The first ten are Petroff's (Accessible Color Sequences for Data Visualization, 2021), made to be told apart with any
kind of colour vision; further ones are colorcet glasbey_category10, behind its first ten.
"""

from typing import Any

import colorcet
import plotly.graph_objects as go

from segue.core.text import printable

_PETROFF = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
_MORE = tuple(colorcet.b_glasbey_category10[len(_PETROFF) :])
DIVERGING = ("#2166ac", "#67a9cf", "#f7f7f7", "#ef8a62", "#b2182b")
"""Blue for the lowest, red for the highest, nearly white in the middle (ColorBrewer's RdBu)."""
SEQUENTIAL = ("#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b")
"""Light for little, dark for much (ColorBrewer's Blues)."""
ACCENT = "#3f90da"
QUIET = "#767676"
"""What carries everything that is not the point: it is read on white and on near black."""


def cluster_colour(number: int) -> str:
    """Return the colour of a cluster, numbered from 1, as #rrggbb.

    >>> of_cluster(1), of_cluster(10)
    ('#3f90da', '#92dadd')
    """
    place = number - 1
    return _PETROFF[place] if place < len(_PETROFF) else _MORE[(place - len(_PETROFF)) % len(_MORE)]


GRID = "rgba(138, 143, 152, 0.25)"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
LONGEST = 80
"""Characters of a title or a name that a figure shows."""
_AXIS = {"gridcolor": GRID, "zeroline": False, "automargin": True, "title": {"standoff": 8, "font": {"size": 13}}}
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 13, "color": QUIET},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": [ACCENT],
        "margin": {"l": 48, "r": 16, "t": 8, "b": 44},
        "hoverlabel": {"font": {"family": FONT, "size": 13}, "align": "left"},
        "hovermode": "closest",
        # plotly would derive a dark bar from the clear background
        "modebar": {
            "bgcolor": "rgba(0,0,0,0)",
            "color": QUIET,
            "activecolor": ACCENT,
            # in a notebook too, where CONFIG is not, plotly would offer to upload the figure with all its tracks
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
    # plotly offers to upload a figure, with all its tracks, unless told not to
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "resetCameraLastSave3d"],
    # a title with two dollar signs is no equation
    "typesetMath": False,
}


def figure(*traces: Any, height: int, **layout: Any) -> go.Figure:
    """Return a figure in the house's style."""
    return go.Figure(list(traces), {"template": TEMPLATE, "height": height, **layout})


_JOINERS = "\u200c\u200d"
"""They cannot be seen, but Persian words and families of emoji are made with them."""


def short(text: str, longest: int = 120) -> str:
    """Return a text on one line, without control characters, not too long.

    >>> short("a\\tb " + "c" * 200, 8)
    'a b ccc…'
    """
    line = " ".join(printable(text, _JOINERS).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def plain(text: str, longest: int = LONGEST) -> str:
    """Return a text that plotly shows as it is, whatever tags, entities or directions it holds, not too long.

    >>> plain("<b>x</b> & y")
    '&lt;b&gt;x&lt;/b&gt; &amp; y'
    """
    return short(text, longest).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def isolated(text: str, longest: int = LONGEST) -> str:
    """Return the same, its direction of writing kept from what stands around it."""
    return f"\N{FIRST STRONG ISOLATE}{plain(text, longest)}\N{POP DIRECTIONAL ISOLATE}"
