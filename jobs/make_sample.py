"""Make a synthetic catalogue of any size: every track, artist and album in it is invented.

A name that ends in .csv gives one local file in the Kaggle set's columns, a few of its rows broken on
purpose; one in .parquet, Parquet; any other, a Delta table. What stands there already is left as it is.
"""

import argparse
from pathlib import Path

from segue import synthetic
from segue.runtime import session


def options() -> argparse.Namespace:
    """Read the command line, or leave with exit code 2 before Spark starts."""
    parser = argparse.ArgumentParser(description="Make a catalogue of synthetic (invented) tracks.")
    parser.add_argument("--tracks", type=int, required=True, metavar="N", help="how many, at least 1")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another catalogue (default 0)")
    parser.add_argument("--to", required=True, metavar="PATH", help="FILE.csv, FOLDER.parquet or a Delta table")
    chosen = parser.parse_args()
    if chosen.tracks < 1:
        parser.error(f"--tracks {chosen.tracks}: at least 1 is needed")
    if chosen.to.endswith(".csv") and "://" in chosen.to:
        parser.error(f"--to {chosen.to}: a CSV file is written on the driver, so name a local path")
    if Path(chosen.to).exists():
        parser.error(f"--to {chosen.to}: stands there already, and would be lost")
    return chosen


if __name__ == "__main__":
    wanted = options()
    spark = session.spark_session("make_sample")
    if wanted.to.endswith(".csv"):
        synthetic.write_csv(synthetic.synthetic_kaggle_rows(spark, wanted.tracks, seed=wanted.seed), Path(wanted.to))
    else:
        writer = synthetic.synthetic_tracks(spark, wanted.tracks, seed=wanted.seed).write
        writer.format("parquet" if wanted.to.endswith(".parquet") else "delta").mode("error").save(wanted.to)
    print(f"wrote {wanted.tracks:,} synthetic (invented) tracks, seed {wanted.seed}, to {wanted.to}")
