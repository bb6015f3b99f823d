"""Read a CSV of make_csv.py as Spark reads it, types declared, and write it to Delta. Arguments: FILE FOLDER."""

import sys
from pathlib import Path

from pyspark.sql import types as T

from segue.runtime import session

TEXTS = ("track_id", "track_name", "artists", "album_name", "track_genre")
WHOLE = ("year", "popularity")

if __name__ == "__main__":
    path, folder = sys.argv[1:]
    spark = session.spark_session("plain csv")
    with Path(path).open(encoding="utf-8") as stream:
        names = stream.readline().strip().split(",")
    kinds = {name: T.StringType() for name in TEXTS} | {name: T.IntegerType() for name in WHOLE}
    declared = T.StructType([T.StructField(name, kinds.get(name, T.DoubleType())) for name in names])
    spark.read.csv(path, schema=declared, header=True, escape='"').write.format("delta").save(folder)
    print(spark.read.format("delta").load(folder).count(), "rows")
    spark.stop()
