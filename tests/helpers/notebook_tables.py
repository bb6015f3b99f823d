"""Write every table that the notebooks read, for 60 tracks in three clusters, without Spark."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
from tests.helpers.delta_tables import save

from segue import schema

N_TRACKS, K = 60, 3
MEASURED = [feature for feature in schema.FEATURES if feature.name != "instrumentalness"]
"""The features that have values; as in the demo, the other feature is missing in all tracks."""


def write(root, *, with_optional=True):
    """Write the tables below ``root``, with or without the optional columns of a source and rejected rows."""
    tracks = labeled_tracks(with_optional)
    save(root, schema.TRACKS, tracks)
    save(root, schema.LABELED_TRACKS, tracks)
    save(root, schema.REJECTED_TRACKS, rejected_tracks() if with_optional else [])
    save(root, schema.K_SCORES, [*k_scores("m0", 4, with_optional), *k_scores("m1", K, with_optional)])
    save(root, schema.CLUSTER_PROFILES, cluster_profiles(pd.DataFrame(tracks)))
    save(root, schema.SIMILAR_TRACKS, similar_tracks(tracks))
    save(root, schema.RUNS, [run()])
    return root


def labeled_tracks(with_optional):
    """Return tracks around one centre per cluster; tracks 0, 3, 6, ... are in cluster 1."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(N_TRACKS):
        index = number % K
        scaled = np.clip((index + 0.5) / K + random.normal(0, 0.1, len(MEASURED)), 0.01, 0.99)
        optional = {"genre": ["rock", "rock", "pop"][index], "year": 1970 + number % 40, "popularity": 50.0}
        rows.append(
            dict.fromkeys(schema.LABELED_TRACKS.names)
            | {"track_id": f"t{number}", "title": f"Song {number}", "artist": f"Artist {number % 7}"}
            | {f.name: f.low + x * ((f.high or 600.0) - f.low) for f, x in zip(MEASURED, scaled, strict=True)}
            | {"source_file": "tracks.csv", "model_version": "m1"}
            | {"cluster": index + 1, "cluster_name": f"Cluster {index + 1}", "cluster_description": "calm, acoustic"}
            | {"distance": 0.1, "second_cluster": (index + 1) % K + 1, "silhouette": 0.5, "is_outlier": False}
            | (optional if with_optional else {})
        )
    return rows


def rejected_tracks():
    """Return two invalid rows and a duplicate."""
    row = {"source_file": "tracks.csv", "occurrence": 1, "raw": "1,?"}
    invalid = row | {"kind": "invalid", "reasons": ["bpm 0 outside [1, 300]", "title missing"]}
    duplicate = row | {"kind": "duplicate", "reasons": ["duplicate of t1"]}
    return [invalid | {"row_hash": "a"}, invalid | {"row_hash": "b"}, duplicate | {"row_hash": "c"}]


def k_scores(version, chosen_k, with_optional):
    """Return the scores of a model in two feature spaces, not sorted by k."""
    optional = {"genre_nmi": 0.3, "genre_ari": 0.2, "genre_purity": 0.6}
    return [
        dict.fromkeys(schema.K_SCORES.names)
        | {"model_version": version, "space": space, "k": k, "inertia": 100.0 / k, "silhouette": 0.7 - 0.1 * k}
        | {"davies_bouldin": 1.0, "calinski_harabasz": 50.0, "engine": "fused", "restarts": 10, "iterations": 3}
        | {"chosen": k == chosen_k and space == "minmax: bpm"}
        | (optional if with_optional else {})
        for space in ("minmax: bpm", "standard: bpm")
        for k in (5, 3, 2, 4)
    ]


def cluster_profiles(tracks):
    """Return the profiles of all clusters, the same for two model versions."""
    means = tracks.groupby("cluster")[[f.name for f in MEASURED]].mean()
    return [
        dict.fromkeys(schema.CLUSTER_PROFILES.names)
        | {"model_version": version, "cluster": cluster, "cluster_name": f"Cluster {cluster}"}
        | {"cluster_description": "calm, acoustic", "n_tracks": N_TRACKS // K, "share": 1 / K, "silhouette": 0.5}
        | {f"{name}_mean": value for name, value in means.loc[cluster].items()}
        | {"top_genres": [{"genre": "rock", "share": 0.5, "lift": 1.0}]}
        | {"exemplars": [{"track_id": "t0", "title": "Song 0", "artist": "Artist 0", "distance": 0.1}]}
        for version in ("m0", "m1")
        for cluster in means.index
    ]


def similar_tracks(tracks):
    """Return for every track a list of the next three tracks, of which the third is in the same cluster."""
    return [
        {"track_id": track["track_id"], "model_version": "m1", "tracks_version": 0, "made_from": "0"}
        | {
            "similar": [
                {"track_id": f"t{(number + step) % N_TRACKS}", "distance": 0.1 * step}
                | {"same_cluster": step == K, "why": ["energy", "bpm"]}
                for step in (1, 2, K)
            ]
        }
        for number, track in enumerate(tracks)
    ]


def run():
    """Return a run of the pipeline."""
    empty = dict.fromkeys(("settings", "versions", "input", "counts"), "{}")
    day = datetime(2026, 1, 1, tzinfo=UTC)
    return {"run_id": "a", "job": "run_pipeline", "status": "done", "started_at": day, "finished_at": day} | empty
