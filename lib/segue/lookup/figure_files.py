"""A figure of the report on its own, as a plotly figure or a picture; no Spark here."""

import re
from typing import TYPE_CHECKING

from segue.errors import InputError, OutputError
from segue.storage import files

if TYPE_CHECKING:
    import plotly.graph_objects as go
REPORT = "report.html"
FORMATS = ("png", "svg", "pdf")
WIDTH, SCALE = 900, 2
"""Pixels of a picture before scaling, and what they are scaled by, for screens and print that show more."""
_BLOCK = re.compile(r'<script type="application/json" id="figure-(\w+)">(.*?)</script>', re.DOTALL)
_INK, _PAPER = "#333333", "#ffffff"


def figures(root: str) -> dict[str, str]:
    """Return the figures of a report as JSON, by name.

    Parameters
    ----------
    root : the ``--output`` of a run

    Raises
    ------
    OutputError
        If there is no report.
    """
    text = files.read_text(f"{root.rstrip('/')}/{REPORT}")
    if text is None:
        raise OutputError(f"{root} has no {REPORT}; render_report.py makes it")
    return dict(_BLOCK.findall(text))


def figure(root: str, name: str) -> "go.Figure":
    """Return one figure of a report, for a notebook.

    Raises
    ------
    InputError
        If the report has no such figure.
    OutputError
        If there is no report.
    """
    import plotly.io  # a look-up that draws nothing need not wait for it

    known = figures(root)
    if name not in known:
        raise InputError(f"the report has no figure {name!r}; it has {', '.join(known)}")
    return plotly.io.from_json(known[name])


def figure_image(root: str, name: str, path: str, kind: str) -> None:
    """Write one figure of a report as a picture of a kind, on white.

    Raises
    ------
    InputError
        If there is no such figure, or no program to draw it with.
    OutputError
        If there is no report, or the picture cannot be written.
    """
    found = figure(root, name)
    found.update_layout(paper_bgcolor=_PAPER, font={"color": _INK}, width=WIDTH)
    try:
        found.write_image(path, format=kind, scale=SCALE)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{name} cannot be drawn: {' '.join(str(error).split())[:200]}; it takes pip install 'segue[picture]' "
            "and a Chromium or Chrome"
        ) from error
