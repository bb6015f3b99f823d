"""Time segue's grid of k against pyspark.ml's loop and scikit-learn: the same points, machine and run.

Every engine's centres are judged by one exact inertia over all rows. Scaling, caching, collecting for scikit-learn and
that inertia are not timed.
"""

import argparse
import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import common
import engines
import numpy as np
import planted
from common import Lines, Matrix, progress
from engines import BLOCK, DEFAULT, SEGUE, SKLEARN, Found, Task
from pyspark.sql import DataFrame, SparkSession


def options(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("--tracks", type=int, default=1_000_000, help="size of the synthetic catalogue")
    parser.add_argument("--features", type=int, default=6, help="how many, of 10")
    parser.add_argument("--file", type=Path, help="a published file instead, also one of ../shared/data")
    parser.add_argument("--planted", type=float, metavar="SHARE", help="put so many of the tracks far from the rest")
    parser.add_argument("--ks", type=common.ks, default="2-20")
    parser.add_argument("--restarts", type=int, default=10, help="of segue and scikit-learn; pyspark.ml has one start")
    parser.add_argument("--seeds", type=int, default=5, help="from 0")
    parser.add_argument("--peer-seeds", type=int, help="of the block loop and scikit-learn, else as many as --seeds")
    parser.add_argument("--default-seeds", type=int, default=1, help="of the slow loop with KMeans()'s own solver")
    parser.add_argument("--peers", help=f"of {BLOCK}, {DEFAULT}, {SKLEARN}; else all, for quality scikit-learn alone")
    chosen = parser.parse_args(words)
    quality = chosen.file or chosen.planted
    known = [BLOCK, DEFAULT, SKLEARN]
    named = [name.strip() for name in chosen.peers.split(",")] if chosen.peers else None
    if strangers := [name for name in named or [] if name not in known]:
        parser.error(f"--peers names {', '.join(strangers)}, wanted some of {', '.join(known)}")
    chosen.peers = named if named is not None else [SKLEARN] if quality else known
    if chosen.file and not chosen.file.exists():
        chosen.file = common.DATA / chosen.file
    return chosen


def tracks_of(spark: SparkSession, chosen: argparse.Namespace, features: Sequence[str]) -> DataFrame:
    """Return the catalogue that the options ask for."""
    if chosen.file:
        return common.published(spark, chosen.file)
    tracks = common.synthetic(spark, chosen.tracks)
    return planted.with_planted(tracks, chosen.planted, features) if chosen.planted else tracks


class Board:
    """What every engine achieved: told line by line, summed up at the end."""

    def __init__(self, lines: Lines, rows: Matrix) -> None:
        self._lines = lines
        self._rows = rows
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.score_seconds: dict[str, list[float]] = defaultdict(list)
        self.inertias: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.silhouettes: dict[int, list[float]] = defaultdict(list)

    def enter(self, engine: str, seed: int, found: list[Found], seconds: float) -> None:
        """Tell every k, and then the whole grid."""
        for one in found:
            inertia = common.inertia(self._rows, one.centres)
            self.inertias[engine][one.k].append(inertia)
            if engine == SEGUE and one.silhouette is not None:
                self.silhouettes[one.k].append(one.silhouette)
            self._lines.tell(
                engine=engine, seed=seed, k=one.k, inertia=inertia, silhouette=one.silhouette,
                iterations=int(one.iterations), seconds=one.seconds and round(one.seconds, 3),
            )  # fmt: skip
        self.seconds[engine].append(seconds)
        self.score_seconds[engine].append(sum(one.score_seconds or 0.0 for one in found))
        self._lines.tell(engine=engine, seed=seed, k=None, seconds=round(seconds, 3))

    def sum_up(self, peer: str, restarts: int, about: dict[str, object]) -> None:
        """Tell how segue compares with a peer."""
        ours, theirs = median(self.seconds[SEGUE]), median(self.seconds[peer])
        # a k that one of the two left out does not compare
        shared = sorted(self.inertias[SEGUE].keys() & self.inertias[peer].keys())
        ratios = {k: median(self.inertias[SEGUE][k]) / median(self.inertias[peer][k]) for k in shared}
        worst = max(ratios, key=lambda k: ratios[k])
        scores = median(self.score_seconds[peer])
        equal = ((theirs - scores) * restarts + scores) / ours if peer in (BLOCK, DEFAULT) else theirs / ours
        self._lines.tell(
            summary="grid", peer=peer, segue_seconds=round(ours, 2), peer_seconds=round(theirs, 2),
            times_faster=round(theirs / ours, 2),
            # pyspark.ml was run with one start: so many fits would take as many times as long
            times_faster_at_equal_restarts=round(equal, 1),
            inertia_ratio_median=round(float(np.median(list(ratios.values()))), 6),
            inertia_ratio_worst=round(ratios[worst], 6), worst_k=worst,
            seeds=len(self.seconds[SEGUE]), peer_seeds=len(self.seconds[peer]), **about,
        )  # fmt: skip


def work(spark: SparkSession, chosen: argparse.Namespace) -> None:
    """Run every engine with every seed in turn, and compare."""
    lines, about = Lines(chosen.out), common.machine()
    features = common.FEATURES[: chosen.features]
    points = common.points(tracks_of(spark, chosen, features), features)
    rows = common.matrix(points)
    task = Task(points, rows, chosen.ks, chosen.restarts)
    engines.warm(task, (SEGUE, *chosen.peers))
    board = Board(lines, rows)
    judge = planted.Judge(lines, points, rows) if chosen.planted else None
    peer_seeds = chosen.seeds if chosen.peer_seeds is None else chosen.peer_seeds
    limits = {SEGUE: chosen.seeds, BLOCK: peer_seeds, SKLEARN: peer_seeds, DEFAULT: chosen.default_seeds}
    # seed by seed, engine after engine: whatever else slows the machine for a while slows all of them
    for seed in range(max(limits.values())):
        for engine in [name for name in (SEGUE, *chosen.peers) if seed < limits[name]]:
            found, seconds = engines.run(engine, task, seed)
            board.enter(engine, seed, found, seconds)
            if judge:
                judge.enter(engine, seed, found)
    about |= {"tracks": len(rows), "features": len(features), "restarts": chosen.restarts}
    about["source"] = chosen.file.name if chosen.file else "synthetic"
    for peer in [name for name in chosen.peers if board.seconds[name]]:
        board.sum_up(peer, chosen.restarts, about)
    if judge:
        judge.sum_up(board.inertias, board.silhouettes, chosen.restarts)
    points.unpersist()


def main() -> None:
    """Run from the command line."""
    chosen = options()
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("segue").setLevel(logging.INFO)
    spark = common.started("grid", chosen.driver_memory)
    work(spark, chosen)
    spark.stop()
    progress("done")


if __name__ == "__main__":
    main()
