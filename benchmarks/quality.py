"""Compare segue's and scikit-learn's inertia on 2,000 published tracks with the best known inertia of each k.

For each seed, also prints the k with segue's best silhouette among all k of at least ``--min-k``.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median

import common
import engines
import pandas as pd
from common import DATA, JsonLines, Matrix, progress
from engines import SEGUE, SKLEARN, Task
from pyspark.sql import DataFrame, SparkSession


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = common.argument_parser(__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the published files")
    parser.add_argument("--ks", type=common.ks, default="2-15")
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds, from 0")
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--min-k", type=int, default=8, help="smallest k that the rule picks")
    return parser.parse_args(argv)


def read_tracks(spark: SparkSession, folder: Path, features: list[str]) -> DataFrame:
    """Read the 2,000 published tracks; the columns ``features`` are renamed to ``feature_0``, ``feature_1``, ….

    Spark would parse the dots and brackets in the file's own column names as expressions.
    """
    rows = pd.read_csv(folder / "spotify_2000.csv", encoding="utf-8-sig").rename(columns={"Top Genre": "genre"})
    rows["track_id"] = rows["Index"].astype(str)
    rows[features] = rows[features].astype(float)
    new_names = {name: f"feature_{i}" for i, name in enumerate(features)}
    return spark.createDataFrame(rows[["track_id", "genre", *features]].rename(columns=new_names))


def relative_gaps(rows: Matrix, fits: list[engines.Fit], best: dict[int, float]) -> dict[int, float]:
    """Return inertia / best known inertia - 1, by k. ``best`` has the best known inertia, by k."""
    return {fit.k: common.inertia(rows, fit.centres) / best[fit.k] - 1 for fit in fits}


def pick_k(fits: list[engines.Fit], min_k: int) -> int | None:
    """Return the k >= ``min_k`` with the largest silhouette, on a tie the smallest; None if there is no such k."""
    allowed = [fit for fit in fits if fit.k >= min_k]
    return max(allowed, key=lambda fit: (fit.silhouette, -fit.k)).k if allowed else None


def run(spark: SparkSession, args: argparse.Namespace, *, warm_up: Callable[..., None] = engines.warm_up) -> None:
    """Fit every k with segue and scikit-learn and with every seed; compare inertias with the best known ones."""
    lines, run_info = JsonLines(args.out), common.machine_info()
    reference = json.loads((args.data / "reference_spotify_2000.json").read_text("utf-8"))
    best = {row["k"]: row["inertia"] for row in reference["best_inertia_of_2000_starts"]}
    tracks = read_tracks(spark, args.data, reference["features"])
    points = common.scaled_points(tracks, [name for name in tracks.columns if name.startswith("feature_")])
    task = Task(points, common.collect_matrix(points), args.ks, args.restarts)
    warm_up(task, (SEGUE, SKLEARN))
    gaps: dict[str, list[float]] = defaultdict(list)
    timings: dict[str, list[float]] = defaultdict(list)
    picked_ks: list[int | None] = []
    for seed in range(args.seeds):
        for engine in (SEGUE, SKLEARN):
            fits, seconds = engines.run(engine, task, seed)
            gap = relative_gaps(task.rows, fits, best)
            gaps[engine] += gap.values()
            timings[engine].append(seconds)
            details: dict[str, object] = {"engine": engine, "seed": seed, "seconds": round(seconds, 3)}
            if engine == SEGUE:
                picked_ks.append(pick_k(fits, args.min_k))
                details["picked_k"] = picked_ks[-1]
            worst_k = max(gap, key=lambda k: gap[k])
            lines.write(**details, worst_k=worst_k, gaps={k: round(v, 7) for k, v in gap.items()})
    summarise(lines, gaps, timings, picked_ks, run_info | {"seeds": args.seeds, "restarts": args.restarts})
    points.unpersist()


def summarise(
    lines: JsonLines,
    gaps: dict[str, list[float]],
    timings: dict[str, list[float]],
    picked_ks: list[int | None],
    run_info: dict[str, object],
) -> None:
    """Write a line with the median and worst gap of each engine, and how often each k was picked.

    A gap is a result of ``relative_gaps``.
    """
    segue_seconds, peer_seconds = median(timings[SEGUE]), median(timings[SKLEARN])
    lines.write(
        summary="quality",
        median_gap_percent={engine: round(100 * median(values), 5) for engine, values in gaps.items()},
        worst_gap_percent={engine: round(100 * max(values), 5) for engine, values in gaps.items()},
        picked={str(k): picked_ks.count(k) for k in dict.fromkeys(picked_ks)},
        segue_seconds=round(segue_seconds, 3), peer=SKLEARN, peer_seconds=round(peer_seconds, 3),
        times_faster=round(peer_seconds / segue_seconds, 2), **run_info,
    )  # fmt: skip


def main() -> None:
    """Run the benchmark from the command line."""
    args = parse_args()
    if not (args.data / "spotify_2000.csv").exists():
        progress(f"no spotify_2000.csv in {args.data}: name another folder with --data")
        return
    spark = common.start_session("quality", args.driver_memory)
    run(spark, args)
    spark.stop()


if __name__ == "__main__":
    main()
