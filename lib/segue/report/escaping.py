"""Escape texts for HTML and JSON, and make a content security policy: texts of the data must never run as code."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from segue.report.figures.style import one_line

_MAX_LENGTH = 2000


def visible_text(content: Any) -> Any:
    """Put a text on one line, without control characters, and cut it to ``_MAX_LENGTH`` characters.

    Other values, and texts in HTML (``Markup``), are returned unchanged.

    >>> visible_text("a\\0b\\ud800"), visible_text(Markup("<b>\\n</b>")), visible_text(7)
    ('a b', Markup('<b>\\n</b>'), 7)
    """
    is_text = isinstance(content, str) and not isinstance(content, Markup)
    return one_line(content, _MAX_LENGTH) if is_text else content


def json_text(content: Any) -> str:
    """Convert a value to JSON text for an HTML script element: "<", ">", "&", U+2028 and U+2029 are escaped.

    Otherwise a text in the value could end the element and begin another one. NaN and infinities become null.

    >>> json_text({"title": "</script>", "x": [1.5, float("nan")]})
    '{"title":"\\\\u003c/script\\\\u003e","x":[1.5,null]}'
    """
    text = json.dumps(json_value(content), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # guard: page-data-escaped
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def json_value(content: Any) -> Any:
    """Convert a value recursively to the types of JSON: dict, list, str, int, float, bool and None.

    Dataclasses and mappings become dicts with texts as dictionary keys; arrays, lists and tuples become lists; NaN and
    infinities become None; lone surrogates, which UTF-8 cannot encode, become "?".

    >>> json_value({1: (np.float64(0.5), np.inf), "text": "\\ud800"})
    {'1': [0.5, None], 'text': '?'}
    """
    if is_dataclass(content) and not isinstance(content, type):
        return {field.name: json_value(getattr(content, field.name)) for field in fields(content)}
    if isinstance(content, Mapping):
        return {json_value(str(key)): json_value(value) for key, value in content.items()}
    if isinstance(content, np.ndarray):
        return json_value(content.tolist())
    if isinstance(content, list | tuple):
        return [json_value(item) for item in content]
    if isinstance(content, np.generic):
        content = content.item()
    if isinstance(content, float) and not np.isfinite(content):
        return None
    if isinstance(content, str):
        return content.encode("utf-8", "replace").decode("utf-8")
    return content


def content_security_policy(*scripts: str) -> str:
    """Return the text of a content security policy: a page may run only the given scripts.

    ``scripts`` are the texts of the scripts in the page. The policy identifies the scripts by their hashes. The page
    may load nothing from other addresses; styles and images must be part of the page.
    """
    digests = (base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") for text in scripts)
    # guard: page-scripts-by-hash -> allowed = "'unsafe-inline'"
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
