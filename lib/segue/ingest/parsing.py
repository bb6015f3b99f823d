"""Parse the texts of a file into numbers, durations, years, track ids, lists and cleaned text.

A number may have a sign, a decimal point or (where the file uses it) a decimal comma, thousands commas, an exponent,
and a trailing ``%``, ``bpm`` or ``dB``; it may be the only member of a list, ``[120.5]``. A duration may be ``m:ss`` or
``h:mm:ss``. Every parser takes time linear in the length of its text, whatever the text holds.
"""

import ast
import json
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

MISSING_TEXTS = frozenset({"", "NA", "null", "NULL", "-"})
"""Placeholders for a missing text in any column, case-sensitive.

Only these placeholders are removed before a track id is derived from title, artist and album. The other placeholders
for titles, artists and albums are removed afterwards.
"""
MISSING_NAMES = frozenset({"<NA>", "<null>", "#N/A", "\\N", "empty_field"})
"""Further placeholders for a missing title or album. "None", "NaN", "Unknown" and "?" are real names of songs."""
MISSING_VALUES = frozenset(
    {
        "",
        "na",
        "n/a",
        "#n/a",
        "n.a.",
        "<na>",
        "nan",
        "nat",
        "null",
        "<null>",
        "none",
        "nil",
        "\\n",
        "-",
        "--",
        "?",
        "??",
    }
    | {"unknown", "<unknown>", "[unknown]", "empty_field", "undefined", "[]", "()", "{}", "set()"}
)
"""Placeholders for a missing value, in lower case, for all columns except title and album."""
UNKNOWN_ARTISTS = frozenset({"unknown artist", "unknown artists", "<unknown artist>", "[no artist]", "no artist"})
"""Further placeholders for a missing artist, in lower case."""
ARTIST_SEPARATOR = "; "
_DECIMAL_POINT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_THOUSANDS_COMMAS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_UNIT_SUFFIX = re.compile(r"(?<!\s)\s*(%|bpm|db)$", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,4}):([0-5]\d(?:\.\d+)?)", re.ASCII)
_YEAR_FORMATS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(\d{4})(?:\.0*)?",
        r"(\d{4})(?:[-/]\d{1,2}){1,2}(?:[T ].*)?",
        r"(\d{4})(?:\.\d{1,2}){2}",
        r"\d{1,2}(?:/\d{1,2}/|-\d{1,2}-|\.\d{1,2}\.)(\d{4})",
    )
)
_UNKNOWN_YEAR = re.compile(r"(?:0+|-1|-9{2,4})(\.0*)?|0000[-/.].*", re.ASCII)
_TRACK_URI = re.compile(r"(?:spotify:track:|https?://open\.spotify\.com/(?:[^/?]+/)*?track/)([^?#/]+).*", re.DOTALL)
_MAX_LIST_LENGTH = 20_000
_LIST_ENDS = frozenset({("[", "]"), ("{", "}"), ("(", ")")})
_WRAPPED_LIST = re.compile(r"c(\(.*\))|(?:frozen)?set\((.*)\)", re.DOTALL)
_NO_COMMA = re.compile(r"(?<=['\"])\s+(?=['\"])")


def is_missing(text: str | None) -> bool:
    """Return whether a text is None or a placeholder such as ``n/a``. For all columns except title and album."""
    return text is None or text.strip().lower() in MISSING_VALUES


def is_unknown_artist(name: str) -> bool:
    """Return whether the name of an artist means that the artist is unknown.

    >>> [is_unknown_artist(name) for name in ("Unknown Artist", "?", "The Unknown", "Nobody")]
    [True, True, False, False]
    """
    folded = name.strip().lower()
    return folded in MISSING_VALUES or folded in UNKNOWN_ARTISTS


def parse_number(text: str, *, decimal_comma: bool = False) -> float | None:
    """Parse a number, with or without a unit such as dB; return a finite float, or None for any other text.

    >>> parse_number("1,412"), parse_number("-5.3 dB"), parse_number("f"), parse_number("NaN")
    (1412.0, -5.3, None, None)
    >>> parse_number("0,53", decimal_comma=True), parse_number("0,53")
    (0.53, None)
    """
    bare = text.strip()
    if not _DECIMAL_POINT.fullmatch(bare):
        bare = _UNIT_SUFFIX.sub("", bare)
        if decimal_comma and _DECIMAL_COMMA.fullmatch(bare):
            bare = bare.replace(",", ".")
        elif _THOUSANDS_COMMAS.fullmatch(bare):
            bare = bare.replace(",", "")
        elif bare[:1] == "[" and bare[-1] == "]":
            bare = bare[1:-1].strip()
        if not _DECIMAL_POINT.fullmatch(bare):
            return None
    value = float(bare)
    return value if math.isfinite(value) else None


def has_decimal_comma(texts: Sequence[str]) -> bool:
    """Return whether more texts hold a decimal comma than a decimal point. Possible thousands commas do not count.

    >>> has_decimal_comma(["0,53", "7"]), has_decimal_comma(["1,412", "2,100"])
    (True, False)
    """
    bare = [_UNIT_SUFFIX.sub("", text.strip()) for text in texts]
    n_commas = sum(bool(_DECIMAL_COMMA.fullmatch(t) and not _THOUSANDS_COMMAS.fullmatch(t)) for t in bare)
    n_points = sum("." in t and bool(_DECIMAL_POINT.fullmatch(t)) for t in bare)
    return n_commas > n_points


def parse_duration(text: str) -> float | None:
    """Parse a duration ``m:ss`` or ``h:mm:ss``; return seconds as a float, or None for any other text.

    >>> parse_duration("3:21"), parse_duration("1:00:00"), parse_duration("201")
    (201.0, 3600.0, None)
    """
    clock = _CLOCK.fullmatch(text.strip())
    if not clock:
        return None
    hours, minutes, seconds = clock.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def parse_year(text: str) -> int | None:
    """Parse a year or a date; return the year, 0 for an unknown year (zeros, -1, -99), or None for any other text.

    >>> [parse_year(text) for text in ("2019-06-14", "1975", "14/06/2019", "0000", "-1", "soon")]
    [2019, 1975, 2019, 0, 0, None]
    """
    if _UNKNOWN_YEAR.fullmatch(text):
        return 0
    match = next((match for pattern in _YEAR_FORMATS if (match := pattern.fullmatch(text))), None)
    return int(match[1]) if match else None


def parse_track_id(text: str) -> str:
    """Return the id in a Spotify URI or URL of a track; return any other text unchanged.

    >>> parse_track_id("spotify:track:6f807x0ima9a1j3VPbc7VN")
    '6f807x0ima9a1j3VPbc7VN'
    """
    match = _TRACK_URI.fullmatch(text)
    return match[1] if match else text


def given_track_id(text: str | None) -> str | None:
    """Return the track id in a text, trimmed, and without a Spotify URI or URL around it. None for a placeholder.

    >>> given_track_id(" 17 "), given_track_id("spotify:track:6f807x0ima9a1j3VPbc7VN"), given_track_id("NaN")
    ('17', '6f807x0ima9a1j3VPbc7VN', None)
    """
    cleaned = clean_text(text)
    return None if cleaned is None or is_missing(cleaned) else parse_track_id(cleaned)


def clean_text(text: str | None) -> str | None:
    """Trim a text, normalise it to Unicode NFC, and replace characters that UTF-8 cannot encode.

    Returns None for None and for ``MISSING_TEXTS``, such as "" and "NA". Other placeholders (``is_missing``) are kept.
    """
    if text is None:
        return None
    text = text.strip()
    if not text.isascii():
        # JSON escapes can hold half a surrogate pair, which UTF-8, and therefore Arrow, cannot encode
        encodable = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        text = unicodedata.normalize("NFC", encodable)
    return None if text in MISSING_TEXTS else text


def parse_list(text: str | None) -> list[str]:
    """Parse a list or set in Python or JSON notation; return its members, or ``[text]`` if the text is no such list.

    Members keep their order, also those of a set. Lists in the notation of numpy (without commas) and of R (``c("a",
    "b")``) are recognised too. An object with a ``name``, such as an artist of the Spotify Web API, is replaced by the
    name. Members that are null or one of ``MISSING_TEXTS`` are left out. If ``text`` is None, the result is an empty
    list. ``text`` must not be empty (``clean_text`` ensures this). A text of more than ``_MAX_LIST_LENGTH`` characters
    is not parsed: the result is ``[text]``.

    >>> parse_list("['Simon', \\"Garfunkel\\"]"), parse_list("[dunkelbunt]"), parse_list(None)
    (['Simon', 'Garfunkel'], ['[dunkelbunt]'], [])
    >>> parse_list("{'rock', 'pop'}"), parse_list("set()"), parse_list("['hip hop' 'rap']")
    (['rock', 'pop'], [], ['hip hop', 'rap'])
    """
    if text is None:
        return []
    if text[-1] not in "])}" or len(text) > _MAX_LIST_LENGTH:
        return [text]
    wrapped = _WRAPPED_LIST.fullmatch(text)
    bare = (wrapped[1] or wrapped[2] or "[]") if wrapped else text
    if (bare[0], bare[-1]) not in _LIST_ENDS:
        return [text]
    # in square brackets, the members of a set keep their order, and a JSON object cannot be parsed as a list
    listed = f"[{bare[1:-1]}]"
    if "'" in listed and "," not in listed:
        listed = _NO_COMMA.sub(", ", listed)
    for parse in (json.loads, ast.literal_eval):
        try:
            members = [_member_name(member) for member in parse(listed)]
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if all(member is None or isinstance(member, str) for member in members):
            return [name for member in members if (name := clean_text(member))]
    return [text]


def _member_name(member: Any) -> Any:
    return member.get("name") if isinstance(member, dict) else member
