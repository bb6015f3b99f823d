"""Detect the CSV dialect and the header of a file. A title or comments may precede the header."""

import contextlib
import csv
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from segue.ingest.formats.records import DELIMITERS, Dialect

MAX_HEADER_RECORD = 32
"""Number of records at the beginning of a file that are searched for the header."""
_FIRST_RECORDS = 3
"""Number of records that are read first: enough for a ``sep=`` line, the header and one more record."""
_MIN_COLUMNS = 3
"""Minimum number of recognised columns in a header that is not the first record.

Fewer are accepted if they are enough to read the file.
"""
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
_DIALECTS = (
    *(Dialect(delimiter) for delimiter in DELIMITERS),
    *(Dialect(inner, outer) for outer in DELIMITERS for inner in DELIMITERS if inner != outer),
)
MatchNames = Callable[[tuple[str, ...]], Collection[str]]
"""Function from header names to the columns of ``tracks`` that they match: ``("Tempo",) -> {"bpm"}``."""


@dataclass(frozen=True, slots=True)
class Header:
    """The CSV dialect and the column names of a file, and the position of its header.

    Attributes
    ----------
    dialect : the file's dialect
    names : the column names
    line : number of the header's line, from 1; if the header spans several lines, that of its last line
    lines : the lines of the file up to the end of the header; if pandas wrote the names of an index in the line below
        the header, up to that line
    n_above : number of records above the header, such as a title; blank lines and a ``sep=`` line do not count
    """

    dialect: Dialect
    names: tuple[str, ...]
    line: int = 1
    lines: tuple[str, ...] = ()
    n_above: int = 0


def detect_header(
    lines: Sequence[str],
    match_names: MatchNames,
    is_sufficient: Callable[[Collection[str]], bool] = bool,
    *,
    line: int | None = None,
) -> Header | None:
    """Return the header of a CSV file; None if the lines hold no record.

    Every dialect is tried: every delimiter, and every pair of inner and outer delimiter (``records.Dialect``). The best
    dialect has the most recognised columns. On a tie, these criteria decide, in this order: the delimiter of a ``sep=``
    line, the fewest delimiters within names, the most columns, no outer delimiter.

    The header is the first record if ``is_sufficient`` is true for its recognised columns. Otherwise, the first
    ``MAX_HEADER_RECORD`` records are searched for the record with the most recognised columns, among those with two
    names or more and no number. This record is the header if it has more recognised columns than the first record, and
    if these are sufficient or at least ``_MIN_COLUMNS``. If not, the first record is the header.

    If ``line`` is given, the header is the record that ends in this line; the result is None if none of the first
    ``MAX_HEADER_RECORD`` records does.

    Parameters
    ----------
    lines : sequence of str
        The first lines of the file, with their line ends.
    match_names : callable
        Function from header names to recognised columns (columns of ``tracks``): ``("Tempo",) -> {"bpm"}``.
    is_sufficient : callable
        Function from columns of ``tracks`` to bool: whether a file with these columns can be read. By default, any
        column is sufficient.
    line : int or None
        The number of the header's line, from 1; None to detect it.
    """
    firsts = _first_records(lines, _FIRST_RECORDS) if line is None else _records_in_line(lines, line)
    if not firsts:
        return None
    best = max(firsts, key=lambda candidate: candidate.rank(match_names))
    # guard: sufficient-first-record-is-header -> if True:
    if line is None and not is_sufficient(match_names(best.names)):
        firsts = _first_records(lines, MAX_HEADER_RECORD)
        best = max(firsts, key=lambda candidate: candidate.rank(match_names))
        below = [_Candidate(first.opening, i) for first in firsts for i in range(first.index + 1, len(first.records))]
        named = [candidate for candidate in below if candidate.may_be_header()]
        other = max(named, key=lambda candidate: candidate.rank(match_names), default=best)
        columns = match_names(other.names)
        if len(columns) > len(match_names(best.names)) and (len(columns) >= _MIN_COLUMNS or is_sufficient(columns)):
            best = other
    return _complete_header(best, lines, match_names)


@dataclass(frozen=True, slots=True)
class _Opening:
    """The first records of a file, split by one dialect.

    Attributes
    ----------
    dialect : the dialect
    records : the fields of each record
    last_lines : the number of the last line of each record, from 1
    separator : ``;`` if the first record is the line ``sep=;``; None if it is no ``sep=`` line
    """

    dialect: Dialect
    records: list[list[str]]
    last_lines: list[int]
    separator: str | None

    @property
    def first(self) -> int:
        """Index of the first record after a ``sep=`` line: 1 if there is such a line, else 0."""
        return int(self.separator is not None)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A record that may be the header: ``opening.records[index]``."""

    opening: _Opening
    index: int

    @property
    def records(self) -> list[list[str]]:
        return self.opening.records

    @property
    def names(self) -> tuple[str, ...]:
        return _names(self.records[self.index])

    def rank(self, match_names: MatchNames) -> tuple[int, ...]:
        """Return a sort key by recognised columns, position and delimiters; the best candidate has the largest key."""
        names, dialect = self.names, self.opening.dialect
        n_delimiters = sum(delimiter in name for name in names for delimiter in DELIMITERS)
        is_declared = dialect.delimiter == self.opening.separator
        return len(match_names(names)), -self.index, is_declared, -n_delimiters, len(names)

    def may_be_header(self) -> bool:
        """Return whether the record has two or more fields and no number. Nearly every row of data has a number."""
        return len(self.names) > 1 and not any(map(_is_number, self.names))


def _first_records(lines: Sequence[str], n_records: int) -> list[_Candidate]:
    """Split lines into up to ``n_records`` records by each CSV dialect; return each dialect's first record.

    A ``sep=`` line is skipped. A dialect without a record is left out.
    """
    openings = [_read_opening(lines, dialect, n_records) for dialect in _DIALECTS]
    return [_Candidate(opening, opening.first) for opening in openings if opening.first < len(opening.records)]


def _records_in_line(lines: Sequence[str], line: int) -> list[_Candidate]:
    """Return for each CSV dialect the record that ends in line number ``line``. A dialect without one is left out."""
    openings = [_read_opening(lines, dialect, MAX_HEADER_RECORD) for dialect in _DIALECTS]
    return [_Candidate(each, each.last_lines.index(line)) for each in openings if line in each.last_lines]


def _read_opening(lines: Sequence[str], dialect: Dialect, n_records: int) -> _Opening:
    records: list[list[str]] = []
    last_lines: list[int] = []
    separator = None
    reader = csv.reader(lines, delimiter=dialect.record_delimiter)
    with contextlib.suppress(csv.Error):
        for cells in reader:
            declared = _SEPARATOR_LINE.fullmatch(dialect.record_delimiter.join(cells))
            if declared and not records:
                separator = declared[1]
            if cells:
                records.append(dialect.fields(cells))
                last_lines.append(reader.line_num)
            if len(records) == n_records:
                break
    return _Opening(dialect, records, last_lines, separator)


def _names(fields: Sequence[str]) -> tuple[str, ...]:
    """Return the fields of a record as names: trimmed, without empty ones at the end."""
    names = [name.strip(" \r\n") for name in fields]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _is_number(text: str) -> bool:
    try:
        float(text)
        return True
    except ValueError:
        return False


def _complete_header(best: _Candidate, lines: Sequence[str], match_names: MatchNames) -> Header:
    """Convert the best candidate to a Header, and complete its names from the records above and below it.

    The record above may have names of groups of columns. The record below may have names of a pandas index.
    """
    names, records, index = best.names, best.records, best.index
    last = best.index
    if index > best.opening.first and len(records[index - 1]) == len(records[index]):
        names = _with_groups(records[index - 1], names, match_names)
    # pandas writes the names of an index on a line of their own, in otherwise empty fields
    index_names = _names(records[index + 1]) if index + 1 < len(records) else ()
    if len(index_names) < len(names):
        indexed = index_names + names[len(index_names) :]
        if len(match_names(indexed)) > len(match_names(names)):
            names, last = indexed, last + 1
    last_lines = best.opening.last_lines
    n_above = index - best.opening.first
    return Header(best.opening.dialect, names, last_lines[index], tuple(lines[: last_lines[last]]), n_above)


def _with_groups(groups: Sequence[str], names: tuple[str, ...], match_names: MatchNames) -> tuple[str, ...]:
    """Put group names before names: ``name`` below the group ``artist`` becomes ``artist name``.

    ``groups`` are the fields of the record above the names, parallel to ``names``. A name gets its group if both
    together match another column of ``tracks`` than the name alone. If a name occurs several times, all occurrences get
    their groups as soon as one of them matches with its group. All names are returned unchanged if fewer columns would
    match with groups.
    """
    grouped = [f"{group.strip()} {name}" if name else "" for group, name in zip(groups, names, strict=False)]
    matched = [match_names((name,)) if name else () for name in grouped]
    repeated = {name for name, columns in zip(names, matched, strict=True) if columns and names.count(name) > 1}
    specific = tuple(
        longer if name in repeated or (columns and set(columns) != set(match_names((name,)))) else name
        for name, longer, columns in zip(names, grouped, matched, strict=True)
    )
    return specific if len(match_names(specific)) >= len(match_names(names)) else names
