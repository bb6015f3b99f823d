"""How seconds and memory of training and labeling grow with the number of tracks, on a small driver."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import common
import processes
from common import BUILD, PROJECT, Lines, progress
from processes import Timed, run

STAGES = ("train_clusters", "label_tracks", "render_report")
TABLES = ("tracks", "k_scores", "labeled_tracks", "cluster_profiles", "models")


def sizes(text: str) -> list[int]:
    """Read numbers of tracks, such as ``1000000,3000000``."""
    return sorted({int(part) for part in text.split(",")})


def options(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = common.parser(__doc__)
    parser.set_defaults(driver_memory="2g")
    parser.add_argument("--tracks", type=sizes, default="1000000,3000000,10000000", help="the first is compared with")
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value", help="a setting of the runs")
    parser.add_argument("--folder", type=Path, default=BUILD / "scale", help="where the tables are made")
    parser.add_argument("--keep", action="store_true", help="keep the tables, and use the catalogues again next time")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two looks at the processes")
    return parser.parse_args(words)


def catalogue(chosen: argparse.Namespace, n_tracks: int, timed: Timed) -> Path:
    """Return the root below which the table ``tracks`` stands, and nothing else."""
    root = chosen.folder / str(n_tracks)
    finished = root / ".made"
    if not finished.exists():
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        progress(f"making {n_tracks:,} tracks in {root}")
        words = ("--driver-memory", chosen.driver_memory, PROJECT / "benchmarks" / "make_tracks.py", root, n_tracks)
        timed(common.submitted(*map(str, words)), chosen.folder / "output.log", chosen.every)
        finished.touch()
    for folder in root.iterdir():
        if folder.is_dir() and folder.name != "tracks":
            shutil.rmtree(folder)
    return root


def measured(chosen: argparse.Namespace, stage: str, root: Path, timed: Timed) -> dict[str, Any]:
    """Run one stage and return what it cost."""
    settings = [word for setting in chosen.set for word in ("--set", setting)]
    words = ("--driver-memory", chosen.driver_memory, f"jobs/{stage}.py", "--output", str(root), *settings)
    seconds, peaks = timed(common.submitted(*words), chosen.folder / "output.log", chosen.every)
    counts = common.last_run(root, stage)
    return {"seconds": round(seconds, 2), "seconds_after_start": counts["seconds"], "peak_mb": peaks}


def grown(found: dict[str, Any], first: dict[str, Any], n_tracks: int, fewest: int) -> dict[str, float]:
    """Return how many times what the smallest catalogue took this one takes."""
    peaks, before = found["peak_mb"], first["peak_mb"]
    return {
        "tracks": round(n_tracks / fewest, 2),
        "seconds_after_start": round(found["seconds_after_start"] / first["seconds_after_start"], 2),
        **{f"peak {kind}": round(peaks[kind] / before[kind], 2) for kind in peaks if before.get(kind)},
    }


def work(chosen: argparse.Namespace, timed: Timed = run) -> None:
    """Run every stage on every size, the smallest first."""
    lines, about = Lines(chosen.out), common.machine()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    first: dict[str, dict[str, Any]] = {}
    ratios: dict[str, dict[str, Any]] = {stage: {} for stage in STAGES}
    for n_tracks in chosen.tracks:
        root = catalogue(chosen, n_tracks, timed)
        for stage in STAGES:
            found = measured(chosen, stage, root, timed)
            first.setdefault(stage, found)
            times = grown(found, first[stage], n_tracks, chosen.tracks[0])
            ratios[stage][str(n_tracks)] = times
            progress(f"{n_tracks:,} tracks, {stage}: {found['seconds_after_start']:.1f} s, {found['peak_mb']}")
            lines.tell(tracks=n_tracks, stage=stage, **found, times_the_smallest=times)
        sized = {name: common.folder_bytes(root / name) for name in TABLES}
        lines.tell(tracks=n_tracks, bytes=sized, bytes_per_track=round(sum(sized.values()) / n_tracks, 1))
        if not chosen.keep:
            shutil.rmtree(root)
    lines.tell(summary="scale", times_the_smallest=ratios, driver_memory=chosen.driver_memory, **about)


def main() -> None:
    """Run from the command line."""
    if not processes.PROC.is_dir():
        progress("no /proc here, from which the memory of processes is read")
        sys.exit(2)
    work(options())


if __name__ == "__main__":
    main()
