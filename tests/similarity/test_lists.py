"""Lists that are found in parts of a catalogue and merged, against the definition."""

from collections import Counter
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest
from tests.similarity import oracle

from segue.similarity.arrays import TrackBatch
from segue.similarity.lists import BatchSearch, merge_lists
from segue.similarity.rules import Rules, Tracks


def random_batch(rng, n, artists, recordings):
    """Return tracks on a coarse grid, in the order of their ids."""
    artist = rng.integers(0, artists, n)
    tracks = Tracks(
        rng.integers(0, 6, (n, 2)) / 6,
        np.arange(n),
        artist,
        artist * 1000 + rng.integers(0, recordings, n),
        rng.integers(1990, 2000, n).astype(float),
        rng.integers(-1, 24, n),
    )
    ids = pa.array([f"{i:04d}" for i in range(n)])
    return TrackBatch(ids, tracks, np.zeros((n, 2), np.uint16), np.zeros(n, np.int64), np.ones(n, bool))


def as_table(ids, lists):
    return pa.table({"track_id": ids} | lists.to_columns())


@pytest.mark.parametrize("rules", [Rules(10, 2), Rules(10, 1), Rules(6, 1, 2), Rules(10, 0), Rules(10, 2, None, True)])
@pytest.mark.parametrize(("artists", "recordings"), [(1, 40), (3, 4), (5, 30), (12, 5)])
def test_merged_lists_equal_the_definition(artists, recordings, rules):
    rng = np.random.default_rng(artists * 100 + recordings)
    for n in (12, 60, 150):
        batch = random_batch(rng, n, artists, recordings)
        part = rng.integers(0, 3, n)
        searches = {p: BatchSearch(batch.take(np.flatnonzero(part == p)), rules) for p in range(3)}
        t = batch.tracks
        keys = ("track_id", "point", "artist", "recording", "year", "genre", "key", "mode")
        pitch = [(oracle.MINOR, oracle.MAJOR)[key % 2][key // 2] if key >= 0 else None for key in t.key]
        columns = (
            batch.ids.to_pylist(),
            t.points.tolist(),
            t.artist,
            t.recording,
            t.year,
            [None] * n,
            pitch,
            t.key % 2,
        )
        rows = [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]
        limits = asdict(rules)
        for own, search in searches.items():
            members = batch.take(np.flatnonzero(part == own))
            lists = search.nearest(members)
            bound = lists.max_distance(rules)
            others = [as_table(members.ids, searches[p].nearest(members, bound)) for p in searches if p != own]
            merged = merge_lists(as_table(members.ids, lists), pa.concat_tables(others), ("x", "y"), rules).to_pylist()
            for row in merged:
                expected = oracle.similar(rows[int(row["track_id"])], rows, **limits)
                assert [(e["track_id"], e["distance"]) for e in row["similar"]] == expected
                by_artist = Counter(t.artist[int(track_id)] for track_id, _ in expected)
                assert row["exceeds_cap"] == (0 < rules.per_artist < max(by_artist.values(), default=0))
