"""Hash values by their JSON text, and clean text from files for terminals and pages."""

import hashlib
import json
from typing import Any


def json_digest(value: Any, digits: int = 16, *, ensure_ascii: bool = True) -> str:
    """Return the first hexadecimal digits of the SHA-256 of a value's JSON text with sorted keys.

    Stored tables and files hold such digests, so the JSON text of a value must stay the same between versions of segue.

    Parameters
    ----------
    value : anything that ``json.dumps`` accepts
    digits : length of the result, at most 64
    ensure_ascii : whether characters outside ASCII are escaped as ``\\uXXXX`` before hashing
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=ensure_ascii)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:digits]


def printable(text: str, keep: str = "") -> str:
    """Return the text with a space for each control or other unprintable character, except those in ``keep``.

    >>> printable("no\\x1b[31m\\tred")
    'no [31m red'
    """
    return "".join(letter if letter.isprintable() or letter in keep else " " for letter in text)
