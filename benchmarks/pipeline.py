"""Time the whole pipeline, cold, against an empty Spark + Delta session: processes of their own, in turn."""

import argparse
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import common
from common import BUILD, DATA, PROJECT, Lines, progress

EMPTY, PIPELINE = "empty session", "pipeline"
STAGES = ("ingest", "train", "label", "recommend", "report")


def options(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = common.parser(__doc__)
    parser.set_defaults(driver_memory="2g")
    parser.add_argument("--input", type=Path, default=DATA / "spotify_2000.csv", help="what the pipeline reads")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value", help="a setting of the run")
    parser.add_argument("--folder", type=Path, default=BUILD / "pipeline", help="made afresh each time, then removed")
    return parser.parse_args(words)


def run(command: list[str], log: Path) -> float:
    """Return the seconds that a process takes, from nothing to its end."""
    begun = time.monotonic()
    with log.open("ab") as stream:
        code = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise SystemExit(f"exit code {code}, wanted 0: {' '.join(command)}; its output is in {log}")
    return time.monotonic() - begun


def commands(chosen: argparse.Namespace, out: Path) -> dict[str, list[str]]:
    """Return what is compared."""
    memory = ("--driver-memory", chosen.driver_memory)
    settings = [word for setting in chosen.set for word in ("--set", setting)]
    job = ("jobs/run_pipeline.py", "--input", chosen.input, "--output", out / "tables", *settings)
    return {
        EMPTY: common.submitted(*memory, PROJECT / "benchmarks" / "empty_session.py", out / "one_row"),
        PIPELINE: common.submitted(*memory, *job),
    }


def parts(seconds: float, counts: dict[str, Any]) -> dict[str, float]:
    """Return where the seconds of one pipeline went: its stages, what is between them, and all around."""
    stages = {name: counts[name]["seconds"] for name in STAGES if name in counts}
    between = counts["seconds"] - sum(stages.values())
    # before the session is there, and after the job's work: its record, and the JVM's end
    return {**stages, "between stages": round(between, 3), "start and stop": round(seconds - counts["seconds"], 3)}


def work(chosen: argparse.Namespace, timed: Callable[[list[str], Path], float] = run) -> None:
    """Run both in turn, and compare the medians."""
    lines, about = Lines(chosen.out), common.machine()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    took: dict[str, list[float]] = {EMPTY: [], PIPELINE: []}
    inside: list[dict[str, float]] = []
    for repeat in range(chosen.repeats):
        out = chosen.folder / f"run-{repeat}"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        for name, command in commands(chosen, out).items():
            seconds = timed(command, chosen.folder / "output.log")
            took[name].append(seconds)
            progress(f"{name}, run {repeat + 1} of {chosen.repeats}: {seconds:.1f} s")
            told = {}
            if name == PIPELINE:
                told = parts(seconds, common.last_run(out / "tables", "run_pipeline"))
                inside.append(told)
            lines.tell(what=name, run=repeat, seconds=round(seconds, 2), **({"inside": told} if told else {}))
        shutil.rmtree(out)
    empty, whole = median(took[EMPTY]), median(took[PIPELINE])
    lines.tell(
        summary="pipeline", input=chosen.input.name, pipeline_seconds=round(whole, 2), peer=EMPTY,
        peer_seconds=round(empty, 2), times_the_peer=round(whole / empty, 2),
        inside={name: round(median(told[name] for told in inside), 2) for name in inside[0]},
        repeats=chosen.repeats, driver_memory=chosen.driver_memory, **about,
    )  # fmt: skip


def main() -> None:
    """Run from the command line."""
    chosen = options()
    if not chosen.input.exists():
        progress(f"no {chosen.input}: nothing to run on; --input names another file")
        return
    work(chosen)


if __name__ == "__main__":
    main()
