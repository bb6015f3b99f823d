"""Decide the units and the decimal sign of a file's numbers from a sample of its values.

Fractions, such as valence: a column is in percent if more of its values are above 1 than strictly between 0 and 1, and
a fraction if fewer are. If both counts are equal, as in a column of only 0 and 1, all fraction columns of the file
decide together. The differences of their two counts are added up, and every value of a column declared in percent or as
a fraction counts for that unit. A positive sum means percent, a negative sum fractions. If the sum is 0, all files with
the same header decide. A popularity with equal counts is in percent.

Fractions with values above 1 but not above 10: the column is in percent if the other fraction columns of the file are.
(For quiet music, one or two columns in percent stay below 10, but others do not.) Otherwise, if values reach 7, the
column is in tenths (0 to 10), as DJ software writes energy. If no values reach 7, no unit is inferred: the column is a
misfit, and the file is refused unless a format definition declares the unit. Examples are Essentia's danceability (0 to
3) and speechiness in percent.

Durations: a column is in milliseconds if more than half of its values are 10,000 or more, because tracks of 10,000
seconds are as rare as tracks of 10,000 milliseconds. It is in minutes if nine of ten values are below 20, and the
median is 1 or more. Otherwise it is in seconds. Only values above 0 count.

Declared units: a built-in format definition (``conf/sources/*.toml``) may declare the unit of a header. This unit is
not used if the values are impossible in it. Impossible are durations with a median of more than 120 minutes, more than
10,000 seconds or less than 1,000 milliseconds, and percentages if none in the file exceeds 1.

Few values: inferring tenths and finding a misfit each need ``MIN_VALUES`` values in the column. If the file has fewer,
all files with the same header decide together. If all these files together have fewer too, tenths are read as percent,
no column is a misfit, and the log has a warning if the unit is in doubt. Overruling a declared percent needs
``MIN_VALUES`` values between 0 and 1, in all columns declared in percent together. Inferring minutes needs
``MIN_DURATIONS`` values, and so does overruling the declared unit of durations.
"""

import functools
import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from segue import schema
from segue.ingest import parsing
from segue.ingest.columns.misfits import SCALES, Misfit, find_misfit, undecided_unit, value_range

UNITS = {
    **{feature.name: tuple(SCALES) for feature in schema.FEATURES if feature.unit == "fraction"},
    "popularity": ("percent", "fraction"),
    "duration_s": ("s", "ms", "min"),
}
"""The units that a file may use for each column of ``tracks``. The first is the unit in ``tracks``.

Columns that are not listed have a single unit.
"""

DECIMAL_COMMA_SENTENCE = "numbers are written with a decimal comma"
SampleValues = Sequence[Sequence[str | None]]
"""Rows of a file as text, shape (n_rows, n_columns); None is a missing value."""
MIN_VALUES = 20
MIN_DURATIONS = 3
MIN_MILLISECONDS = 10_000
_MIN_TOP_OF_TENTHS = 7
_MAX_MINUTES = 20
_TENABLE_MEDIANS = {"min": (0, 120), "s": (0, MIN_MILLISECONDS), "ms": (1000, float("inf"))}
NUMBER_NAMES = frozenset(number.name for number in schema.NUMBERS)
_FRACTIONS = frozenset(feature.name for feature in schema.FEATURES if feature.unit == "fraction")
_UNIT_VOTES = {"fraction": -1, "percent": 1}
UNIT_WORDS = {unit: f"0 to {high}" for unit, high in SCALES.items()} | {
    "s": "seconds",
    "ms": "milliseconds",
    "min": "minutes",
}


@dataclass(frozen=True, slots=True)
class UnitDecisions:
    """The units and the decimal sign of a file's numbers, and the columns whose values fit no unit.

    Attributes
    ----------
    units : dict from column of ``tracks`` to inferred unit; no entry for a column whose declared unit is used, or for a
        misfit
    decimal_comma : whether numbers are written with a decimal comma
    decisions : sentences for the log about what was inferred
    misfits : dict from column of ``tracks`` to the Misfit: the reason why its values fit no unit
    doubts : dict from column of ``tracks`` to a sentence for the log about its uncertain unit
    undecided : the columns in ``doubts``, and columns with values possible in several units, such as only 0 and 1
    has_decimals : whether some number has a decimal sign
    """

    units: dict[str, str]
    decimal_comma: bool
    decisions: tuple[str, ...]
    misfits: dict[str, Misfit] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    undecided: frozenset[str] = frozenset()
    has_decimals: bool = False


def decide_units(
    columns: Mapping[str, tuple[int, str | None]],
    sample: SampleValues,
    fallback: SampleValues = (),
    trusted: Collection[str] = (),
    *,
    decimal_comma: bool | None = None,
) -> UnitDecisions:
    """Infer a file's decimal sign and undeclared units, and find columns that fit no unit; return UnitDecisions.

    The module's docstring has the rules.

    Parameters
    ----------
    columns : mapping of str to (int, str or None)
        For each column of ``tracks``, the position in the rows, and the declared unit or None.
    sample : sequence of rows, shape (n_rows, n_columns)
        Rows of the file as text; rows may be shorter than the header.
    fallback : sequence of rows, shape (n_rows, n_columns)
        Rows of all files with the same header. They decide about tenths and misfits if ``sample`` has too few values.
        If the fraction columns of ``sample`` together suggest neither percent nor fractions, ``fallback`` decides all
        units, with two exceptions: ``sample`` decides the unit of durations if any duration in it is above 0, and
        decides ``tenths`` for a column with ``MIN_VALUES`` values.
    trusted : collection of str
        The columns that keep their declared unit, whatever the values are.
    decimal_comma : bool or None
        Whether numbers are written with a decimal comma; None if the values decide it.
    """
    is_given = decimal_comma is not None
    texts, values, decimal_comma, has_decimals = _read_numbers(columns, sample, decimal_comma)
    declared = {name: unit for name, (_, unit) in columns.items() if unit is not None}
    untenable = {name: declared.pop(name) for name in untenable_units(declared, values) if name not in trusted}
    undeclared = [name for name in columns if name in UNITS and name not in declared]
    votes = {name: _percent_votes(values[name]) for name in undeclared if name != "duration_s"}
    file_votes = sum(vote for name, vote in votes.items() if name in _FRACTIONS)
    file_votes += sum(_UNIT_VOTES.get(unit, 0) * len(values[n]) for n, unit in declared.items() if n in _FRACTIONS)
    given = decimal_comma if is_given else None
    all_files = functools.cache(lambda: decide_units(columns, fallback, trusted=trusted, decimal_comma=given))
    # 0 and -1 are placeholders for a missing duration
    durations = [value for value in values["duration_s"] if value > 0] if "duration_s" in undeclared else []
    undecided = {name for name, vote in votes.items() if not vote and (name == "popularity" or not file_votes)}
    if "duration_s" in undeclared and not durations:
        undecided.add("duration_s")
    if not file_votes and fallback:
        undecided &= all_files().undecided
        units = all_files().units | ({"duration_s": _duration_unit(durations)} if durations else {})
    else:
        # popularity is a percentage unless its own values are conclusive
        defaults = {name: 1 if name == "popularity" else file_votes for name in votes}
        units = {name: "percent" if (vote or defaults[name]) > 0 else "fraction" for name, vote in votes.items()}
        if "duration_s" in undeclared:
            units["duration_s"] = _duration_unit(durations)
    low = {name for name in votes if name in _FRACTIONS and _exceeds_1_but_not_10(values[name])}
    misfits: dict[str, Misfit] = {}
    doubts: dict[str, str] = {}
    if file_votes - sum(votes[name] for name in low) > 0:
        doubts = {name: doubt for name in low if (doubt := _tenths_doubt(name, values[name]))}
        low = set()
    for name in texts:
        unit = units.get(name) or declared.get(name, "")
        scale, misfit = unit, None if name in trusted else find_misfit(name, unit, texts[name], values[name])
        if name in low and misfit is None:
            scale, misfit = _scale_up_to_10(values[name])
        if scale == unit and misfit is None:
            continue
        doubt = None
        n_values = sum(not parsing.is_missing(text) for text in texts[name])
        if n_values < MIN_VALUES and fallback:
            scale = all_files().units.get(name, unit) if name in low else unit
            misfit, doubt = all_files().misfits.get(name), all_files().doubts.get(name)
        elif n_values < MIN_VALUES:
            scale, misfit, doubt = unit, None, _doubt(name, unit, values[name])
        if misfit:
            misfits[name] = misfit
            units.pop(name, None)
        elif scale != unit:
            units[name] = scale
        if doubt:
            doubts[name] = doubt
    sentences = tuple(_sentences(units, untenable, decimal_comma=decimal_comma and not is_given))
    return UnitDecisions(
        units, decimal_comma, sentences, misfits, doubts, frozenset(undecided | doubts.keys()), has_decimals
    )


def rules_out_unit(name: str, unit: str, texts: Sequence[str], values: Sequence[float]) -> bool:
    """Return whether the values of a column are impossible in a unit. False if fewer than three are above 0.

    Durations are impossible in ``unit`` if the median of the values above 0 is more than 120 minutes, more than 10,000
    seconds or less than 1,000 milliseconds. Values of all other columns are impossible in three cases:

    * More than half of the values above 0 exceed the largest value of the unit, such as 1 for ``fraction``.
    * The unit is not ``fraction``, no value exceeds 1, and at least ``MIN_VALUES`` values are strictly between 0 and 1.
    * There are at least ``MIN_VALUES`` values, and ``find_misfit`` returns a Misfit: they are z-scores or flags, for
      example.

    Parameters
    ----------
    name : the column of ``tracks``
    unit : one of the column's units
    texts, values : the column's texts in the sample, and the numbers among them
    """
    if name == "duration_s":
        return _rules_out_duration_unit(unit, values)
    numbers = [value for value in values if value > 0]
    if len(numbers) < MIN_DURATIONS:
        return False
    if sum(value > SCALES[unit] for value in numbers) > 0.5 * len(numbers):
        return True
    if unit != "fraction" and sum(value < 1 for value in numbers) >= MIN_VALUES and max(numbers) <= 1:
        return True
    return len(values) >= MIN_VALUES and find_misfit(name, unit, texts, values) is not None


def _rules_out_duration_unit(unit: str, values: Sequence[float]) -> bool:
    """Return whether durations in ``unit`` cannot have these values, by the median. See ``rules_out_unit``."""
    numbers = [value for value in values if value > 0]
    low, high = _TENABLE_MEDIANS[unit]
    return len(numbers) >= MIN_DURATIONS and not low <= statistics.median(numbers) <= high


def number_texts(columns: Mapping[str, int], sample: SampleValues) -> dict[str, list[str]]:
    """Return the sampled texts of each number column: ``{"bpm": ["120.5", ""]}``. A missing value is "".

    ``columns`` maps columns of ``tracks`` to positions in the rows of ``sample``.
    """
    return {
        name: [row[index] or "" for row in sample if index < len(row)]
        for name, index in columns.items()
        if name in NUMBER_NAMES
    }


def _read_numbers(
    columns: Mapping[str, tuple[int, str | None]], sample: SampleValues, decimal_comma: bool | None
) -> tuple[dict[str, list[str]], dict[str, list[float]], bool, bool]:
    """Parse the number columns; return (texts by column, numbers by column, decimal_comma, has_decimals).

    The returned ``decimal_comma`` is the argument or, if that is None, inferred from the texts. ``has_decimals``:
    whether any number has a decimal comma or point.
    """
    texts = number_texts({name: index for name, (index, _) in columns.items()}, sample)
    all_texts = [text for column in texts.values() for text in column]
    has_comma = parsing.has_decimal_comma(all_texts)
    has_decimals = has_comma or any("." in text and parsing.parse_number(text) is not None for text in all_texts)
    decimal_comma = has_comma if decimal_comma is None else decimal_comma
    parsed = {
        name: [parsing.parse_number(text, decimal_comma=decimal_comma) for text in column]
        for name, column in texts.items()
    }
    values = {name: [number for number in column if number is not None] for name, column in parsed.items()}
    return texts, values, decimal_comma, has_decimals


def untenable_units(declared: Mapping[str, str], values: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the columns with values that are impossible in their declared unit.

    An example is a duration in minutes with a median of more than 120; the module's docstring has all cases. All
    columns declared in percent are checked together. ``declared`` maps columns of ``tracks`` to units, ``values`` maps
    them to the numbers in the sample.
    """
    untenable = []
    if "duration_s" in declared and _rules_out_duration_unit(declared["duration_s"], values["duration_s"]):
        untenable.append("duration_s")
    percentages = [name for name, unit in declared.items() if unit == "percent" and name in _FRACTIONS]
    in_percent = [value for name in percentages for value in values[name]]
    # instrumentalness in percent is often below 1, so all columns count together
    if sum(0 < value < 1 for value in in_percent) >= MIN_VALUES and max(in_percent) <= 1:
        untenable += percentages
    return untenable


def _percent_votes(values: Sequence[float]) -> int:
    """Return the number of values above 1 minus the number strictly between 0 and 1; positive for percent."""
    return sum(1 if value > 1 else -1 for value in values if value > 1 or 0 < value < 1)


def _exceeds_1_but_not_10(values: Sequence[float]) -> bool:
    """Return whether a column has values above 1, but hardly any above 10.

    At least a tenth of the values, and at least one, exceed 1; at most a fiftieth exceed 10.
    """
    return sum(value > 1 for value in values) >= max(1, 0.1 * len(values)) and (
        sum(value > SCALES["tenths"] for value in values) <= 0.02 * len(values)
    )


def _scale_up_to_10(values: Sequence[float]) -> tuple[str, Misfit | None]:
    """Infer the unit of a fraction column, such as energy, with values above 1 but not above 10.

    Returns ("tenths", None) if more than a fiftieth of the values reach 7. Otherwise returns ("", misfit): no unit is
    inferred, and the Misfit states the reason.
    """
    if sum(value >= _MIN_TOP_OF_TENTHS for value in values) > 0.02 * len(values):
        return "tenths", None
    return "", undecided_unit(values)


def _tenths_doubt(name: str, values: Sequence[float]) -> str | None:
    """Return a sentence for the log if a column read in percent may be in tenths (0 to 10), else None."""
    if len(values) < MIN_VALUES or _scale_up_to_10(values)[1]:
        return None
    return (
        f"{name} read as {UNIT_WORDS['percent']} like the other fractions of the file, although its values, "
        f"{value_range(values)}, suggest {UNIT_WORDS['tenths']}"
    )


def _duration_unit(values: Sequence[float]) -> str:
    """Return the unit of durations above 0: ``ms``, ``min`` or ``s``. Without any durations, the unit is ``s``."""
    if sum(1 if value >= MIN_MILLISECONDS else -1 for value in values) > 0:
        return "ms"
    n_short = sum(value < _MAX_MINUTES for value in values)
    is_short = len(values) >= MIN_DURATIONS and n_short >= 0.9 * len(values) and statistics.median(values) >= 1
    return "min" if is_short else "s"


def _doubt(name: str, unit: str, values: Sequence[float]) -> str | None:
    """Return a sentence for the log if a unit rests on too few values, else None.

    An example: "energy read as 0 to 100: 12 values of 3 to 9 are too few to find another unit". Only bpm, loudness, and
    columns read in percent can have this sentence, if they have at least ``MIN_DURATIONS`` values.
    """
    if len(values) < MIN_DURATIONS or not (unit == "percent" or name in ("loudness", "bpm")):
        return None
    words = UNIT_WORDS.get(unit) or ("dB" if name == "loudness" else "beats per minute")
    return f"{name} read as {words}: {len(values)} values of {value_range(values)} are too few to find another unit"


def _sentences(units: Mapping[str, str], untenable: Mapping[str, str], *, decimal_comma: bool) -> Iterator[str]:
    """Yield sentences for the log, such as "energy read as 0 to 100, inferred from the values".

    Parameters
    ----------
    units : dict from column of ``tracks`` to inferred unit
    untenable : dict from column of ``tracks`` to a declared unit that the values rule out
    decimal_comma : whether the first sentence is that numbers have a decimal comma
    """
    if decimal_comma:
        yield DECIMAL_COMMA_SENTENCE
    for unit, words in UNIT_WORDS.items():
        if names := sorted(name for name in units if units[name] == unit and name not in untenable):
            yield f"{', '.join(names)} read as {words}, inferred from the values"
    for name in sorted(units.keys() & untenable.keys()):
        declared, inferred = UNIT_WORDS[untenable[name]], UNIT_WORDS[units[name]]
        yield f"{name} read as {inferred}: its header says {declared}, which its values rule out"
