"""Split ordinary CSV lines into columns with Arrow. The fields are the same as those of ``records.csv_records``.

A line is ordinary if it is one record with the right number of fields, and no field is quoted in part: ``a,"b, c"`` is
ordinary, ``a,b "c"`` is not. An ordinary line has 1 to ``MAX_LINE_BYTES`` bytes, and no carriage return, NUL or leading
byte order mark. All other lines are parsed by ``records``.
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
"""Maximum length of an ordinary line in bytes, to limit the memory of a batch."""
_QUOTED = '"[^"]*"'
_BOM = "\ufeff"


def joined_lines(lines: pa.Array) -> pa.Buffer:
    """Join lines with line feeds, and return the bytes. The lines are texts or bytes; none is null."""
    end = "\n" if pa.types.is_string(lines.type) else b"\n"
    return pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), end)[0].as_buffer()


def decoded_lines(lines: pa.Array, encoding: str) -> pa.Array:
    """Decode a binary array of lines to a string array. A line that is invalid in the encoding becomes null.

    A carriage return at the end of a line is removed.
    """
    if encoding == "utf-8":
        try:
            texts = pc.cast(lines, pa.string())
        except pa.ArrowInvalid:
            valid = pa.array([is_valid(line, encoding) for line in lines.to_pylist()])
            texts = pc.cast(pc.if_else(valid, lines, pa.scalar(None, pa.binary())), pa.string())
    else:
        texts = pa.array([_decoded(line, encoding) for line in lines.to_pylist()], pa.string())
    if b"\r" in joined_lines(pc.fill_null(texts, "")).to_pybytes():
        return pc.replace_substring_regex(texts, r"\r\z", "")
    return texts


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def ordinary_lines(texts: pa.Array, delimiter: str, n_columns: int) -> NDArray[np.bool_]:
    """Return whether each line in ``texts`` is an ordinary record with ``n_columns`` fields, as a boolean array.

    False for null. The module's docstring defines an ordinary line.
    """
    filled = pc.fill_null(texts, "")
    content = joined_lines(filled).to_pybytes()
    unquoted = texts
    if b'"' in content:
        has_quote = pc.match_substring_regex(texts, '"')
        fields = rf'(?:"[^"]*(?:""[^"]*)*"|[^"{re.escape(delimiter)}]*)'
        regular = rf"\A{fields}(?:{re.escape(delimiter)}{fields})*\z"
        quoted = texts.filter(has_quote)
        # without its quoted parts, a line has one delimiter fewer than fields; irregular lines become null
        bare = pc.replace_substring_regex(quoted, _QUOTED, "")
        bare = pc.if_else(pc.match_substring_regex(quoted, regular), bare, pa.scalar(None, pa.string()))
        unquoted = pc.replace_with_mask(texts, pc.fill_null(has_quote, False), bare)
    length = pc.binary_length(filled).to_numpy()
    ordinary: NDArray[np.bool_] = _flags(unquoted.is_valid()) & (length > 0) & (length <= MAX_LINE_BYTES)
    ordinary &= _counts(pc.fill_null(unquoted, ""), delimiter) == n_columns - 1
    # a byte order mark would be removed if the line came first; a carriage return ends a record
    if content.count(b"\n") >= len(texts) or any(unusual in content for unusual in (b"\r", b"\0", _BOM.encode())):
        ordinary &= ~_flags(pc.match_substring_regex(filled, rf"\A{_BOM}|[\r\n\x00]"))
    return ordinary


def _flags(array: pa.Array) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = array.to_numpy(zero_copy_only=False)
    return flags


def _counts(texts: pa.Array, character: str) -> NDArray[np.int64]:
    """Count an ASCII character in each text; return an array. For long texts faster than ``pc.count_substring``."""
    positions = np.flatnonzero(np.frombuffer(joined_lines(texts), np.uint8) == ord(character))
    ends = np.cumsum(pc.binary_length(texts).to_numpy().astype(np.int64) + 1)
    return np.diff(np.searchsorted(positions, ends), prepend=0)


def split_columns(texts: pa.Array, delimiter: str, n_columns: int, indices: Iterable[int]) -> dict[int, pa.Array]:
    """Split ordinary lines; return a dict from column index to an array with a text per line.

    Parameters
    ----------
    texts : string array with one ordinary line or more (``ordinary_lines``)
    delimiter : the delimiter between fields
    n_columns : number of fields in each line
    indices : positions of the columns to return, from 0
    """
    joined = joined_lines(texts)
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
