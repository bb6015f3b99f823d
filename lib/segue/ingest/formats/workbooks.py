"""Convert a sheet of an Excel workbook to lines of CSV, with openpyxl (an optional dependency)."""

import csv
import importlib
import io
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, time, timedelta
from itertools import islice
from typing import Any

from segue.errors import InputError
from segue.ingest.columns.header_candidates import count_known

_HEADER_ROWS = 20
"""Number of rows at the top of a sheet that are searched for the header."""
_MISSING_LIBRARY = (
    "is an Excel workbook, which needs openpyxl where Spark's workers run; install it with: "
    "pip install 'openpyxl>=3.1,<4' (or segue[excel]), or save the sheet as CSV"
)


def workbook_lines(content: bytes, known: Collection[str]) -> tuple[Iterator[str], str]:
    """Convert one sheet of a workbook to lines of CSV; return (lines, note).

    The sheet is chosen by its first rows: the sheet with the most known headers in one row, on a tie the first. Hidden
    sheets are ignored if any sheet is visible.

    Parameters
    ----------
    content : bytes
        The .xlsx file.
    known : collection of str
        Normalised headers of all format definitions, from ``header_candidates.known_headers``.

    Returns
    -------
    lines : iterator of str
    note : str
        A sentence for the log about other sheets with rows, which are not read; "" if there are none. Ignored
        hidden sheets are not mentioned.

    Raises
    ------
    InputError
        If openpyxl is not installed, or the workbook is damaged or has no rows.
    """
    try:
        # imported here, because it takes half a second, which runs without a workbook would spend too
        openpyxl = importlib.import_module("openpyxl")
    except ImportError:
        raise InputError(_MISSING_LIBRARY) from None
    try:
        workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"] or workbook.worksheets
        heads = [list(islice(_rows(sheet), _HEADER_ROWS)) for sheet in sheets]
    # openpyxl raises errors of many kinds for damaged files
    except Exception as error:
        raise InputError(f"is a damaged Excel workbook ({type(error).__name__}: {error})") from error
    filled = [(sheet, head) for sheet, head in zip(sheets, heads, strict=True) if head]
    if not filled:
        raise InputError("is an Excel workbook without rows, expected a header and rows")
    sheet, head = max(filled, key=lambda each: max(count_known(row, known) for row in each[1]))
    others = [other.title for other, _ in filled if other is not sheet]
    note = f"sheet {sheet.title!r} is read; not read: {', '.join(others)}" if others else ""
    return _csv_lines(_rows(sheet), max(map(len, head))), note


def _rows(sheet: Any) -> Iterator[list[str]]:
    """Yield the rows of a sheet as texts, without empty cells at their ends and without empty rows."""
    # the dimensions stated in a file can be wrong, and rows or columns beyond them would be lost
    sheet.reset_dimensions()
    for cells in sheet.iter_rows():
        row = [_text(cell) for cell in cells]
        while row and not row[-1]:
            row.pop()
        if row:
            yield row


def _text(cell: Any) -> str:
    """Return the value of a cell as text on one line: dates in ISO 8601, times as in ``_clock``, "" if empty."""
    value = cell.value
    if isinstance(value, str):
        return " ".join(value.splitlines()) if "\n" in value or "\r" in value else value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, time | timedelta):
        return _clock(value, cell.number_format.lower())
    return str(value)


def _clock(value: time | timedelta, number_format: str) -> str:
    """Format a time or duration as ``3:45``, or as ``3:45:00`` if it has seconds or ``number_format`` shows seconds.

    Excel stores a typed ``3:45`` as 3 hours 45 minutes, even if minutes and seconds are meant.
    """
    span = (
        value
        if isinstance(value, timedelta)
        else timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
    )
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}" if "s" not in number_format and not seconds else f"{hours}:{minutes:02}:{seconds:02}"


def _csv_lines(rows: Iterable[list[str]], n_columns: int) -> Iterator[str]:
    """Yield each row as a line of CSV with at least ``n_columns`` cells; missing cells are empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="")
    for row in rows:
        writer.writerow(row + [""] * (n_columns - len(row)))
        yield stream.getvalue()
        stream.seek(0)
        stream.truncate()
