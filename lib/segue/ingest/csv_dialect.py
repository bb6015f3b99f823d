"""How the text of a CSV file is cut into fields: found from its first lines, by what makes its header known."""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The delimiter, and the one that the whole lines were wrapped in once more, if they were.

    A comma file that was opened as a semicolon file and saved again has its lines in the first of
    several cells, quoted where they held a quote, and empty cells behind: ``"1,""a, b"",2";;``.
    """

    delimiter: str
    wrapped_in: str | None = None

    def fields(self, cells: list[str]) -> list[str]:
        """Return the fields of one record as ``csv.reader`` gives it, unwrapped where it was wrapped."""
        if self.wrapped_in is None or not cells:
            return cells
        while cells and not cells[-1]:
            cells = cells[:-1]
        return next(csv.reader([self.wrapped_in.join(cells)], delimiter=self.delimiter), [])

    @property
    def outer(self) -> str:
        """The delimiter to read records with."""
        return self.wrapped_in or self.delimiter


@dataclass(frozen=True, slots=True)
class Header:
    """The dialect of a file, its column names, and how many records come before the first row."""

    dialect: Dialect
    names: tuple[str, ...]
    skipped: int


def find_header(lines: Sequence[str], known: Callable[[Sequence[str]], int]) -> Header | None:
    """Return how the file is written, or None where no record is in it.

    Parameters
    ----------
    lines : the first lines of the file, line ends included
    known : counts how many columns a header makes known; the dialect with most of them is taken, then
        the one that leaves fewest delimiters within names, then the one with most columns, then a
        plain one before a wrapped one
    """
    candidates = [_header(lines, Dialect(delimiter)) for delimiter in DELIMITERS]
    candidates += [
        _header(lines, Dialect(inner, outer)) for outer in DELIMITERS for inner in DELIMITERS if inner != outer
    ]
    headers = [header for header in candidates if header]
    return max(
        headers,
        key=lambda header: (known(header.names), -_left_over(header.names), len(header.names)),
        default=None,
    )


def _left_over(names: Sequence[str]) -> int:
    return sum(delimiter in name for name in names for delimiter in DELIMITERS)


def _header(lines: Sequence[str], dialect: Dialect) -> Header | None:
    skipped = 0
    try:
        for cells in csv.reader(lines, delimiter=dialect.outer):
            skipped += bool(cells)
            separator = _SEPARATOR_LINE.fullmatch(dialect.outer.join(cells))
            if not cells or (skipped == 1 and separator):
                continue
            names = [name.strip(" \r\n") for name in dialect.fields(cells)]
            while names and not names[-1]:
                names.pop()
            return Header(dialect, tuple(names), skipped)
    except csv.Error:
        pass
    return None
