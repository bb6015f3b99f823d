"""Convert between Arrow and NumPy: matrices as binary columns, tracks as arrays, tables as binary values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from segue.similarity.rules import Flags, Floats, Integers, Tracks


def combined(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return an Arrow column as one pa.Array. Copies a ChunkedArray; a pa.Array is returned unchanged."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def column_matrix(columns: Sequence[pa.Array | pa.ChunkedArray]) -> Floats:
    """Convert numeric Arrow columns to one float array of shape (n_rows, n_columns), with NaN for null."""
    arrays = [np.asarray(combined(column).to_numpy(zero_copy_only=False), dtype=float) for column in columns]
    return np.stack(arrays, axis=1)


def to_binary(matrix: NDArray[Any], lengths: Integers | None = None) -> pa.Array:
    """Convert a matrix to an Arrow binary array. Each value holds the bytes of successive matrix rows.

    Parameters
    ----------
    matrix : array of shape (n_rows, n_columns)
    lengths : array of int, shape (n_values,), optional
        Number of matrix rows in each binary value: [2, 1] puts the rows 0 and 1 into the first value, row 2 into the
        second. The sum is n_rows. By default one row per value.

    Raises
    ------
    ArrowInvalid
        If the matrix has 2^31 bytes or more, as the array's offsets are int32.
    """
    data = pa.py_buffer(np.ascontiguousarray(matrix))
    lengths = np.ones(len(matrix), dtype=np.int64) if lengths is None else lengths
    offsets = list_offsets(lengths * (matrix.dtype.itemsize * matrix.shape[1]))
    return pa.BinaryArray.from_buffers(pa.binary(), len(lengths), [None, offsets.buffers()[1], data])


def list_offsets(lengths: Integers) -> pa.Array:
    """Convert the lengths of lists to the offsets of an Arrow list array: [2, 0, 3] to [0, 2, 2, 5].

    The result is a pa.Array of int32. Raises ArrowInvalid if the sum of the lengths is 2^31 or more.
    """
    return pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())


def from_binary(column: pa.Array | pa.ChunkedArray, dtype: Any, n_columns: int | None = None) -> NDArray[Any]:
    """Convert an Arrow binary column back to a matrix of shape (n_rows, n_columns): the inverse of ``to_binary``.

    Parameters
    ----------
    column : binary column without nulls
    dtype : NumPy dtype of the matrix
    n_columns : int, optional
        Number of columns of the matrix. By default each binary value becomes one row, so that the length of a value
        determines the number of columns; an empty ``column`` then gives shape (0, 0).
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = [_chunk_matrix(chunk, dtype, n_columns) for chunk in chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.empty((0, n_columns or 0), dtype=dtype)


def _chunk_matrix(chunk: pa.Array, dtype: Any, n_columns: int | None) -> NDArray[Any]:
    offsets = np.frombuffer(chunk.buffers()[1], dtype=np.int32, count=len(chunk) + 1, offset=4 * chunk.offset)
    values = np.frombuffer(chunk.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    # the copy aligns the bytes with the dtype
    matrix: NDArray[Any] = values.copy().view(dtype)
    return matrix.reshape((len(chunk), -1) if n_columns is None else (-1, n_columns))


def split_by_value(table: pa.Table, name: str) -> list[pa.Table]:
    """Split a pa.Table into a list of tables, one per distinct value of the column ``name``; null counts as a value.

    The tables are in the order in which their values first appear. Within a table, the rows keep their order.
    """
    codes = pc.dictionary_encode(table.column(name).combine_chunks(), null_encoding="encode").indices.to_numpy()
    values = np.unique(codes)
    return [table] if len(values) == 1 else [table.take(pa.array(np.flatnonzero(codes == code))) for code in values]


@dataclass(frozen=True, slots=True)
class TrackBatch:
    """Tracks in memory, as arrays with one entry per track: the data that a search for neighbours needs."""

    ids: pa.Array
    """Track ids (strings)."""
    tracks: Tracks
    """Coordinates, artist, recording, year and musical key."""
    ranks: NDArray[np.uint16]
    """Quantile ranks of the feature values, shape (n_tracks, n_features), from 0 (lowest) to 65,535 (highest)."""
    cluster: Integers
    """Cluster numbers, from 1."""
    is_candidate: Flags
    """Whether a track can be recommended: whether other tracks can have it as a neighbour."""

    def take(self, index: Integers) -> "TrackBatch":
        """Return a TrackBatch of the tracks at the positions ``index``, in that order."""
        return TrackBatch(
            self.ids.take(pa.array(index)),
            self.tracks.take(index),
            self.ranks[index],
            self.cluster[index],
            self.is_candidate[index],
        )

    def slice(self, start: int, stop: int) -> "TrackBatch":
        """Return a TrackBatch of the tracks at the positions ``start`` to ``stop`` - 1. Copies no data."""
        rows = slice(start, stop)
        return TrackBatch(
            self.ids[rows], self.tracks.take(rows), self.ranks[rows], self.cluster[rows], self.is_candidate[rows]
        )


def track_batch(table: pa.Table | pa.RecordBatch) -> TrackBatch:
    """Convert an Arrow table of tracks to a TrackBatch, sorted by track id.

    ``table`` has the columns track_id, point, ranks, artist, recording, year, key, cluster and candidate, as
    ``coordinates.with_points`` returns them.
    """
    table = table.take(pc.sort_indices(table.column("track_id")))
    columns = {name: table.column(name).to_numpy() for name in ("artist", "recording", "key", "cluster", "candidate")}
    tracks = Tracks(
        from_binary(table.column("point"), np.float64),
        np.arange(len(table), dtype=np.int64),
        columns["artist"],
        columns["recording"],
        column_matrix([table.column("year")])[:, 0],
        columns["key"].astype(np.int64),
    )
    return TrackBatch(
        combined(table.column("track_id")),
        tracks,
        from_binary(table.column("ranks"), np.uint16),
        columns["cluster"].astype(np.int64),
        columns["candidate"].astype(bool),
    )


def to_arrow_blobs(rows: pa.Table, keys: Integers, key_name: str, blob_name: str) -> pa.RecordBatch:
    """Pack all rows with the same key into one binary value. Spark then shuffles them as a single row.

    Parameters
    ----------
    rows : pa.Table
    keys : array of int, shape (n_rows,)
        Key of each row, 0 or more.
    key_name, blob_name : str
        Names of the two columns of the result.

    Returns
    -------
    pa.RecordBatch
        One row per distinct key, ascending: the key (int32), and all rows with this key as an Arrow IPC stream
        (binary).
    """
    order = np.argsort(keys, kind="stable")
    sorted_rows, ends = rows.take(pa.array(order)).combine_chunks(), np.cumsum(np.bincount(keys))
    distinct = np.unique(keys)
    starts = np.r_[0, ends][distinct]
    blobs = [_to_blob(sorted_rows.slice(start, ends[key] - start)) for key, start in zip(distinct, starts, strict=True)]
    columns = [pa.array(distinct.astype(np.int32)), pa.array(blobs, pa.binary())]
    return pa.RecordBatch.from_arrays(columns, names=[key_name, blob_name])


def _to_blob(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue())


def from_arrow_blobs(blobs: pa.ChunkedArray) -> pa.Table:
    """Unpack one or more binary values, each an Arrow IPC stream, into one pa.Table. Inverse of ``to_arrow_blobs``."""
    return pa.concat_tables([pa.ipc.open_stream(blob.as_buffer()).read_all() for blob in blobs]).combine_chunks()
