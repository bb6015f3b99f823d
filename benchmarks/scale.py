"""Measure how seconds and memory of training, labeling and the report grow with the number of tracks."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import common
import processes
from common import BUILD, PROJECT, JsonLines, progress
from processes import RunCommand, run_command

STAGES = ("train_clusters", "label_tracks", "render_report")
TABLES = ("tracks", "k_scores", "labeled_tracks", "cluster_profiles", "models")


def sizes(text: str) -> list[int]:
    """Parse numbers of tracks, and sort them: ``"3000000,1000000" -> [1000000, 3000000]``."""
    return sorted({int(part) for part in text.split(",")})


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = common.argument_parser(__doc__)
    parser.set_defaults(driver_memory="2g")
    parser.add_argument("--tracks", type=sizes, default="1000000,3000000,10000000", help="ratios are to the smallest")
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value", help="a setting of the runs")
    parser.add_argument("--folder", type=Path, default=BUILD / "scale", help="folder of the tables")
    parser.add_argument("--keep", action="store_true", help="keep the tables, and use the catalogues again next time")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two readings of process memory")
    return parser.parse_args(argv)


def prepare_catalogue(args: argparse.Namespace, n_tracks: int, run_command: RunCommand) -> Path:
    """Return the folder of a catalogue with the table ``tracks`` only.

    The table is written if it is missing. All other tables, from earlier runs, are removed.
    """
    root = args.folder / str(n_tracks)
    complete = root / ".made"
    if not complete.exists():
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        progress(f"writing {n_tracks:,} tracks to {root}")
        script = PROJECT / "benchmarks" / "make_tracks.py"
        command = common.submit_command("--driver-memory", args.driver_memory, script, root, n_tracks)
        run_command(command, args.folder / "output.log", args.every)
        complete.touch()
    for folder in root.iterdir():
        if folder.is_dir() and folder.name != "tracks":
            shutil.rmtree(folder)
    return root


def measure_stage(args: argparse.Namespace, stage: str, root: Path, run_command: RunCommand) -> dict[str, Any]:
    """Run one stage; return its seconds with and without the start of Spark, and its peak memory in megabytes."""
    settings = [word for setting in args.set for word in ("--set", setting)]
    words = ("--driver-memory", args.driver_memory, f"jobs/{stage}.py", "--output", str(root), *settings)
    seconds, peaks = run_command(common.submit_command(*words), args.folder / "output.log", args.every)
    counts = common.last_run_counts(root, stage)
    return {"seconds": round(seconds, 2), "seconds_after_start": counts["seconds"], "peak_mb": peaks}


def growth(cost: dict[str, Any], first: dict[str, Any], n_tracks: int, first_n_tracks: int) -> dict[str, float]:
    """Return ratios of a cost to that of the smallest catalogue: ``{"tracks": 3.0, "peak jvm": 1.4, …}``.

    ``cost`` and ``first`` are results of ``measure_stage``; ``first`` is that of the smallest catalogue.
    """
    peaks, first_peaks = cost["peak_mb"], first["peak_mb"]
    return {
        "tracks": round(n_tracks / first_n_tracks, 2),
        "seconds_after_start": round(cost["seconds_after_start"] / first["seconds_after_start"], 2),
        **{f"peak {kind}": round(peaks[kind] / first_peaks[kind], 2) for kind in peaks if first_peaks.get(kind)},
    }


def run(args: argparse.Namespace, run_command: RunCommand = run_command) -> None:
    """Run every stage on every size of catalogue, the smallest first; write costs and ratios as JSON lines."""
    lines, run_info = JsonLines(args.out), common.machine_info()
    args.folder.mkdir(parents=True, exist_ok=True)
    first: dict[str, dict[str, Any]] = {}
    ratios: dict[str, dict[str, Any]] = {stage: {} for stage in STAGES}
    for n_tracks in args.tracks:
        root = prepare_catalogue(args, n_tracks, run_command)
        for stage in STAGES:
            cost = measure_stage(args, stage, root, run_command)
            first.setdefault(stage, cost)
            ratio = growth(cost, first[stage], n_tracks, args.tracks[0])
            ratios[stage][str(n_tracks)] = ratio
            progress(f"{n_tracks:,} tracks, {stage}: {cost['seconds_after_start']:.1f} s, {cost['peak_mb']}")
            lines.write(tracks=n_tracks, stage=stage, **cost, times_the_smallest=ratio)
        n_bytes = {name: common.folder_bytes(root / name) for name in TABLES}
        lines.write(tracks=n_tracks, bytes=n_bytes, bytes_per_track=round(sum(n_bytes.values()) / n_tracks, 1))
        if not args.keep:
            shutil.rmtree(root)
    lines.write(summary="scale", times_the_smallest=ratios, driver_memory=args.driver_memory, **run_info)


def main() -> None:
    """Run the benchmark from the command line."""
    if not processes.PROC.is_dir():
        progress("no /proc, which the memory of processes is read from: run it on Linux")
        sys.exit(2)
    run(parse_args())


if __name__ == "__main__":
    main()
