"""Lines of text become records, on a worker: what ``csv.reader`` and ``json`` say, with each record's raw text."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from segue.ingest.csv_dialect import DELIMITERS, Dialect

_LONE_RETURN = re.compile(r"(?<=\r)(?!\n)")
BOM = "\ufeff"


class _Recorder:
    """An iterator over lines that remembers what was taken since it was last asked."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._taken: list[str] = []

    def __iter__(self) -> "_Recorder":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        return line

    def raw(self) -> str:
        text, self._taken = "".join(self._taken), []
        return text.rstrip("\r\n")


def split_lines(text: str) -> list[str]:
    """Return the lines of a text that ends in its only line feed, cut at lone carriage returns too."""
    return [line for line in _LONE_RETURN.split(text) if line] if "\r" in text[:-2] else [text]


def csv_records(lines: Iterable[str], dialect: Dialect) -> Iterator[tuple[list[str] | str, str]]:
    """Yield the fields of every record, or what is wrong with it, and its raw text. Blank lines are no records."""
    csv.field_size_limit(sys.maxsize)
    recorder = _Recorder(lines)
    reader = csv.reader(recorder, delimiter=dialect.outer)
    while True:
        try:
            cells = next(reader)
            fields: list[str] | str = dialect.fields(cells)
        except StopIteration:
            return
        # guard: csv-error-rejects-row
        except csv.Error as error:
            cells, fields = [""], f"not CSV: {error}"
        raw = recorder.raw()
        if cells:
            yield fields, raw


def csv_records_by_line(lines: Iterable[str], dialect: Dialect) -> Iterator[tuple[list[str] | str, str]]:
    """Yield records as ``csv_records``, but none goes over a line end: a quote left open there is a fault."""
    for line in lines:
        closed = CLOSED[DELIMITERS.index(dialect.outer)].fullmatch(
            line.rstrip("\r\n").encode("utf-8", "surrogateescape")
        )
        for fields, raw in csv_records([line], dialect):
            # guard: open-quote-rejected -> yield fields, raw
            yield fields if closed else "a quote is left open at the end of the line", raw


def _closed(delimiter: str) -> re.Pattern[bytes]:
    """Match a line at whose end ``csv.reader`` is outside quotes, if it was so at its start."""
    d = re.escape(delimiter.encode())
    quoted, bare = rb'"[^"]*(?:""[^"]*)*"(?!")[^%b]*' % d, rb'(?!")[^%b]*' % d
    return re.compile(rb"(?:%b|%b)(?:%b(?:%b|%b))*" % (quoted, bare, d, quoted, bare), re.DOTALL)


CLOSED = tuple(_closed(delimiter) for delimiter in DELIMITERS)
"""For each of ``DELIMITERS`` what a line matches that leaves no quote open."""


def field_count_error(fields: list[str], width: int) -> str | None:
    """Say why a record does not fit a header of ``width`` columns. Empty fields behind the last do no harm."""
    if len(fields) == width or (len(fields) > width and not any(fields[width:])):
        return None
    return f"{len(fields)} field{'s' * (len(fields) != 1)}, the header has {width}"


def json_object(line: str) -> dict[str, str | None] | None:
    """Return the members of a JSON object as text, numbers as they are written; None where it is no object."""
    try:
        parsed = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    # a name with half a character in it is nobody's column, but must not stop the others
    return {name.encode("utf-8", "replace").decode("utf-8"): text for name, text in _members(parsed, "")}


class MemberNames:
    """Collects the names of the members of JSON objects, a line each.

    Most lines of a file name the same members in the same order as one before: a pattern tells that in a tenth of
    the time of reading the line. A line that no pattern fits is read; so is one with an object within or an escape.
    """

    _PATTERNS = 8
    _VALUE = rb'(?:"[^"\\]*+"|[-+.\w]++|\[[^][{}\\]*+\])\s*+'

    def __init__(self) -> None:
        self.found: dict[str, None] = {}
        self._known: list[re.Pattern[bytes]] = []

    def add(self, line: bytes) -> None:
        """Add the names on a line that holds one object; another line has none."""
        if any(pattern.match(line) for pattern in self._known):
            return
        members = json_object(line.decode("utf-8", "replace")) or {}
        self.found |= dict.fromkeys(members)
        if members and len(self._known) < self._PATTERNS:
            parts = (re.escape(json.dumps(name, ensure_ascii=False).encode()) + rb"\s*+:\s*+" for name in members)
            self._known.append(
                re.compile(rb"\s*+\{\s*+" + (self._VALUE + rb",\s*+").join(parts) + self._VALUE + rb"\}")
            )


def _members(parsed: dict[str, Any], prefix: str) -> Iterator[tuple[str, str | None]]:
    """Yield names and texts, the members of an object within as ``outer.inner``."""
    for name, value in parsed.items():
        if isinstance(value, dict):
            yield from _members(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, str):
            yield prefix + name, value
        else:
            yield prefix + name, json.dumps(value, ensure_ascii=False)
