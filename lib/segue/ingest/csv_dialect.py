"""Detect the delimiter and the header of a CSV file from its first lines."""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The delimiter of a CSV file, and the outer delimiter of a file whose lines were wrapped in a second one.

    A spreadsheet that opens a comma-separated file as semicolon-separated and saves it writes each line into the first
    of several cells, quoted where the line held a quote, and leaves the other cells empty: ``"1,""a, b"",2";;``.
    """

    delimiter: str
    outer_delimiter: str | None = None

    def fields(self, cells: list[str]) -> list[str]:
        """Return the fields of a record, given its cells as ``csv.reader`` splits them at ``record_delimiter``."""
        if self.outer_delimiter is None or not cells:
            return cells
        while cells and not cells[-1]:
            cells = cells[:-1]
        return next(csv.reader([self.outer_delimiter.join(cells)], delimiter=self.delimiter), [])

    @property
    def record_delimiter(self) -> str:
        """The delimiter to pass to ``csv.reader``: the outer one of a wrapped file."""
        return self.outer_delimiter or self.delimiter


@dataclass(frozen=True, slots=True)
class Header:
    """The dialect and column names of a file, and the number of records to skip: the header and those before it."""

    dialect: Dialect
    names: tuple[str, ...]
    n_skipped: int


def detect_header(lines: Sequence[str], count_columns: Callable[[Sequence[str]], int]) -> Header | None:
    """Return the header of a CSV file, or None if the lines hold no record.

    Every delimiter, and every pair of inner and outer delimiter, is tried. The best header has the most recognised
    columns, then the fewest delimiters within names, then the most columns; an unwrapped one wins a tie.

    Parameters
    ----------
    lines : sequence of str
        The first lines of the file, with their line ends.
    count_columns : callable
        Returns how many canonical columns a list of header names matches.
    """
    dialects = [Dialect(delimiter) for delimiter in DELIMITERS]
    dialects += [Dialect(inner, outer) for outer in DELIMITERS for inner in DELIMITERS if inner != outer]
    headers = [header for dialect in dialects if (header := _read_header(lines, dialect))]
    return max(
        headers,
        key=lambda header: (count_columns(header.names), -_count_delimiters(header.names), len(header.names)),
        default=None,
    )


def _count_delimiters(names: Sequence[str]) -> int:
    return sum(delimiter in name for name in names for delimiter in DELIMITERS)


def _read_header(lines: Sequence[str], dialect: Dialect) -> Header | None:
    """Return the first record that is neither blank nor a leading ``sep=`` line, or None."""
    n_skipped = 0
    try:
        for cells in csv.reader(lines, delimiter=dialect.record_delimiter):
            n_skipped += bool(cells)
            separator = _SEPARATOR_LINE.fullmatch(dialect.record_delimiter.join(cells))
            if not cells or (n_skipped == 1 and separator):
                continue
            names = [name.strip(" \r\n") for name in dialect.fields(cells)]
            while names and not names[-1]:
                names.pop()
            return Header(dialect, tuple(names), n_skipped)
    except csv.Error:
        pass
    return None
