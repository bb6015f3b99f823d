"""Assign codes to musical keys by the Camelot wheel. Tracks in adjacent keys of the wheel mix well.

The wheel has the numbers 1 to 12, each a fifth above the one before, with two keys each: a minor one (letter A) and its
relative major (letter B) with the same notes. 8A is A minor, 8B is C major. A step leads to the next or previous
number with the same letter, or to the other letter of the same number. Keys are compatible if at most one step
separates them. Each of the 24 keys is compatible with four keys: itself and three others.

The code of a key is 2 * (number - 1), plus 1 for a major key; of an unknown key it is ``UNKNOWN``.
"""

import numpy as np

from segue.similarity.rules import Flags, Integers

UNKNOWN = -1
N_NUMBERS = 12
FIRST_NUMBERS = (4, 7)
"""Positions on the wheel, counted from 0: 4 for C minor (5A), 7 for C major (8B)."""
FIFTH = 7
"""Semitones in a fifth. Seven is its own inverse modulo 12: a semitone is seven fifths."""
_NAMES = (
    "Ab minor", "B major", "Eb minor", "F# major", "Bb minor", "Db major", "F minor", "Ab major",
    "C minor", "Eb major", "G minor", "Bb major", "D minor", "F major", "A minor", "C major",
    "E minor", "G major", "B minor", "D major", "F# minor", "A major", "Db minor", "E major",
)  # fmt: skip
"""Names of the keys, indexed by code."""


def key_code(key: float | None, mode: float | None) -> int:
    """Return the code of the key with pitch class ``key``, 0 (C) to 11 (B), and ``mode``, 1 (major) or 0 (minor).

    The code is ``UNKNOWN`` if either is None.

    >>> key_code(9, 0), key_code(0, 1), key_code(0, None)
    (14, 15, -1)
    """
    if key is None or mode is None:
        return UNKNOWN
    return (FIFTH * int(key) + FIRST_NUMBERS[int(mode)]) % N_NUMBERS * 2 + int(mode)


def key_name(code: int) -> str:
    """Return the name of a musical key, with its Camelot name in brackets; "" for ``UNKNOWN``.

    >>> key_name(14), key_name(21)
    ('A minor (8A)', 'A major (11B)')
    """
    return "" if code == UNKNOWN else f"{_NAMES[code]} ({camelot(code)})"


def camelot(code: int) -> str:
    """Return the Camelot name of a musical key by its code, as ``key_code`` returns it. It must not be ``UNKNOWN``.

    >>> camelot(14)
    '8A'
    """
    return f"{code // 2 + 1}{'AB'[code % 2]}"


def steps(first: Integers, second: Integers) -> Integers:
    """Return the number of steps on the Camelot wheel between two keys, 0 to 7; 0 if one is unknown.

    ``first`` and ``second`` are arrays of codes of keys; their shapes broadcast.
    """
    fifths = np.abs(first // 2 - second // 2)
    count = np.minimum(fifths, N_NUMBERS - fifths) + (first % 2 != second % 2)
    result: Integers = np.where((first == UNKNOWN) | (second == UNKNOWN), 0, count)
    return result


def can_follow(code: int, candidates: Integers) -> Flags:
    """Return which of the keys ``candidates`` are compatible with the key ``code``, as an array of bool.

    Both are codes of musical keys. A known key is compatible with known keys at most one step away; ``UNKNOWN`` is
    compatible with all keys.
    """
    if code == UNKNOWN:
        return np.ones(candidates.shape, dtype=bool)
    result: Flags = (candidates != UNKNOWN) & (steps(np.array(code), candidates) <= 1)
    return result
