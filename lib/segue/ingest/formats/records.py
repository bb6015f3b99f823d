"""Parse lines of CSV into records with their raw text, and lines of JSON into texts by member name."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The delimiter of a CSV file, and the outer delimiter if its lines are cells of another CSV.

    A spreadsheet that has read a comma-separated file as semicolon-separated saves a file with an outer delimiter. The
    first cell of each record is then the original line, and the other cells are empty:
    the line ``1,"a, b",2`` becomes ``"1,""a, b"",2";;``.
    """

    delimiter: str
    outer_delimiter: str | None = None

    def fields(self, cells: list[str]) -> list[str]:
        """Return the fields of a record. ``cells`` is the record split by ``csv.reader`` at ``record_delimiter``."""
        if self.outer_delimiter is None or not cells:
            return cells
        while cells and not cells[-1]:
            cells = cells[:-1]
        return next(csv.reader([self.outer_delimiter.join(cells)], delimiter=self.delimiter), [])

    @property
    def record_delimiter(self) -> str:
        """The delimiter to pass to ``csv.reader``: the outer one if there is one."""
        return self.outer_delimiter or self.delimiter


BOM = "\ufeff"
_LONE_RETURN = re.compile(r"(?<=\r)(?!\n)")


class _LineRecorder:
    """An iterator over lines that records which lines ``csv.reader`` consumes for each record."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._consumed: list[str] = []

    def __iter__(self) -> "_LineRecorder":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._consumed.append(line)
        return line

    def pop_raw(self) -> str:
        """Return the lines consumed since the last call, as one text without line ends at its end."""
        text, self._consumed = "".join(self._consumed), []
        return text.rstrip("\r\n")


def split_lines(text: str) -> list[str]:
    """Split a line at lone carriage returns (not followed by a line feed), which end lines in some files.

    ``text`` is one line: its only line feed is at its end. Each part keeps its line end.
    """
    return [line for line in _LONE_RETURN.split(text) if line] if "\r" in text[:-2] else [text]


def decode_lines(lines: Iterable[bytes], encoding: str, *, is_start: bool) -> Iterator[str]:
    """Decode lines; yield each with its line end, and split at lone carriage returns.

    Parameters
    ----------
    lines : iterable of bytes
        Lines without the line feeds at which Spark splits files.
    encoding : str
        Encoding of the file. Invalid bytes become lone surrogates (handler ``surrogateescape``).
    is_start : bool
        Whether ``lines`` begins with the first line of the file. A byte order mark is then removed.
    """
    for line in lines:
        text = line.decode(encoding, "surrogateescape") + "\n"
        yield from split_lines(text.removeprefix(BOM) if is_start else text)
        is_start = False


def csv_records(lines: Iterable[str], dialect: Dialect) -> Iterator[tuple[list[str] | str, str]]:
    """Parse lines as CSV; yield (fields, raw text) of each record. A record may span lines; blank lines are skipped.

    The fields are a list of texts, or an error message if ``csv.reader`` cannot parse the record.
    """
    csv.field_size_limit(sys.maxsize)
    recorder = _LineRecorder(lines)
    reader = csv.reader(recorder, delimiter=dialect.record_delimiter)
    while True:
        try:
            cells = next(reader)
            fields: list[str] | str = dialect.fields(cells)
        except StopIteration:
            return
        # guard: csv-error-rejects-row
        except csv.Error as error:
            cells, fields = [""], f"not CSV: {error}"
        raw = recorder.pop_raw()
        if cells:
            yield fields, raw


def csv_records_by_line(lines: Iterable[str], dialect: Dialect) -> Iterator[tuple[list[str] | str, str]]:
    """Parse each line of CSV by itself; yield (fields, raw text) of each record.

    The fields are a list of texts. If the line cannot be parsed or leaves a quote open, they are an error message.
    """
    pattern = CLOSED_LINES[DELIMITERS.index(dialect.record_delimiter)]
    for line in lines:
        closed = pattern.fullmatch(line.rstrip("\r\n").encode("utf-8", "surrogateescape"))
        for fields, raw in csv_records([line], dialect):
            # guard: open-quote-rejected -> yield fields, raw
            yield fields if closed else "a quote is left open at the end of the line", raw


def _closed_line(delimiter: str) -> re.Pattern[bytes]:
    """Return a pattern for ``fullmatch`` that matches a line if every quoted field in it is closed.

    The rules of quoting are those of ``csv.reader``. In all other lines, a record continues on the next line.
    """
    d = re.escape(delimiter.encode())
    quoted, bare = rb'"[^"]*(?:""[^"]*)*"(?!")[^%b]*' % d, rb'(?!")[^%b]*' % d
    return re.compile(rb"(?:%b|%b)(?:%b(?:%b|%b))*" % (quoted, bare, d, quoted, bare), re.DOTALL)


CLOSED_LINES = tuple(_closed_line(delimiter) for delimiter in DELIMITERS)
"""For each of ``DELIMITERS``, the pattern of lines in which every quoted field is closed."""


def field_count_error(fields: list[str], n_columns: int) -> str | None:
    """Return a message if a record has a wrong number of fields: "3 fields, the header has 4". Otherwise None.

    Empty fields beyond the last column are accepted.
    """
    if len(fields) == n_columns or (len(fields) > n_columns and not any(fields[n_columns:])):
        return None
    return f"{len(fields)} field{'s' * (len(fields) != 1)}, the header has {n_columns}"


_MAX_DEPTH = 6


def json_object(line: str) -> dict[str, str | None] | None:
    """Parse a line of JSON; return a dict from member name to text, or None if the line holds no object.

    Numbers keep the text as written, booleans become "true" or "false", and null becomes None. Lists become JSON text,
    with their numbers as texts: [1, 2] becomes '["1", "2"]'. Members of inner objects are named ``outer.inner``, down
    to ``_MAX_DEPTH`` levels; deeper objects become JSON text too.

    >>> json_object('{"name": null, "features": {"tempo": 120.50}, "genres": ["pop"]}')
    {'name': None, 'features.tempo': '120.50', 'genres': '["pop"]'}
    """
    try:
        parsed = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    # "replace": UTF-8 cannot encode a name with half a surrogate pair; such a name matches no column anyway
    return {name.encode("utf-8", "replace").decode("utf-8"): text for name, text in _members(parsed, "")}


def _members(parsed: dict[str, Any], prefix: str) -> Iterator[tuple[str, str | None]]:
    for name, value in parsed.items():
        if isinstance(value, dict) and prefix.count(".") < _MAX_DEPTH:
            yield from _members(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, str):
            yield prefix + name, value
        else:
            yield prefix + name, json.dumps(value, ensure_ascii=False)


class MemberNames:
    """Collects the member names of JSON objects, one object per line, as an ordered set: the dict ``names``.

    Most lines of a file have the same members in the same order. ``patterns`` are regular expressions for the lines
    already added: a line that matches one has no new members, and need not be added. Lines with inner objects, or with
    escapes in values, never match. With more than ``MAX_NAMES`` names, no further names are added.
    """

    MAX_NAMES = 2000
    _MAX_PATTERNS = 8
    _MAX_PATTERN_NAMES = 200
    _VALUE = rb'(?:"[^"\\]*"|[-+.\w]+|\[[^\]\[{}\\]*\])\s*'

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.patterns: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Parse a line, and add the member names of its object; a line without an object adds none."""
        members = json_object(line.decode("utf-8", "replace")) or {}
        if len(self.names) <= self.MAX_NAMES:
            self.names |= dict.fromkeys(members)
        # a pattern of many thousand names takes a minute to compile
        if 0 < len(members) <= self._MAX_PATTERN_NAMES and len(self.patterns) < self._MAX_PATTERNS:
            pattern = self._pattern(members)
            if pattern not in self.patterns:
                self.patterns.append(pattern)

    def _pattern(self, names: Iterable[str]) -> bytes:
        """Return a regular expression, for Arrow and Python, of objects with these members in this order."""
        parts = (re.escape(json.dumps(name, ensure_ascii=False).encode()) + rb"\s*:\s*" for name in names)
        return rb"\A\s*\{\s*" + (self._VALUE + rb",\s*").join(parts) + self._VALUE + rb"\}"
