"""Units that a header leaves open, decided by the values observed.

A fraction column counts as a percentage when more of its values lie above 1 than strictly between
0 and 1. Where neither occurs (a column of nothing but 0 and 1) the file's other fraction columns
decide together, those of a declared unit included. A duration counts as milliseconds when more values lie
above 10,000 than below: tracks of 10,000 seconds are rare, and so are those of 10,000 milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from segue import schema
from segue.ingest import parsing
from segue.ingest.source_definitions import UNITS

SampleValues = Sequence[Sequence[str | None]]
MILLISECONDS_FROM = 10_000


@dataclass(frozen=True, slots=True)
class UnitDecisions:
    """The unit of every column whose unit was open, and the decimal sign, with a sentence for each decision."""

    units: dict[str, str]
    decimal_comma: bool
    decisions: tuple[str, ...]


def decide_units(
    found: dict[str, tuple[int, str | None]], sample: SampleValues, others: SampleValues = ()
) -> UnitDecisions:
    """Return units and decimal sign.

    Parameters
    ----------
    found : for every canonical column its position in the rows and its declared unit, or None if open
    sample : rows of text, shape (n_rows, n_columns)
    others : rows of other files alike, which count where ``sample`` says nothing
    """
    texts = {
        column: [row[index] or "" for row in sample if index < len(row)]
        for column, (index, _) in found.items()
        if column in {feature.name for feature in schema.NUMBERS}
    }
    decimal_comma = parsing.has_decimal_comma([text for column in texts.values() for text in column])
    values = {
        column: [n for t in of_column if (n := parsing.parse_number(t, decimal_comma=decimal_comma)) is not None]
        for column, of_column in texts.items()
    }
    open_columns = [c for c, (_, unit) in found.items() if unit is None and c in UNITS]
    fractions = [c for c in open_columns if c != "duration_s"]
    votes = {c: _vote(values[c]) for c in fractions}
    together = sum(vote for c, vote in votes.items() if c != "popularity")
    declared = {c: unit for c, (_, unit) in found.items() if c in UNITS and c not in ("popularity", "duration_s")}
    together += sum(len(values[c]) * _SPEAKS_FOR[unit] for c, unit in declared.items() if unit)
    if not together and others:
        elsewhere = decide_units(found, others)
        return UnitDecisions(elsewhere.units, decimal_comma, elsewhere.decisions)
    units, decisions = {}, ["numbers are written with a decimal comma"] if decimal_comma else []
    for column in fractions:
        # popularity is a percentage by nature, so only clear evidence makes it a fraction
        vote = votes[column] or (1 if column == "popularity" else together)
        units[column] = "percent" if vote > 0 else "fraction"
    if "duration_s" in open_columns:
        long = sum(1 if value >= MILLISECONDS_FROM else -1 for value in values["duration_s"])
        units["duration_s"] = "ms" if long > 0 else "s"
    for unit in ("fraction", "percent", "s", "ms"):
        names = [column for column in sorted(units) if units[column] == unit]
        if names:
            decisions.append(f"{', '.join(names)} read as {_WORDS[unit]}, by the values")
    return UnitDecisions(units, decimal_comma, tuple(decisions))


_SPEAKS_FOR = {"fraction": -1, "percent": 1}
_WORDS = {"fraction": "0 to 1", "percent": "0 to 100", "s": "seconds", "ms": "milliseconds"}


def _vote(values: Sequence[float]) -> int:
    """Return how many more values speak for a percentage than for a fraction."""
    return sum(1 if value > 1 else -1 for value in values if value > 1 or 0 < value < 1)
