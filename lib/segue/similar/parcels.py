"""Many rows as one binary value, so that Spark carries them about without looking at each; no Spark here."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def parcelled(rows: pa.Table, numbers: NDArray[np.int64], number: str, parcel: str) -> pa.RecordBatch:
    """Return a row for each number: itself, and the rows that have it, packed.

    Parameters
    ----------
    numbers : of every row, 0 or more
    number, parcel : the names of the columns, int32 and binary
    """
    order = np.argsort(numbers, kind="stable")
    sorted_rows, ends = rows.take(pa.array(order)).combine_chunks(), np.cumsum(np.bincount(numbers))
    known = np.unique(numbers)
    starts = np.r_[0, ends][known]
    packed = [_packed(sorted_rows.slice(start, ends[one] - start)) for one, start in zip(known, starts, strict=True)]
    columns = [pa.array(known.astype(np.int32)), pa.array(packed, pa.binary())]
    return pa.RecordBatch.from_arrays(columns, names=[number, parcel])


def _packed(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue())


def unpacked(parcels: pa.ChunkedArray) -> pa.Table:
    """Return the rows of all parcels, one at least."""
    return pa.concat_tables([pa.ipc.open_stream(parcel.as_buffer()).read_all() for parcel in parcels]).combine_chunks()
