"""Detect the encoding of text that is not UTF-8, from a sample of its lines.

Titles and names hold too few characters beyond ASCII for language statistics to distinguish all encodings. Therefore
Latin encodings are distinguished by the letters of alphabets, and East Asian encodings by lists of common characters.
Encodings of other scripts (Cyrillic, Greek, Hebrew, Arabic, Thai) are distinguished by charset-normalizer.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from charset_normalizer import CharsetMatch, from_bytes

_WESTERN = "àáâãäåæçèéêëìíîïñòóôõöøœùúûüÿß"
_ALPHABETS = {
    "cp1252": (_WESTERN, "áéíóúýðþæö"),
    "cp1250": ("ąćęłńóśźż", "áäčďéěíĺľňóôŕřšťúůýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "iso8859_2": ("ąćęłńóśźż", "áäčďéěíĺľňóôŕřšťúůýž"),
    "cp1254": ("çğıöşüâîûİ",),
    "cp1257": ("āčēģīķļņšūž", "ąčęėįšųūž"),
    "mac_roman": (_WESTERN,),
    "cp850": (_WESTERN,),
}
"""The Latin encodings, in order of preference, each with its alphabets.

An alphabet has the letters beyond ASCII of a language or of a group of languages.
"""
_OTHER_SCRIPTS = ("cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", "cp874")
DESCRIPTIONS = {
    "cp1252": "Western European",
    "cp1250": "Central European",
    "iso8859_2": "Central European",
    "cp1254": "Turkish",
    "cp1257": "Baltic",
    "mac_roman": "Western European, old Mac OS",
    "cp850": "Western European, DOS",
    "cp1251": "Cyrillic",
    "koi8_r": "Cyrillic, KOI8",
    "cp866": "Cyrillic, DOS",
    "cp1253": "Greek",
    "cp1255": "Hebrew",
    "cp1256": "Arabic",
    "cp874": "Thai",
    "cp949": "Korean",
    "cp932": "Japanese, Shift-JIS",
    "euc_jp": "Japanese, EUC-JP",
    "gb18030": "simplified Chinese",
    "cp950": "traditional Chinese, Big5",
}
"""The script or language of each of ``CANDIDATES``, for messages."""
CANDIDATES = tuple(DESCRIPTIONS)
"""The encodings that can be detected, all supersets of ASCII, as Python names them."""
_MAX_LINES = 128
_MIN_VALID = 0.9
"""Minimum share of lines that are valid in an encoding; not applied to Latin encodings."""
_MIN_FIT = 0.85
"""Minimum share of the characters beyond ASCII that fit a Latin alphabet."""
_MIN_COMMON = 0.6
"""Minimum share of the characters beyond ASCII that are common in an East Asian language."""
_MIN_CHARACTERS = 3
"""Minimum number of characters beyond ASCII to detect any other encoding than the first, cp1252."""
_CELL = re.compile(rb'[^,;\t"]*[\x80-\xff][^,;\t"]*')
_RUN = re.compile(r"[^\x00-\x7f\xa0]+")
_MAX_RUN = 3
"""Maximum number of successive letters beyond ASCII in a word of Latin script."""
_BETWEEN_LETTERS = frozenset("’‘´–—…·×÷µ")  # noqa: RUF001
_PUNCTUATION = _BETWEEN_LETTERS | frozenset("“”„‚•«»‹›°©®™§¡¿ªº¨")  # noqa: RUF001
_UNCOMMON = "ðõûýþ"
_UNCOMMON_COST = 0.01
"""Amount by which a letter of ``_UNCOMMON`` counts less than another letter in the fit of cp1252.

In other encodings its byte is a more frequent letter: Hungarian ő or ű, or Turkish ğ, ş or dotless i.
"""


def detect_encoding(lines: Sequence[bytes], n_invalid: Sequence[int], n_lines: int) -> str | None:
    """Return the likeliest encoding of lines, one of ``CANDIDATES``, or None if none of them is likely.

    Parameters
    ----------
    lines : sequence of bytes
        A sample of the lines of a file that are not valid UTF-8.
    n_invalid : sequence of int
        For each of ``CANDIDATES``, the number of lines of the file that are invalid in this encoding; lines of valid
        UTF-8 need not be counted. An encoding other than the Latin ones is excluded if this number exceeds a tenth of
        ``n_lines``.
    n_lines : int
        The number of all lines of the file that are not valid UTF-8.
    """
    possible = {name for name, n in zip(CANDIDATES, n_invalid, strict=True) if n <= (1 - _MIN_VALID) * n_lines}
    cells = [cell for line in lines for cell in _CELL.findall(line)]
    return (
        _likeliest(filter(possible.__contains__, _COMMON), _MIN_COMMON, lambda name: _common_share(cells, name))
        # all Latin encodings, possible or not: if a few damaged bytes excluded cp1252, a similar encoding that defines
        # these bytes would be detected
        or _likeliest(_ALPHABETS, _MIN_FIT, lambda name: _latin_fit(cells, name))
        or _detect_script(cells, [name for name in _OTHER_SCRIPTS if name in possible])
    )


def decode_text(content: bytes) -> str:
    """Decode a small text from UTF-8, or from a detected encoding if most of its non-ASCII lines are invalid UTF-8.

    If no encoding is likely, cp1252 is used. Invalid bytes become U+FFFD. A byte order mark of UTF-8 is removed.

    >>> decode_text(b"Beyonc\\xe9"), decode_text("Beyonc\u00e9".encode())
    ('Beyonc\u00e9', 'Beyonc\u00e9')
    """
    lines = content.splitlines()
    invalid = [line for line in lines if not is_valid(line, "utf-8")]
    encoding = "utf-8-sig"
    if invalid and sum(not line.isascii() for line in lines) < 2 * len(invalid):
        n_invalid = [sum(not is_valid(line, name) for line in invalid) for name in CANDIDATES]
        encoding = detect_encoding(invalid[:_MAX_LINES], n_invalid, len(invalid)) or CANDIDATES[0]
    return content.decode(encoding, "replace")


def _likeliest(names: Iterable[str], lowest: float, rate: Callable[[str], float]) -> str | None:
    """Return the encoding with the highest rating, on a tie the first; None if that rating is below ``lowest``.

    ``names`` are the encodings to rate, and ``rate`` returns the rating of an encoding, at most 1.
    """
    ratings: dict[str, float] = {}
    for name in names:
        ratings[name] = rate(name)
        if ratings[name] == 1:
            break
    best = max(ratings, key=lambda name: ratings[name], default=None)
    return best if best and ratings[best] >= lowest else None


def _common_share(cells: Sequence[bytes], encoding: str) -> float:
    """Return the share of common characters among the characters beyond ASCII, for an East Asian encoding.

    Common are the characters of ``_COMMON``. ``cells`` are bytes in ``encoding``. Returns 0 if fewer than
    ``_MIN_CHARACTERS`` are beyond ASCII.
    """
    n_characters = n_common = 0
    for cell in cells:
        text = cell.decode(encoding, "replace")
        for run in _RUN.finditer(text):
            n_characters += len(run[0])
            neighbours = text[max(run.start() - 1, 0) : run.start()] + text[run.end() : run.end() + 1]
            # a single character beside ASCII letters counts as uncommon: in Latin text, the two bytes of an accented
            # letter or apostrophe and of the letter after it would be decoded as one East Asian character
            if len(run[0]) > 1 or not run[0].isalpha() or not any(letter.isalpha() for letter in neighbours):
                n_common += sum(character in _COMMON[encoding] for character in run[0])
    return n_common / n_characters if n_characters >= _MIN_CHARACTERS else 0.0


def _common_characters(encoding: str, *rows: range) -> frozenset[str]:
    """Return the characters that ``encoding`` writes as two bytes, the first of them in one of the ranges ``rows``."""
    pairs = (bytes((lead, trail)) for row in rows for lead in row for trail in range(0x40, 0xFF))
    return frozenset(pair.decode(encoding) for pair in pairs if is_valid(pair, encoding))


def is_valid(line: bytes, encoding: str) -> bool:
    """Return whether a line is valid in an encoding."""
    try:
        line.decode(encoding)
        return True
    except UnicodeDecodeError:
        return False


# punctuation, kana and the kanji of level 1
_JAPANESE = _common_characters("euc_jp", range(0xA1, 0xA2), range(0xA4, 0xA6), range(0xB0, 0xD0))
_COMMON = {
    "cp949": _common_characters("euc_kr", range(0xB0, 0xC9)),
    "cp932": _JAPANESE,
    "euc_jp": _JAPANESE,
    "gb18030": _common_characters("gb2312", range(0xB0, 0xD8)),
    "cp950": _common_characters("big5", range(0xA4, 0xC7)),
}
"""The East Asian encodings, in order of preference; for each the common characters of its language."""


def _latin_fit(cells: Sequence[bytes], encoding: str) -> float:
    """Decode ``cells`` (bytes) by a Latin encoding; return the share of plausible characters among those beyond ASCII.

    Plausible are punctuation and the letters of one alphabet of the encoding: the alphabet with the most letters in the
    cells. Characters with implausible neighbours, or in runs longer than ``_MAX_RUN``, are not plausible. For cp1252,
    letters of ``_UNCOMMON`` lower the result a little. With too few characters beyond ASCII, returns 0.
    """
    fitting: Counter[str] = Counter()
    n_characters = 0
    for cell in cells:
        text = cell.decode(encoding, "replace")
        for run in _RUN.finditer(text):
            n_characters += len(run[0])
            if len(run[0]) <= _MAX_RUN:
                fitting.update(text[index] for index in range(*run.span()) if _suits_neighbours(text, index))
    if n_characters < (1 if encoding == CANDIDATES[0] else _MIN_CHARACTERS):
        return 0.0
    marks = sum(fitting[mark] for mark in _PUNCTUATION)
    letters = max(sum(fitting[letter] for letter in {*known, *known.upper()}) for known in _ALPHABETS[encoding])
    uncommon = sum(fitting[letter] for letter in _UNCOMMON) if encoding == CANDIDATES[0] else 0
    return (marks + letters - _UNCOMMON_COST * uncommon) / n_characters


def _suits_neighbours(text: str, index: int) -> bool:
    """Return whether the non-ASCII character ``text[index]`` is plausible between its neighbours in ``text``.

    Implausible are capitals after small letters, and punctuation between letters, except for ``_BETWEEN_LETTERS``.
    """
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    if text[index] in _PUNCTUATION:
        return text[index] in _BETWEEN_LETTERS or not (before.isalpha() and after.isalpha())
    return not (text[index].isupper() and before.islower())


def _detect_script(cells: Sequence[bytes], encodings: Sequence[str]) -> str | None:
    """Return the encoding that charset-normalizer rates best for ``cells`` (bytes), or None if none is likely."""
    matches: list[CharsetMatch] = []
    for encoding in encodings:
        # invalid cells are left out, since a single one would make from_bytes exclude the encoding
        valid = b"\n".join(cell for cell in cells if is_valid(cell, encoding))
        words = _RUN.findall(valid.decode(encoding))
        # a single letter beyond ASCII between ASCII letters is a Latin letter, and no evidence for another script
        if sum(len(word) for word in words if len(word) > 1) >= max(_MIN_CHARACTERS, len("".join(words)) / 2):
            matches += from_bytes(valid, cp_isolation=[encoding])
    best = min(matches, key=lambda match: match.chaos - match.coherence, default=None)
    return best.encoding if best else None
