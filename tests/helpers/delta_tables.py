"""Write the tables that the command ``segue`` reads, for eight tracks, without Spark."""

from datetime import UTC, datetime

import pyarrow as pa
from deltalake import write_deltalake

from segue import schema

TITLES = [
    ("t1", "Bohemian Rhapsody", "Queen", 80.0),
    ("t2", "Bohemian Rhapsody - Remastered 2011", "Queen", 90.0),
    ("t3", "Halo", "Beyoncé", 70.0),
    ("t4", "Hello", "Adele", 85.0),
    ("t5", "Hello", "Lionel Richie", 60.0),
    ("t6", "Ghost - Acoustic", "Ben Woodward; Ella", None),
    ("t7", "群青", "YOASOBI", 75.0),
    ("t8", "Evil\x1b[31m Song", "Nobody", 1.0),
]
SIMILAR = {"t1": [("t3", 0.25, False, ["acousticness", "energy", "bpm"]), ("t4", 0.5, True, ["bpm", "valence"])]}


def labeled_track(number):
    """Return a row of labeled_tracks."""
    name, title, artist, popularity = TITLES[number]
    values = dict.fromkeys(schema.LABELED_TRACKS.names)
    values |= {
        "track_id": name,
        "title": title,
        "artist": artist,
        "album": "An Album",
        "genre": "rock",
        "year": 1975,
        "popularity": popularity,
        "bpm": 100.0 if number < 4 else 60.0 + 80.0 * (number % 2),
        "acousticness": 0.9 if number < 3 else 0.1,
        "energy": 0.1 if number < 3 else 0.9,
        "valence": number / 10,
        "model_version": "m1",
        "cluster": 2 if name == "t3" else 1,
        "cluster_name": "Cluster 1",
        "cluster_description": "calm, acoustic",
    }
    return values


def write(root, *, tracks_version=0, keys=None):
    """Write labeled_tracks, similar_tracks, cluster_profiles and runs below ``root``.

    ``keys`` maps ids of tracks to (key, mode); with it, ``key`` is a reason of every neighbour.
    """
    rows = [labeled_track(number) for number in range(len(TITLES))]
    named = [row | dict(zip(("key", "mode"), (keys or {}).get(row["track_id"], ()), strict=False)) for row in rows]
    save(root, schema.LABELED_TRACKS, named)
    lists = [
        {
            "track_id": name,
            "model_version": "m1",
            "tracks_version": tracks_version,
            "made_from": "0",
            "similar": [
                dict(zip(("track_id", "distance", "same_cluster", "why"), entry, strict=True))
                | {"why": entry[3] + (["key"] if keys else [])}
                for entry in SIMILAR.get(name, [])
            ],
        }
        for name, *_ in TITLES
        if name != "t7"
    ]
    save(root, schema.SIMILAR_TRACKS, lists)
    profiles = [
        dict.fromkeys(schema.CLUSTER_PROFILES.names)
        | {
            "model_version": version,
            "cluster": cluster,
            "cluster_name": f"Cluster {cluster}",
            "cluster_description": "loud, fast",
            "n_tracks": 1000 * cluster,
            "share": 0.5,
            "silhouette": 0.25,
            "top_genres": [{"genre": "rock", "share": 0.5, "lift": 2.0}],
            "exemplars": [{"track_id": "t4", "title": "Hello", "artist": "Adele", "distance": 0.1}],
        }
        for version, cluster in (("m1", 2), ("m0", 1), ("m1", 1))
    ]
    save(root, schema.CLUSTER_PROFILES, profiles)
    empty = {"settings": "{}", "versions": "{}", "input": "{}"}
    save(
        root,
        schema.RUNS,
        [
            empty
            # an earlier version masked file names that look like secrets, which left invalid JSON
            | {"input": '{"files": {"signature.csv": ***'}
            | {"run_id": "b", "job": "label_tracks", "status": "failed", "counts": '{"seconds": 2.5}', "error": "no"}
            | {"started_at": datetime(2026, 1, 2, tzinfo=UTC), "finished_at": datetime(2026, 1, 2, tzinfo=UTC)},
            empty
            | {"run_id": "a", "job": "ingest_tracks", "status": "done", "error": None}
            | {"counts": '{"ingest": {"read": 1200, "added": 1000, "updated": 0}, "seconds": 1.0}'}
            | {"started_at": datetime(2026, 1, 1, tzinfo=UTC), "finished_at": datetime(2026, 1, 1, tzinfo=UTC)},
        ],
    )
    return root


_ARROW_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}


def save(root, table, rows):
    """Write rows as a Delta table with the columns of ``table``."""
    types = [pa.field(c.name, _ARROW_TYPES[c.type]) for c in table.columns if c.type in _ARROW_TYPES]
    arrow = pa.Table.from_pylist(rows, schema=pa.schema(types))
    for column in table.columns:
        if column.type == "timestamp":
            arrow = arrow.append_column(
                column.name, pa.array([r[column.name] for r in rows], pa.timestamp("us", "UTC"))
            )
        elif column.type not in _ARROW_TYPES:
            values = [row[column.name] or [] for row in rows]
            kind = pa.list_(pa.string()) if column.type == "array<string>" else None
            arrow = arrow.append_column(column.name, pa.array(values, kind))
    write_deltalake(str(root / table.name), arrow.select(table.names))
