"""Three hundred labeled tracks with missing values, and the card of a model for them."""

import numpy as np
import pandas as pd
import pyarrow as pa

from segue import schema
from segue.clustering.model_card import ModelCard
from segue.report.aggregates import sums

N = 300
CLUSTERED = ["bpm", "energy", "acousticness"]


def labeled(seed=0):
    """Return the columns of labeled_tracks that the report reads, None where a value is missing."""
    rng = np.random.default_rng(seed)
    energy = rng.random(N)
    table = pd.DataFrame(
        {
            "track_id": [f"t{i:03}" for i in range(N)],
            "title": [f"Title {i}" for i in range(N)],
            "artist": rng.choice(["Ann", "Bob", "Cleo", "Dan"], N, p=[0.4, 0.3, 0.2, 0.1]),
            "genre": rng.choice(["rock", "pop", "folk", None], N, p=[0.4, 0.3, 0.2, 0.1]),
            "year": rng.integers(1970, 2020, N),
            "bpm": np.round(rng.normal(120, 20, N), 1),
            "loudness": -np.round(rng.random(N) * 20),
            "energy": energy,
            "danceability": rng.random(N),
            "liveness": rng.random(N) ** 3,
            "valence": rng.random(N),
            "acousticness": 1 - energy + rng.normal(0, 0.02, N),
            "speechiness": 0.25,
            "instrumentalness": None,
            "duration_s": np.round(rng.random(N) * 400 + 60),
            "popularity": np.round(rng.random(N) * 100),
            "key": 9,
            "mode": 0,
            "cluster": rng.integers(1, 4, N),
            "silhouette": rng.random(N),
            "is_outlier": rng.random(N) < 0.05,
        }
    )
    table["acousticness"] = table.acousticness.clip(0, 1)
    table.loc[:20, "energy"] = None
    table.loc[10:40, "popularity"] = None
    return table


def as_frame(spark, table):
    types = {column.name: column.type for column in schema.LABELED_TRACKS.columns}
    ddl = ", ".join(f"{name} {types[name]}" for name in table.columns)
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return spark.createDataFrame([{k: _plain(v) for k, v in row.items()} for row in rows], ddl)


def as_batch(table):
    """Return the numbers of the tracks as the Arrow batch that ``sums.batch_sums`` reads."""
    columns = [pa.array(table[name].astype(float), pa.float64(), from_pandas=True) for name in sums.NUMBERS]
    return pa.RecordBatch.from_arrays(columns, names=list(sums.NUMBERS))


def _plain(value):
    return value.item() if hasattr(value, "item") else value


def card(table):
    """Return a card that scales three features to [0, 1] and imputes missing energy."""
    filled = table[CLUSTERED].astype(float).fillna({"energy": 0.5})
    low, high = filled.min(), filled.max()
    points = ((filled - low) / (high - low)).to_numpy()
    centres = [points[table.cluster == c].mean(axis=0).tolist() for c in (1, 2, 3)]
    groups = [table[table.cluster == c] for c in (1, 2, 3)]
    profiles = [
        {
            "cluster": c,
            "cluster_name": f"Cluster {c}",
            "cluster_description": f"kind {c}",
            "silhouette": 0.3,
            "top_genres": [{"genre": "rock", "share": 0.5, "lift": 1.2}],
            "exemplars": [{**group.iloc[0][["track_id", "title", "artist"]], "distance": 0.1}],
            **{f"{name}_mean": _mean(group[name]) for name in schema.FEATURE_NAMES},
        }
        for c, group in zip((1, 2, 3), groups, strict=True)
    ]
    empty = dict.fromkeys(ModelCard.__dataclass_fields__)
    return ModelCard(
        **empty
        | {
            "model_version": "m1",
            "features": CLUSTERED,
            "imputed": {"energy": 0.5},
            "log": [],
            "scaler": {"name": "minmax", "minimum": low.tolist(), "maximum": high.tolist()},
            "weights": {},
            "log_offsets": {},
            "centres_scaled": centres,
            "sizes": [len(group) for group in groups],
            "profiles": profiles,
        }
    )


def _mean(column):
    values = column.astype(float).dropna()
    return None if values.empty else float(values.mean())
