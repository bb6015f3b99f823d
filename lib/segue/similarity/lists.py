"""Find lists of neighbours among tracks in memory, store the lists in arrays, and merge several lists of one track.

A track can have several lists if the catalogue is searched cell by cell. A cell is the part of the catalogue around one
centre, see module ``partitioned``.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from segue.similarity import arrays
from segue.similarity.arrays import TrackBatch, combined, list_offsets
from segue.similarity.kd_tree import CandidateTree
from segue.similarity.keys import UNKNOWN
from segue.similarity.reasons import KEY, MAX_REASONS, NO_REASON, distinctive_features
from segue.similarity.rules import NO_TRACK, Flags, Floats, Integers, Rules, Tracks, exceeds_cap, fill, select

SIMILAR_TYPE = "array<struct<track_id: string, distance: double, same_cluster: boolean, why: array<string>>>"
SIMILAR_ROWS = f"track_id string, similar {SIMILAR_TYPE}, exceeds_cap boolean"
"""Spark schema of finished lists, one per row: two columns of the table ``similar_tracks``, and whether the list has
more tracks by one artist than the limit."""
LIST_COLUMNS = "ids array<string>, attributes binary"
"""Spark schema of the columns for a list of neighbours before lists are merged. ``attributes`` has 32 bytes per
neighbour: a row of ``NeighbourLists.attributes``."""
_N_ATTRIBUTES = 4
_N_REASONS = MAX_REASONS + 1
"""Number of reasons per neighbour: up to ``MAX_REASONS`` features, and the musical key."""


@dataclass(frozen=True, slots=True)
class NeighbourLists:
    """Lists of neighbours of several tracks, one list after another in shared arrays; each list is nearest first."""

    lengths: Integers
    """Number of neighbours in each list, shape (n_lists,)."""
    ids: pa.Array
    """Ids of all neighbours, shape (n_neighbours,)."""
    attributes: Integers
    """Shape (n_neighbours, 4), int64. Columns: the bits of the float64 distance; code of the artist; code of the
    recording; the packed reasons (``_pack_reasons``) times 2, plus 1 if the neighbour is in the same cluster. A reason
    is the index of a shared feature. For the musical key, it is the index after the last feature."""

    @property
    def distance(self) -> Floats:
        """Distance of each neighbour to the track that the list belongs to, shape (n_neighbours,)."""
        return np.ascontiguousarray(self.attributes[:, 0]).view(np.float64)

    @classmethod
    def empty(cls) -> "NeighbourLists":
        """Return a NeighbourLists of zero lists."""
        return cls(np.empty(0, np.int64), pa.array([], pa.string()), np.empty((0, _N_ATTRIBUTES), np.int64))

    @classmethod
    def from_columns(cls, table: pa.Table | pa.RecordBatch) -> "NeighbourLists":
        """Convert a table with the columns ``ids`` and ``attributes`` to a NeighbourLists, one list per row."""
        ids = combined(table.column("ids"))
        lengths = np.asarray(pc.list_value_length(ids).to_numpy(zero_copy_only=False), dtype=np.int64)
        attributes = arrays.from_binary(table.column("attributes"), np.int64, _N_ATTRIBUTES)
        return cls(lengths, ids.flatten(), attributes)

    def to_columns(self) -> dict[str, pa.Array]:
        """Return the lists as a dict of two Arrow columns, ``ids`` and ``attributes``, one list per row."""
        return {
            "ids": pa.ListArray.from_arrays(list_offsets(self.lengths), self.ids),
            "attributes": arrays.to_binary(self.attributes, self.lengths),
        }

    def take(self, index: Integers, lengths: Integers) -> "NeighbourLists":
        """Return new lists of the neighbours at the positions ``index``.

        ``lengths`` are the lengths of the new lists: [2, 1] makes one list of the first two, and one of the third.
        """
        return NeighbourLists(lengths, self.ids.take(pa.array(index)), self.attributes[index])

    def max_distance(self, rules: Rules) -> Floats:
        """Return a distance for each list, shape (n_lists,): no track beyond this distance can change the list.

        For a full list within the limit on artists, this is the distance of its last neighbour. It is infinity for all
        other lists: a list with fewer than ``rules.length`` neighbours has positions left; in a list with too many
        tracks by one artist, a farther track by another artist can replace one of them.
        """
        is_final = (self.lengths == rules.length) & ~self.exceeds_cap(rules)
        last = np.cumsum(self.lengths)[is_final] - 1
        result = np.full(len(self.lengths), np.inf)
        result[is_final] = self.distance[last]
        return result

    def exceeds_cap(self, rules: Rules) -> Flags:
        """Return for each list whether it has more tracks by one artist than ``rules.per_artist``, shape (n_lists,)."""
        return exceeds_cap(self.attributes[:, 1], self.lengths, rules)

    def to_similar(self, features: tuple[str, ...]) -> pa.Array:
        """Convert the lists to an Arrow array for the column ``similar``, one list of structs per track.

        A struct has the fields of ``SIMILAR_TYPE``. Its field ``why`` has the names of the shared features; with
        ``Rules.harmonic``, "key" follows if the keys of both tracks are known. ``features`` are the names of all
        features, in the order of the indices in ``attributes``.
        """
        packed = self.attributes[:, 3]
        reasons = _unpack_reasons(packed >> 1)
        is_named = reasons != NO_REASON
        names = pa.array([*features, KEY], pa.string()).take(pa.array(reasons[is_named].astype(np.int64)))
        why = pa.ListArray.from_arrays(list_offsets(is_named.sum(axis=1)), names)
        neighbours = pa.StructArray.from_arrays(
            [self.ids, pa.array(self.distance), pa.array((packed & 1).astype(bool)), why],
            names=["track_id", "distance", "same_cluster", "why"],
        )
        return pa.ListArray.from_arrays(list_offsets(self.lengths), neighbours)


class BatchSearch:
    """Finds nearest neighbours among the tracks of a TrackBatch. Only tracks that can be recommended are neighbours."""

    def __init__(self, batch: TrackBatch, rules: Rules) -> None:
        self.batch = batch
        self._is_harmonic = rules.harmonic
        self._index = np.flatnonzero(batch.is_candidate)
        # take copies the arrays: skipped if all tracks are candidates
        tracks = batch.tracks if len(self._index) == len(batch.tracks) else batch.tracks.take(self._index)
        self._tree = CandidateTree(tracks, rules)

    def nearest(self, queries: TrackBatch, max_distance: Floats | None = None) -> NeighbourLists:
        """Return the nearest neighbours of each query, within the rules, as a NeighbourLists with one list per query.

        ``queries`` are the tracks to find neighbours of. ``max_distance``, shape (n_queries,), is the maximum distance
        of a neighbour from each query; by default none.
        """
        result = self._tree.nearest(queries.tracks, max_distance)
        is_neighbour = result.index != NO_TRACK
        lengths = is_neighbour.sum(axis=1)
        index = self._index[result.index[is_neighbour]]
        query = np.repeat(np.arange(len(lengths)), lengths)
        reasons = distinctive_features(queries.ranks[query], self.batch.ranks[index])
        # with Rules.harmonic, all neighbours of a track in a known key are in a compatible one
        has_key = self._is_harmonic & (queries.tracks.key[query] != UNKNOWN)
        key_reason = np.where(has_key, self.batch.ranks.shape[1], NO_REASON).astype(np.int8)
        reasons = np.concatenate([reasons, key_reason[:, None]], axis=1)
        same_cluster = queries.cluster[query] == self.batch.cluster[index]
        attributes = [
            result.distance[is_neighbour].view(np.int64),
            self.batch.tracks.artist[index],
            self.batch.tracks.recording[index],
            _pack_reasons(reasons) * 2 + same_cluster,
        ]
        return NeighbourLists(lengths, self.batch.ids.take(pa.array(index)), np.stack(attributes, axis=1))


def similar_rows(ids: pa.Array, lists: NeighbourLists, features: tuple[str, ...], rules: Rules) -> pa.RecordBatch:
    """Return a pa.RecordBatch with one row per track, its columns those of ``SIMILAR_ROWS``.

    ``ids`` has one id per list. ``features`` are the names of all features, in the order of the indices in
    ``lists.attributes``.
    """
    columns = [ids, lists.to_similar(features), pa.array(lists.exceeds_cap(rules))]
    return pa.RecordBatch.from_arrays(columns, names=["track_id", "similar", "exceeds_cap"])


def _pack_reasons(reasons: NDArray[np.int8]) -> Integers:
    """Pack the reasons of each neighbour, shape (n, _N_REASONS), into one integer, a byte per reason; shape (n,)."""
    packed: Integers = ((reasons.astype(np.int64) + 1) << (8 * np.arange(_N_REASONS))).sum(axis=1)
    return packed


def _unpack_reasons(packed: Integers) -> NDArray[np.int8]:
    """Unpack the result of ``_pack_reasons`` to an int8 array of shape (n, _N_REASONS)."""
    return (((packed[:, None] >> (8 * np.arange(_N_REASONS))) & 0xFF) - 1).astype(np.int8)


def query_cell(members: pa.Table, queries: pa.Table, rules: Rules) -> pa.Table:
    """Find the nearest neighbours of tracks of other cells, the queries, among the members of one cell.

    A cell is the part of the catalogue around one centre; its members are the tracks nearest to this centre.

    Parameters
    ----------
    members : pa.Table
        Members of the cell, with the columns of ``coordinates.with_points``. All members and queries are of one block,
        a set of tracks that can be neighbours.
    queries : pa.Table
        Tracks of other cells, with the columns track_id, point, ranks, recording, year, key and cluster of
        ``coordinates.with_points``, and max_distance (double): the maximum distance of a neighbour, infinity for no
        limit.
    rules : Rules
        Limits on each list.

    Returns
    -------
    pa.Table
        ``track_id`` and the list of neighbours (``LIST_COLUMNS``), one row per query; no rows if the cell has no
        members.
    """
    # sorted, because queries are searched in groups, all queries of a group within the group's largest max_distance
    queries = queries.sort_by([("max_distance", "ascending"), ("track_id", "ascending")])
    parts = [_list_table(pa.array([], pa.string()), NeighbourLists.empty())]
    if len(members) and len(queries):
        search = BatchSearch(arrays.track_batch(members), rules)
        max_distance = queries.column("max_distance").to_numpy()
        # queries without a limit are searched separately: a single one would remove the limit of its whole group
        for rows in (np.flatnonzero(np.isfinite(max_distance)), np.flatnonzero(np.isinf(max_distance))):
            if len(rows):
                batch = _query_batch(queries.take(pa.array(rows)))
                parts.append(_list_table(batch.ids, search.nearest(batch, max_distance[rows])))
    return pa.concat_tables(parts)


def merge_lists(rows: pa.Table, cross_cell_rows: pa.Table, features: tuple[str, ...], rules: Rules) -> pa.Table:
    """Merge each track's list of neighbours in its own cell with its lists of neighbours in other cells.

    A cell is the part of the catalogue around one centre.

    Parameters
    ----------
    rows : pa.Table
        Lists from the tracks' own cells: track_id and the columns of ``LIST_COLUMNS``, one row per track.
    cross_cell_rows : pa.Table
        Lists from other cells: the same columns, any number of rows per track of ``rows``.
    features : tuple of str
        Names of all features, in the order of the indices in the column ``attributes``.
    rules : Rules
        Limits on each list.

    Returns
    -------
    pa.Table
        One row per row of ``rows``, in the same order, with the columns of ``SIMILAR_ROWS``.
    """
    ids = combined(rows.column("track_id"))
    first, second = NeighbourLists.from_columns(rows), NeighbourLists.from_columns(cross_cell_rows)
    second_row = pc.index_in(combined(cross_cell_rows.column("track_id")), ids).to_numpy()
    row = np.repeat(np.r_[np.arange(len(rows)), second_row], np.r_[first.lengths, second.lengths])
    lengths = np.bincount(row, minlength=len(rows))
    joined = NeighbourLists(
        lengths, pa.concat_arrays([first.ids, second.ids]), np.concatenate([first.attributes, second.attributes])
    )
    keys = pa.table({"row": row, "distance": joined.distance, "id": joined.ids})
    order = pc.sort_indices(keys, [("row", "ascending"), ("distance", "ascending"), ("id", "ascending")]).to_numpy()
    joined = joined.take(order, lengths)
    is_neighbour = np.arange(int(lengths.max(initial=0))) < lengths[:, None]
    index = np.zeros(is_neighbour.shape, dtype=np.int64)
    index[is_neighbour] = np.arange(len(row))
    artist, recording = joined.attributes[:, 1], joined.attributes[:, 2]
    selected = select(is_neighbour, artist[index], recording[index], rules)
    short = np.flatnonzero(selected[:, -1] == NO_TRACK)
    if rules.per_artist and len(short):
        selected[short] = fill(selected[short], is_neighbour[short], recording[index[short]])
    is_selected = selected != NO_TRACK
    result = joined.take(index[np.nonzero(is_selected)[0], selected[is_selected]], is_selected.sum(axis=1))
    return pa.Table.from_batches([similar_rows(ids, result, features, rules)])


def _list_table(ids: pa.Array, lists: NeighbourLists) -> pa.Table:
    return pa.table({"track_id": ids} | lists.to_columns())


def _query_batch(queries: pa.Table) -> TrackBatch:
    """Convert the ``queries`` of ``query_cell`` to a TrackBatch in the same order.

    Its artist, id_order and is_candidate are zero, because a search reads these values only of candidates.
    """
    n_queries = len(queries)
    tracks = Tracks(
        arrays.from_binary(queries.column("point"), np.float64),
        np.zeros(n_queries, dtype=np.int64),
        np.zeros(n_queries, dtype=np.int64),
        queries.column("recording").to_numpy(),
        arrays.column_matrix([queries.column("year")])[:, 0],
        queries.column("key").to_numpy().astype(np.int64),
    )
    cluster = queries.column("cluster").to_numpy().astype(np.int64)
    ranks = arrays.from_binary(queries.column("ranks"), np.uint16)
    return TrackBatch(combined(queries.column("track_id")), tracks, ranks, cluster, np.zeros(n_queries, dtype=bool))
