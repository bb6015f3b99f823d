"""Decide the units and the decimal sign of a file's numbers from a sample of its values.

Fractions: a column is in percent when more of its values exceed 1 than lie strictly between 0 and 1. Where both counts
are equal, as in a column of only 0 and 1, the differences of the two counts are added up over all fraction columns, and
the sign of the sum decides; of a column with a declared unit every value counts for that unit. A popularity with equal
counts is in percent. Durations: a column is in milliseconds when more than half of its values are 10,000 or more,
because tracks of 10,000 seconds are as rare as tracks of 10,000 milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segue import schema
from segue.ingest import parsing

UNITS = {
    **{feature.name: ("fraction", "percent") for feature in schema.FEATURES if feature.unit == "fraction"},
    "popularity": ("percent", "fraction"),
    "duration_s": ("s", "ms", "min"),
}
"""The units that a file may use for a column, first the unit of ``tracks``. Columns not listed have one unit only."""

SampleValues = Sequence[Sequence[str | None]]
"""Rows of a file as text, shape (n_rows, n_columns); None is a missing value."""
MIN_MILLISECONDS = 10_000
_NUMBER_NAMES = frozenset(number.name for number in schema.NUMBERS)
_UNIT_VOTES = {"fraction": -1, "percent": 1}
_UNIT_WORDS = {"fraction": "0 to 1", "percent": "0 to 100", "s": "seconds", "ms": "milliseconds"}


@dataclass(frozen=True, slots=True)
class UnitDecisions:
    """How a file's numbers are read: a dict of inferred units by column, the decimal sign, and sentences for the log.

    Columns with a declared unit are not in the dict.
    """

    units: dict[str, str]
    decimal_comma: bool
    decisions: tuple[str, ...]


def decide_units(
    columns: Mapping[str, tuple[int, str | None]], sample: SampleValues, fallback: SampleValues = ()
) -> UnitDecisions:
    """Infer the decimal sign of a file, and the units that its columns do not declare.

    Parameters
    ----------
    columns : mapping of str to (int, str or None)
        Canonical column to its position in the rows and its declared unit, None where it declares none.
    sample : sequence of rows, shape (n_rows, n_columns)
        Rows of the file as text; rows may be shorter than the header.
    fallback : sequence of rows, shape (n_rows, n_columns)
        Rows of all files with the same header. They decide the units where the fraction columns of ``sample`` together
        favour neither unit; that of durations only if ``sample`` has none.
    """
    texts = {
        name: [row[index] or "" for row in sample if index < len(row)]
        for name, (index, _) in columns.items()
        if name in _NUMBER_NAMES
    }
    decimal_comma = parsing.has_decimal_comma([text for column in texts.values() for text in column])
    values = {name: _parse_numbers(column, decimal_comma=decimal_comma) for name, column in texts.items()}
    undeclared = [name for name, (_, unit) in columns.items() if unit is None and name in UNITS]
    votes = {name: _percent_votes(values[name]) for name in undeclared if name != "duration_s"}
    file_votes = sum(vote for name, vote in votes.items() if name != "popularity")
    for name, (_, unit) in columns.items():
        if unit in _UNIT_VOTES and name != "popularity":
            file_votes += len(values[name]) * _UNIT_VOTES[unit]
    durations = values["duration_s"] if "duration_s" in undeclared else []
    if not file_votes and fallback:
        decided = decide_units(columns, fallback)
        units = decided.units | ({"duration_s": _duration_unit(durations)} if durations else {})
        return UnitDecisions(units, decimal_comma, tuple(_sentences(units, decimal_comma=decimal_comma)))
    # popularity is a percentage unless its own values are conclusive
    defaults = {name: 1 if name == "popularity" else file_votes for name in votes}
    units = {name: "percent" if (vote or defaults[name]) > 0 else "fraction" for name, vote in votes.items()}
    if "duration_s" in undeclared:
        units["duration_s"] = _duration_unit(values["duration_s"])
    return UnitDecisions(units, decimal_comma, tuple(_sentences(units, decimal_comma=decimal_comma)))


def _parse_numbers(texts: Sequence[str], *, decimal_comma: bool) -> list[float]:
    """Return the numbers that texts hold, without the texts that hold none."""
    numbers = (parsing.parse_number(text, decimal_comma=decimal_comma) for text in texts)
    return [number for number in numbers if number is not None]


def _percent_votes(values: Sequence[float]) -> int:
    """Return the number of values above 1, which suggest percent, minus the number strictly between 0 and 1."""
    return sum(1 if value > 1 else -1 for value in values if value > 1 or 0 < value < 1)


def _duration_unit(values: Sequence[float]) -> str:
    return "ms" if sum(1 if value >= MIN_MILLISECONDS else -1 for value in values) > 0 else "s"


def _sentences(units: Mapping[str, str], *, decimal_comma: bool) -> list[str]:
    """Return sentences for the log: one if there is a decimal comma, and one for each unit, naming its columns."""
    sentences = ["numbers are written with a decimal comma"] if decimal_comma else []
    for unit, words in _UNIT_WORDS.items():
        names = sorted(name for name in units if units[name] == unit)
        if names:
            sentences.append(f"{', '.join(names)} read as {words}, inferred from the values")
    return sentences
