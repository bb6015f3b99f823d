"""Read a file of make_input.py, CSV with declared types, and write it to Delta. Arguments: FILE FOLDER."""

import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from segue.runtime import session

STRINGS = ("track_id", "track_name", "artists", "album_name", "track_genre")
INTEGERS = ("year", "popularity")


def read_csv(spark: SparkSession, path: str) -> DataFrame:
    """Read the columns of the header, with their types."""
    with Path(path).open(encoding="utf-8") as stream:
        names = stream.readline().strip().split(",")
    types = {name: T.StringType() for name in STRINGS} | {name: T.IntegerType() for name in INTEGERS}
    schema = T.StructType([T.StructField(name, types.get(name, T.DoubleType())) for name in names])
    return spark.read.csv(path, schema=schema, header=True, escape='"')


if __name__ == "__main__":
    path, folder = sys.argv[1:]
    spark = session.spark_session("plain copy")
    rows = spark.read.parquet(path) if path.endswith(".parquet") else read_csv(spark, path)
    rows.write.format("delta").save(folder)
    print(spark.read.format("delta").load(folder).count(), "rows")
    spark.stop()
