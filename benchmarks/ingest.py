"""Time the ingest of a large CSV against a plain read of the same file that is written to Delta as it is.

The plain one declares types and checks nothing: it recognises no source and converts no unit, it rejects no row and
merges none, and a quote that is never closed takes the rest of the file. Each is a process of its own, in turn.
"""

import argparse
import shutil
from pathlib import Path
from statistics import median

import common
from common import BUILD, PROJECT, Lines, progress
from processes import Timed, run

PLAIN, INGEST = "plain read and write", "ingest"


def options(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = common.parser(__doc__)
    parser.set_defaults(driver_memory="2g")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=BUILD / "ingest", help="where the file and the tables are made")
    parser.add_argument("--keep", action="store_true", help="keep the file, and use it again next time")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two looks at the processes")
    return parser.parse_args(words)


def commands(chosen: argparse.Namespace, path: Path, out: Path) -> dict[str, list[str]]:
    """Return what is compared."""
    memory = ("--driver-memory", chosen.driver_memory)
    return {
        PLAIN: common.submitted(*memory, PROJECT / "benchmarks" / "plain_csv.py", path, out / "plain"),
        INGEST: common.submitted(*memory, "jobs/ingest_tracks.py", "--input", path, "--output", out / "tables"),
    }


def work(chosen: argparse.Namespace, timed: Timed = run) -> None:
    """Run both in turn, and compare the medians."""
    lines, about = Lines(chosen.out), common.machine()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    log, path = chosen.folder / "output.log", chosen.folder / f"{chosen.rows}.csv"
    if not path.exists():
        progress(f"making {chosen.rows:,} rows in {path}")
        timed(common.submitted(PROJECT / "benchmarks" / "make_csv.py", path, str(chosen.rows)), log, chosen.every)
    took: dict[str, list[float]] = {PLAIN: [], INGEST: []}
    for repeat in range(chosen.repeats):
        out = chosen.folder / f"run-{repeat}"
        shutil.rmtree(out, ignore_errors=True)
        for name, command in commands(chosen, path, out).items():
            seconds, peaks = timed(command, log, chosen.every)
            took[name].append(seconds)
            progress(f"{name}, run {repeat + 1} of {chosen.repeats}: {seconds:.1f} s, {peaks}")
            lines.tell(what=name, run=repeat, seconds=round(seconds, 2), peak_mb=peaks)
        counts = common.last_run(out / "tables", "ingest_tracks")["ingest"]
        sized = {name: common.folder_bytes(folder) for name in ("plain", "tables/tracks") if (folder := out / name)}
        lines.tell(run=repeat, ingested=counts, csv_bytes=path.stat().st_size, table_bytes=sized)
        shutil.rmtree(out)
    plain, whole = median(took[PLAIN]), median(took[INGEST])
    lines.tell(
        summary="ingest", rows=chosen.rows, plain_seconds=round(plain, 2), ingest_seconds=round(whole, 2),
        times=round(whole / plain, 2), driver_memory=chosen.driver_memory, **about,
    )  # fmt: skip
    if not chosen.keep:
        path.unlink()


if __name__ == "__main__":
    work(options())
