"""Write N synthetic tracks to the table ``tracks`` below ROOT. Arguments: ROOT N.

Titles and names are slow to generate. So, for more than ten million tracks, only five million are generated. These are
copied as often as needed, with new ids and with small random shifts of their features.
"""

import shutil
import sys

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segue import schema
from segue.runtime import session
from segue.storage.store import Store
from segue.synthetic import as_table_rows, synthetic_tracks
from segue.synthetic.draws import thousandths, uniform

MAX_GENERATED, BASE_SIZE = 10_000_000, 5_000_000
_SHIFTS = {
    "bpm": (8.0, 40.0, 230.0),
    "loudness": (2.0, -60.0, 0.0),
    **dict.fromkeys(
        ("energy", "danceability", "liveness", "valence", "acousticness", "speechiness", "instrumentalness"),
        (0.06, 0.0, 1.0),
    ),
}
"""By feature, in its unit: width of the range of shifts, and minimum and maximum of the shifted values."""


def shifted_copy(tracks: DataFrame, number: int) -> DataFrame:
    """Copy tracks with shifted features and new ids. The new ids end in ``number``, as two digits (0 to 99)."""
    copies = tracks.withColumn("track_id", F.concat(F.substring("track_id", 1, 20), F.lit(f"{number:02d}")))
    columns = {}
    for name, (width, low, high) in _SHIFTS.items():
        value = F.col(name) + F.lit(width) * (uniform(number, name, F.col("track_id")) - F.lit(0.5))
        columns[name] = thousandths(F.greatest(F.lit(low), F.least(F.lit(high), value)))
    return copies.withColumns(columns)


def repeated_tracks(spark: SparkSession, folder: str, n_tracks: int, base_size: int) -> DataFrame:
    """Return ``n_tracks`` tracks, made by copying ``base_size`` tracks with shifted features.

    The tracks to copy are written to ``folder`` as Parquet.
    """
    synthetic_tracks(spark, base_size).write.mode("overwrite").parquet(folder)
    base = spark.read.parquet(folder)
    tracks, missing = shifted_copy(base, 0), n_tracks - base_size
    for number in range(1, -(-n_tracks // base_size)):
        tracks = tracks.union(shifted_copy(base.limit(missing) if missing < base_size else base, number))
        missing -= base_size
    return tracks


def main(root: str, n_tracks: int, base_size: int = BASE_SIZE) -> None:
    """Write ``n_tracks`` synthetic tracks to the table ``tracks`` below ``root``."""
    spark = session.spark_session("make_tracks")
    folder = f"{root}/invented"
    if n_tracks <= MAX_GENERATED:
        tracks = synthetic_tracks(spark, n_tracks)
    else:
        tracks = repeated_tracks(spark, folder, n_tracks, base_size)
    Store(spark, root).sync(schema.TRACKS, as_table_rows(tracks), remove_missing=True)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
    session.stop()
