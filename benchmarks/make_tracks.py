"""Write the table ``tracks`` of N synthetic tracks below ROOT, as if they had been ingested. Arguments: ROOT N.

Titles and names cost most of the time, so beyond ten million only five million tracks are invented. The others are
theirs again, each with an id and features of its own: every feature is moved a little, by a hash of the new id.
"""

import shutil
import sys

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue import schema
from segue.runtime import session
from segue.storage.store import Store
from segue.synthetic import synthetic_tracks
from segue.synthetic.draws import thousandths, uniform

ALL_INVENTED, INVENTED = 10_000_000, 5_000_000
_MOVED = {
    "bpm": (8.0, 40.0, 230.0),
    "loudness": (2.0, -60.0, 0.0),
    **dict.fromkeys(
        ("energy", "danceability", "liveness", "valence", "acousticness", "speechiness", "instrumentalness"),
        (0.06, 0.0, 1.0),
    ),
}
"""How far apart the ends of what a feature becomes are, and its least and greatest value."""


def again(tracks: DataFrame, number: int) -> DataFrame:
    """Return the tracks once more, as others: ``number`` (0 to 99) ends their ids."""
    ids = tracks.withColumn("track_id", F.concat(F.substring("track_id", 1, 20), F.lit(f"{number:02d}")))
    moved = {}
    for name, (width, least, greatest) in _MOVED.items():
        value = F.col(name) + F.lit(width) * (uniform(number, name, F.col("track_id")) - F.lit(0.5))
        moved[name] = thousandths(F.greatest(F.lit(least), F.least(F.lit(greatest), value)))
    return ids.withColumns(moved)


def repeated(spark: SparkSession, folder: str, n_tracks: int, n_invented: int) -> DataFrame:
    """Return ``n_tracks`` tracks made from ``n_invented`` that are stored in a folder of their own."""
    synthetic_tracks(spark, n_invented).write.mode("overwrite").parquet(folder)
    invented = spark.read.parquet(folder)
    tracks, rest = again(invented, 0), n_tracks - n_invented
    for number in range(1, -(-n_tracks // n_invented)):
        tracks = tracks.union(again(invented.limit(rest) if rest < n_invented else invented, number))
        rest -= n_invented
    return tracks


def main(root: str, n_tracks: int, n_invented: int = INVENTED) -> None:
    """Write the table."""
    spark = session.spark_session("make_tracks")
    folder = f"{root}/invented"
    few = n_tracks <= ALL_INVENTED
    made = synthetic_tracks(spark, n_tracks) if few else repeated(spark, folder, n_tracks, n_invented)
    made = made.withColumns({"genres": F.array("genre"), "source_file": F.lit("synthetic")})
    Store(spark, root).sync(schema.TRACKS, made.select(*schema.TRACKS.names), remove_missing=True)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
    session.stop()
