"""Time the search for ten neighbours of all tracks against scikit-learn and Spark's nearestByJoin.

    make bench BENCH=neighbours ARGS="--tracks 100000 1000000"

The tracks are synthetic. They are compared by nine features (the preset ``nine``), or by the preset ``era`` in the
method "tree, era". For each size, prints one JSON line per method and one of ratios; at the end, one on the machine.

* segue: ``search_seconds`` is the time from tracks on disk (Parquet) to the last list of neighbours.
  ``scaling_seconds`` is the time to fit the scaling.
* scikit-learn's kd_tree: it gets scaled coordinates and all cores. Its time includes building the tree. For a large
  catalogue only a sample of tracks is queried, and the time is extrapolated to all tracks.
* nearestByJoin: it compares all pairs of tracks. So it gets few queries, and is measured in pairs per second.

Medians of ``--repeats`` measurements are compared, after a warm-up of segue and nearestByJoin.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from statistics import median

import common
import numpy as np
import processes
from common import Matrix
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.neighbors import NearestNeighbors

from segue import synthetic
from segue.runtime import session
from segue.settings.likeness import PRESETS
from segue.similarity import arrays
from segue.similarity.neighbours import similar_lists
from segue.similarity.partitioned import TRACKS_PER_CELL
from segue.similarity.rules import Rules
from segue.similarity.scaling import Scaling, SimilarityOptions, fit_scaling

FEATURES = PRESETS["nine"].features
N_NEIGHBOURS = 10
WARM_UP_TRACKS = 3000
METHODS = {
    "tree": ("tree", {"rules": Rules(per_artist=0), "other_releases": True}),
    "cells": ("cells", {"rules": Rules(per_artist=0), "other_releases": True}),
    "tree, default rules": ("tree", {}),
    "cells, default rules": ("cells", {}),
    "tree, era": ("tree", {}),
    "tree, harmonic": ("tree", {"rules": Rules(harmonic=True)}),
    "cells, harmonic": ("cells", {"rules": Rules(harmonic=True)}),
}


def main() -> None:
    """Time every method on every size of catalogue."""
    args = parse_args()
    run_info = common.machine_info()
    spark = common.start_session("neighbours", args.driver_memory)
    with tempfile.TemporaryDirectory() as folder:
        # the warm-up also reads from disk: the first read of Parquet includes code generation
        warm_up(stored_tracks(spark, WARM_UP_TRACKS, f"{folder}/warm-up"), args)
        for n_tracks in args.tracks:
            run(stored_tracks(spark, n_tracks, f"{folder}/{n_tracks}"), n_tracks, args)
    print(json.dumps({"benchmark": "neighbours", **run_info}), flush=True)
    session.stop()


def options_of(name: str) -> SimilarityOptions:
    """Return the options of a method of segue. ``name`` is a key of ``METHODS``."""
    method, rules = METHODS[name]
    compared = PRESETS["era" if name.endswith("era") else "nine"]
    return SimilarityOptions(compared.features, method=method, log=compared.log, weights=compared.weights, **rules)


def warm_up(tracks: DataFrame, args: argparse.Namespace) -> None:
    """Run every selected method once. The method ``cells`` gets four cells, to include searches in other cells."""
    scaling = fit_scaling(tracks, SimilarityOptions(FEATURES))
    for name in args.ways:
        own_scaling = fit_scaling(tracks, options_of(name))
        time_search(tracks, own_scaling, options_of(name), tracks_per_cell=WARM_UP_TRACKS // 4)
    if args.join_queries:
        pairs_per_second(tracks, scaling, WARM_UP_TRACKS, 10)


def run(tracks: DataFrame, n_tracks: int, args: argparse.Namespace) -> None:
    """Time every method on one catalogue; print a line for each method, and a line of ratios."""
    scaling = fit_scaling(tracks, SimilarityOptions(FEATURES))
    seconds = {name: run_method(tracks, n_tracks, name, args) for name in args.ways}
    ratios = {}
    if args.sklearn_queries:
        points = scaling.points(arrays.column_matrix(tracks.select(*FEATURES).toArrow().columns))
        n_queries = min(n_tracks, args.sklearn_queries)
        timings = repeat(lambda: time_scikit_learn(points, n_queries), args.repeats)
        peer_seconds = median(timings)
        figures = {"search_seconds": peer_seconds, "fastest": min(timings), "slowest": max(timings)}
        print_line(n_tracks, "scikit-learn kd_tree", queries=n_queries, **figures)
        ratios |= {f"scikit-learn / {name}": peer_seconds / value for name, value in seconds.items()}
    if args.join_queries:
        rates = repeat(lambda: pairs_per_second(tracks, scaling, n_tracks, args.join_queries), args.repeats)
        rate = median(rates)
        figures = {"pairs_per_second": rate, "fastest": max(rates), "slowest": min(rates)}
        print_line(n_tracks, "nearestByJoin", queries=args.join_queries, **figures)
        ratios |= {
            f"{name} / nearestByJoin, pairs per second": n_tracks**2 / value / rate for name, value in seconds.items()
        }
    pairs = [("tree", "cells"), ("tree, default rules", "cells, default rules"), ("tree, default rules", "tree, era")]
    pairs += [(f"{method}, default rules", f"{method}, harmonic") for method in ("tree", "cells")]
    for first, second in pairs:
        if {first, second} <= seconds.keys():
            ratios[f"{second} / {first}"] = seconds[second] / seconds[first]
    print_line(n_tracks, "ratios", **ratios)


def run_method(tracks: DataFrame, n_tracks: int, name: str, args: argparse.Namespace) -> float:
    """Time one method of segue ``--repeats`` times, print a line, and return the median seconds."""
    started = time.monotonic()
    scaling = fit_scaling(tracks, options_of(name))
    scaling_seconds = time.monotonic() - started
    with PeakMemory() as memory:
        timings = repeat(lambda: time_search(tracks, scaling, options_of(name)), args.repeats)
    print_line(
        n_tracks, name, search_seconds=median(timings), fastest=min(timings), slowest=max(timings),
        scaling_seconds=scaling_seconds, largest_worker_mb=memory.worker_mb, all_mb=memory.all_mb,
    )  # fmt: skip
    return median(timings)


def repeat(call: Callable[[], float], times: int) -> list[float]:
    """Call a function several times; return the results."""
    return [call() for _ in range(times)]


def print_line(n_tracks: int, method: str, **figures: float) -> None:
    """Print the figures of a method as one JSON line, rounded to four significant digits."""
    rounded = {name: float(f"{value:.4g}") for name, value in figures.items()}
    print(json.dumps({"benchmark": "neighbours", "tracks": n_tracks, "way": method, **rounded}), flush=True)


class PeakMemory:
    """Context manager: measures peak resident memory twice a second, in megabytes.

    ``worker_mb`` is the peak of the largest Python worker, ``all_mb`` the peak of driver, JVM and workers together.
    """

    def __enter__(self) -> "PeakMemory":
        self.worker_mb = self.all_mb = 0.0
        # under spark-submit the driver is a child of its JVM; otherwise the JVM is a child of the driver
        parent = processes.read_memory(os.getppid())
        self._root = os.getppid() if parent and parent.kind == processes.JVM else os.getpid()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _measure(self) -> None:
        while not self._done.wait(0.5):
            memory = processes.tree_memory(self._root)
            workers = [process.resident for process in memory if process.kind == processes.WORKER]
            self.worker_mb = max([self.worker_mb, *(resident / processes.KB for resident in workers)])
            self.all_mb = max(self.all_mb, processes.resident_total(memory) / processes.KB)


def stored_tracks(spark: SparkSession, n_tracks: int, path: str) -> DataFrame:
    """Write synthetic tracks to Parquet, and read them. The 24 musical keys are equally frequent."""
    tracks = synthetic.synthetic_tracks(spark, n_tracks, seed=1)
    labels = {"cluster": F.lit(1), "is_outlier": F.lit(False)}
    key = F.pmod(F.xxhash64("track_id"), F.lit(24)).cast("int")
    tracks.withColumns(labels | {"key": key % 12, "mode": F.floor(key / 12).cast("int")}).write.parquet(path)
    return spark.read.parquet(path)


def time_search(
    tracks: DataFrame, scaling: Scaling, options: SimilarityOptions, tracks_per_cell: int = TRACKS_PER_CELL
) -> float:
    """Compute the lists of neighbours of all tracks; return the seconds."""
    started = time.monotonic()
    with similar_lists(tracks, scaling, options, tracks_per_cell=tracks_per_cell) as rows:
        rows.write.format("noop").mode("overwrite").save()
    return time.monotonic() - started


def time_scikit_learn(points: Matrix, n_queries: int) -> float:
    """Return scikit-learn's seconds to build a tree and query all points, extrapolated from ``n_queries`` points."""
    started = time.monotonic()
    tree = NearestNeighbors(n_neighbors=N_NEIGHBOURS + 1, algorithm="kd_tree", n_jobs=-1).fit(points)
    build_seconds = time.monotonic() - started
    queries = np.sort(np.random.default_rng(0).choice(len(points), n_queries, replace=False))
    started = time.monotonic()
    tree.kneighbors(points[queries])
    query_seconds = time.monotonic() - started
    return build_seconds + query_seconds * len(points) / n_queries


def pairs_per_second(tracks: DataFrame, scaling: Scaling, n_tracks: int, n_queries: int) -> float:
    """Run Spark's nearestByJoin for ``n_queries`` tracks; return the number of pairs compared per second."""
    names = [f"x{index}" for index in range(len(FEATURES))]
    ends = zip(FEATURES, names, scaling.centre, scaling.width, strict=True)
    columns = [((F.col(name) - F.lit(float(c))) / F.lit(float(w))).alias(x) for name, x, c, w in ends]
    base = tracks.select("track_id", *columns)
    query_columns = [F.col("track_id").alias("query_id"), *(F.col(x).alias(f"q_{x}") for x in names)]
    queries = base.limit(n_queries).select(*query_columns).repartition(2).cache()
    queries.count()
    squares = [(F.col(x) - F.col(f"q_{x}")) * (F.col(x) - F.col(f"q_{x}")) for x in names]
    started = time.monotonic()
    distance = F.sqrt(sum(squares[1:], squares[0]))
    joined = queries.nearestByJoin(base, distance, N_NEIGHBOURS + 1, "exact", "distance")
    joined.write.format("noop").mode("overwrite").save()
    seconds = time.monotonic() - started
    queries.unpersist()
    return n_queries * n_tracks / seconds


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = common.argument_parser(__doc__)
    parser.set_defaults(driver_memory="8g")
    parser.add_argument("--tracks", type=int, nargs="+", default=[100_000], metavar="N", help="sizes of catalogues")
    parser.add_argument("--ways", nargs="+", choices=list(METHODS), default=list(METHODS), help="segue's methods")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="of every measurement")
    parser.add_argument("--sklearn-queries", type=int, default=100_000, metavar="N", help="at most; 0: none")
    parser.add_argument("--join-queries", type=int, default=100, metavar="N", help="for nearestByJoin; 0: none")
    return parser.parse_args()


if __name__ == "__main__":
    main()
