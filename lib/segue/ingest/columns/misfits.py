"""Recognise number columns with values that contradict the header, such as z-scores or flags.

A column is a misfit in any of these cases:

* Of its texts that are not missing, fewer than a tenth are numbers. And of all its texts, more than half are neither
  numbers nor placeholders nor, in a column of durations, of the form ``m:ss``.
* More than half of its values are above the largest value of its unit. For durations, this is three hours; for tempos,
  300. For loudness, more than half are below -60 dB instead.
* At least a tenth of its values are below 0. For loudness, more than a quarter are above 0 dB instead.
* At least nine tenths of its values are unlikely for music, such as tempos below 20 or loudness from -1 to 1 dB.
* Its values are 0 and 1 alone. A column such as valence is then a misfit only if it is read as a fraction (0 to 1),
  since 0 % and 1 % are likely values.
* It is a column such as valence, with values too large for 0 to 1 and too small for 0 to 10 (``undecided_unit``).

Placeholders for a missing value do not count: 0 for tempo and duration, and -1 for all columns but loudness.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from segue import schema
from segue.ingest import parsing

SCALES = {"fraction": 1, "percent": 100, "tenths": 10, "thirds": 3}
"""The units in which a file may write a fraction, with the largest value of each. The smallest is always 0."""
_MIN_BPM = 20
_MAX_DURATIONS = {"s": 10_800, "ms": 10_800_000, "min": 180}
_SINGLE_UNIT = ("bpm", "loudness")
_NUMBERS = {number.name: number for number in schema.NUMBERS}
_EXPECTED = {
    **{name: f"{_NUMBERS[name].unit}, from {_NUMBERS[name].low:g} to {_NUMBERS[name].high:g}" for name in _SINGLE_UNIT},
    "duration_s": "seconds, milliseconds or minutes",
    "popularity": f"0 to {SCALES['percent']} or 0 to {SCALES['fraction']}",
}
_EXPECTED_FRACTION = "0 to {fraction}, 0 to {percent} or 0 to {tenths}".format(**SCALES)


@dataclass(frozen=True, slots=True)
class Misfit:
    """The reason not to read a number column: its values fit no unit that can be inferred.

    ``reason`` is a clause for a message: "holds -1.2 to 2.3, expected 0 to 1, …". ``unit`` is a unit that would fit if
    a format definition (``conf/sources/*.toml``) declared it; "" if there is none.
    """

    reason: str
    unit: str = ""


def find_misfit(name: str, unit: str, texts: Sequence[str], values: Sequence[float]) -> Misfit | None:
    """Return a Misfit if the values of a number column do not fit its unit. None if the values fit or are all missing.

    Parameters
    ----------
    name : str
        The column of ``tracks``, the name of one of ``schema.NUMBERS``.
    unit : str
        The unit in which the column is read; empty for a column with a single unit.
    texts, values : sequence of str, sequence of float
        The column's texts in the sample, and the numbers among them.
    """
    if len(values) < 0.1 * sum(not parsing.is_missing(text) for text in texts):
        other_texts = [text for text in texts if not _is_number_or_missing(name, text)]
        if len(other_texts) > 0.5 * len(texts):
            return Misfit(f"holds texts such as {other_texts[0][:40]!r}, expected {_expected(name)}")
    missing = (-1.0, 0.0) if name in ("bpm", "duration_s") else () if name == "loudness" else (-1.0,)
    numbers = [value for value in values if value not in missing]
    kind = _kind(name, unit, numbers) if numbers else None
    if kind is None:
        return None
    return Misfit(f"holds {value_range(numbers)}{kind and ', ' + kind}, expected {_expected(name)}")


def undecided_unit(values: Sequence[float]) -> Misfit:
    """Return the Misfit for a fraction column with values too large for 0 to 1 and too small for 0 to 10.

    A fraction column is a column that is a fraction in ``tracks``, such as danceability.
    """
    unit = "thirds" if max(values) <= SCALES["thirds"] else "tenths"
    return Misfit(f"holds {value_range(values)}, too much for 0 to 1 and too little for 0 to 10 or 0 to 100", unit)


def value_range(values: Sequence[float]) -> str:
    """Return the smallest and the largest of some values as text.

    >>> value_range([2.9, 0.86, 1.5])
    '0.86 to 2.9'
    """
    return f"{min(values):.4g} to {max(values):.4g}"


def _expected(name: str) -> str:
    return _EXPECTED.get(name, _EXPECTED_FRACTION)


def _is_number_or_missing(name: str, text: str) -> bool:
    if parsing.is_missing(text) or parsing.parse_number(text, decimal_comma=True) is not None:
        return True
    return name == "duration_s" and parsing.parse_duration(text) is not None


def _kind(name: str, unit: str, numbers: Sequence[float]) -> str | None:
    """Describe numbers that are impossible in the column ``name`` of ``tracks``: "which looks like flags".

    Returns None if the numbers are possible in ``unit``. Returns "" if they are impossible, but look like nothing
    known. ``numbers`` has no placeholders for missing values, such as -1.
    """

    def share(test: Callable[[float], bool]) -> float:
        return sum(map(test, numbers)) / len(numbers)

    feature = _NUMBERS[name]
    if name == "loudness":
        if share(lambda x: -1 <= x <= 1) >= 0.9 and any(numbers):
            return "which looks normalised to 0 to 1" if min(numbers) >= 0 else _standardised(numbers)
        # of 114,000 published tracks, fewer than one in a thousand is above 0 dB
        return _standardised(numbers) if share(lambda x: x > 0) > 0.25 or share(lambda x: x < -60) > 0.5 else None
    if share(lambda x: x < 0) >= 0.1:
        return _standardised(numbers)
    # in percent, a column of 0 and 1 holds small numbers, such as an instrumentalness
    if set(numbers) == {0, 1} and (feature.unit != "fraction" or unit == "fraction"):
        return "which looks like flags"
    if name in ("bpm", "duration_s") and unit != "min" and share(lambda x: x <= 1) >= 0.9:
        return "which looks like flags" if set(numbers) == {1} else "which looks normalised to 0 to 1"
    high = SCALES.get(unit) or _MAX_DURATIONS.get(unit) or feature.high
    is_outside = high is not None and share(lambda x: x > high) > 0.5
    return "" if is_outside or (name == "bpm" and share(lambda x: x < _MIN_BPM) >= 0.9) else None


def _standardised(numbers: Sequence[float]) -> str:
    """Return "which looks standardised (z-scores)" if the mean is near 0 and the deviation near 1, else ""."""
    is_standard = abs(statistics.fmean(numbers)) < 0.5 and 0.5 < statistics.pstdev(numbers) < 2
    return "which looks standardised (z-scores)" if is_standard else ""
