"""Compare segue's fit of a grid of k with loops over k in pyspark.ml and scikit-learn, by seconds and inertia.

All engines get the same points, in one run on one machine. The inertia is computed exactly, over all rows. Not timed:
scaling, caching, collecting the points for scikit-learn, and computing the inertia.
"""

import argparse
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import common
import engines
import numpy as np
import planted
from common import JsonLines, Matrix, progress
from engines import BLOCK, DEFAULT, SEGUE, SKLEARN, Fit, Task
from pyspark.sql import DataFrame, SparkSession

PEERS = (BLOCK, DEFAULT, SKLEARN)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = common.argument_parser(__doc__)
    parser.add_argument("--tracks", type=int, default=1_000_000, help="size of the synthetic catalogue")
    parser.add_argument("--features", type=int, default=6, help="number of features, at most 10")
    parser.add_argument("--file", type=Path, help="read a published file: a path, or a name in ../shared/data")
    parser.add_argument("--planted", type=float, metavar="SHARE", help="add copies of this share, as a far cluster")
    parser.add_argument("--ks", type=common.ks, default="2-20")
    parser.add_argument("--restarts", type=int, default=10, help="of segue and scikit-learn; pyspark.ml has one start")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds of segue, from 0")
    parser.add_argument("--peer-seeds", type=int, help="of the block solver and scikit-learn (default: --seeds)")
    parser.add_argument("--default-seeds", type=int, default=1, help="of pyspark.ml's default solver, which is slow")
    parser.add_argument(
        "--peers", help=f"some of {', '.join(PEERS)} (default: all; with --file or --planted {SKLEARN})"
    )
    args = parser.parse_args(argv)
    names = [name.strip() for name in args.peers.split(",")] if args.peers else None
    if unknown := [name for name in names or [] if name not in PEERS]:
        parser.error(f"--peers names {', '.join(unknown)}, expected some of {', '.join(PEERS)}")
    default = [SKLEARN] if args.file or args.planted else list(PEERS)
    args.peers = default if names is None else names
    if args.file and not args.file.exists():
        args.file = common.DATA / args.file
    return args


def read_tracks(
    spark: SparkSession, args: argparse.Namespace, features: Sequence[str], catalogue: Callable[..., DataFrame]
) -> DataFrame:
    """Return the tracks selected by the options: a published file, or synthetic tracks.

    ``catalogue(spark, n_tracks)`` makes the synthetic tracks. ``--planted`` adds a far cluster to them.
    """
    if args.file:
        return common.published_catalogue(spark, args.file)
    tracks = catalogue(spark, args.tracks)
    return planted.with_planted(tracks, args.planted, features) if args.planted else tracks


class Results:
    """Collects seconds, inertias and silhouettes of all engines, and writes them as JSON lines."""

    def __init__(self, lines: JsonLines, rows: Matrix) -> None:
        self._lines = lines
        self._rows = rows
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.score_seconds: dict[str, list[float]] = defaultdict(list)
        self.inertias: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.silhouettes: dict[int, list[float]] = defaultdict(list)

    def add(self, engine: str, seed: int, fits: list[Fit], seconds: float) -> None:
        """Write a line for each of the engine's fits, then a line for the whole grid of k."""
        for fit in fits:
            inertia = common.inertia(self._rows, fit.centres)
            self.inertias[engine][fit.k].append(inertia)
            if engine == SEGUE and fit.silhouette is not None:
                self.silhouettes[fit.k].append(fit.silhouette)
            self._lines.write(
                engine=engine, seed=seed, k=fit.k, inertia=inertia, silhouette=fit.silhouette,
                iterations=int(fit.iterations), seconds=fit.seconds and round(fit.seconds, 3),
            )  # fmt: skip
        self.seconds[engine].append(seconds)
        self.score_seconds[engine].append(sum(fit.score_seconds or 0.0 for fit in fits))
        self._lines.write(engine=engine, seed=seed, k=None, seconds=round(seconds, 3))

    def summarise(self, peer: str, restarts: int, run_info: dict[str, object]) -> None:
        """Write a line that compares segue with another engine (``peer``), by medians of seconds and inertias."""
        segue_seconds, peer_seconds = median(self.seconds[SEGUE]), median(self.seconds[peer])
        # an engine leaves out a k that exceeds the number of distinct points
        shared_ks = sorted(self.inertias[SEGUE].keys() & self.inertias[peer].keys())
        ratios = {k: median(self.inertias[SEGUE][k]) / median(self.inertias[peer][k]) for k in shared_ks}
        worst_k = max(ratios, key=lambda k: ratios[k])
        equal_seconds = peer_seconds
        if peer in (BLOCK, DEFAULT):
            # pyspark.ml runs one start: its fits, but not its scores, would take ``restarts`` times as long
            score_seconds = median(self.score_seconds[peer])
            equal_seconds = (peer_seconds - score_seconds) * restarts + score_seconds
        self._lines.write(
            summary="grid", peer=peer, segue_seconds=round(segue_seconds, 2), peer_seconds=round(peer_seconds, 2),
            times_faster=round(peer_seconds / segue_seconds, 2),
            times_faster_at_equal_restarts=round(equal_seconds / segue_seconds, 1),
            inertia_ratio_median=round(float(np.median(list(ratios.values()))), 6),
            inertia_ratio_worst=round(ratios[worst_k], 6), worst_k=worst_k,
            seeds=len(self.seconds[SEGUE]), peer_seeds=len(self.seconds[peer]), **run_info,
        )  # fmt: skip


def run(
    spark: SparkSession,
    args: argparse.Namespace,
    *,
    catalogue: Callable[..., DataFrame] = common.synthetic_catalogue,
    warm_up: Callable[..., None] = engines.warm_up,
) -> None:
    """Run every engine with every seed; write all results, and a comparison of each engine with segue."""
    lines, run_info = JsonLines(args.out), common.machine_info()
    features = common.FEATURES[: args.features]
    points = common.scaled_points(read_tracks(spark, args, features, catalogue), features)
    rows = common.collect_matrix(points)
    task = Task(points, rows, args.ks, args.restarts)
    warm_up(task, (SEGUE, *args.peers))
    results = Results(lines, rows)
    planted_scores = planted.PlantedScores(lines, points, rows) if args.planted else None
    peer_seeds = args.seeds if args.peer_seeds is None else args.peer_seeds
    n_seeds = {SEGUE: args.seeds, BLOCK: peer_seeds, SKLEARN: peer_seeds, DEFAULT: args.default_seeds}
    # engines alternate within each seed, so that other load on the machine affects all of them alike
    for seed in range(max(n_seeds.values())):
        for engine in [name for name in (SEGUE, *args.peers) if seed < n_seeds[name]]:
            fits, seconds = engines.run(engine, task, seed)
            results.add(engine, seed, fits, seconds)
            if planted_scores:
                planted_scores.add(engine, seed, fits)
    run_info |= {"tracks": len(rows), "features": len(features), "restarts": args.restarts}
    run_info["source"] = args.file.name if args.file else "synthetic"
    for peer in [name for name in args.peers if results.seconds[name]]:
        results.summarise(peer, args.restarts, run_info)
    if planted_scores:
        planted_scores.summarise(results.inertias, results.silhouettes, args.restarts)
    points.unpersist()


def main() -> None:
    """Run the benchmark from the command line."""
    args = parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("segue").setLevel(logging.INFO)
    spark = common.start_session("grid", args.driver_memory)
    run(spark, args)
    spark.stop()
    progress("done")


if __name__ == "__main__":
    main()
