"""Split a JSON document, such as an array, pretty-printed objects, Spotify API pages or a pandas table, into tracks.

Each track becomes the text of one JSON object on one line. The text is cut out of the document, which leaves numbers as
they are written. Only tracks of pandas tables are serialised anew.
"""

import json
import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from itertools import chain, islice
from json.decoder import JSONDecodeError
from typing import Any, NamedTuple

from segue.errors import InputError
from segue.ingest.columns.header_candidates import count_known

LIST_NAMES = frozenset(
    ("items", "tracks", "audio_features", "data", "results", "songs", "rows", "records", "playlists")
)
"""Names of members whose value is a list of tracks, or an object that contains such a list."""
_FEATURES = "audio_features"
_HAS_LIST = re.compile(rf'"({"|".join(sorted(LIST_NAMES))})"\s*:\s*[\[{{]')
_BLANKS = re.compile(r"[ \t\r\n]*")
_IDS = ("id", "track_id")
_MAX_NAMES = 300
"""Maximum number of an object's member names that are compared with the known headers."""
_MIN_OVERLAP = 0.5
"""Minimum of (common names / all names) of two objects for both to be rows or columns of one table."""
_MIN_COLUMNS = 2
_MAX_DEPTH = 4
"""Maximum number of nested objects around a list of tracks."""
_CUT_LENGTH = 6
"""A fault at most this many characters before the end means that the text breaks off. ``false`` has five."""


def is_document(lines: Sequence[bytes], known: Collection[str], *, is_all: bool) -> bool:
    """Return whether a JSON file must be split into tracks: it is one document, or has a list of tracks in each line.

    Parameters
    ----------
    lines : sequence of bytes
        The first lines of the file; they may be cut.
    known : collection of str
        Normalised headers of all format definitions, from ``header_candidates.known_headers``.
    is_all : bool
        Whether the file has no other lines.
    """
    texts = [text for line in lines if (text := line.decode("utf-8", "replace").strip("\ufeff \t\r\n"))]
    if not texts or texts[0][0] not in "[{":
        return False
    first = _parse(texts[0])
    if first is None or not isinstance(first, dict):
        # one damaged line does not make a document of the objects in the lines below
        return texts[0][0] == "[" or not any(isinstance(_parse(text), dict) for text in texts[1:])
    is_only = is_all and len(texts) == 1
    return _is_page(first, known) or (is_only and _table_rows(first, known) is not None)


def document_kind(text: str) -> str:
    """Classify a JSON document by the names of its members; return ``features``, ``tracks`` or "".

    ``features``: ``audio_features`` is the only member named in ``LIST_NAMES`` whose value is a list or an object.
    ``tracks``: no member is named ``audio_features``. "": any other document.
    """
    names = {match[1] for match in _HAS_LIST.finditer(text)}
    if _FEATURES not in names:
        return "" if f'"{_FEATURES}"' in text else "tracks"
    return "features" if names == {_FEATURES} else ""


def document_rows(text: str, known: Collection[str]) -> Iterator[str]:
    """Split a document; yield each track as the text of a JSON object without line ends.

    Listed values other than objects, and a last object that breaks off, are yielded as written. An object in a list
    ``audio_features`` becomes the member ``audio_features`` of the track with the same id, or a row if there is none.

    Parameters
    ----------
    text : str
        The document; bytes that are not UTF-8 are lone surrogates (handler ``surrogateescape``).
    known : collection of str
        Normalised headers of all format definitions, from ``header_candidates.known_headers``.

    Raises
    ------
    InputError
        If the text is not valid JSON; the message has the line and column of the fault.
    """
    document = _Document(text, known)
    rows = document.rows()
    features: dict[str, str] = {}
    if f'"{_FEATURES}"' in text:
        features, rows = _split_features(document, list(rows))
    first = next(rows, None)
    if first is None:
        return
    table = _table_rows(_parse(text), known) if document.is_whole(first) else None
    if table is not None:
        yield from map(json.dumps, table)
        return
    for row in chain([first], rows):
        track = document.cut(row)
        joined = features.pop(track_id_of(track) or "", None) if features else None
        yield f'{track[:-1]}, "{_FEATURES}": {joined}}}' if joined else track
    yield from features.values()


class _Row(NamedTuple):
    """The position of a row in the text of a document: ``text[start:end]``.

    ``list_name`` is the name of the member whose list has the row as an element, such as "items". It is "[]" for a list
    without a name, such as one at the top of the document, and empty if the row is in no list.
    """

    list_name: str
    start: int
    end: int


def _split_features(document: "_Document", rows: list[_Row]) -> tuple[dict[str, str], Iterator[_Row]]:
    """Separate rows of audio features from other rows; return (features, other rows).

    Features are a dict from track id to text. Of several rows with one id, the first is in the dict, and the others
    stay rows. If all rows are features, the dict is empty.
    """
    features: dict[str, str] = {}
    others = []
    for row in rows:
        track_id = track_id_of(document.cut(row)) if row.list_name == _FEATURES else None
        if track_id is None or track_id in features:
            others.append(row)
        else:
            features[track_id] = document.cut(row)
    return (features, iter(others)) if any(row.list_name != _FEATURES for row in others) else ({}, iter(rows))


def track_id_of(text: str | bytes) -> str | None:
    """Return the ``id`` or ``track_id`` of a JSON object, or else of its member ``track``; None if none is a text."""
    value = _parse(text)
    if not isinstance(value, dict):
        return None
    inner = value.get("track")
    ids = [each.get(name) for each in (value, inner) if isinstance(each, dict) for name in _IDS]
    return next((each for each in ids if isinstance(each, str)), None)


def _parse(text: str | bytes) -> Any:
    """Parse a JSON text; None if it is invalid."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_page(value: Mapping[str, Any], known: Collection[str]) -> bool:
    """Return whether an object is a page of tracks, such as {"items": [{"name": ...}]}, and not a track with a list.

    True if the first listed object, inner ones included, has at least as many names in ``known`` as the object itself.
    """
    first = _first_listed(value, _MAX_DEPTH)
    if first is None:
        return False
    own = [name for name, member in value.items() if not isinstance(member, dict | list)]
    nested = (f"{name}.{each}" for name, member in first.items() if isinstance(member, dict) for each in member)
    return count_known([*first, *nested], known) >= count_known(own, known)


def _first_listed(value: Mapping[str, Any], depth: int) -> dict[str, Any] | None:
    """Return the first element of the first list named in ``LIST_NAMES`` that begins with an object; None without one.

    The list is a member of ``value``, or of an inner object named in ``LIST_NAMES``, at most ``depth`` levels deep.
    """
    for member in (value[name] for name in value if depth and name in LIST_NAMES):
        first = _first_listed(member, depth - 1) if isinstance(member, dict) else None
        if isinstance(member, list) and member and isinstance(member[0], dict):
            first = member[0]
        if first is not None:
            return first
    return None


class _Document:
    """Finds the positions of the rows of a JSON document. A row is the text of one track.

    Only positions are held in memory: the parsed values of a track take ten times the memory of its text.
    """

    def __init__(self, text: str, known: Collection[str]) -> None:
        self._text = text
        self._known = known
        self._end = len(text.rstrip())
        self._decode = json.JSONDecoder().raw_decode
        self._has_lists = bool(_HAS_LIST.search(text))

    def cut(self, row: _Row) -> str:
        """Return the text of a row on one line: line ends, which JSON allows only between members, become spaces."""
        return self._text[row.start : row.end].replace("\n", " ").replace("\r", " ")

    def is_whole(self, row: _Row) -> bool:
        """Return whether a row is the whole document, and in no list."""
        return not row.list_name and not self._text[: row.start].strip("\ufeff \t\r\n") and row.end >= self._end

    def rows(self) -> Iterator[_Row]:
        """Yield the rows of all values of the document; blanks or commas may separate the values.

        Raises
        ------
        InputError
            If a value is invalid JSON or nested too deeply. The last value may break off.
        """
        position = self._skip(self._text.startswith("\ufeff"))
        try:
            while position < self._end:
                position = self._skip((yield from self._value("", position)))
                if self._text.startswith(",", position):
                    position = self._skip(position + 1)
        except RecursionError:
            raise InputError("is no valid JSON: it is nested too deeply") from None

    def _value(self, list_name: str, start: int) -> Generator[_Row, None, int]:
        """Yield the rows of the value at ``start``, and return its end. An object without lists of tracks is one row.

        ``list_name`` is the name of the list with the value as an element; empty if the value is in no list.
        """
        if self._text.startswith("[", start) and not list_name:
            return (yield from self._array("[]", start))
        is_object = self._text.startswith("{", start)
        if is_object and not list_name and self._has_lists:
            has_rows, end = yield from self._members(start)
            if not has_rows:
                yield _Row("", start, end)
            return end
        value, end = self._parsed(start)
        if isinstance(value, dict) and self._has_lists and _is_page(value, self._known):
            _, end = yield from self._members(start)
        else:
            yield _Row(list_name, start, end)
        return end

    def _array(self, name: str, start: int) -> Generator[_Row, None, int]:
        """Yield the rows of the list at ``start``; return the index after the list. ``name`` is the list's name."""
        position = self._skip(start + 1)
        while position < self._end and not self._text.startswith("]", position):
            if self._has_lists:
                end = yield from self._value(name, position)
            else:
                # a call of _value would double the time for documents without inner lists
                _, end = self._parsed(position)
                yield _Row(name, position, end)
            position = self._after_comma(self._skip(end), "]")
        return position + 1

    def _members(self, start: int) -> Generator[_Row, None, tuple[bool, int]]:
        """Yield the rows of the lists in the object at ``start``; return (whether it has lists, end of the object)."""
        has_rows = False
        position = self._skip(start + 1)
        while position < self._end and not self._text.startswith("}", position):
            name, position = self._name(position)
            position = self._skip(position)
            # each value of a list is parsed by itself: if a list that breaks off were parsed as a whole, it had no rows
            if name in LIST_NAMES and self._is_list_of_objects(position):
                has_rows, position = True, (yield from self._array(name, position))
            elif name in LIST_NAMES and self._text.startswith("{", position):
                inner_has_rows, position = yield from self._members(position)
                has_rows = has_rows or inner_has_rows
            else:
                _, position = self._parsed(position)
            position = self._after_comma(self._skip(position), "}")
        return has_rows, position + 1

    def _is_list_of_objects(self, start: int) -> bool:
        return self._text.startswith("[", start) and self._text.startswith(("{", "]", "n"), self._skip(start + 1))

    def _name(self, start: int) -> tuple[str, int]:
        """Return the name of the member at ``start``, and the position after its colon."""
        name, end = self._parsed(start)
        position = self._skip(end)
        if position < self._end and not (isinstance(name, str) and self._text.startswith(":", position)):
            raise self._fault("a name in quotes and a colon are expected", start)
        return name, position + 1

    def _parsed(self, start: int) -> tuple[Any, int]:
        """Parse the value at ``start``; return (value, end). For a value cut off: (None, end of the document)."""
        try:
            return self._decode(self._text, start)
        except JSONDecodeError as error:
            if error.msg.startswith("Unterminated string") or error.pos >= self._end - _CUT_LENGTH:
                return None, self._end
            raise self._fault(error.msg, error.pos) from None

    def _after_comma(self, position: int, closing: str) -> int:
        """Return the position after a comma; at ``closing`` or the end, ``position`` itself; else raise InputError."""
        if self._text.startswith(",", position):
            return self._skip(position + 1)
        if position < self._end and not self._text.startswith(closing, position):
            raise self._fault(f"a comma or {closing} is expected", position)
        return position

    def _skip(self, position: int) -> int:
        """Return the position of the next non-blank character, starting at ``position`` itself."""
        blanks = _BLANKS.match(self._text, position)
        return blanks.end() if blanks else position

    def _fault(self, fault: str, position: int) -> InputError:
        line = self._text.count("\n", 0, position) + 1
        column = position - self._text.rfind("\n", 0, position)
        return InputError(f"is no valid JSON in line {line}, column {column}: {fault}")


def _table_rows(table: Any, known: Collection[str]) -> Iterator[Any] | None:
    """Return the rows, as dicts, of a table that pandas wrote as one JSON object; None for any other value.

    Recognised are the forms of ``DataFrame.to_json`` with ``orient`` ``columns``, ``index`` or ``split``, and an object
    with one list per column. For ``columns`` and ``index``, row labels that are no numbers become the ``id`` of rows
    without one. A row of another length than the list of columns is returned unchanged.
    """
    if not isinstance(table, dict):
        return None
    names, data = table.get("columns"), table.get("data")
    if isinstance(names, list) and isinstance(data, list) and all(isinstance(name, str) for name in names):
        return (_named(names, values) for values in data)
    values = list(table.values())
    n_columns = count_known(islice(table, _MAX_NAMES), known)
    if len(values) < _MIN_COLUMNS or not all(values):
        return None
    if all(isinstance(value, list) and len(value) == len(values[0]) for value in values):
        return (_named(list(table), row) for row in zip(*values, strict=True)) if n_columns >= _MIN_COLUMNS else None
    if not all(isinstance(value, dict) for value in values) or _overlap(values[0], values[-1]) < _MIN_OVERLAP:
        return None
    n_members = count_known(islice(values[0], _MAX_NAMES), known)
    if n_members > n_columns:
        return (_with_id(key, row) for key, row in table.items())
    if n_columns < _MIN_COLUMNS:
        return None
    keys = dict.fromkeys(key for column in values for key in column)
    return (_with_id(key, {name: column.get(key) for name, column in table.items()}) for key in keys)


def _overlap(first: Mapping[str, Any], last: Mapping[str, Any]) -> float:
    return len(first.keys() & last.keys()) / len(first.keys() | last.keys())


def _named(names: Sequence[str], values: Any) -> Any:
    """Return a dict from name to value. If ``values`` is no list of the right length, return it unchanged."""
    is_row = isinstance(values, list | tuple) and len(values) == len(names)
    return dict(zip(names, values, strict=True)) if is_row else values


def _with_id(key: str, row: dict[str, Any]) -> dict[str, Any]:
    return row if key.isdecimal() or any(name in row for name in _IDS) else {"id": key, **row}
