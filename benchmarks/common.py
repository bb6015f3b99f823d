"""Provide functions for all benchmarks: start a session, read catalogues, scale points, compute inertia, write JSON."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from deltalake import DeltaTable
from numpy.typing import NDArray
from pyspark.ml import Pipeline
from pyspark.ml.feature import MinMaxScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

import segue
from segue.runtime import session
from segue.settings import parse_ks
from segue.synthetic import synthetic_tracks

Matrix = NDArray[np.float64]

PROJECT = Path(__file__).resolve().parents[1]
BUILD = PROJECT / "build" / "bench"
DATA = PROJECT.parent / "shared" / "data"
"""Folder of the published datasets that benchmarks read, such as ``spotify_2000.csv``. It lies beside the project."""
FEATURES = (
    "bpm", "loudness", "liveness", "valence", "acousticness", "speechiness",
    "energy", "danceability", "instrumentalness", "duration_s",
)  # fmt: skip
"""Features for clustering: ``--features N`` uses the first N. The first six are segue's default."""
CHUNK_ROWS = 10_000
"""Number of rows to compute distances for at a time, to bound the memory."""
LIBRARIES = ("segue", "pyspark", "delta-spark", "scikit-learn", "numpy", "pyarrow")


class JsonLines:
    """Writes one line of JSON per result to standard output, and to a file if one is given."""

    def __init__(self, out: Path | None = None) -> None:
        self._out = out
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text("", "utf-8")

    def write(self, **result: Any) -> None:
        """Write one result at once, so that an interrupted benchmark does not lose the results before."""
        line = json.dumps(result, ensure_ascii=False)
        print(line, flush=True)
        if self._out:
            with self._out.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")


def progress(text: str) -> None:
    """Print a line with the time of day to standard error."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of all benchmarks: ``--out`` and ``--driver-memory``."""
    parser = argparse.ArgumentParser(
        description=description, allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the lines of JSON to this file")
    parser.add_argument("--driver-memory", default="4g", help="memory of each JVM that the benchmark starts")
    return parser


def ks(text: str) -> tuple[int, ...]:
    """Parse numbers of clusters: ``"2-4,8" -> (2, 3, 4, 8)``. The syntax is that of the setting ``clustering.ks``."""
    try:
        return parse_ks(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}, {error}") from None


def machine_info() -> dict[str, Any]:
    """Return cores, memory, load and library versions. Warns of a high load, so call it before any work."""
    n_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    if load > cores / 2:
        # under load, scikit-learn once took twenty times as long, as its threads wait for each other
        progress(f"warning: the load is {load:.1f} on {cores} cores before the benchmark: its times are not comparable")
    return {
        "cores": cores,
        "memory_gb": round(n_bytes / 2**30, 1),
        "load_before": round(load, 2),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    }


def start_session(name: str, memory: str) -> SparkSession:
    """Start a Spark session with the project's Java and ``conf/``. ``memory`` is the driver's, such as "4g".

    The environment variables JAVA_HOME, SPARK_CONF_DIR and PYSPARK_SUBMIT_ARGS take precedence over the project's Java,
    ``conf/`` and ``memory``. Raises SystemExit if ``segue`` is imported from another checkout.
    """
    if not Path(segue.__file__).is_relative_to(PROJECT):
        # .venv may contain an editable install of another checkout, which would then be measured
        raise SystemExit(
            f"segue is imported from {Path(segue.__file__).parent}, expected {PROJECT / 'lib'}: set PYTHONPATH"
        )
    os.environ.setdefault("SPARK_CONF_DIR", str(PROJECT / "conf"))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # conf/ disables the native BLAS; for a fair comparison pyspark.ml is measured with it, if the system has one
    java_options = "-Ddev.ludovic.netlib.blas.allowNative=true"
    os.environ.setdefault(
        "PYSPARK_SUBMIT_ARGS", f"--driver-memory {memory} --driver-java-options {java_options} pyspark-shell"
    )
    if "JAVA_HOME" not in os.environ:
        java = subprocess.run([PROJECT / "tools" / "java.sh"], capture_output=True, text=True, check=True)
        os.environ["JAVA_HOME"] = java.stdout.strip()
    return session.spark_session(f"benchmark {name}")


def submit_command(*args: str | Path | int) -> list[str]:
    """Return a command line: ``spark-submit.sh`` with the arguments ``args``."""
    return [str(PROJECT / "spark-submit.sh"), *map(str, args)]


def last_run_counts(root: Path, job: str) -> dict[str, Any]:
    """Return the counts of a job's newest run, from the table ``runs``: ``{"label": {…}, "seconds": 9.5}``."""
    runs = DeltaTable(str(root / "runs")).to_pandas()
    newest = runs[runs.job == job].sort_values("started_at").iloc[-1]
    counts: dict[str, Any] = json.loads(newest.counts)
    return counts


def folder_bytes(folder: Path) -> int:
    """Return the total size of all files below a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def synthetic_catalogue(spark: SparkSession, n_tracks: int, seed: int = 0) -> DataFrame:
    """Read a synthetic catalogue from Parquet below ``build/``; the first call writes it."""
    folder = BUILD / f"tracks-{n_tracks}-{seed}.parquet"
    if not (folder / "_SUCCESS").exists():
        progress(f"writing {n_tracks:,} synthetic tracks to {folder}")
        tracks = synthetic_tracks(spark, n_tracks, seed=seed).select("track_id", "genre", *FEATURES)
        tracks.write.mode("overwrite").parquet(str(folder))
    return spark.read.parquet(str(folder))


def published_catalogue(spark: SparkSession, path: Path) -> DataFrame:
    """Read a CSV file with the Spotify API's column names; return ``track_id``, ``genre`` and the features it has.

    Only the first row of each ``track_id`` is used. Rows that lack one of the first six ``FEATURES`` are dropped.
    """
    rows = pd.read_csv(path).rename(columns={"tempo": "bpm", "playlist_genre": "genre", "track_genre": "genre"})
    rows = rows.drop_duplicates("track_id").dropna(subset=list(FEATURES[:6]))
    features = [name for name in FEATURES if name in rows.columns]
    rows[features] = rows[features].astype(float)
    return spark.createDataFrame(rows[["track_id", "genre", *features]])


def scaled_points(tracks: DataFrame, features: Iterable[str]) -> DataFrame:
    """Return ``track_id``, ``genre`` and ``point`` (features scaled to [0, 1]), cached. Runs two Spark jobs."""
    names = list(features)
    stages = [VectorAssembler(inputCols=names, outputCol="raw"), MinMaxScaler(inputCol="raw", outputCol="point")]
    scaled = Pipeline(stages=stages).fit(tracks).transform(tracks).select("track_id", "genre", "point")
    cached = scaled.persist(StorageLevel.MEMORY_AND_DISK)
    progress(f"cached {cached.count():,} points of {len(names)} features")
    return cached


def collect_matrix(points: DataFrame) -> Matrix:
    """Collect all points, shape (n_points, n_features). Runs one Spark job."""
    column = points.select(vector_to_array(F.col("point")).alias("point")).toArrow().column("point").combine_chunks()
    flat: Matrix = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)


def nearest_centres(rows: Matrix, centres: Matrix, chunk_rows: int = CHUNK_ROWS) -> NDArray[np.intp]:
    """Return the index of every row's nearest centre, shape (n_rows,). O(n k d)."""
    starts = range(0, len(rows), chunk_rows)
    half = (centres**2).sum(axis=1) / 2
    return np.concatenate([(half - rows[i : i + chunk_rows] @ centres.T).argmin(axis=1) for i in starts])


def inertia(rows: Matrix, centres: Matrix, chunk_rows: int = CHUNK_ROWS) -> float:
    """Return the sum of squared distances of all rows to their nearest centres. O(n k d)."""
    return float(((rows - centres[nearest_centres(rows, centres, chunk_rows)]) ** 2).sum())
