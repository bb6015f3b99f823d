"""Whether two outputs say the same, but for when and where they were made."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from deltalake import DeltaTable

from segue import schema

_TIMES = ("ingested_at", "modified_at", "uri", "tracks_version")
_SCORES = ("silhouette", "inertia", "davies_bouldin", "calinski_harabasz", "genre_nmi", "genre_ari", "genre_purity")
COMPARED = tuple(table for table in schema.TABLES if table is not schema.RUNS)


def rows(root: Path, table: schema.Table) -> pd.DataFrame:
    """Return a table in the order of its key, without what differs from run to run."""
    found = DeltaTable(str(root / table.name)).to_pandas()
    kept = [name for name in found if name not in _TIMES]
    keys = [name for name in table.key if name in kept] or ["source_file"]
    return found[kept].sort_values(keys).reset_index(drop=True)


def differences(one: Path, other: Path) -> list[str]:
    """Return the tables, columns and files in which two outputs differ; scores may do by 1e-9."""
    found = []
    for table in COMPARED:
        there = [(root / table.name).is_dir() for root in (one, other)]
        if there == [False, False]:
            continue
        if there != [True, True]:
            found.append(f"{table.name} is in one alone")
            continue
        a, b = rows(one, table), rows(other, table)
        if len(a) != len(b):
            found.append(f"{table.name}: {len(a)} and {len(b)} rows")
            continue
        found += [f"{table.name}.{name}" for name in a if not _is_same(a[name], b[name], name)]
    centres = [
        {p.parent.name: json.loads(p.read_text())["centres"] for p in r.glob("models/*/model.json")}
        for r in (one, other)
    ]
    return found if centres[0] == centres[1] else [*found, "centres"]


def _is_same(a: pd.Series, b: pd.Series, name: str) -> bool:
    if name in _SCORES or name.endswith(("_mean", "_sd")):
        return bool(np.allclose(a.astype(float), b.astype(float), rtol=1e-9, atol=1e-9, equal_nan=True))
    return [_plain(value) for value in a] == [_plain(value) for value in b]


def _plain(value: object) -> str:
    return json.dumps(value, default=lambda other: other.tolist() if hasattr(other, "tolist") else str(other))
