"""Write a synthetic catalogue of any size: every track, artist and album in it is invented.

The path after ``--to`` must not exist. Its ending selects the format. ``.csv``: one local file with the columns of the
Kaggle file of 2,000 tracks; one row in 200 has a fault, such as an empty title. ``.parquet``: a folder of Parquet
files. Any other ending: the folder of a Delta table.
"""

import argparse
from pathlib import Path

from segue import synthetic
from segue.runtime import session

PARSER = argparse.ArgumentParser(description="Write a catalogue of synthetic (invented) tracks.")
PARSER.add_argument("--tracks", type=int, required=True, metavar="N", help="number of tracks, at least 1")
PARSER.add_argument("--seed", type=int, default=0, help="seed of the random numbers (default 0)")
PARSER.add_argument("--to", required=True, metavar="PATH", help="FILE.csv, FOLDER.parquet or a Delta table")


def parse_args() -> argparse.Namespace:
    """Parse the command line, and return its options. Exits with code 2 if an option is invalid."""
    args = PARSER.parse_args()
    if args.tracks < 1:
        PARSER.error(f"--tracks is {args.tracks}, expected at least 1")
    if args.to.endswith(".csv") and "://" in args.to:
        PARSER.error(f"--to is {args.to}, expected a local path: a CSV file is written on the driver")
    if Path(args.to).exists():
        PARSER.error(f"--to {args.to} exists: remove it, or name another path")
    return args


if __name__ == "__main__":
    args = parse_args()
    spark = session.spark_session("make_sample")
    if args.to.endswith(".csv"):
        synthetic.write_csv(synthetic.synthetic_kaggle_rows(spark, args.tracks, seed=args.seed), Path(args.to))
    else:
        writer = synthetic.synthetic_tracks(spark, args.tracks, seed=args.seed).write
        writer.format("parquet" if args.to.endswith(".parquet") else "delta").mode("error").save(args.to)
    print(f"wrote {args.tracks:,} synthetic (invented) tracks, seed {args.seed}, to {args.to}")
