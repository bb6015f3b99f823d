"""Conversions between Arrow and numpy, and back."""

import numpy as np
import pyarrow as pa
import pytest

from segue.similarity import arrays

ROWS = pa.table(
    {
        "id": pa.array(["a", None, "ü", "d", "e"]),
        "is_member": pa.array([True, False, True, True, False]),
        "year": pa.array([1.5, None, -0.0, 2.0, 3.0]),
    }
)


def test_split_by_value_preserves_row_order_and_null():
    table = pa.table({"key": pa.array(["x", None, "y", "x", None]), "row": range(5)})
    parts = {part["key"][0].as_py(): part["row"].to_pylist() for part in arrays.split_by_value(table, "key")}
    assert parts == {"x": [0, 3], None: [1, 4], "y": [2]}


def test_binary_columns_hold_rows_as_bytes():
    matrix = np.arange(10, dtype=np.int64).reshape(5, 2)
    by_row, by_list = arrays.to_binary(matrix), arrays.to_binary(matrix, np.array([2, 0, 3]))
    assert by_row.to_pylist() == [row.tobytes() for row in matrix]
    assert by_list.to_pylist() == [matrix[:2].tobytes(), b"", matrix[2:].tobytes()]
    # sliced and chunked, as Spark delivers columns
    chunked = pa.chunked_array([by_row[1:3], by_row[3:3], by_row[3:]])
    assert np.array_equal(arrays.from_binary(chunked, np.int64), matrix[1:])
    assert np.array_equal(arrays.from_binary(by_list[1:], np.int64, 2), matrix[2:])
    assert arrays.from_binary(by_list[:0], np.int64, 2).shape == (0, 2)


def test_offsets_beyond_int32_are_refused():
    with pytest.raises(pa.ArrowInvalid):
        arrays.list_offsets(np.array([2**30, 2**30]))


def test_blobs_hold_the_rows_of_a_key_in_order():
    blobs = arrays.to_arrow_blobs(ROWS, np.array([7, 0, 7, 3, 0]), "cell", "tracks")
    assert blobs.schema == pa.schema({"cell": pa.int32(), "tracks": pa.binary()})
    assert blobs.column("cell").to_pylist() == [0, 3, 7]
    rows = arrays.from_arrow_blobs(pa.chunked_array([blobs.column("tracks")]))
    assert rows.equals(ROWS.take(pa.array([1, 4, 3, 0, 2])))
    last = arrays.from_arrow_blobs(pa.chunked_array([blobs.column("tracks")[2:]]))
    assert last.equals(ROWS.take(pa.array([0, 2])))


def test_a_blob_of_few_rows_is_small():
    table = pa.table({"number": pa.array(range(100_000))})
    blobs = arrays.to_arrow_blobs(table, np.arange(100_000) % 2 * (np.arange(100_000) < 5), "key", "rows")
    assert len(blobs.column("rows")[1].as_py()) < 1000
