"""Compare the tables and models of two outputs, apart from times and paths."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from deltalake import DeltaTable

from segue import schema

_IGNORED = ("ingested_at", "decided_at", "modified_at", "uri", "tracks_version")
_SCORES = ("silhouette", "inertia", "davies_bouldin", "calinski_harabasz", "genre_nmi", "genre_ari", "genre_purity")
COMPARED = tuple(table for table in schema.TABLES if table is not schema.RUNS)
WRITTEN_BY_INGEST = (schema.TRACKS, schema.REJECTED_TRACKS, schema.LAYOUT_DECISIONS, schema.INGESTED_FILES)


def comparable_rows(root: Path, table: schema.Table) -> pd.DataFrame:
    """Return the rows of a table sorted by its key, without the columns in ``_IGNORED``."""
    rows = DeltaTable(str(root / table.name)).to_pandas()
    columns = [name for name in rows if name not in _IGNORED]
    key = [name for name in table.key if name in columns] or ["source_file"]
    return rows[columns].sort_values(key).reset_index(drop=True)


def differences(one: Path, other: Path, tables: Sequence[schema.Table] = COMPARED) -> list[str]:
    """Return the tables and columns in which two outputs differ. Scores may differ by 1e-9.

    With all tables, models are compared too, and the result has the word "centres" if theirs differ.
    """
    listed = []
    for table in tables:
        exists = [(root / table.name).is_dir() for root in (one, other)]
        if not any(exists):
            continue
        if not all(exists):
            listed.append(f"{table.name} exists in one output only")
            continue
        a, b = comparable_rows(one, table), comparable_rows(other, table)
        if len(a) != len(b):
            listed.append(f"{table.name}: {len(a)} and {len(b)} rows")
            continue
        listed += [f"{table.name}.{name}" for name in a if not _is_equal(a[name], b[name], name)]
    return listed if tables is not COMPARED or _centres(one) == _centres(other) else [*listed, "centres"]


def _centres(root: Path) -> dict[str, object]:
    """Return the centres of all models, by version."""
    return {path.parent.name: json.loads(path.read_text())["centres"] for path in root.glob("models/*/model.json")}


def _is_equal(a: pd.Series, b: pd.Series, name: str) -> bool:
    if name in _SCORES or name.endswith(("_mean", "_sd")):
        return bool(np.allclose(a.astype(float), b.astype(float), rtol=1e-9, atol=1e-9, equal_nan=True))
    return [_as_json(value) for value in a] == [_as_json(value) for value in b]


def _as_json(value: object) -> str:
    return json.dumps(value, default=lambda other: other.tolist() if hasattr(other, "tolist") else str(other))
