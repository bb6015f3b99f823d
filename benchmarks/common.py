"""What the benchmarks share: the session, catalogues as points, exact inertia, and lines of JSON."""

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
"""Where published files are expected, beside the project; they are never part of it."""
FEATURES = (
    "bpm", "loudness", "liveness", "valence", "acousticness", "speechiness",
    "energy", "danceability", "instrumentalness", "duration_s",
)  # fmt: skip
"""In the order in which ``--features N`` takes them: the first six are the default recipe's."""
ROWS_AT_ONCE = 10_000
LIBRARIES = ("segue", "pyspark", "delta-spark", "scikit-learn", "numpy", "pyarrow")


class Lines:
    """One line of JSON per result on standard output, and in a file where one is named."""

    def __init__(self, out: Path | None = None) -> None:
        self._out = out
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text("", "utf-8")

    def tell(self, **result: Any) -> None:
        """Write one result at once: a long run that is cut short leaves what it had found."""
        line = json.dumps(result, ensure_ascii=False)
        print(line, flush=True)
        if self._out:
            with self._out.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")


def progress(text: str) -> None:
    """Say on standard error what goes on."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def parser(about: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    made = argparse.ArgumentParser(
        description=about, allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    made.add_argument("--out", type=Path, metavar="FILE", help="write the lines of JSON here too")
    made.add_argument("--driver-memory", default="4g", help="of the JVM that the benchmark starts")
    return made


def ks(text: str) -> tuple[int, ...]:
    """Read numbers of clusters as the settings do, such as ``2-20``."""
    try:
        return parse_ks(text)
    except ValueError as wanted:
        raise argparse.ArgumentTypeError(f"{text!r}, {wanted}") from None


def machine() -> dict[str, Any]:
    """Return what a figure depends on beside the code: cores, memory, versions, other work. Call it first."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    if load > cores / 2:
        # worst for scikit-learn, whose threads wait for each other: seen to take twenty times as long
        progress(f"warning: a load of {load:.1f} on {cores} cores before anything has begun, so no speed here counts")
    return {
        "cores": cores,
        "memory_gb": round(pages / 2**30, 1),
        "load_before": round(load, 2),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    }


def started(name: str, memory: str) -> SparkSession:
    """Return a session as ./spark-submit.sh would give, with Java and settings found here where none are set."""
    if not Path(segue.__file__).is_relative_to(PROJECT):
        # an editable install may be another checkout's: its figures would pass for this one's
        raise SystemExit(f"segue comes from {Path(segue.__file__).parent}, wanted {PROJECT / 'lib'}: set PYTHONPATH")
    os.environ.setdefault("SPARK_CONF_DIR", str(PROJECT / "conf"))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_SUBMIT_ARGS", f"--driver-memory {memory} pyspark-shell")
    if "JAVA_HOME" not in os.environ:
        found = subprocess.run([PROJECT / "tools" / "java.sh"], capture_output=True, text=True, check=True)
        os.environ["JAVA_HOME"] = found.stdout.strip()
    return session.spark_session(f"benchmark {name}")


def submitted(*words: str | Path) -> list[str]:
    """Return the command that runs a script as users do."""
    return [str(PROJECT / "spark-submit.sh"), *map(str, words)]


def last_run(root: Path, job: str) -> dict[str, Any]:
    """Return the counts and seconds that the newest run of a job recorded of itself."""
    runs = DeltaTable(str(root / "runs")).to_pandas()
    newest = runs[runs.job == job].sort_values("started_at").iloc[-1]
    counts: dict[str, Any] = json.loads(newest.counts)
    return counts


def folder_bytes(folder: Path) -> int:
    """Return what all files below a folder take."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def synthetic(spark: SparkSession, n_tracks: int, seed: int = 0) -> DataFrame:
    """Return a synthetic catalogue from Parquet below build/, made there the first time."""
    folder = BUILD / f"tracks-{n_tracks}-{seed}.parquet"
    if not (folder / "_SUCCESS").exists():
        progress(f"making {n_tracks:,} synthetic tracks in {folder}")
        made = synthetic_tracks(spark, n_tracks, seed=seed).select("track_id", "genre", *FEATURES)
        made.write.mode("overwrite").parquet(str(folder))
    return spark.read.parquet(str(folder))


def published(spark: SparkSession, path: Path) -> DataFrame:
    """Return the first row of every track_id of a file that has the Spotify API's columns."""
    rows = pd.read_csv(path).rename(columns={"tempo": "bpm", "playlist_genre": "genre", "track_genre": "genre"})
    rows = rows.drop_duplicates("track_id").dropna(subset=list(FEATURES[:6]))
    features = [name for name in FEATURES if name in rows.columns]
    rows[features] = rows[features].astype(float)
    return spark.createDataFrame(rows[["track_id", "genre", *features]])


def points(tracks: DataFrame, features: Iterable[str]) -> DataFrame:
    """Return ``track_id``, ``genre`` and ``point``, the features scaled to [0, 1], in Spark's cache."""
    names = list(features)
    stages = [VectorAssembler(inputCols=names, outputCol="raw"), MinMaxScaler(inputCol="raw", outputCol="point")]
    scaled = Pipeline(stages=stages).fit(tracks).transform(tracks).select("track_id", "genre", "point")
    cached = scaled.persist(StorageLevel.MEMORY_AND_DISK)
    progress(f"{cached.count():,} points of {len(names)} features are cached")
    return cached


def matrix(points: DataFrame) -> Matrix:
    """Return all points on the driver, shape (n_points, n_features)."""
    column = points.select(vector_to_array(F.col("point")).alias("point")).toArrow().column("point").combine_chunks()
    flat: Matrix = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)


def nearest(rows: Matrix, centres: Matrix) -> NDArray[np.intp]:
    """Return the index of the nearest centre of every row."""
    pieces = range(0, len(rows), ROWS_AT_ONCE)
    half = (centres**2).sum(axis=1) / 2
    return np.concatenate([(half - rows[i : i + ROWS_AT_ONCE] @ centres.T).argmin(axis=1) for i in pieces])


def inertia(rows: Matrix, centres: Matrix) -> float:
    """Return the sum of squared distances to the nearest centre, the same way whichever engine found the centres."""
    return float(((rows - centres[nearest(rows, centres)]) ** 2).sum())
