"""Many rows as one binary value, so that Spark carries them about without looking at each; no Spark here."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from segue.similarity import arrays
from segue.similarity.arrays import TrackArrays
from segue.similarity.candidates import Candidates, Lists, Tracks
from segue.similarity.lists import pack_reasons, similar_column, unpack_reasons
from segue.similarity.reasons import distinctive_features
from segue.similarity.rules import NO_TRACK, Rules, select


def to_arrow_blobs(rows: pa.Table, numbers: NDArray[np.int64], number: str, parcel: str) -> pa.RecordBatch:
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
    packed = [_to_blob(sorted_rows.slice(start, ends[one] - start)) for one, start in zip(known, starts, strict=True)]
    columns = [pa.array(known.astype(np.int32)), pa.array(packed, pa.binary())]
    return pa.RecordBatch.from_arrays(columns, names=[number, parcel])


def _to_blob(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue())


def from_arrow_blobs(parcels: pa.ChunkedArray) -> pa.Table:
    """Return the rows of all parcels, one at least."""
    return pa.concat_tables([pa.ipc.open_stream(parcel.as_buffer()).read_all() for parcel in parcels]).combine_chunks()


_NUMBERS = 4
"""Carried of each neighbour, 8 bytes each: distance, artist, recording, and why with same_cluster in the last bit."""


@dataclass(frozen=True, slots=True)
class NeighbourLists:
    """Neighbours of several tracks, one list behind the other."""

    ids: pa.Array
    numbers: NDArray[np.int64]
    """Shape (n_neighbours, 4); distances are float64 in the same bytes."""

    @classmethod
    def of(cls, asked: TrackArrays, lists: Lists, place: TrackArrays, some: NDArray[np.int64]) -> "NeighbourLists":
        """Return what lists of ``asked`` hold, whose indices count ``some`` of the tracks of ``place``."""
        there = lists.index != NO_TRACK
        index = some[lists.index[there]]
        own = np.repeat(np.arange(len(there)), there.sum(axis=1))
        why = distinctive_features(asked.ranks[own], place.ranks[index])
        same = asked.cluster[own] == place.cluster[index]
        told = [
            lists.distance[there].view(np.int64),
            place.tracks.artist[index],
            place.tracks.recording[index],
            pack_reasons(why) * 2 + same,
        ]
        return cls(place.ids.take(pa.array(index)), np.stack(told, axis=1))

    @classmethod
    def carried(cls, table: pa.Table | pa.RecordBatch) -> "NeighbourLists":
        """Return the neighbours of rows that hold ``ids`` and ``numbers``."""
        ids = _whole(table.column("ids")).flatten()
        return cls(ids, _numbers(table.column("numbers")))

    def columns(self, lengths: NDArray[np.int64]) -> dict[str, pa.Array]:
        """Return lists of these lengths as columns to be carried."""
        ends = np.r_[0, np.cumsum(lengths)].astype(np.int32)
        bytes_ = pa.py_buffer(np.ascontiguousarray(self.numbers))
        offsets = pa.py_buffer(ends * (8 * _NUMBERS))
        return {
            "ids": pa.ListArray.from_arrays(pa.array(ends), self.ids),
            "numbers": pa.BinaryArray.from_buffers(pa.binary(), len(lengths), [None, offsets, bytes_]),
        }

    def take(self, index: NDArray[np.int64]) -> "NeighbourLists":
        """Return some of the neighbours, in the order given."""
        return NeighbourLists(self.ids.take(pa.array(index)), self.numbers[index])

    def similar(self, lengths: NDArray[np.int64], features: tuple[str, ...]) -> pa.Array:
        """Return lists of these lengths as ``similar_tracks`` has them."""
        told = self.numbers[:, 3]
        distance = np.ascontiguousarray(self.numbers[:, 0]).view(np.float64)
        return similar_column(lengths, self.ids, distance, (told & 1).astype(bool), unpack_reasons(told >> 1), features)


def as_rows(table: pa.Table | pa.RecordBatch, features: tuple[str, ...]) -> pa.RecordBatch:
    """Return carried lists as rows."""
    similar = NeighbourLists.carried(table).similar(_lengths(table), features)
    return pa.RecordBatch.from_arrays([_whole(table.column("track_id")), similar], names=["track_id", "similar"])


def query_cell(members: pa.Table, visitors: pa.Table, rules: Rules) -> pa.Table:
    """Return a cell's own list for each of its visitors, within the visitor's bound, a row per neighbour."""
    if not len(members) or not len(visitors):
        return _answer_rows(
            pa.array([], pa.string()), NeighbourLists(pa.array([], pa.string()), np.empty((0, 4), np.int64))
        )
    place = arrays.track_arrays(members)
    some = np.flatnonzero(place.candidate)
    candidates = Candidates(place.tracks.take(some), rules)
    # those of like bounds are asked for together, which counts for more than that they lie together
    visitors = visitors.sort_by([("bound", "ascending"), ("track_id", "ascending")])
    bound = visitors.column("bound").to_numpy()
    ids, parts = [], []
    # the search is as wide as the widest bound in it, and some have none
    for rows in (np.flatnonzero(np.isfinite(bound)), np.flatnonzero(np.isinf(bound))):
        if not len(rows):
            continue
        asked = _asked(visitors.take(pa.array(rows)))
        lists = candidates.nearest(asked.tracks, bound[rows])
        parts.append(NeighbourLists.of(asked, lists, place, some))
        ids.append(asked.ids.take(pa.array(np.repeat(np.arange(len(rows)), (lists.index != NO_TRACK).sum(axis=1)))))
    found = NeighbourLists(pa.concat_arrays([p.ids for p in parts]), np.concatenate([p.numbers for p in parts]))
    return _answer_rows(pa.concat_arrays(ids), found)


def merge_lists(own: pa.Table, answered: pa.Table, features: tuple[str, ...], rules: Rules) -> pa.Table:
    """Return the rows of tracks whose lists other cells have added to."""
    if not len(own):
        empty = NeighbourLists(pa.array([], pa.string()), np.empty((0, _NUMBERS), np.int64)).similar(
            np.empty(0, np.int64), features
        )
        return pa.table({"track_id": pa.array([], pa.string()), "similar": empty})
    ids = _whole(own.column("track_id"))
    mine = NeighbourLists.carried(own)
    theirs = _numbers(answered.column("numbers"))
    row = np.r_[
        np.repeat(np.arange(len(own)), _lengths(own)), pc.index_in(_whole(answered.column("track_id")), ids).to_numpy()
    ]
    both = NeighbourLists(
        pa.concat_arrays([mine.ids, _whole(answered.column("neighbour"))]), np.concatenate([mine.numbers, theirs])
    )
    distance = np.ascontiguousarray(both.numbers[:, 0]).view(np.float64)
    keys = pa.table({"row": row, "distance": distance, "id": both.ids})
    order = pc.sort_indices(keys, [("row", "ascending"), ("distance", "ascending"), ("id", "ascending")]).to_numpy()
    both, row = both.take(order), row[order]
    lengths = np.bincount(row, minlength=len(own))
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    index = np.zeros((len(own), int(lengths.max(initial=0))), dtype=np.int64)
    index[row, place] = np.arange(len(row))
    there = np.arange(index.shape[1]) < lengths[:, None]
    chosen = select(there, both.numbers[:, 1][index], both.numbers[:, 2][index], rules)
    taken = chosen != NO_TRACK
    kept = np.take_along_axis(index, np.maximum(chosen, 0), axis=1)[taken]
    return pa.table({"track_id": ids, "similar": both.take(kept).similar(taken.sum(axis=1), features)})


def _asked(visitors: pa.Table) -> TrackArrays:
    n_visitors = len(visitors)
    tracks = Tracks(
        arrays.from_binary(visitors.column("point"), np.float64),
        np.zeros(n_visitors, dtype=np.int64),
        np.zeros(n_visitors, dtype=np.int64),
        visitors.column("recording").to_numpy(),
        arrays.column_matrix([visitors.column("year")])[:, 0],
    )
    cluster = visitors.column("cluster").to_numpy().astype(np.int64)
    ranks = arrays.from_binary(visitors.column("ranks"), np.uint16)
    return TrackArrays(_whole(visitors.column("track_id")), tracks, ranks, cluster, np.zeros(n_visitors, dtype=bool))


def _answer_rows(asked: pa.Array, found: NeighbourLists) -> pa.Table:
    return pa.table({"track_id": asked, "neighbour": found.ids, "numbers": arrays.to_binary(found.numbers)})


def _numbers(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    whole = _whole(column)
    if not len(whole):
        return np.empty((0, _NUMBERS), dtype=np.int64)
    ends = np.frombuffer(whole.buffers()[1], dtype=np.int32, count=len(whole) + 1, offset=4 * whole.offset)
    content = np.frombuffer(whole.buffers()[2] or b"", dtype=np.uint8)[ends[0] : ends[-1]]
    return content.copy().view(np.int64).reshape(-1, _NUMBERS)


def _lengths(table: pa.Table | pa.RecordBatch) -> NDArray[np.int64]:
    return np.asarray(pc.list_value_length(_whole(table.column("ids"))).to_numpy(zero_copy_only=False), dtype=np.int64)


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
