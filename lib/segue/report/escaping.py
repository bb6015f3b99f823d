"""Whatever comes from a catalogue, a model or a setting becomes text that is never code; no Spark here."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from segue.report.figures.style import short

_LONGEST = 2000


def visible_text(content: Any) -> Any:
    """Return a text without what cannot be seen or written, wherever it comes from; what is markup already as it is.

    >>> seen("a\\0b\\ud800"), seen(Markup("<b>\\n</b>")), seen(7)
    ('a b', Markup('<b>\\n</b>'), 7)
    """
    return short(content, _LONGEST) if isinstance(content, str) and not isinstance(content, Markup) else content


def json_text(content: Any) -> str:
    """Return JSON that may stand in a script element: nothing in it can end the element or begin another.

    >>> json_text({"title": "</script>", "x": [1.5, float("nan")]})
    '{"title":"\\\\u003c/script\\\\u003e","x":[1.5,null]}'
    """
    text = json.dumps(_plain(content), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # guard: page-data-escaped
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _plain(content: Any) -> Any:
    """Return what JSON has: lists for arrays and tuples, null for numbers that are none."""
    if isinstance(content, Mapping):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, np.ndarray):
        return _plain(content.tolist())
    if isinstance(content, list | tuple):
        return [_plain(item) for item in content]
    if isinstance(content, np.generic):
        content = content.item()
    if isinstance(content, float) and not np.isfinite(content):
        return None
    if isinstance(content, str):
        return content.encode("utf-8", "replace").decode("utf-8")
    return content


def content_security_policy(*scripts: str) -> str:
    """Return a content security policy that lets these scripts run, and nothing be fetched."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") for text in scripts)
    # guard: page-scripts-by-hash -> allowed = "'unsafe-inline'"
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
