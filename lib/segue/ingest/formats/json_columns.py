"""Parse lines of JSON into columns with Arrow. The texts are the same as those of ``records.json_object``.

Arrow parses a block of lines if each is one object, and each member to read has one type in all lines of the block:
text, whole number, boolean, list of texts, or, for members that are read as doubles, any number. All other lines are
parsed by ``records``.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import json as arrow_json

from segue.ingest.formats.csv_columns import MAX_LINE_BYTES, joined_lines

MIN_BLOCK_LINES = 64
"""Minimum number of lines in each half, when a block that Arrow cannot parse is halved."""
_MAX_DEPTH = 200
"""Maximum number of opening brackets, and therefore of nested levels, in a line that is parsed with Arrow.

Python refuses several hundred levels, whereas Arrow accepts any number.
"""
_TYPED_LINES = 8
"""Number of lines at the beginning of a block from which its types are inferred."""
_NO_NUMBER = re.compile(rb"[:\[,]\s*-?(?:Inf|NaN)")
"""Pattern of ``Inf`` or ``NaN`` in place of a number. Arrow accepts ``Inf``, Python refuses it."""
_NEGATIVE_ZERO = re.compile(rb"-0[\s,\]}]")
_ESCAPED_DOT = re.compile(rb"\\u002e", re.IGNORECASE)
_Members = dict[str, pa.Array]


def ordinary_lines(texts: pa.Array) -> NDArray[np.bool_]:
    """Return a boolean array: whether each line is ordinary, that is, begins with ``{`` and ends with ``}``.

    False for null, and for lines longer than ``MAX_LINE_BYTES``.
    """
    is_object = pc.and_(pc.starts_with(texts, "{"), pc.ends_with(texts, "}"))
    ordinary = pc.and_(is_object, pc.less_equal(pc.binary_length(texts), MAX_LINE_BYTES))
    flags: NDArray[np.bool_] = pc.fill_null(ordinary, False).to_numpy(zero_copy_only=False)
    return flags


def member_columns(
    lines: pa.Array, names: Collection[str], numbers: Collection[str]
) -> Iterator[tuple[int, _Members | None]]:
    """Parse lines in blocks; yield (number of lines, columns) for each block, in the order of the lines.

    Parameters
    ----------
    lines : string array of lines for which ``ordinary_lines`` is true
    names : names of the members to read; a member of an inner object is named ``outer.inner``
    numbers : names, among ``names``, of members to read as doubles in blocks where all their values are numbers

    Yields
    ------
    n_lines : number of lines of the block
    columns : dict from name to array with a value per line; None if the lines must be parsed one by one
        The values are doubles, or texts as ``records.json_object`` returns them.
    """
    types = _member_types(lines[:_TYPED_LINES].to_pylist(), names, numbers)
    columns = _parse(lines, types) if types is not None else None
    if columns is not None or types is None or len(lines) < 2 * MIN_BLOCK_LINES:
        yield len(lines), columns
    else:
        middle = len(lines) // 2
        yield from member_columns(lines[:middle], names, numbers)
        yield from member_columns(lines[middle:], names, numbers)


def _member_types(
    lines: Iterable[str], names: Collection[str], numbers: Collection[str]
) -> dict[str, pa.DataType] | None:
    """Infer the Arrow type of each member from lines, as a dict by name. None if Arrow cannot parse all members.

    Arrow cannot parse a member if ``_type`` has no type for its value, or if its own name has a dot, as in {"a.b": 1}.
    Members without a value in ``lines`` are texts, or doubles if they are in ``numbers``.
    """
    types: dict[str, pa.DataType] = {}
    for line in lines:
        try:
            parsed = json.loads(line)
        except (ValueError, RecursionError):
            continue
        for name in names:
            # a name with a dot is that of an inner member only
            if "." in name and name in parsed:
                return None
            value = _inner(parsed, name.split("."))
            if name not in types and value is not None:
                member_type = _type(value, is_number=name in numbers)
                if member_type is None:
                    return None
                types[name] = member_type
        if len(types) == len(names):
            break
    return {name: pa.float64() if name in numbers else pa.string() for name in names} | types


def _inner(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _type(value: Any, *, is_number: bool) -> pa.DataType | None:
    """Return the Arrow type for a JSON value; None if Arrow would lose the text as written, as for 1.50.

    None also for objects, and for lists of other values than texts. If ``is_number`` is true, the text of a number is
    not needed, and its type is double.
    """
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int | float):
        return pa.float64() if is_number else pa.int64() if isinstance(value, int) else None
    if isinstance(value, list):
        return pa.list_(pa.string()) if all(isinstance(each, str | None) for each in value) else None
    return pa.string() if isinstance(value, str) else None


def _parse(lines: pa.Array, types: Mapping[str, pa.DataType]) -> _Members | None:
    """Parse lines with Arrow; return a dict from member name to array, or None.

    ``types`` has the Arrow type of each member to read. Returns None if Arrow fails, if its result may differ from that
    of Python's ``json``, or if it finds more or fewer objects than there are lines. If a member to read is repeated in
    an object, Arrow fails, whereas Python returns the last of the values.
    """
    text = joined_lines(lines)
    content = text.to_pybytes()
    if _is_unlike_json(content, lines) or _has_flat_names(content, types):
        return None
    try:
        table = arrow_json.read_json(
            pa.BufferReader(text),
            arrow_json.ReadOptions(use_threads=False, block_size=text.size + 1),
            arrow_json.ParseOptions(explicit_schema=_schema(types), unexpected_field_behavior="ignore"),
        )
    except pa.ArrowException:
        return None
    if table.num_rows != len(lines):
        return None
    columns = {name: _column(table, name) for name in types}
    # a column of integers loses the sign of a negative zero
    has_zero = any(pa.types.is_integer(column.type) and pc.index(column, 0).as_py() >= 0 for column in columns.values())
    if has_zero and _NEGATIVE_ZERO.search(content):
        return None
    return {name: _texts(column) for name, column in columns.items()}


def _is_unlike_json(content: bytes, lines: pa.Array) -> bool:
    """Return whether any line holds a carriage return, ``Inf`` or ``NaN`` as a number, or too many brackets.

    Arrow and Python may parse such lines differently.
    """
    if b"\r" in content or ((b"Inf" in content or b"NaN" in content) and _NO_NUMBER.search(content)):
        return True
    # each line has at least one bracket, so if there are few brackets altogether, no line has many levels
    if content.count(b"[") + content.count(b"{") - len(lines) < _MAX_DEPTH:
        return False
    n_brackets = pc.add(pc.count_substring(lines, "["), pc.count_substring(lines, "{"))
    return bool(pc.max(n_brackets).as_py() > _MAX_DEPTH)


def _has_flat_names(content: bytes, names: Iterable[str]) -> bool:
    """Return whether lines may hold a dotted name, or a part of it, as one member: {"a.b": 1}, not {"a": {"b": 1}}."""
    parts = {part for name in names if "." in name for part in _dotted_parts(name)}
    return bool(parts) and (
        _ESCAPED_DOT.search(content) is not None or any(f'"{part}"'.encode() in content for part in parts)
    )


def _dotted_parts(name: str) -> Iterator[str]:
    """Yield all parts of a dotted name with at least one dot: ``a.b``, ``b.c`` and ``a.b.c`` for ``a.b.c``."""
    path = name.split(".")
    for start, end in combinations(range(len(path) + 1), 2):
        if end - start > 1:
            yield ".".join(path[start:end])


def _schema(types: Mapping[str, pa.DataType]) -> pa.Schema:
    """Return an Arrow schema for members by name, where dotted names become fields of nested structs."""
    tree: dict[str, Any] = {}
    for name, member_type in types.items():
        *outer, last = name.split(".")
        node = tree
        for each in outer:
            node = node.setdefault(each, {})
        node[last] = member_type
    return pa.schema(_fields(tree))


def _fields(tree: Mapping[str, Any]) -> list[pa.Field]:
    return [pa.field(name, pa.struct(_fields(node)) if isinstance(node, dict) else node) for name, node in tree.items()]


def _column(table: pa.Table, name: str) -> pa.Array:
    outer, *path = name.split(".")
    column = table.column(outer)
    return pa.concat_arrays([pc.struct_field(chunk, path) if path else chunk for chunk in column.chunks])


def _texts(column: pa.Array) -> pa.Array:
    """Convert a column to texts; a column of doubles is returned unchanged."""
    if pa.types.is_list(column.type):
        lists = column.to_pylist()
        return pa.array((each if each is None else json.dumps(each, ensure_ascii=False) for each in lists), pa.string())
    return column if pa.types.is_floating(column.type) else pc.cast(column, pa.string())
