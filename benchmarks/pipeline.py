"""Time the whole pipeline against an almost empty Spark and Delta session. Each runs in a new process, in turn."""

import argparse
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import common
from common import BUILD, DATA, PROJECT, JsonLines, progress

EMPTY, PIPELINE = "empty session", "pipeline"
STAGES = ("ingest", "train", "label", "recommend", "report")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = common.argument_parser(__doc__)
    parser.set_defaults(driver_memory="2g")
    parser.add_argument("--input", type=Path, default=DATA / "spotify_2000.csv", help="input of the pipeline")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value", help="a setting of the run")
    parser.add_argument("--folder", type=Path, default=BUILD / "pipeline", help="folder of the outputs, then removed")
    return parser.parse_args(argv)


def run_command(command: list[str], log: Path) -> float:
    """Run a command, and return its seconds. Raises SystemExit if the command fails."""
    started = time.monotonic()
    with log.open("ab") as stream:
        code = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise SystemExit(f"exit code {code}, expected 0: {' '.join(command)}; its output is in {log}")
    return time.monotonic() - started


def commands(args: argparse.Namespace, out: Path) -> dict[str, list[str]]:
    """Return the two command lines to compare, by name."""
    memory = ("--driver-memory", args.driver_memory)
    settings = [word for setting in args.set for word in ("--set", setting)]
    job = ("jobs/run_pipeline.py", "--input", args.input, "--output", out / "tables", *settings)
    return {
        EMPTY: common.submit_command(*memory, PROJECT / "benchmarks" / "empty_session.py", out / "one_row"),
        PIPELINE: common.submit_command(*memory, *job),
    }


def split_seconds(seconds: float, counts: dict[str, Any]) -> dict[str, float]:
    """Split the seconds of a pipeline run: ``{"ingest": 5.1, …, "between stages": 0.4, "start and stop": 4.2}``.

    ``counts`` are the counts of the run, with the seconds of each stage.
    """
    stages = {name: counts[name]["seconds"] for name in STAGES if name in counts}
    between = counts["seconds"] - sum(stages.values())
    return {**stages, "between stages": round(between, 3), "start and stop": round(seconds - counts["seconds"], 3)}


def run(args: argparse.Namespace, run_command: Callable[[list[str], Path], float] = run_command) -> None:
    """Run the empty session and the pipeline in turn; write seconds, and the ratio of the medians."""
    lines, run_info = JsonLines(args.out), common.machine_info()
    args.folder.mkdir(parents=True, exist_ok=True)
    timings: dict[str, list[float]] = {EMPTY: [], PIPELINE: []}
    splits: list[dict[str, float]] = []
    for repeat in range(args.repeats):
        out = args.folder / f"run-{repeat}"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        for name, command in commands(args, out).items():
            seconds = run_command(command, args.folder / "output.log")
            timings[name].append(seconds)
            progress(f"{name}, run {repeat + 1} of {args.repeats}: {seconds:.1f} s")
            details = {}
            if name == PIPELINE:
                splits.append(split_seconds(seconds, common.last_run_counts(out / "tables", "run_pipeline")))
                details = {"inside": splits[-1]}
            lines.write(what=name, run=repeat, seconds=round(seconds, 2), **details)
        shutil.rmtree(out)
    empty, pipeline = median(timings[EMPTY]), median(timings[PIPELINE])
    lines.write(
        summary="pipeline", input=args.input.name, pipeline_seconds=round(pipeline, 2), peer=EMPTY,
        peer_seconds=round(empty, 2), times_the_peer=round(pipeline / empty, 2),
        inside={name: round(median(split[name] for split in splits), 2) for name in splits[0]},
        repeats=args.repeats, driver_memory=args.driver_memory, **run_info,
    )  # fmt: skip


def main() -> None:
    """Run the benchmark from the command line."""
    args = parse_args()
    if not args.input.exists():
        progress(f"no {args.input}: name another file with --input")
        return
    run(args)


if __name__ == "__main__":
    main()
