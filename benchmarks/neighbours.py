"""All tracks' ten nearest others: by tree and by cells, against scikit-learn and Spark's own nearestByJoin.

    make bench BENCH=neighbours ARGS="--tracks 100000 1000000"

One JSON line for each way, and one of ratios for each size. The tracks are synthetic, in nine standardised features.
``search_seconds`` begins with tracks on disk (Parquet) and ends when every list is computed; learning the scaling
is in ``scaling_seconds``. scikit-learn's kd_tree gets the finished coordinates in the order of the file and all cores,
and builds its tree in its own time; where the catalogue is large it is asked for a sample, and its time is scaled up.
nearestByJoin compares every pair, so it gets few queries; its figure is pairs per second. Everybody is asked for a few
lists first, so that no one pays for a cold JVM; then each is timed ``--repeats`` times, and medians are compared.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import common
import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.neighbors import NearestNeighbors

from segue import synthetic
from segue.runtime import session
from segue.settings.loading import load
from segue.similarity import arrays
from segue.similarity.coordinates import Scaling, SimilarityOptions, fit_scaling
from segue.similarity.neighbours import similar_lists
from segue.similarity.partitioned import TRACKS_PER_CELL
from segue.similarity.rules import Rules

FEATURES = load().recommend.features
_WARM = 3000
WAYS = {
    "tree": ("tree", {"rules": Rules(per_artist=0), "other_releases": True}),
    "cells": ("cells", {"rules": Rules(per_artist=0), "other_releases": True}),
    "tree, default rules": ("tree", {}),
    "cells, default rules": ("cells", {}),
}


def main() -> None:
    """Time every way on every size."""
    options = _options()
    about = common.machine()
    spark = common.started("neighbours", options.driver_memory)
    with tempfile.TemporaryDirectory() as folder:
        for n_tracks in options.tracks:
            if n_tracks == options.tracks[0]:
                # read as the others are: the first read of a kind pays for the code that is made for it
                _warm(_stored(spark, _WARM, f"{folder}/warm"), options)
            tracks = _stored(spark, n_tracks, f"{folder}/{n_tracks}")
            run(tracks, n_tracks, options)
    print(json.dumps({"benchmark": "neighbours", **about}), flush=True)
    session.stop()


def _warm(tracks: DataFrame, options: argparse.Namespace) -> None:
    scaling = fit_scaling(tracks, SimilarityOptions(FEATURES))
    for way in options.ways:
        method, rules = WAYS[way]
        # several cells, so that what they ask each other is warm too
        _timed(tracks, scaling, SimilarityOptions(FEATURES, method=method, **rules), tracks_per_cell=_WARM // 4)
    if options.join_queries:
        points = scaling.points(arrays.column_matrix(tracks.select(*FEATURES).toArrow().columns))
        _nearest_by_join(tracks, scaling, points, 10)


def run(tracks: DataFrame, n_tracks: int, options: argparse.Namespace) -> None:
    """Time every way on one catalogue, and print the ratios."""
    started = time.monotonic()
    scaling = fit_scaling(tracks, SimilarityOptions(FEATURES))
    scaled_in = time.monotonic() - started
    seconds = {}
    for way in options.ways:
        method, rules = WAYS[way]
        with Memory() as memory:
            took = [
                _timed(tracks, scaling, SimilarityOptions(FEATURES, method=method, **rules))
                for _ in range(options.repeats)
            ]
        seconds[way] = median(took)
        tell(
            n_tracks,
            way,
            search_seconds=seconds[way],
            fastest=min(took),
            slowest=max(took),
            scaling_seconds=scaled_in,
            largest_worker_mb=memory.worker_mb,
            all_mb=memory.all_mb,
        )
    ratios = {}
    values = arrays.column_matrix(tracks.select(*FEATURES).toArrow().columns)
    points = scaling.points(values)
    if options.sklearn_queries:
        queries = min(n_tracks, options.sklearn_queries)
        took = [_sklearn(points, queries) for _ in range(options.repeats)]
        peer = median(took)
        told = {"search_seconds": peer, "fastest": min(took), "slowest": max(took)}
        tell(n_tracks, "scikit-learn kd_tree", queries=queries, **told)
        ratios = {f"scikit-learn / {way}": peer / own for way, own in seconds.items()}
    if options.join_queries:
        rates = [_nearest_by_join(tracks, scaling, points, options.join_queries) for _ in range(options.repeats)]
        rate = median(rates)
        told = {"pairs_per_second": rate, "fastest": max(rates), "slowest": min(rates)}
        tell(n_tracks, "nearestByJoin", queries=options.join_queries, **told)
        ratios |= {f"{way} / nearestByJoin, pairs per second": n_tracks**2 / own / rate for way, own in seconds.items()}
    for plain, ruled in (("tree", "cells"), ("tree, default rules", "cells, default rules")):
        if {plain, ruled} <= seconds.keys():
            ratios[f"{ruled} / {plain}"] = seconds[ruled] / seconds[plain]
    tell(n_tracks, "ratios", **ratios)


def tell(n_tracks: int, way: str, **figures: float) -> None:
    """Print one JSON line."""
    rounded = {name: float(f"{value:.4g}") for name, value in figures.items()}
    print(json.dumps({"benchmark": "neighbours", "tracks": n_tracks, "way": way, **rounded}), flush=True)


class Memory:
    """The most memory that this run's processes were seen to hold, looked at twice a second."""

    def __enter__(self) -> "Memory":
        self.worker_mb = self.all_mb = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.5):
            found = _own_processes()
            self.all_mb = max(self.all_mb, sum(found.values()))
            self.worker_mb = max([self.worker_mb, *(mb for (name, _), mb in found.items() if name == "worker")])


def _own_processes() -> dict[tuple[str, int], float]:
    """Return the resident megabytes of the driver, its JVM and the Python workers below it."""
    parents, sizes, names = {}, {}, {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            status = dict(line.split(":\t", 1) for line in (path / "status").read_text().splitlines() if ":\t" in line)
            words = (path / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        pid = int(path.name)
        parents[pid], sizes[pid] = int(status["PPid"]), int(status.get("VmRSS", "0 kB").split()[0]) / 1024
        names[pid] = "worker" if b"pyspark.daemon" in words else "other"
    # under spark-submit the driver is the child of its JVM, else the JVM is a child of the driver
    root = os.getppid() if b"java" in Path(f"/proc/{os.getppid()}/cmdline").read_bytes() else os.getpid()

    def is_own(pid: int) -> bool:
        while pid not in (0, root):
            pid = parents.get(pid, 0)
        return pid == root

    return {(names[pid], pid): mb for pid, mb in sizes.items() if is_own(pid)}


def _stored(spark: SparkSession, n_tracks: int, path: str) -> DataFrame:
    tracks = synthetic.synthetic_tracks(spark, n_tracks, seed=1)
    labels = {"cluster": F.lit(1), "is_outlier": F.lit(False)}
    tracks.withColumns(labels).write.parquet(path)
    return spark.read.parquet(path)


def _timed(
    tracks: DataFrame, scaling: Scaling, options: SimilarityOptions, tracks_per_cell: int = TRACKS_PER_CELL
) -> float:
    started = time.monotonic()
    with similar_lists(tracks, scaling, options, tracks_per_cell=tracks_per_cell) as rows:
        rows.write.format("noop").mode("overwrite").save()
    return time.monotonic() - started


def _sklearn(points: np.ndarray, n_queries: int) -> float:
    """Return the seconds for all tracks, estimated from ``n_queries`` in the order of the file."""
    started = time.monotonic()
    found = NearestNeighbors(n_neighbors=11, algorithm="kd_tree", n_jobs=-1).fit(points)
    built = time.monotonic() - started
    asked = np.sort(np.random.default_rng(0).choice(len(points), n_queries, replace=False))
    started = time.monotonic()
    found.kneighbors(points[asked])
    asking = time.monotonic() - started
    return built + asking * len(points) / n_queries


def _nearest_by_join(tracks: DataFrame, scaling: Scaling, points: np.ndarray, n_queries: int) -> float:
    """Return how many pairs a second Spark's own join compares."""
    names = [f"x{index}" for index in range(points.shape[1])]
    ends = zip(FEATURES, names, scaling.centre, scaling.width, strict=True)
    columns = [((F.col(name) - F.lit(float(c))) / F.lit(float(w))).alias(x) for name, x, c, w in ends]
    base = tracks.select("track_id", *columns)
    asked = base.limit(n_queries).select(F.col("track_id").alias("asked"), *(F.col(x).alias(f"q_{x}") for x in names))
    asked = asked.repartition(2).cache()
    asked.count()
    squares = [(F.col(x) - F.col(f"q_{x}")) * (F.col(x) - F.col(f"q_{x}")) for x in names]
    started = time.monotonic()
    joined = asked.nearestByJoin(base, F.sqrt(sum(squares[1:], squares[0])), 11, "exact", "distance")
    joined.write.format("noop").mode("overwrite").save()
    return n_queries * len(points) / (time.monotonic() - started)


def _options() -> argparse.Namespace:
    parser = common.parser(__doc__)
    parser.set_defaults(driver_memory="8g")
    parser.add_argument("--tracks", type=int, nargs="+", default=[100_000], metavar="N", help="sizes of catalogues")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), help="which of ours")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="of everything")
    parser.add_argument("--sklearn-queries", type=int, default=100_000, metavar="N", help="at most; 0: none")
    parser.add_argument("--join-queries", type=int, default=100, metavar="N", help="for nearestByJoin; 0: none")
    return parser.parse_args(sys.argv[1:])


if __name__ == "__main__":
    main()
