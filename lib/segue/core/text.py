"""Hash values by their JSON text, replace control characters, shorten errors of the JVM, and join words."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

_JAVA_NOISE = re.compile(r"^([\w$]+\.)+(?=[\w$]+(:|$))|^\[[A-Z0-9_.]+\] |\. SQLSTATE: \w{5}$| \(Service: .*")
"""Parts of a Java error to remove from messages: the exception's package or Spark's error class at the beginning, the
SQLSTATE at the end, and the details of a request to an S3 store."""
_PY4J_HEAD = "An error occurred while calling"
_MAX_CAUSE_LENGTH = 300


def json_digest(value: Any, digits: int = 16, *, ensure_ascii: bool = True) -> str:
    """Hash a value: return the first digits of the SHA-256, in hexadecimal, of its JSON text with sorted keys.

    Tables and files of earlier runs contain these hashes. The JSON text of a value must therefore stay the same in all
    versions of segue.

    Parameters
    ----------
    value : any value accepted by ``json.dumps``
    digits : number of digits to return, at most 64
    ensure_ascii : whether characters outside ASCII are escaped as ``\\uXXXX`` before hashing
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=ensure_ascii)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:digits]


def printable(text: str, keep: str = "") -> str:
    """Replace each unprintable character of a text, such as a tab, by a space. Characters in ``keep`` are not replaced.

    >>> printable("no\\x1b[31m\\tred")
    'no [31m red'
    """
    return "".join(letter if letter.isprintable() or letter in keep else " " for letter in text)


def java_cause(error: Exception) -> str:
    """Return the cause of a failed call of the JVM, as one line of at most 300 characters.

    The cause is the last line ``Caused by: …`` of the Java stack trace. Without such a line, it is the first line of
    the error's text after py4j's own (``An error occurred while calling …``), or the name of the error's type if the
    text is empty. The exception's package or Spark's error class is removed from its beginning, the SQLSTATE from its
    end, and details of S3 requests too.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    if len(lines) > 1 and lines[0].startswith(_PY4J_HEAD):
        lines = lines[1:]
    text = causes[-1] if causes else (lines[0] if lines else type(error).__name__)
    return _JAVA_NOISE.sub("", text.removeprefix(": "))[:_MAX_CAUSE_LENGTH]


def enumerate_words(words: Sequence[str]) -> str:
    """Join one or more words by commas and a final "and".

    >>> enumerate_words(["bpm"]), enumerate_words(["bpm", "energy", "valence"])
    ('bpm', 'bpm, energy and valence')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
