"""Hash values by their JSON text, replace control characters, and shorten errors of the JVM."""

import hashlib
import json
import re
from typing import Any

_JAVA_NOISE = re.compile(r"^([\w$]+\.)+(?=[\w$]+(:|$))|^\[[A-Z0-9_.]+\] |\. SQLSTATE: \w{5}$| \(Service: .*")
"""The package of a Java exception, Spark's error class, the SQLSTATE, and the request's number of a store on S3."""
_PY4J_HEAD = "An error occurred while calling"
_MAX_CAUSE_LENGTH = 300


def json_digest(value: Any, digits: int = 16, *, ensure_ascii: bool = True) -> str:
    """Return the first ``digits`` hexadecimal digits of the SHA-256 of a value's JSON text with sorted keys.

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


def java_cause(error: Exception) -> str:
    """Return one line that says why a call of the JVM failed, at most 300 characters.

    It is the innermost ``Caused by:`` of the error's Java stack trace or, without such a line, the first line of the
    error, or the name of its type if it has no text. The package of the Java exception, Spark's error class and the
    SQLSTATE are removed.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    if len(lines) > 1 and lines[0].startswith(_PY4J_HEAD):
        lines = lines[1:]
    text = causes[-1] if causes else (lines[0] if lines else type(error).__name__)
    return _JAVA_NOISE.sub("", text.removeprefix(": "))[:_MAX_CAUSE_LENGTH]
