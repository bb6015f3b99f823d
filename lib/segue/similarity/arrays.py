"""Arrow on one side, numpy on the other; no Spark here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from segue.similarity.candidates import Tracks


def column_matrix(columns: Sequence[pa.Array | pa.ChunkedArray]) -> NDArray[np.float64]:
    """Return columns of numbers side by side, null as NaN, shape (n_rows, n_columns)."""
    found = [column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column for column in columns]
    numbers = [np.asarray(column.to_numpy(zero_copy_only=False), dtype=float) for column in found]
    return np.stack(numbers, axis=1)


def to_binary(rows: NDArray) -> pa.Array:
    """Return a matrix as a column of its rows' bytes."""
    width = rows.dtype.itemsize * rows.shape[1]
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(rows), [None, data]).cast(pa.binary())


def from_binary(column: pa.Array | pa.ChunkedArray, dtype: type) -> NDArray:
    """Return the matrix whose rows' bytes a column holds; no row, no columns."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = [_rows(chunk, dtype) for chunk in chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.empty((0, 0), dtype=dtype)


def _rows(chunk: pa.Array, dtype: type) -> NDArray:
    offsets = np.frombuffer(chunk.buffers()[1], dtype=np.int32, count=len(chunk) + 1, offset=4 * chunk.offset)
    whole = np.frombuffer(chunk.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    # a copy, as the bytes need not begin where numbers may
    return whole.copy().view(dtype).reshape(len(chunk), -1)


def split_by_value(table: pa.Table, name: str) -> list[pa.Table]:
    """Return the table in parts, one for each value of a column, null among them."""
    codes = pc.dictionary_encode(table.column(name).combine_chunks(), null_encoding="encode").indices.to_numpy()
    known = np.unique(codes)
    return [table] if len(known) == 1 else [table.take(pa.array(np.flatnonzero(codes == code))) for code in known]


@dataclass(frozen=True, slots=True)
class TrackArrays:
    """Some tracks with all that their lists need."""

    ids: pa.Array
    tracks: Tracks
    ranks: NDArray[np.uint16]
    """Shape (n_tracks, n_features)."""
    cluster: NDArray[np.int64]
    candidate: NDArray[np.bool_]

    def take(self, index: NDArray[np.int64]) -> "TrackArrays":
        """Return some of the tracks, in the order given."""
        return TrackArrays(
            self.ids.take(pa.array(index)),
            self.tracks.take(index),
            self.ranks[index],
            self.cluster[index],
            self.candidate[index],
        )


def track_arrays(table: pa.Table | pa.RecordBatch) -> TrackArrays:
    """Return the tracks of a table of ``coordinates.prepare_tracks``, in the order of their ids."""
    ids = table.column("track_id")
    by_id = pc.sort_indices(ids)
    table = table.take(by_id)
    ids = table.column("track_id")
    numbers = {name: table.column(name).to_numpy() for name in ("artist", "recording", "cluster", "candidate")}
    tracks = Tracks(
        from_binary(table.column("point"), np.float64),
        np.arange(len(table), dtype=np.int64),
        numbers["artist"],
        numbers["recording"],
        column_matrix([table.column("year")])[:, 0],
    )
    whole = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    return TrackArrays(
        whole,
        tracks,
        from_binary(table.column("ranks"), np.uint16),
        numbers["cluster"].astype(np.int64),
        numbers["candidate"].astype(bool),
    )
