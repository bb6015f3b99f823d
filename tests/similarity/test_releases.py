"""Recordings: which tracks are releases of one, by hand and against the definition in plain Python."""

import time

import numpy as np
import pyarrow as pa
import pytest
from tests.similarity import oracle

from segue.similarity.releases import UNITS, add_recordings

USUAL = dict(zip(UNITS, (120.0, -8.0, 0.1, 0.5, 0.2, 0.05, 0.7, 0.6, 200.0), strict=True))


def track(name, title="Help", artist="Beatles", isrc=None, **features):
    """Return a track; a feature that is not given has its usual value."""
    return {"track_id": name, "title": title, "artist": artist, "isrc": isrc} | USUAL | features


def numbers(values):
    """Return a number for each text, equal for equal texts; None for None and ""."""
    distinct = sorted({value for value in values if value})
    return pa.array([distinct.index(value) if value else None for value in values], pa.int64())


def as_table(tracks):
    """Return a table of tracks with the columns of ``coordinates.prepare_tracks``."""
    titles = [f"{t['artist']}\n{t['title']}" if t["title"] else t["track_id"] for t in tracks]
    keys = {"track_id": pa.array([t["track_id"] for t in tracks])}
    keys |= {"artist": numbers([t["artist"] for t in tracks]), "title": numbers(titles)}
    keys |= {"id": numbers([t["track_id"] for t in tracks]), "isrc": numbers([t.get("isrc") for t in tracks])}
    return pa.table(keys | {name: pa.array([t.get(name) for t in tracks], pa.float64()) for name in UNITS})


def groups(tracks):
    """Return the ids of the releases of each recording, and of the tracks of each artist, as sets of texts."""
    rows = add_recordings(as_table(tracks), tuple(UNITS)).to_pylist()
    return [
        {" ".join(sorted(r["track_id"] for r in rows if r[what] == code)) for code in {r[what] for r in rows}}
        for what in ("recording", "artist")
    ]


def test_equal_titles_are_one_recording_where_the_features_agree():
    other = {"bpm": 90.0, "energy": 0.2, "acousticness": 0.9, "duration_s": 290.0}
    tracks = [
        track("a"),
        # nine features: two differences count 4, the limit, and one of 4 s counts 1: a mean of 1
        track("b", bpm=60.0, liveness=0.9, duration_s=204.0),
        track("c", bpm=190.0, energy=0.1, duration_s=195.9),
        track("d", **other),
        track("e", title="Rain"),
        track("f", artist="Bananarama"),
    ]
    assert groups(tracks)[0] == {"a b", "c", "d", "e", "f"}


def test_tracks_that_agree_with_two_centres_connect_them():

    def step(n):
        # tracks one step apart differ by 2.6 units in three of nine features: they agree; two steps apart they do not
        return {"bpm": 120 + 2.86 * n, "loudness": -20 + 5.72 * n, "duration_s": 200 + 10.4 * n}

    steps = {"a": 0, "b": 2, "c": 1, "d": 3, "e": 2.1}
    assert groups([track(name, **step(n)) for name, n in steps.items()])[0] == {"a b c d e"}
    # a track without liveness does not connect two centres
    assert groups([track("a", **step(0)), track("b", **step(2)), track("c", **step(1), liveness=None)])[0] == {
        "a c",
        "b",
    }


def test_movements_of_one_title_are_recordings_of_their_own():
    rng = np.random.default_rng(1)
    features = [dict(zip(UNITS, row, strict=True)) for row in rng.random((300, 9)) * [150, 20, 1, 1, 1, 1, 1, 1, 600]]
    movements = [track(f"{i:03d}", "I. Allegro", "Vivaldi", **values) for i, values in enumerate(features)]
    recordings, artists = groups(movements)
    assert len(recordings) == 300
    assert len(artists) == 1
    again = [m | {"track_id": f"{m['track_id']}x"} for m in movements]
    assert groups(movements + again)[0] == {f"{i:03d} {i:03d}x" for i in range(300)}


def test_unknown_artists_share_a_recording_only_where_the_music_agrees():
    quiet = {"energy": 0.1, "bpm": 80.0, "acousticness": 0.99}
    absent = dict.fromkeys(("liveness", "speechiness", "energy", "danceability", "duration_s"))
    tracks = [
        track("a", artist=""),
        track("b", artist=""),
        track("c", artist="", **quiet),
        track("d", artist=""),
        track("e", "Rain", ""),
        # four features to compare are too few
        track("f", artist="", **absent),
        track("g", artist="", **absent),
        track("h", title="", artist=""),
        track("i", title="", artist=""),
    ]
    assert groups(tracks) == [{"a b d", "c", "e", "f", "g", "h", "i"}] * 2
    # of a known artist, a title without any feature is a release
    nothing = dict.fromkeys(UNITS)
    assert groups([track("a"), track("b", **nothing), track("c", **nothing)])[0] == {"a b c"}


def test_equal_isrcs_are_one_recording_of_one_artist():
    tracks = [
        track("a", "Sakura", "sheena ringo", "X"),
        track("b", "桜", "椎名林檎", "X", energy=0.0),
        track("c", "桜", "椎名林檎", energy=0.0),
        track("d", "桜", "椎名林檎", "Y", energy=0.0),
        track("e", "Kirschen", "", "Y", bpm=60.0),
        track("f", "Rain", "", "Z"),
        track("g", "Regen", "", "Z"),
        track("h", "Other", "sheena ringo", "W"),
    ]
    assert groups(tracks) == [{"a b c d e", "f g", "h"}, {"a b c d e h", "f g"}]


@pytest.mark.parametrize("n", [40, 400])
def test_recordings_equal_the_definition_in_any_order(n):
    rng = np.random.default_rng(n)
    tracks = []
    for i in range(n):
        steps = rng.integers(0, 3, 9) * np.where(rng.random(9) < 0.05, np.nan, 1.0)
        features = {name: None if np.isnan(x) else x * UNITS[name] for name, x in zip(UNITS, steps, strict=True)}
        isrc = f"{rng.integers(0, n):03d}" if rng.random() < 0.2 else None
        artist, title = rng.choice(["", "a", "b"], p=[0.2, 0.2, 0.6]), rng.choice(["", "x", "y"], p=[0.1, 0.2, 0.7])
        tracks.append({"track_id": f"{i:03d}", "title": str(title), "artist": str(artist), "isrc": isrc} | features)
    expected = oracle.recordings(tracks, UNITS)
    for order in (np.arange(n), rng.permutation(n)):
        rows = add_recordings(as_table([tracks[i] for i in order]), tuple(UNITS)).to_pylist()
        for column, position in (("recording", 0), ("artist", 1)):
            pairs = {(row[column], expected[row["track_id"]][position]) for row in rows}
            # codes and expected values correspond one to one
            assert len(pairs) == len({code for code, _ in pairs}) == len({value for _, value in pairs})


@pytest.mark.parametrize("distinct", [1, 10_000])
def test_a_title_of_10_000_tracks_takes_seconds(distinct):
    rng = np.random.default_rng(0)
    values = rng.random((distinct, 9)) * [150, 20, 1, 1, 1, 1, 1, 1, 600]
    columns = {name: pa.array(np.resize(values[:, i], 10_000)) for i, name in enumerate(UNITS)}
    keys = {"track_id": pa.array([f"{i:05d}" for i in range(10_000)]), "id": pa.array(range(10_000))}
    one = pa.array([0] * 10_000)
    table = pa.table(keys | {"artist": one, "title": one, "isrc": pa.nulls(10_000, pa.int64())} | columns)
    started = time.monotonic()
    recordings = set(add_recordings(table, tuple(UNITS)).column("recording").to_pylist())
    assert time.monotonic() - started < 10
    assert len(recordings) == distinct
