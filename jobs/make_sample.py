"""Make a synthetic catalogue of any size: every track, artist and album in it is invented.

    ./spark-submit.sh jobs/make_sample.py --tracks 2000 --to out/sample/synthetic_2000.csv

A name that ends in .csv gives one local file in the Kaggle set's columns, a few of its rows broken on
purpose; one in .parquet, Parquet; any other, a Delta table. What stands there already is replaced.
"""

import argparse
from pathlib import Path

from segue import sample, session


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line, or leave with exit code 2 before Spark starts."""
    parser = argparse.ArgumentParser(prog="make_sample.py", description="Make a catalogue of synthetic tracks.")
    parser.add_argument("--tracks", type=int, required=True, metavar="N", help="how many, at least 1")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another catalogue (default 0)")
    parser.add_argument("--to", required=True, metavar="PATH", help="FILE.csv, FOLDER.parquet or a Delta table")
    chosen = parser.parse_args(arguments)
    if chosen.tracks < 1:
        parser.error(f"--tracks {chosen.tracks}: at least 1 is needed")
    if chosen.to.endswith(".csv") and "://" in chosen.to:
        parser.error(f"--to {chosen.to}: a CSV file is written on the driver, so name a local path")
    return chosen


def main(chosen: argparse.Namespace) -> None:
    """Make the tracks and write them where they are wanted."""
    spark = session.start("make_sample")
    if chosen.to.endswith(".csv"):
        rows = sample.synthetic_kaggle_rows(spark, chosen.tracks, seed=chosen.seed)
        sample.write_csv(rows, Path(chosen.to))
    else:
        layout = "parquet" if chosen.to.endswith(".parquet") else "delta"
        tracks = sample.synthetic_tracks(spark, chosen.tracks, seed=chosen.seed)
        tracks.write.format(layout).mode("overwrite").save(chosen.to)
    print(f"wrote {chosen.tracks:,} synthetic (invented) tracks, seed {chosen.seed}, to {chosen.to}")


if __name__ == "__main__":
    main(options())
