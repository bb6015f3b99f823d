"""Text becomes a value, or None: numbers, durations, years, ids, lists. Plain Python, called by the workers.

Numbers may have a sign, a decimal point or (where the file writes so) comma, thousands commas, an exponent, and a
percent sign, ``bpm`` or ``dB`` behind them; durations may be ``m:ss`` or ``h:mm:ss``.
"""

import ast
import json
import math
import re
import unicodedata
from typing import Any

MISSING = frozenset({"", "NA", "null", "NULL", "-"})
"""Texts that say that there is no text."""
NO_NUMBER = frozenset({"", "na", "n/a", "#n/a", "null", "none", "-", "--", "?"})
"""Texts, in lower case, that say that there is no number."""
JOINED_BY = "; "
# none of these may take more than a time in proportion to the text, whatever it holds
_POINT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_UNIT_BEHIND = re.compile(r"(?<!\s)\s*(%|bpm|db)$", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,4}):([0-5]\d(?:\.\d+)?)", re.ASCII)
_YEARS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(\d{4})(?:\.0*)?",
        r"(\d{4})(?:[-/]\d{1,2}){1,2}(?:[T ].*)?",
        r"(\d{4})(?:\.\d{1,2}){2}",
        r"\d{1,2}(?:/\d{1,2}/|-\d{1,2}-|\.\d{1,2}\.)(\d{4})",
    )
)
_NO_YEAR = re.compile(r"0+(\.0*)?|0000[-/.].*", re.ASCII)
_TRACK_ADDRESS = re.compile(r"(?:spotify:track:|https?://open\.spotify\.com/(?:[^/?]+/)*?track/)([^?#/]+).*", re.DOTALL)
_LONGEST_LIST = 20_000


def is_missing(text: str | None) -> bool:
    """Tell whether a text stands for a missing number."""
    return text is None or text.strip().lower() in NO_NUMBER


def parse_number(text: str, *, decimal_comma: bool = False) -> float | None:
    """Return the finite number that a text holds, or None.

    >>> number("1,412"), number("-5.3 dB"), number("f"), number("NaN")
    (1412.0, -5.3, None, None)
    >>> number("0,53", decimal_comma=True), number("0,53")
    (0.53, None)
    """
    bare = text.strip()
    if not _POINT.fullmatch(bare):
        bare = _UNIT_BEHIND.sub("", bare)
        if decimal_comma and _COMMA.fullmatch(bare):
            bare = bare.replace(",", ".")
        elif _THOUSANDS.fullmatch(bare):
            bare = bare.replace(",", "")
        if not _POINT.fullmatch(bare):
            return None
    value = float(bare)
    return value if math.isfinite(value) else None


def has_decimal_comma(texts: list[str]) -> bool:
    """Tell whether commas are decimal signs: some cannot be thousands commas, and fewer points are decimal signs."""
    bare = [_UNIT_BEHIND.sub("", text.strip()) for text in texts]
    commas = sum(bool(_COMMA.fullmatch(t) and not _THOUSANDS.fullmatch(t)) for t in bare)
    points = sum("." in t and bool(_POINT.fullmatch(t)) for t in bare)
    return commas > points


def parse_duration(text: str) -> float | None:
    """Return the seconds of ``m:ss`` or ``h:mm:ss``, or None.

    >>> seconds("3:21"), seconds("1:00:00"), seconds("201")
    (201.0, 3600.0, None)
    """
    clock = _CLOCK.fullmatch(text.strip())
    if not clock:
        return None
    hours, minutes, rest = clock.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)


def parse_year(text: str) -> int | None:
    """Return the year of a year or a date, 0 where it says that the year is not known, or None.

    >>> year("2019-06-14"), year("1975"), year("14/06/2019"), year("0000"), year("soon")
    (2019, 1975, 2019, 0, None)
    """
    if _NO_YEAR.fullmatch(text):
        return 0
    found = next((found for form in _YEARS if (found := form.fullmatch(text))), None)
    return int(found[1]) if found else None


def parse_track_id(text: str) -> str:
    """Return an id without the address around it.

    >>> track_id("spotify:track:6f807x0ima9a1j3VPbc7VN")
    '6f807x0ima9a1j3VPbc7VN'
    """
    found = _TRACK_ADDRESS.fullmatch(text)
    return found[1] if found else text


def clean_text(text: str | None) -> str | None:
    """Return a text trimmed and in Unicode's composed form (NFC), or None where it is missing."""
    if text is None:
        return None
    text = text.strip()
    if not text.isascii():
        # a list written as JSON may hold half a character, which no table can
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        text = unicodedata.normalize("NFC", whole)
    return None if text in MISSING else text


def parse_list(text: str | None) -> list[str]:
    """Return the members of a list written as Python or JSON writes it, or else the text alone.

    >>> items("['Simon', \\"Garfunkel\\"]"), items("[dunkelbunt]"), items(None)
    (['Simon', 'Garfunkel'], ['[dunkelbunt]'], [])
    """
    if text is None:
        return []
    if text[0] != "[" or text[-1] != "]" or len(text) > _LONGEST_LIST:
        return [text]
    for read in (json.loads, ast.literal_eval):
        try:
            members = [_name(member) for member in read(text)]
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if all(isinstance(member, str) for member in members):
            return [name for member in members if (name := clean_text(member))]
    return [text]


def _name(member: Any) -> Any:
    """Return the name of an artist object as the Spotify API writes it; anything else as it is."""
    return member.get("name") if isinstance(member, dict) else member
