"""Group the tracks of a catalogue into recordings, by title, artist, features and ISRC.

Tracks with the same normalised artist and title (``recordings``) are releases of one recording if their features
agree. To avoid comparing all pairs, tracks are compared with a few of them, the centres:

1. The tracks are sorted by their number of missing features, then by track_id. In this order, a track becomes a centre
   if it agrees with no earlier centre.
2. A graph connects each track with the first centre that agrees. It also connects the track with later agreeing
   centres, if track and centre have as few missing features as the first track of their title.
3. Recordings are the connected components of the graph. They depend neither on the order of rows nor on partitions.
4. Recordings with a common ISRC are united, also indirectly: if A shares an ISRC with B, and B another one with C, all
   three are one. An ISRC identifies a recording whatever its titles and features.

Two tracks agree if the mean difference of their features is at most 1. Each difference is divided by the feature's unit
in ``UNITS``; a quotient above ``MAX_DIFFERENCE`` counts as ``MAX_DIFFERENCE``. A feature missing in one of the tracks
does not count; without any feature to compare, the tracks agree. Tracks of an unknown artist agree only if at least
``_MIN_COMPARED`` features are present in both.

If a title and artist have n tracks with different features, and n is above ``_USUAL_RELEASES``, the limit is not 1, but
the cube root of ``_USUAL_RELEASES`` / n. So the expected number of tracks that agree with a given track by chance does
not grow with n: among pairs of tracks by one artist with different titles, the share of pairs with a mean below x grows
roughly with the cube of x.

The units are near the 90th percentiles of the differences between tracks of equal title and artist in
``spotify_songs.csv``. With a limit of 1, these shares of pairs agree in ``spotify_songs.csv`` and ``tracks_114k.csv``:
91 and 94 % of pairs with equal title and artist, 1.2 and 1.3 % of pairs with different titles by one artist, and 2 and
7 % of pairs of a live and a studio version.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from segue.similarity.arrays import column_matrix, combined
from segue.similarity.rules import Flags, Floats, Integers

UNITS = {
    "bpm": 1.1,
    "loudness": 2.2,
    "liveness": 0.09,
    "valence": 0.055,
    "acousticness": 0.055,
    "speechiness": 0.035,
    "energy": 0.08,
    "danceability": 0.055,
    "duration_s": 4.0,
}
"""Divisor of the difference of two tracks, by feature, in the feature's unit: a difference of 1.1 BPM counts as 1."""
MAX_DIFFERENCE = 4.0
"""Larger differences of a feature (divided by its unit in ``UNITS``) count as 4. One large difference does not prove
another recording: an edit differs in duration alone, and some tempos are measured doubled."""
KEY_COLUMNS = "artist bigint, title bigint, id bigint, isrc bigint"
"""Spark schema of the hash codes made by ``coordinates.prepare_tracks``. Recordings are identified by them."""
_USUAL_RELEASES = 5
_MIN_COMPARED = 5
_UNKNOWN = -1
"""Replaces a missing code; codes are 0 or more."""
_MAX_ROUNDS = 64
"""Maximum number of different tracks of a title to compare without a k-d tree. The tree does not limit differences to
``MAX_DIFFERENCE``. It need not: with more tracks, the limit on the mean is so low that the differences of an agreeing
pair add up to less."""
_SLACK = 1e-9
_ROWS_PER_BATCH = 65_536


def with_recordings(prepared: DataFrame, columns: tuple[str, ...], n_partitions: int | None = None) -> DataFrame:
    """Replace the hash codes of title, id and ISRC by codes of recording and artist.

    Runs Spark jobs to search for ISRCs. If there are any, one more job collects recordings with a common ISRC to the
    driver. The tracks are shuffled by title when the result is used; a Python worker holds all tracks of a partition.

    Parameters
    ----------
    prepared : DataFrame with the columns of ``KEY_COLUMNS``, ``track_id`` and ``columns``
    columns : tuple of str
        One column name per feature of ``UNITS``, in its order; "" for a feature without a column.
    n_partitions : int, optional
        Number of partitions to shuffle to; by default Spark's.

    Returns
    -------
    DataFrame
        The rows of ``prepared`` without the columns title, id, isrc, and those named like features of ``UNITS``.
        ``artist`` (bigint) has new codes, equal for tracks by one artist. The new column ``recording`` (bigint) is
        equal for releases of one recording. All releases of a recording have the same artist.
    """
    removed = {"title", "id", "isrc", *(name for name in columns if name in UNITS)}
    names = [*(name for name in prepared.columns if name not in removed), "recording"]
    types = dict(prepared.dtypes) | {"recording": "bigint"}
    grouped_names = [*names, "isrc"]

    def group(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tables = [batch for batch in batches if len(batch)]
        if tables:
            table = pa.Table.from_batches(tables)
            artist, recording = group_by_title(table, columns)
            codes = {"artist": pa.array(artist), "recording": pa.array(recording)}
            rows = {
                name: codes.get(name, table[name] if name in table.column_names else None) for name in grouped_names
            }
            yield from pa.table(rows).to_batches(max_chunksize=_ROWS_PER_BATCH)

    schema = ", ".join(f"{name} {types[name]}" for name in grouped_names)
    by_title = prepared.repartition(n_partitions, "title") if n_partitions else prepared.repartition("title")
    grouped = by_title.mapInArrow(group, schema)
    with_isrc = F.col("isrc").isNotNull()
    if prepared.where(with_isrc).isEmpty():
        return grouped.select(*names)
    links = grouped.where(with_isrc).groupBy("isrc").agg(F.collect_set(F.struct("recording", "artist")).alias("tracks"))
    shared = links.where(F.size("tracks") > 1).select("isrc", F.inline("tracks")).toArrow()
    codes, united = unite_by_isrc(*(shared[name].to_numpy() for name in ("isrc", "recording", "artist")))

    def unite(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            table = pa.Table.from_batches([batch])
            artist, recording = (table[name].to_numpy() for name in ("artist", "recording"))
            united_codes = dict(zip(("artist", "recording"), _replace(artist, recording, codes, united), strict=True))
            yield from pa.table(
                {name: pa.array(united_codes[name]) if name in united_codes else table[name] for name in names}
            ).to_batches()

    return grouped.mapInArrow(unite, ", ".join(f"{name} {types[name]}" for name in names))


def add_recordings(table: pa.Table, columns: tuple[str, ...]) -> pa.Table:
    """Replace the hash codes of title, id and ISRC by codes of recording and artist, in a pa.Table.

    Columns, parameters and result are those of ``with_recordings``. Uses no Spark.
    """
    artist, recording = group_by_title(table, columns)
    isrc = _codes(table["isrc"])
    rows = isrc != _UNKNOWN
    artist, recording = _replace(artist, recording, *unite_by_isrc(isrc[rows], recording[rows], artist[rows]))
    table = table.drop_columns(["title", "id", "isrc", *(name for name in columns if name in UNITS)])
    table = table.set_column(table.column_names.index("artist"), "artist", pa.array(artist))
    return table.append_column("recording", pa.array(recording))


def group_by_title(table: pa.Table, columns: tuple[str, ...]) -> tuple[Integers, Integers]:
    """Return each track's artist code and recording code, two arrays of shape (n_tracks,). Ignores ISRCs.

    The code of a recording is the value of the column ``id`` of one of its tracks. The code of an unknown artist is
    that of the track's recording.

    Parameters
    ----------
    table : pa.Table with the columns of ``KEY_COLUMNS``, ``track_id`` and ``columns``
        Must hold all tracks of each of its titles.
    columns : tuple of str
        One column name per feature of ``UNITS``, in its order; "" for a feature without a column.
    """
    title, codes, artist = (_codes(table[name]) for name in ("title", "id", "artist"))
    _, title, counts = np.unique(title, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(counts[title] > 1)
    recording = codes.copy()
    if len(rows):
        shared = table.take(pa.array(rows))
        missing = pa.nulls(len(rows), pa.float64())
        values = column_matrix([shared[name] if name else missing for name in columns]) / np.array([*UNITS.values()])
        rank = np.empty(len(rows), dtype=np.int64)
        rank[pc.sort_indices(shared["track_id"]).to_numpy()] = np.arange(len(rows))
        order = np.lexsort((rank, np.isnan(values).sum(axis=1), title[rows]))
        rows = rows[order]
        first = first_releases(title[rows], values[order], np.where(artist[rows] == _UNKNOWN, _MIN_COMPARED, 0))
        recording[rows] = codes[rows[first]]
    return np.where(artist == _UNKNOWN, recording, artist), recording


def first_releases(title: Integers, values: Floats, min_compared: Integers) -> Integers:
    """Return for each track the position of the first track of its recording: [0, 0, 2] if 0 and 1 are one recording.

    Parameters
    ----------
    title : array of int, shape (n_tracks,), ascending
        Equal for tracks of equal title and artist.
    values : array of shape (n_tracks, n_features)
        Features divided by ``UNITS``, NaN where missing. Within a title, tracks with fewer missing features come first.
    min_compared : array of int, shape (n_tracks,)
        Two tracks agree only if at least this number of features is present in both.
    """
    # most releases are equal in all features: of equal tracks only the first is compared
    is_comparable = (~np.isnan(values)).sum(axis=1) >= min_compared
    keys = (title, np.nan_to_num(values, nan=np.inf), np.where(is_comparable, -1, np.arange(len(title))))
    _, first, copy_of = np.unique(np.column_stack(keys), axis=0, return_index=True, return_inverse=True)
    compared = np.sort(first)
    release = _first_in_component(title[compared], values[compared], min_compared[compared])
    result: Integers = compared[release[np.searchsorted(compared, first[copy_of])]]
    return result


def _first_in_component(title: Integers, values: Floats, min_compared: Integers) -> Integers:
    """Return for each track the position of the first track of its recording, shape (n_tracks,).

    The arguments are those of ``first_releases``. The tracks of a title must differ in their features; only tracks with
    fewer features than ``min_compared`` may be equal.
    """
    n_missing = np.isnan(values).sum(axis=1)
    starts = np.flatnonzero(np.r_[True, title[1:] != title[:-1]])
    sizes = np.diff(np.r_[starts, len(title)])
    limit = np.repeat(np.minimum(1.0, np.cbrt(_USUAL_RELEASES / sizes)), sizes)
    is_complete = n_missing == np.repeat(n_missing[starts], sizes)
    edges = _edges_of_small(np.repeat(sizes <= _MAX_ROUNDS, sizes), title, values, limit, min_compared, is_complete)
    for start, size in zip(starts[sizes > _MAX_ROUNDS], sizes[sizes > _MAX_ROUNDS], strict=True):
        rows = slice(start, start + size)
        own = _edges_of_large(values[rows], limit[start], min_compared[start], is_complete[rows])
        edges += [start + pairs for pairs in own]
    track, centre = np.concatenate(edges, axis=1)
    matrix = coo_array((np.ones(len(track), dtype=np.int8), (track, centre)), shape=(len(title), len(title)))
    component = connected_components(matrix, directed=False)[1]
    _, first = np.unique(component, return_index=True)
    result: Integers = first[component]
    return result


def _edges_of_small(
    is_small: Flags, title: Integers, values: Floats, limit: Floats, min_compared: Integers, is_complete: Flags
) -> list[Integers]:
    """Return the edges from tracks to centres, arrays of shape (2, n_edges), for titles with few tracks.

    The module's docstring describes the graph. All arguments have one entry per track; ``is_small`` marks the tracks of
    these titles. ``limit`` is the maximum mean difference of two agreeing tracks. ``is_complete`` marks tracks with as
    few missing features as the first track of their title. ``title``, ``values`` and ``min_compared`` are those of
    ``first_releases``.
    """
    edges = [np.empty((2, 0), dtype=np.int64)]
    is_pending, rows = is_small.copy(), np.flatnonzero(is_small)
    while len(rows):
        # in each round, the first pending track of every title is a centre
        pending = rows[is_pending[rows]]
        is_centre = np.r_[True, title[pending[1:]] != title[pending[:-1]]]
        centres = pending[is_centre]
        rows = rows[np.isin(title[rows], title[centres])]
        centre = centres[np.searchsorted(title[centres], title[rows])]
        agrees = (rows == centre) | _agree(values[rows], values[centre], limit[rows], min_compared[rows])
        agrees &= is_pending[rows] | (is_complete[rows] & is_complete[centre])
        edges.append(np.stack([rows[agrees], centre[agrees]]))
        is_pending[rows[agrees]] = False
        if not is_pending[rows].any():
            break
    return edges


def _edges_of_large(values: Floats, limit: float, min_compared: int, is_complete: Flags) -> list[Integers]:
    """Return the edges from tracks to centres, arrays of shape (2, n_edges), for one title with many tracks.

    The arguments are those of ``_edges_of_small``; ``limit`` and ``min_compared`` are the same for all tracks.
    """
    is_pending = np.ones(len(values), dtype=bool)
    common = values[:, ~np.isnan(values).any(axis=0)]
    tree = cKDTree(common) if common.shape[1] else None
    # if two tracks agree, their differences add up to at most limit * len(UNITS), over any subset of the features
    radius = limit * len(UNITS) * (1 + _SLACK)
    edges = []
    for row in range(len(values)):
        if not is_pending[row]:
            continue
        near = np.arange(len(values)) if tree is None else np.array(tree.query_ball_point(common[row], radius, p=1))
        if len(near) > 1:
            near = near[(near == row) | _agree(values[near], values[row][None], limit, min_compared)]
            near = near[is_pending[near] | (is_complete[near] & is_complete[row])]
        edges.append(np.stack([near, np.full(len(near), row)]))
        is_pending[near] = False
    return edges


def _agree(first: Floats, second: Floats, limit: Floats | float, min_compared: Integers | int) -> Flags:
    """Return for each pair of tracks whether the two agree, as an array of bool, shape (n_pairs,).

    Two tracks agree if at least ``min_compared`` features are known of both, and the mean difference of these features
    is at most ``limit``. If ``min_compared`` is 0, tracks without a feature known of both agree. ``first`` and
    ``second`` have the shape (n_pairs, n_features); ``second`` can be a single row, for the same track in all pairs.
    """
    total, compared = np.zeros(len(first)), np.zeros(len(first), dtype=np.int64)
    for feature in range(first.shape[1]):
        difference = np.minimum(np.abs(first[:, feature] - second[:, feature]), MAX_DIFFERENCE)
        is_known = ~np.isnan(difference)
        total += np.where(is_known, difference, 0.0)
        compared += is_known
    result: Flags = (total <= limit * compared) & (compared >= min_compared)
    return result


def unite_by_isrc(isrc: Integers, recording: Integers, artist: Integers) -> tuple[Integers, Integers]:
    """Unite recordings with a common ISRC. Return their old codes, and their new codes of recording and artist.

    Parameters
    ----------
    isrc, recording, artist : arrays of int, shape (n_tracks,)
        Codes of each track; artist equals recording where the artist is unknown.

    Returns
    -------
    codes : array of int64, shape (n_recordings,), ascending
        The old codes of all united recordings.
    united : array of int64, shape (n_recordings, 2)
        For each of ``codes``, the new codes of its recording and of its artist. The new code of a recording is the
        smallest old code among all recordings united into one. The new code of its artist is the smallest code of their
        known artists; if no artist is known, it equals the new code of the recording.
    """
    codes, index = np.unique(recording, return_inverse=True)
    isrcs, isrc_index = np.unique(isrc, return_inverse=True)
    n_nodes = len(codes) + len(isrcs)
    edges = (np.ones(len(index), dtype=np.int8), (index, len(codes) + isrc_index))
    component = connected_components(coo_array(edges, shape=(n_nodes, n_nodes)), directed=False)[1][: len(codes)]
    highest = np.iinfo(np.int64).max
    united = np.full((n_nodes, 2), highest, dtype=np.int64)
    np.minimum.at(united[:, 0], component, codes)
    np.minimum.at(united[:, 1], component[index], np.where(artist == recording, highest, artist))
    united = np.where(united == highest, united[:, :1], united)[component]
    is_changed = (np.bincount(component, minlength=1)[component] > 1) if len(codes) else np.zeros(0, dtype=bool)
    return codes[is_changed], united[is_changed]


def _replace(artist: Integers, recording: Integers, codes: Integers, united: Integers) -> tuple[Integers, Integers]:
    """Return copies of ``artist`` and ``recording``, one code per track, with new codes for united recordings.

    ``codes`` has the old codes of united recordings, ``united`` their new ones (recording, artist), as returned by
    ``unite_by_isrc``.
    """
    if not len(codes):
        return artist, recording
    index = np.minimum(np.searchsorted(codes, recording), len(codes) - 1)
    is_united = codes[index] == recording
    return np.where(is_united, united[index, 1], artist), np.where(is_united, united[index, 0], recording)


def _codes(column: pa.ChunkedArray) -> Integers:
    codes: Integers = combined(column).fill_null(_UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes
