"""A small catalogue with ties, coincident tracks, releases of one recording and missing values."""

import numpy as np
import pandas as pd
from tests.similarity import oracle

from segue.similarity.releases import UNITS
from segue.similarity.title_keys import artist_key, title_key

NINE = (
    "bpm",
    "loudness",
    "liveness",
    "valence",
    "acousticness",
    "speechiness",
    "energy",
    "danceability",
    "duration_s",
)
TITLES = ("Help!", "Help! - Remastered 2009", "Yesterday", "Yesterday (Live)", "Girl", "Michelle", "Rain")
SCHEMA = (
    ", ".join(f"{name} double" for name in NINE)
    + ", track_id string, title string, artist string, genre string, year int"
    ", popularity double, is_outlier boolean, cluster int, isrc string, key int, mode int"
)


def coarse_tracks():
    """Return 600 tracks, a quarter of them at one point."""
    rng = np.random.default_rng(3)
    n = 600
    frame = pd.DataFrame({name: rng.integers(0, 3, n) / 2 for name in NINE})
    frame.iloc[:150, :9] = 0.5
    frame["track_id"] = [f"{i:04d}é" for i in rng.permutation(n)]
    frame["title"] = rng.choice(TITLES, n)
    frame["artist"] = [f"Artist {i}" for i in rng.integers(0, 60, n)]
    frame["genre"] = pd.Series(rng.choice(["rock", "folk", "jazz"], n)).where(rng.random(n) > 0.1, None)
    frame["year"] = pd.Series(rng.integers(1990, 2000, n), dtype="Int32").where(rng.random(n) > 0.1)
    frame["popularity"] = pd.Series(rng.integers(0, 100, n).astype(float)).where(rng.random(n) > 0.1, None)
    frame["is_outlier"] = rng.random(n) < 0.1
    frame["cluster"] = rng.integers(1, 4, n).astype(np.int32)
    # each ISRC is of one artist: if artists shared one, it would be arbitrary whose code the recording gets
    codes = [
        f"gb-aye-69-{name.split()[1]:0>3}{i:02d}" for name, i in zip(frame.artist, rng.integers(0, 9, n), strict=True)
    ]
    frame["isrc"] = pd.Series(codes).where(rng.random(n) < 0.3, None)
    for name, n_values in (("key", 12), ("mode", 2)):
        frame[name] = pd.Series(rng.integers(0, n_values, n), dtype="Int32").where(rng.random(n) > 0.1)
    return frame


def as_frame(spark, table):
    """Return the tracks as a Spark DataFrame."""
    rows = table.astype(object).where(table.notna(), None)
    return spark.createDataFrame(rows.to_dict("records"), SCHEMA)


def as_dicts(table, points):
    """Return the tracks as a list of dicts, the input of ``oracle.similar``."""
    rows = [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in table.to_dict("records")
    ]
    keys = [row | {"artist": artist_key(row["artist"] or ""), "title": title_key(row["title"] or "")} for row in rows]
    recordings = oracle.recordings(keys, UNITS)
    return [
        {
            "track_id": row["track_id"],
            "point": point,
            "artist": recordings[row["track_id"]][1],
            "recording": recordings[row["track_id"]][0],
            "year": row["year"],
            "genre": row["genre"],
            "popularity": row["popularity"],
            "is_outlier": row["is_outlier"],
            "key": row.get("key"),
            "mode": row.get("mode"),
        }
        for row, point in zip(rows, points.tolist(), strict=True)
    ]
