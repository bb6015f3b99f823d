"""Time segue's ingest of a large file against a plain copy by Spark.

The plain copy reads the same file with declared types, and writes its rows to Delta unchanged. It recognises no file
format, converts no units, and rejects or merges no rows. The two run in turn, each in its own process. ``--profile``
runs one more ingest, not timed, and prints the stages of its event log.
"""

import argparse
import shutil
from pathlib import Path
from statistics import median

import common
import event_log
from common import BUILD, PROJECT, JsonLines, progress
from processes import RunCommand, run_command

PLAIN, INGEST = "plain read and write", "ingest"


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = common.argument_parser(__doc__)
    parser.set_defaults(driver_memory="2g")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=BUILD / "ingest", help="folder of the input and the tables")
    parser.add_argument("--format", choices=("csv", "jsonl", "parquet"), default="csv", help="format of the input")
    parser.add_argument("--keep", action="store_true", help="keep the input, and use it again next time")
    parser.add_argument("--profile", action="store_true", help="print the stages of one more ingest")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two readings of process memory")
    return parser.parse_args(argv)


def commands(args: argparse.Namespace, path: Path, out: Path) -> dict[str, list[str]]:
    """Return the two command lines to compare, by name."""
    memory = ("--driver-memory", args.driver_memory)
    return {
        PLAIN: common.submit_command(*memory, PROJECT / "benchmarks" / "plain_copy.py", path, out / "plain"),
        INGEST: ingest_command(args, path, out / "tables"),
    }


def ingest_command(args: argparse.Namespace, path: Path, tables: Path, *options: str) -> list[str]:
    """Return the command line to ingest the file ``path``. ``options`` are more options for spark-submit."""
    job = ("jobs/ingest_tracks.py", "--input", path, "--output", tables)
    return common.submit_command("--driver-memory", args.driver_memory, *options, *job)


def run(args: argparse.Namespace, run_command: RunCommand = run_command) -> None:
    """Run the plain copy and the ingest in turn; write seconds, memory, and the ratio of the median seconds."""
    lines, run_info = JsonLines(args.out), common.machine_info()
    args.folder.mkdir(parents=True, exist_ok=True)
    log, path = args.folder / "output.log", args.folder / f"{args.rows}.{args.format}"
    if not path.exists():
        progress(f"writing {args.rows:,} rows to {path}")
        run_command(common.submit_command(PROJECT / "benchmarks" / "make_input.py", path, args.rows), log, args.every)
    timings: dict[str, list[float]] = {PLAIN: [], INGEST: []}
    for repeat in range(args.repeats):
        out = args.folder / f"run-{repeat}"
        shutil.rmtree(out, ignore_errors=True)
        for name, command in commands(args, path, out).items():
            seconds, peaks = run_command(command, log, args.every)
            timings[name].append(seconds)
            progress(f"{name}, run {repeat + 1} of {args.repeats}: {seconds:.1f} s, {peaks}")
            lines.write(what=name, run=repeat, seconds=round(seconds, 2), peak_mb=peaks)
        counts = common.last_run_counts(out / "tables", "ingest_tracks")["ingest"]
        sizes = {name: common.folder_bytes(out / name) for name in ("plain", "tables/tracks")}
        n_bytes = path.stat().st_size if path.is_file() else common.folder_bytes(path)
        lines.write(run=repeat, ingested=counts, input_bytes=n_bytes, table_bytes=sizes)
        shutil.rmtree(out)
    plain, ingest = median(timings[PLAIN]), median(timings[INGEST])
    lines.write(
        summary="ingest", format=args.format, rows=args.rows, driver_memory=args.driver_memory,
        plain_seconds=round(plain, 2), ingest_seconds=round(ingest, 2), times=round(ingest / plain, 2), **run_info,
    )  # fmt: skip
    if args.profile:
        out = args.folder / "profile"
        shutil.rmtree(out, ignore_errors=True)
        options = event_log.submit_options(out / "log")
        run_command(ingest_command(args, path, out / "tables", *options), log, args.every)
        for stage in event_log.stages(out / "log"):
            lines.write(profile=args.rows, **stage)
        shutil.rmtree(out)
    if not args.keep:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    run(parse_args())
