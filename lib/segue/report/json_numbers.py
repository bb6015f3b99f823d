"""Write the numbers and figures of a report as JSON: the file ``report.json`` beside ``report.html``.

Top-level keys:

``figures``
    Every figure of the page by name (see ``page_figures``), each a plotly figure with ``data`` and ``layout``.
``numbers``
    The fields of ``numbers.ReportNumbers``, by name, nested as its dataclasses are; arrays are lists of lists.
``origin``
    Hexadecimal digits that identify the tables, settings and code that the report was made from, as in ``report.html``.

NaN is null. Keys are sorted, so the same numbers give the same text.
"""

import json

from segue.report.escaping import json_value
from segue.report.numbers import ReportNumbers
from segue.report.page_figures import page_figures


def to_json(numbers: ReportNumbers, origin: str) -> str:
    """Return all numbers and figures of a report as JSON.

    Parameters
    ----------
    numbers : the numbers
    origin : hexadecimal digits, which ``origin_of`` returns again
    """
    content = {
        "figures": {name: figure.to_plotly_json() for name, figure in page_figures(numbers).items()},
        "numbers": numbers,
        "origin": origin,
    }
    text = json.dumps(json_value(content), ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)
    return text + "\n"


def origin_of(text: str) -> str | None:
    """Return the origin of a ``report.json``, None where the text is not one."""
    try:
        content = json.loads(text)
    except ValueError:
        return None
    origin = content.get("origin") if isinstance(content, dict) else None
    return origin if isinstance(origin, str) else None
