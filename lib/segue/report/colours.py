"""One colour per cluster, the same wherever it stands; no Spark here.

The first ten are Petroff's (Accessible Color Sequences for Data Visualization, 2021), made to be told apart with any
kind of colour vision; further ones are colorcet glasbey_category10, behind its first ten.
"""

import colorcet

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


def of_cluster(number: int) -> str:
    """Return the colour of a cluster, numbered from 1, as #rrggbb.

    >>> of_cluster(1), of_cluster(10)
    ('#3f90da', '#92dadd')
    """
    place = number - 1
    return _PETROFF[place] if place < len(_PETROFF) else _MORE[(place - len(_PETROFF)) % len(_MORE)]
