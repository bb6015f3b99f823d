"""Split ordinary CSV lines into columns with Arrow, into the same fields as ``records.csv_records``.

A line is ordinary if it is one record with the right number of fields, each either without a quote or between quotes
as a whole. All other lines are left to ``records``.
"""

import re
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from segue.ingest.formats.encoding_detection import is_valid

MAX_LINE_BYTES = 1 << 14
"""Length of an ordinary line, which limits the memory of a batch."""
_QUOTED = '"[^"]*"'
_BOM = "\ufeff"


def decoded_lines(lines: pa.Array, encoding: str) -> pa.Array:
    """Return lines of bytes as texts without a carriage return at their end, null if not valid in the encoding."""
    if encoding == "utf-8":
        try:
            texts = pc.cast(lines, pa.string())
        except pa.ArrowInvalid:
            valid = pa.array([is_valid(line, encoding) for line in lines.to_pylist()])
            texts = pc.cast(pc.if_else(valid, lines, pa.scalar(None, pa.binary())), pa.string())
    else:
        texts = pa.array([_decoded(line, encoding) for line in lines.to_pylist()], pa.string())
    if pc.any(pc.match_substring(texts, "\r")).as_py():
        return pc.replace_substring_regex(texts, r"\r\z", "")
    return texts


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def ordinary_lines(texts: pa.Array, delimiter: str, n_columns: int) -> NDArray[np.bool_]:
    """Return for each text, a line or null, whether it is an ordinary record with ``n_columns`` fields."""
    has_quote = pc.match_substring(texts, '"')
    unquoted = texts
    if pc.any(has_quote).as_py():
        fields = rf'(?:"[^"]*(?:""[^"]*)*"|[^"{re.escape(delimiter)}]*)'
        regular = rf"\A{fields}(?:{re.escape(delimiter)}{fields})*\z"
        quoted = pc.if_else(has_quote, texts, pa.scalar(None, pa.string()))
        # without its quoted parts, a line has one delimiter fewer than fields; null and so not ordinary if irregular
        bare = pc.replace_substring_regex(quoted, _QUOTED, "")
        bare = pc.if_else(pc.match_substring_regex(quoted, regular), bare, pa.scalar(None, pa.string()))
        unquoted = pc.if_else(has_quote, bare, texts)
    length = pc.binary_length(texts)
    conditions = [
        pc.equal(pc.count_substring(unquoted, delimiter), n_columns - 1),
        pc.and_(pc.greater(length, 0), pc.less_equal(length, MAX_LINE_BYTES)),
        # a mark would be removed if the line came first; a return ends a record
        pc.invert(pc.match_substring_regex(texts, rf"\A{_BOM}|[\r\n\x00]")),
    ]
    ordinary = pc.and_(pc.and_(conditions[0], conditions[1]), conditions[2])
    flags: NDArray[np.bool_] = pc.fill_null(ordinary, False).to_numpy(zero_copy_only=False)
    return flags


def split_columns(texts: pa.Array, delimiter: str, n_columns: int, indices: Iterable[int]) -> dict[int, pa.Array]:
    """Return the columns of ordinary lines as string arrays by their index; ``texts`` holds one line or more."""
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(texts)], texts), "\n")[0].as_buffer()
    used = [str(index) for index in dict.fromkeys(indices)]
    table = csv.read_csv(
        pa.BufferReader(joined),
        csv.ReadOptions(
            use_threads=False, block_size=joined.size + 1, column_names=[str(index) for index in range(n_columns)]
        ),
        csv.ParseOptions(delimiter=delimiter, ignore_empty_lines=False),
        csv.ConvertOptions(check_utf8=False, column_types=dict.fromkeys(used, pa.string()), include_columns=used),
    )
    return {int(name): table.column(name).combine_chunks() for name in used}
