"""Rows packed and unpacked are the same rows."""

import numpy as np
import pyarrow as pa

from segue.similarity import cross_cell

ROWS = pa.table(
    {
        "id": pa.array(["a", None, "ü", "d", "e"]),
        "is_home": pa.array([True, False, True, True, False]),
        "year": pa.array([1.5, None, -0.0, 2.0, 3.0]),
    }
)


def test_every_number_has_its_rows_in_their_order():
    packed = cross_cell.to_arrow_blobs(ROWS, np.array([7, 0, 7, 3, 0]), "cell", "tracks")
    assert packed.schema == pa.schema({"cell": pa.int32(), "tracks": pa.binary()})
    assert packed.column("cell").to_pylist() == [0, 3, 7]
    whole = cross_cell.from_arrow_blobs(pa.chunked_array([packed.column("tracks")]))
    assert whole.equals(ROWS.take(pa.array([1, 4, 3, 0, 2])))
    alone = cross_cell.from_arrow_blobs(pa.chunked_array([packed.column("tracks")[2:]]))
    assert alone.equals(ROWS.take(pa.array([0, 2])))


def test_a_part_carries_no_more_than_its_rows():
    many = pa.table({"number": pa.array(range(100_000))})
    packed = cross_cell.to_arrow_blobs(many, np.arange(100_000) % 2 * (np.arange(100_000) < 5), "half", "rows")
    assert len(packed.column("rows")[1].as_py()) < 1000
