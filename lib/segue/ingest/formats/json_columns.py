"""Parse ordinary lines of JSON into columns with Arrow, into the same members as ``records.json_object``.

A line is ordinary if it is one object, and each member that is read has one type in all lines of a block: a text, a
number, a boolean, or a list of texts. All other lines are left to ``records``.
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
"""Number of lines below which a block that Arrow refuses is not divided further."""
_MAX_DEPTH = 200
"""Number of levels of ordinary lines. Python refuses to parse some hundreds, Arrow parses any number."""
_TYPED_LINES = 8
"""Number of lines that show the types of the members of a block."""
_NO_NUMBER = re.compile(rb"[:\[,]\s*-?(?:Inf|NaN)")
"""Constants, of which Arrow accepts more than Python, such as ``Inf``."""
_NEGATIVE_ZERO = re.compile(rb"-0[\s,\]}]")
_ESCAPED_DOT = re.compile(rb"\\u002e", re.IGNORECASE)
_Members = dict[str, pa.Array]


def ordinary_lines(texts: pa.Array) -> NDArray[np.bool_]:
    """Return for each text, a line or null, whether it begins and ends like an object and is of usual length."""
    is_object = pc.and_(pc.starts_with(texts, "{"), pc.ends_with(texts, "}"))
    ordinary = pc.and_(is_object, pc.less_equal(pc.binary_length(texts), MAX_LINE_BYTES))
    flags: NDArray[np.bool_] = pc.fill_null(ordinary, False).to_numpy(zero_copy_only=False)
    return flags


def member_columns(
    lines: pa.Array, names: Collection[str], numbers: Collection[str]
) -> Iterator[tuple[int, _Members | None]]:
    """Yield (number of lines, their members by name) of successive blocks of ordinary lines.

    The members are None if the lines of a block must be parsed one by one. Members of inner objects are named
    ``outer.inner``. Columns hold texts as ``records.json_object`` returns them. Columns of numbers are arrays of
    doubles if their name is in ``numbers``.
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
    """Return the types of members by name, as the first lines show them, or None if a member is of no such type."""
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
    """Return the Arrow type of a value, None if a value of an Arrow type does not determine its text."""
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int | float):
        return pa.float64() if is_number else pa.int64() if isinstance(value, int) else None
    if isinstance(value, list):
        return pa.list_(pa.string()) if all(isinstance(each, str | None) for each in value) else None
    return pa.string() if isinstance(value, str) else None


def _parse(lines: pa.Array, types: Mapping[str, pa.DataType]) -> _Members | None:
    """Return the members of lines by name, None if they are not what ``types`` says or Arrow may parse them otherwise.

    Each line begins and ends like an object: so if there are as many objects as lines, each line is one. Of members
    with equal names, of which Python returns the last, Arrow refuses those that are read.
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
    # a whole number loses the sign of a negative zero
    has_zero = any(pa.types.is_integer(column.type) and pc.index(column, 0).as_py() >= 0 for column in columns.values())
    if has_zero and _NEGATIVE_ZERO.search(content):
        return None
    return {name: _texts(column) for name, column in columns.items()}


def _is_unlike_json(content: bytes, lines: pa.Array) -> bool:
    """Return whether lines may hold what Arrow accepts and ``records.json_object`` does not, or splits."""
    if b"\r" in content or ((b"Inf" in content or b"NaN" in content) and _NO_NUMBER.search(content)):
        return True
    # each line has one bracket or more, so that no line has many levels if there are few brackets altogether
    if content.count(b"[") + content.count(b"{") - len(lines) < _MAX_DEPTH:
        return False
    n_brackets = pc.add(pc.count_substring(lines, "["), pc.count_substring(lines, "{"))
    return bool(pc.max(n_brackets).as_py() > _MAX_DEPTH)


def _has_flat_names(content: bytes, names: Iterable[str]) -> bool:
    """Return whether lines may hold a member of an inner object in a flatter form, named with a dot."""
    parts = {part for name in names if "." in name for part in _dotted_parts(name)}
    return bool(parts) and (
        _ESCAPED_DOT.search(content) is not None or any(f'"{part}"'.encode() in content for part in parts)
    )


def _dotted_parts(name: str) -> Iterator[str]:
    """Yield the names with dots by which a flatter object would have the same member: ``a.b``, ``b.c``, ``a.b.c``."""
    path = name.split(".")
    for start, end in combinations(range(len(path) + 1), 2):
        if end - start > 1:
            yield ".".join(path[start:end])


def _schema(types: Mapping[str, pa.DataType]) -> pa.Schema:
    """Return the schema of objects with some members, of which those with a dot in their names are in inner objects."""
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
    """Return a column as texts, unless it has doubles."""
    if pa.types.is_list(column.type):
        lists = column.to_pylist()
        return pa.array((each if each is None else json.dumps(each, ensure_ascii=False) for each in lists), pa.string())
    return column if pa.types.is_floating(column.type) else pc.cast(column, pa.string())
