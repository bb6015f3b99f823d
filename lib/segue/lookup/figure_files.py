"""Return a figure of the report, or write it as a picture. Figures are read from ``report.json``."""

import json
from typing import TYPE_CHECKING, Any

from segue.errors import InputError, OutputError
from segue.report import JSON_FILE
from segue.storage import files

if TYPE_CHECKING:
    import plotly.graph_objects as go

FORMATS = ("png", "svg", "pdf")
WIDTH, SCALE = 900, 2
"""Width of a picture in pixels before scaling, and the factor of scaling, for screens and print of high resolution."""
_FOREGROUND, _BACKGROUND = "#333333", "#ffffff"


def figures(root: str) -> dict[str, str]:
    """Return the figures of a report as plotly JSON, by name.

    Parameters
    ----------
    root : the ``--output`` of a run

    Raises
    ------
    OutputError
        If there is no ``report.json``, or it holds no figures.
    """
    return {name: json.dumps(content, ensure_ascii=False) for name, content in _contents(root).items()}


def figure(root: str, name: str) -> "go.Figure":
    """Return one figure of a report.

    Raises
    ------
    InputError
        If the report has no figure of this name.
    OutputError
        If there is no ``report.json``, or it holds no figures.
    """
    import plotly.graph_objects as go  # imported here: plotly is slow to import, and other look-ups need none

    contents = _contents(root)
    if name not in contents:
        raise InputError(f"the report has no figure {name!r}; it has {', '.join(contents)}")
    return go.Figure(contents[name])


def figure_image(root: str, name: str, path: str, kind: str) -> None:
    """Write one figure of a report as a picture on white.

    Parameters
    ----------
    root : the ``--output`` of a run
    name : one of ``figures``
    path : local file to write
    kind : one of ``FORMATS``

    Raises
    ------
    InputError
        If the report has no figure of this name, or kaleido or a browser is missing.
    OutputError
        If there is no ``report.json``, or the picture cannot be written.
    """
    drawn = figure(root, name)
    drawn.update_layout(paper_bgcolor=_BACKGROUND, font={"color": _FOREGROUND}, width=WIDTH)
    try:
        drawn.write_image(path, format=kind, scale=SCALE)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"cannot draw {name}: {' '.join(str(error).split())[:200]}; needed are pip install 'segue[picture]' "
            "and a Chromium or Chrome"
        ) from error


def _contents(root: str) -> dict[str, Any]:
    """Return data and layout of every figure, by name."""
    text = files.read_text(f"{root.rstrip('/')}/{JSON_FILE}")
    if text is None:
        raise OutputError(f"{root} has no {JSON_FILE}, which the report's figures are read from; run render_report.py")
    try:
        contents: dict[str, Any] = json.loads(text)["figures"]
        return dict(contents)
    except (ValueError, LookupError, TypeError) as error:
        raise OutputError(f"{root}/{JSON_FILE} is not a report's JSON; delete it and run render_report.py") from error
