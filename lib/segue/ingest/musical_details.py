"""Parse the texts of the columns ``key``, ``mode``, ``time_signature``, ``isrc`` and ``explicit``.

No row is rejected for these columns: a text that is no value of its column becomes None. Results are cached, except
for ISRCs, because the columns hold few distinct texts.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

_SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCIDENTALS = {"#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_MODES = {
    **dict.fromkeys(("major", "maj", "dur", "mayor", "maior", "majeur", "maggiore", "M", "1", "1.0"), 1),
    **dict.fromkeys(("minor", "min", "moll", "menor", "mineur", "minore", "m", "0", "0.0"), 0),
}
_NOTE = r"(?i:([a-g])[ -]?(sharp|flat|#|♯|♭|b)?)"
_NAMED_KEY = re.compile(rf"{_NOTE}(?:\s?[/|]\s?{_NOTE})?[ -]?([a-zA-Z]+)?")
_NUMBER = re.compile(r"(\d{1,2})(?:\.0*)?", re.ASCII)
_WHEEL_KEY = re.compile(r"(\d{1,2}) ?([abdmABDM])", re.ASCII)
_WHEELS = {"b": (8, 0, 1), "a": (8, 9, 0), "d": (1, 0, 1), "m": (1, 9, 0)}
"""For each letter of the Camelot (A, B) and Open Key (d, m) wheels: the position, pitch class and mode of one key.

The key is C major or A minor. C major is 8B on the Camelot wheel, so ``b`` has (8, 0, 1).
"""
_BEATS = re.compile(r"(\d{1,2})(?:\.0*|/\d{1,2})?", re.ASCII)
_ISRC = re.compile(r"(?:ISRC:?)?([A-Z]{2}[A-Z0-9]{3}\d{7})", re.ASCII)
_EXPLICIT = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "y", "t", "explicit", "e"), True),
    **dict.fromkeys(("false", "0", "0.0", "no", "n", "f", "clean", "cleaned", "notexplicit", "not explicit"), False),
}


@lru_cache(maxsize=1024)
def parse_key(text: str) -> tuple[int | None, int | None]:
    """Parse a musical key; return its pitch class (0 for C to 11 for B) and mode (1 major, 0 minor). Each may be None.

    The text is a pitch class, a note with or without a mode, or a key of the Camelot or Open Key wheel, such as 8B.

    >>> parse_key("7"), parse_key("-1"), parse_key("C♯/D♭"), parse_key("Bb minor"), parse_key("F#m")
    ((7, None), (None, None), (1, None), (10, 0), (6, 0))
    >>> parse_key("8B"), parse_key("08A"), parse_key("1d"), parse_key("12m")
    ((0, 1), (9, 0), (0, 1), (2, 0))
    """
    text = text.strip()
    if number := _NUMBER.fullmatch(text):
        key = int(number[1])
        return (key if key < 12 else None), None
    if wheel := _WHEEL_KEY.fullmatch(text):
        position = int(wheel[1])
        origin, key, mode = _WHEELS[wheel[2].lower()]
        # one step on the wheel is a fifth, which is 7 semitones
        return ((key + 7 * (position - origin)) % 12, mode) if 1 <= position <= 12 else (None, None)
    named = _NAMED_KEY.fullmatch(text)
    if not named or (named[5] and parse_mode(named[5]) is None):
        return None, None
    key = _SEMITONES[named[1].lower()] + _ACCIDENTALS.get((named[2] or "").lower(), 0)
    return key % 12, parse_mode(named[5]) if named[5] else None


@lru_cache(maxsize=1024)
def parse_mode(text: str) -> int | None:
    """Return 1 for a major mode, 0 for a minor one, None for any other text.

    >>> [parse_mode(text) for text in ("1", "0.0", "Major", "moll", "-1", "dorian")]
    [1, 0, 1, 0, None, None]
    """
    text = text.strip()
    return _MODES.get(text if len(text) == 1 else text.lower())


@lru_cache(maxsize=1024)
def parse_time_signature(text: str) -> int | None:
    """Return the number of beats in a bar. None for 0 and for any other text.

    >>> [parse_time_signature(text) for text in ("4", "3.0", "6/8", "0", "-1")]
    [4, 3, 6, None, None]
    """
    beats = _BEATS.fullmatch(text.strip())
    return int(beats[1]) or None if beats else None


def parse_isrc(text: str) -> str | None:
    """Return an International Standard Recording Code in capitals without hyphens. None for any other text.

    >>> parse_isrc("us-rc1-76-07839"), parse_isrc("USRC1760783")
    ('USRC17607839', None)
    """
    isrc = _ISRC.fullmatch(text.strip().upper().replace("-", "").replace(" ", ""))
    return isrc[1] if isrc else None


@lru_cache(maxsize=1024)
def parse_explicit(text: str) -> bool | None:
    """Return True for a text that means explicit lyrics, False for clean lyrics, None for any other text.

    >>> [parse_explicit(text) for text in ("True", "0", "Clean", "maybe")]
    [True, False, False, None]
    """
    return _EXPLICIT.get(text.strip().lower())


PARSERS: dict[str, Callable[[str], Any]] = {
    "mode": parse_mode,
    "time_signature": parse_time_signature,
    "isrc": parse_isrc,
    "explicit": parse_explicit,
}


def parse_details(texts: Mapping[str, str | None]) -> dict[str, Any]:
    """Parse the musical key and the columns of ``PARSERS`` in a row; return a dict from column to value.

    ``texts`` maps columns to texts. A text that cannot be parsed becomes None; a column without a text has no entry. A
    row without a mode gets the mode of its key.

    >>> parse_details({"key": "C major", "explicit": "yes", "isrc": "unknown", "mode": None})
    {'isrc': None, 'explicit': True, 'key': 0, 'mode': 1}
    """
    values: dict[str, Any] = {}
    for name, parse in PARSERS.items():
        text = texts.get(name)
        if text is not None:
            values[name] = parse(text)
    text = texts.get("key")
    if text is not None:
        values["key"], mode = parse_key(text)
        if mode is not None and values.get("mode") is None:
            values["mode"] = mode
    return values
