"""How near segue's grid comes to the best known clusters of the published 2,000 tracks, and which k its rule picks."""

import argparse
import json
from pathlib import Path
from statistics import median

import common
import engines
import pandas as pd
from common import DATA, Lines, Matrix, progress
from engines import SEGUE, SKLEARN, Task
from pyspark.sql import DataFrame, SparkSession


def options(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the published files")
    parser.add_argument("--ks", type=common.ks, default="2-15")
    parser.add_argument("--seeds", type=int, default=10, help="from 0")
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--fewest", type=int, default=8, help="the rule looks at no smaller k")
    return parser.parse_args(words)


def tracks_of(spark: SparkSession, folder: Path, features: list[str]) -> DataFrame:
    """Return the published tracks by their own columns."""
    rows = pd.read_csv(folder / "spotify_2000.csv", encoding="utf-8-sig").rename(columns={"Top Genre": "genre"})
    rows["track_id"] = rows["Index"].astype(str)
    rows[features] = rows[features].astype(float)
    # a dot or bracket in a column's name would be read as more than a name
    named = {name: f"feature_{i}" for i, name in enumerate(features)}
    return spark.createDataFrame(rows[["track_id", "genre", *features]].rename(columns=named))


def gaps(rows: Matrix, found: list[engines.Found], best: dict[int, float]) -> dict[int, float]:
    """Return by how much each k's inertia is above the best known, as a share."""
    return {one.k: common.inertia(rows, one.centres) / best[one.k] - 1 for one in found}


def work(spark: SparkSession, chosen: argparse.Namespace) -> None:
    """Fit with every seed, and compare with the reference and with scikit-learn."""
    lines, about = Lines(chosen.out), common.machine()
    reference = json.loads((chosen.data / "reference_spotify_2000.json").read_text("utf-8"))
    best = {row["k"]: row["inertia"] for row in reference["best_inertia_of_2000_starts"]}
    tracks = tracks_of(spark, chosen.data, reference["features"])
    points = common.points(tracks, [name for name in tracks.columns if name.startswith("feature_")])
    task = Task(points, common.matrix(points), chosen.ks, chosen.restarts)
    engines.warm(task, (SEGUE, SKLEARN))
    every: dict[str, list[float]] = {SEGUE: [], SKLEARN: []}
    times: dict[str, list[float]] = {SEGUE: [], SKLEARN: []}
    picked = []
    for seed in range(chosen.seeds):
        for engine in (SEGUE, SKLEARN):
            found, seconds = engines.run(engine, task, seed)
            gap = gaps(task.rows, found, best)
            every[engine] += gap.values()
            times[engine].append(seconds)
            told = {"engine": engine, "seed": seed, "seconds": round(seconds, 3)}
            if engine == SEGUE:
                many = [one for one in found if one.k >= chosen.fewest]
                told["picked_k"] = max(many, key=lambda one: (one.silhouette, -one.k)).k if many else None
                picked.append(told["picked_k"])
            lines.tell(**told, worst_k=max(gap, key=lambda k: gap[k]), gaps={k: round(v, 7) for k, v in gap.items()})
    sum_up(lines, every, times, picked, about | {"seeds": chosen.seeds, "restarts": chosen.restarts})
    points.unpersist()


def sum_up(
    lines: Lines,
    every: dict[str, list[float]],
    times: dict[str, list[float]],
    picked: list[object],
    about: dict[str, object],
) -> None:
    """Tell the median and the worst gap of each engine, and which k were picked how often."""
    ours, theirs = median(times[SEGUE]), median(times[SKLEARN])
    lines.tell(
        summary="quality",
        median_gap_percent={engine: round(100 * median(gap), 5) for engine, gap in every.items()},
        worst_gap_percent={engine: round(100 * max(gap), 5) for engine, gap in every.items()},
        picked={str(k): picked.count(k) for k in dict.fromkeys(picked)},
        segue_seconds=round(ours, 3), peer=SKLEARN, peer_seconds=round(theirs, 3), times_faster=round(theirs / ours, 2),
        **about,
    )  # fmt: skip


def main() -> None:
    """Run from the command line."""
    chosen = options()
    if not (chosen.data / "spotify_2000.csv").exists():
        progress(f"no spotify_2000.csv in {chosen.data}: nothing to compare with; --data names another folder")
        return
    spark = common.started("quality", chosen.driver_memory)
    work(spark, chosen)
    spark.stop()


if __name__ == "__main__":
    main()
