"""Search other cells for the lists that a track's own cell cannot complete, and merge the results."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segue.similarity import arrays
from segue.similarity.arrays import TrackBatch, combined
from segue.similarity.lists import BatchSearch, NeighbourLists, similar_rows
from segue.similarity.rules import NO_TRACK, Rules, Tracks, select


def query_cell(members: pa.Table, queries: pa.Table, rules: Rules) -> pa.Table:
    """Return the list of each query among a cell's members, within the query's ``max_distance``.

    Parameters
    ----------
    members : pa.Table
        Tracks of the cell, with the columns of ``coordinates.with_points``.
    queries : pa.Table
        Tracks of other cells: track_id, point, ranks, recording, year, cluster, max_distance.

    Returns
    -------
    pa.Table
        track_id and the columns of ``lists.LIST_COLUMNS``, a row per query; none if the cell has no members.
    """
    # in order of the bounds, as the tree is searched within one bound for a block of queries
    queries = queries.sort_by([("max_distance", "ascending"), ("track_id", "ascending")])
    parts = [_list_table(pa.array([], pa.string()), NeighbourLists.empty())]
    if len(members):
        search = BatchSearch(arrays.track_batch(members), rules)
        max_distance = queries.column("max_distance").to_numpy()
        # apart, as one infinite bound would lift that of its whole block
        for rows in (np.flatnonzero(np.isfinite(max_distance)), np.flatnonzero(np.isinf(max_distance))):
            if len(rows):
                batch = _query_batch(queries.take(pa.array(rows)))
                parts.append(_list_table(batch.ids, search.nearest(batch, max_distance[rows])))
    return pa.concat_tables(parts)


def merge_lists(rows: pa.Table, cross_cell_rows: pa.Table, features: tuple[str, ...], rules: Rules) -> pa.Table:
    """Merge lists from a track's own cell with its lists from other cells.

    Parameters
    ----------
    rows : pa.Table
        track_id and the columns of ``lists.LIST_COLUMNS``, one row per track.
    cross_cell_rows : pa.Table
        Same columns, any number of rows per track.
    features : tuple of str
        Names of the features.
    rules : Rules
        Limits on each list.

    Returns
    -------
    pa.Table
        track_id and similar, a row per row of ``rows``.
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
    is_selected = selected != NO_TRACK
    result = joined.take(index[np.nonzero(is_selected)[0], selected[is_selected]], is_selected.sum(axis=1))
    return pa.Table.from_batches([similar_rows(ids, result, features)])


def _list_table(ids: pa.Array, lists: NeighbourLists) -> pa.Table:
    return pa.table({"track_id": ids} | lists.to_columns())


def _query_batch(queries: pa.Table) -> TrackBatch:
    """Return queries as a batch in the order of the table; artist, id order and candidacy are unused."""
    n_queries = len(queries)
    tracks = Tracks(
        arrays.from_binary(queries.column("point"), np.float64),
        np.zeros(n_queries, dtype=np.int64),
        np.zeros(n_queries, dtype=np.int64),
        queries.column("recording").to_numpy(),
        arrays.column_matrix([queries.column("year")])[:, 0],
    )
    cluster = queries.column("cluster").to_numpy().astype(np.int64)
    ranks = arrays.from_binary(queries.column("ranks"), np.uint16)
    return TrackBatch(combined(queries.column("track_id")), tracks, ranks, cluster, np.zeros(n_queries, dtype=bool))
