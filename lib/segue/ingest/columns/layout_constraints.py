"""Read a file like earlier files with the same header, and report values that contradict these files.

The table ``layout_decisions`` stores how the columns of earlier files were read. A decision is a name with a value,
such as ``valence.unit`` with ``percent``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from segue.ingest import parsing
from segue.ingest.columns import column_values
from segue.ingest.columns.header_candidates import Candidate
from segue.ingest.columns.layout_memory import (
    COLUMN,
    DECIDE_AGAIN,
    DECIMAL_SIGN,
    IGNORED,
    UNIT,
    UNIT_IN_SOURCE,
    Guess,
    LayoutMemory,
    column_labels,
)
from segue.ingest.columns.misfits import Misfit, value_range
from segue.ingest.columns.sources import normalise_header
from segue.ingest.columns.units import (
    DECIMAL_COMMA_SENTENCE,
    MIN_VALUES,
    UNIT_WORDS,
    SampleValues,
    UnitDecisions,
    decide_units,
    number_texts,
    rules_out_unit,
    untenable_units,
)


class LayoutConstraints:
    """Limits how a file is read by what earlier files with the same header decided (table ``layout_decisions``).

    ``choose`` sorts and drops candidate columns, ``settle`` returns the decisions to store. Exempt are columns that a
    user's own format definition (a file in ``conf/sources``) matches exactly: the user decides.

    Parameters
    ----------
    memory : the decisions of earlier files with this header
    header : the column names, in the order of the file
    candidates : the possible matches of headers to columns of the table ``tracks``
    """

    def __init__(self, memory: LayoutMemory, header: Sequence[str], candidates: Sequence[Candidate]) -> None:
        self._memory = memory
        self._labels = column_labels(header)
        exact = [c for c in candidates if not c.is_misspelt and not c.source.built_in]
        self._users_columns = {c.column for c in exact}
        self._users_indices = {c.index for c in exact}

    def choose(self, candidates: Sequence[Candidate], required: Collection[str]) -> list[Candidate]:
        """Sort candidates, the matches made in earlier files first; drop the matches that earlier files ruled out.

        Candidates for columns in ``required``, or for columns or headers of the user's definition, are not dropped.
        """
        first, others = [], []
        for candidate in candidates:
            is_users = candidate.column in self._users_columns or candidate.index in self._users_indices
            label = self._labels[candidate.index]
            if not is_users and self._value(candidate.column + COLUMN) == label:
                first.append(candidate)
            elif is_users or candidate.column in required or self._value(candidate.column + IGNORED) != label:
                others.append(candidate)
        return first + others

    def units(self, chosen: Mapping[str, Candidate]) -> dict[str, str]:
        """Return the units that earlier files decided for the columns in ``chosen``: ``{"valence": "percent"}``."""
        units = {name: self._value(name + UNIT) for name in chosen if name not in self._users_columns}
        return {name: unit for name, unit in units.items() if unit}

    @property
    def held(self) -> LayoutMemory:
        """The decisions of earlier files, without those about columns in a user's own format definition."""
        return {
            decision: remembered
            for decision, remembered in self._memory.items()
            if decision.rpartition(".")[0] not in self._users_columns
        }

    @property
    def decimal_comma(self) -> bool | None:
        """Whether earlier files have a decimal comma: False for a point, None if no earlier file decided."""
        sign = self._value(DECIMAL_SIGN)
        return None if sign is None else sign == "comma"

    def origin(self, decision: str) -> str:
        """Return the name of the earlier file that made a decision, such as ``valence.unit``."""
        return self._memory[decision].source_file

    def is_remembered(self, candidate: Candidate) -> bool:
        """Return whether earlier files read this header as the same column of ``tracks``.

        False if a user's own format definition matches a header of this file to the column.
        """
        label = self._labels[candidate.index]
        return candidate.column not in self._users_columns and self._value(candidate.column + COLUMN) == label

    def is_ignored(self, candidate: Candidate) -> bool:
        """Return whether the values of an earlier file ruled out this column of ``tracks`` for this header."""
        return self._value(candidate.column + IGNORED) == self._labels[candidate.index]

    def settle(
        self, columns: Mapping[str, int], ignored: Sequence[Candidate], units: "RememberedUnits"
    ) -> dict[str, str]:
        """Return the decisions to store in ``layout_decisions``: ``{"valence.unit": "percent"}``.

        The result has all decisions of earlier files, unchanged, and the new decisions of this file.

        Parameters
        ----------
        columns : dict from column of ``tracks`` to position in the file
        ignored : the candidates that the values of this file rule out
        units : the units and the decimal sign of this file
        """
        decisions: dict[str, str] = {}
        for name, index in columns.items():
            if name not in self._users_columns and self._value(name + IGNORED) != self._labels[index]:
                decisions[name + COLUMN] = self._labels[index]
                if name in units.decided:
                    decisions[name + UNIT] = units.decided[name]
        for candidate in ignored:
            if candidate.column not in self._users_columns:
                decisions[candidate.column + IGNORED] = self._labels[candidate.index]
        if units.decided_comma is not None:
            decisions[DECIMAL_SIGN] = "comma" if units.decided_comma else "point"
        return decisions | {name: remembered.value for name, remembered in self._memory.items()}

    def _value(self, decision: str) -> str | None:
        remembered = self._memory.get(decision)
        return remembered.value if remembered else None


def columns_that_changed(
    header: Sequence[str],
    sample: SampleValues,
    chosen: Mapping[str, Candidate],
    by_values: Mapping[str, Candidate],
    constraints: LayoutConstraints,
) -> tuple[list[str], dict[str, str]]:
    """Compare the column choices of earlier files with the values of this file; return (warnings, refusals).

    Refusals are a dict from column of ``tracks`` to the reason to refuse the file: earlier files read a header as this
    column, but the header's values here are impossible in it. With fewer than ``MIN_VALUES`` values, there is a warning
    instead. Two other warnings: another column of the file fits better; the values of an ignored column fit after all.

    ``chosen`` maps each column of ``tracks`` to the column of the file to read. ``by_values`` is the same map as it
    would be without earlier files.
    """
    warnings: list[str] = []
    refusals: dict[str, str] = {}
    for name, candidate in chosen.items():
        if not constraints.is_remembered(candidate):
            continue
        text, origin = header[candidate.index], constraints.origin(name + COLUMN)
        other = by_values.get(name)
        if candidate.fit == column_values.CONTRADICTS:
            texts = column_values.column_texts(sample, candidate.index)
            sentence = f"column {text!r} is {name} in {origin}, which its values here, such as {texts[0][:40]!r}, "
            if len(texts) >= MIN_VALUES:
                refusals[name] = f"{sentence}rule out; {DECIDE_AGAIN} decides by them"
            else:
                warnings.append(f"{sentence}do not suggest; it is still read as {name}")
        elif other and other.index != candidate.index:
            warnings.append(
                f"column {text!r} read as {name}, as in {origin}, although the values of {header[other.index]!r} fit "
                f"better here; {DECIDE_AGAIN} decides by them"
            )
    for name, candidate in by_values.items():
        if name not in chosen and constraints.is_ignored(candidate):
            text, texts = header[candidate.index], column_values.column_texts(sample, candidate.index)
            fit = column_values.fit_values(name, normalise_header(text), texts, len(sample))
            if fit >= column_values.FITS and len(texts) >= MIN_VALUES:
                warnings.append(
                    f"column {text!r} is ignored, as in {constraints.origin(name + IGNORED)}, although its values fit "
                    f"{name} here; {DECIDE_AGAIN} decides by them"
                )
    return warnings, refusals


@dataclass(frozen=True, slots=True)
class RememberedUnits:
    """The units and the decimal sign of a file, compared with those in the table ``layout_decisions``.

    Attributes
    ----------
    units : dict from column of ``tracks`` to unit: declared, decided by an earlier file, or inferred
    decimal_comma : whether numbers are written with a decimal comma
    misfits, doubts : as in UnitDecisions, without columns whose unit an earlier file has decided
    guesses : what was inferred from the values
    warnings : sentences about units of earlier files that the values do not suggest
    refusals : dict from column to the reason to refuse the file: its values are impossible in the unit of an earlier
        file. The key ``decimal_sign`` has the reason for a contradiction in the sign.
    decided : dict from column to the unit to store in ``layout_decisions``
    decided_comma : the sign to store: True for a decimal comma, False for a point, None to store none
    """

    units: dict[str, str]
    decimal_comma: bool
    misfits: dict[str, Misfit]
    doubts: dict[str, str]
    guesses: tuple[Guess, ...]
    warnings: tuple[str, ...]
    refusals: dict[str, str]
    decided: dict[str, str]
    decided_comma: bool | None


def units_with_memory(
    chosen: Mapping[str, Candidate],
    sample: SampleValues,
    fallback: SampleValues,
    constraints: LayoutConstraints,
    decimal_comma: bool | None,
) -> RememberedUnits:
    """Decide the units and the decimal sign of the chosen columns, and compare them with earlier files.

    The first of these that has a unit decides: the user's format definition; earlier files with this header (table
    ``layout_decisions``); a built-in format definition, if the values are possible in its unit; the values.

    Parameters
    ----------
    chosen : dict from column of ``tracks`` to the column of the file to read
    sample, fallback : rows of the file, and of all files with its header, as for ``decide_units``
    constraints : the decisions of earlier files
    decimal_comma : the setting ``ingest.decimal_sign``; None for ``auto``
    """
    declared = {name: (c.index, c.unit) for name, c in chosen.items()}
    trusted = {name for name, c in chosen.items() if c.unit and not c.source.built_in}
    by_values = decide_units(declared, sample, fallback, trusted, decimal_comma=decimal_comma)
    remembered = constraints.units(chosen)
    comma = constraints.decimal_comma if decimal_comma is None else decimal_comma
    warnings: list[str] = []
    refusals: dict[str, str] = {}
    units = by_values
    if remembered or comma is not decimal_comma:
        held = {name: (index, remembered.get(name, unit)) for name, (index, unit) in declared.items()}
        units = decide_units(held, sample, fallback, trusted | remembered.keys(), decimal_comma=comma)
        suggested = {name: c.unit or "" for name, c in chosen.items()} | by_values.units
        numbers = _read_columns({name: chosen[name].index for name in remembered}, sample, units.decimal_comma)
        warnings, refusals = _compare_units(remembered, suggested, by_values, numbers, constraints)
    if comma is not decimal_comma and by_values.has_decimals and by_values.decimal_comma is not comma:
        refusals[DECIMAL_SIGN] = _sign_refusal(constraints, is_comma=by_values.decimal_comma)
    decided_comma = None
    if decimal_comma is None:
        decided_comma = comma if comma is not None else by_values.decimal_comma if by_values.has_decimals else None
    all_units = {name: unit for name, (_, unit) in declared.items() if unit} | remembered | units.units
    undecided = units.undecided - remembered.keys()
    return RememberedUnits(
        all_units,
        units.decimal_comma,
        units.misfits,
        units.doubts,
        tuple(_guesses(units)),
        tuple(warnings),
        refusals,
        {name: unit for name, unit in all_units.items() if name not in undecided},
        decided_comma,
    )


_Column = tuple[list[str], list[float]]
"""The texts of a number column in the sample, and the numbers among them: ``(["120.5", "n/a"], [120.5])``."""


def _read_columns(columns: Mapping[str, int], sample: SampleValues, decimal_comma: bool) -> dict[str, _Column]:
    """Parse number columns, given by name and position: ``{"bpm": 2} -> {"bpm": (["120.5", "n/a"], [120.5])}``."""
    read = {}
    for name, texts in number_texts(columns, sample).items():
        numbers = [parsing.parse_number(text, decimal_comma=decimal_comma) for text in texts]
        read[name] = texts, [number for number in numbers if number is not None]
    return read


def _compare_units(
    remembered: Mapping[str, str],
    suggested: Mapping[str, str],
    by_values: UnitDecisions,
    columns: Mapping[str, _Column],
    constraints: LayoutConstraints,
) -> tuple[list[str], dict[str, str]]:
    """Compare the units that earlier files decided with the values of this file; return (warnings, refusals).

    Warnings are about values that suggest another unit. Refusals are a dict from column of ``tracks`` to the reason to
    refuse the file: its values are impossible in the unit of earlier files.

    Parameters
    ----------
    remembered : dict from column to the unit that earlier files decided
    suggested : dict from column to the unit that would be used without earlier files
    by_values : UnitDecisions made without earlier files
    columns : dict from column to its texts and numbers in the sample
    constraints : has the names of the earlier files
    """
    differing = [name for name, unit in remembered.items() if suggested[name] != unit or name in by_values.misfits]
    values = {name: numbers for name, (_, numbers) in columns.items()}
    untenable = untenable_units(remembered, values)
    ruled_out = [n for n in differing if n in untenable or rules_out_unit(n, remembered[n], *columns[n])]
    others = [n for n in differing if values[n] and n not in ruled_out and n not in by_values.undecided]
    refusals: dict[str, str] = {}
    for names, sentence in _by_origin(ruled_out, remembered, values, constraints):
        refusal = f"{sentence}, which the values here rule out; {DECIDE_AGAIN} reads them by their values"
        refusals |= dict.fromkeys(names, refusal)
    warnings = [doubt for name, doubt in by_values.doubts.items() if name in remembered and name not in differing]
    warnings += [
        f"{sentence}, and they are read so here too, although the values suggest another unit"
        for _, sentence in _by_origin(others, remembered, values, constraints)
    ]
    return warnings, refusals


def _sign_refusal(constraints: LayoutConstraints, *, is_comma: bool) -> str:
    """Return the error message for another decimal sign than in earlier files. ``is_comma``: this file has a comma."""
    present_sign, earlier_sign = ("comma", "point") if is_comma else ("point", "comma")
    return (
        f"numbers are written with a decimal {earlier_sign} in {constraints.origin(DECIMAL_SIGN)}, which has the "
        f"same header, and with a {present_sign} here; {DECIDE_AGAIN} reads them by the present files"
    )


def _by_origin(
    names: Sequence[str],
    units: Mapping[str, str],
    values: Mapping[str, Sequence[float]],
    constraints: LayoutConstraints,
) -> Iterator[tuple[list[str], str]]:
    """Group columns by unit and by the earlier file that decided it; yield (columns, clause) for each group.

    A clause for a message is: "energy (0.5 to 9.5): in 0 to 1 in a.csv, which has the same header".
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for name in sorted(names):
        groups.setdefault((units[name], constraints.origin(name + UNIT)), []).append(name)
    for (unit, origin), members in groups.items():
        ranges = ", ".join(f"{name} ({value_range(values[name])})" for name in members)
        yield members, f"{ranges}: in {UNIT_WORDS[unit]} in {origin}, which has the same header"


def _guesses(units: UnitDecisions) -> Iterator[Guess]:
    """Convert each sentence in ``units.decisions`` to a Guess."""
    for number, sentence in enumerate(units.decisions):
        is_sign = number == 0 and sentence == DECIMAL_COMMA_SENTENCE
        yield Guess(sentence, "--set ingest.decimal_sign=comma" if is_sign else UNIT_IN_SOURCE)
